//! `report`: what was judged, shown again. Nothing is judged anew, so the same run directory gives the same bytes.

use super::{OutputArgs, export};
use crate::evidence::recorded::differences;
use crate::exit::Exit;
use crate::saved;
use anyhow::{Context, Result, ensure};
use clap::Args;
use reports::format::ALL;
use reports::model::Report;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Run directories; several make one document, the worst first.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Say whether the recorded files are still those that the judgement was made from; exit code 1 if not.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &ReportArgs) -> Result<Exit> {
    export::check(&args.output.exports, ALL)?;
    let reports = args.runs.iter().map(|run| saved::report(run)).collect::<Result<Vec<Report>>>()?;
    let changed = if args.verify { verify(&args.runs, &reports)? } else { false };
    show(&reports, args)?;
    export::write(&args.output.exports, ALL, reports.as_slice())?;
    let worst = reports.iter().map(|report| report.verdict).max().map_or(Exit::Unknown, Exit::from);
    Ok(if changed { Exit::Invalid } else { worst })
}

/// Goes to standard error, beside whatever form the report has on standard output.
fn verify(runs: &[PathBuf], reports: &[Report]) -> Result<bool> {
    let mut changed = false;
    let mut out = anstream::stderr();
    for (run, report) in runs.iter().zip(reports) {
        let shown = run.display();
        ensure!(
            !report.run.recorded.is_empty(),
            "{shown}: its report has no digests, an earlier version wrote it; `fermoposta analyze {shown}` judges it anew"
        );
        let found = differences(run, &report.run.recorded).with_context(|| shown.to_string())?;
        changed |= !found.is_empty();
        match found.as_slice() {
            [] => writeln!(
                out,
                "{shown}: all {} recorded files are those that it was judged from, fingerprint {}",
                report.run.recorded.len(),
                report.run.fingerprint
            )?,
            found => {
                found.iter().try_for_each(|line| writeln!(out, "{shown}: {}", reports::inert::inert(line)))?
            }
        }
    }
    Ok(changed)
}

fn show(reports: &[Report], args: &ReportArgs) -> Result<()> {
    match reports {
        _ if args.output.json => {
            let form =
                ALL.iter().find(|format| format.extension == "json").context("there is a JSON form")?;
            writeln!(std::io::stdout(), "{}", (form.render)(reports))?;
        }
        reports => {
            for report in reports {
                write!(anstream::stdout(), "{}", reports::text::render(report, super::style()))?;
            }
        }
    }
    Ok(())
}
