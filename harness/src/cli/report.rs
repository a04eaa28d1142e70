//! `report`: what was judged, shown again. What is shown is not judged anew, so the same run directory gives the same bytes;
//! `--verify` judges the recorded files once more and says whether the report follows from them.

use super::export;
use super::output;
use super::output::OutputArgs;
use super::rehearsal_report;
use crate::campaign::rehearse::proof;
use crate::campaign::saved;
use crate::exit::{Exit, Misplaced, say, tell};
use anyhow::{Context, Result};
use clap::Args;
use reports::kit::json::to_json;
use reports::run::Report;
use reports::run::forms::FORMATS;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Run directories; several make one document, the worst first. Or the directory of one rehearsal.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Say whether the recorded files are still those that the report was made from, and whether it follows from them;
    /// exit code 1 if not.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &ReportArgs) -> Result<Exit> {
    if let Some(rehearsal) = args.runs.iter().find(|run| proof::is_in(run)) {
        return match args.runs.as_slice() {
            [one] => rehearsal_report::run(one, args.verify, &args.output),
            _ => Err(Misplaced(format!("{} is a rehearsal; show it by itself", rehearsal.display())).into()),
        };
    }
    export::check(&args.output.exports, FORMATS)?;
    // To be verified, a report is shown as it is: what speaks against it is said beside it.
    let read = |run: &PathBuf| match args.verify {
        true => saved::unsealed(run).map(|(report, _)| report),
        false => saved::report(run),
    };
    let reports = args.runs.iter().map(read).collect::<Result<Vec<Report>>>()?;
    let doubted = args.verify && verify(&args.runs, &reports)?;
    show(&reports, &args.output)?;
    export::write(&args.output.exports, FORMATS, reports.as_slice())?;
    let worst = reports.iter().map(|report| report.verdict).max().map_or(Exit::Unknown, Exit::from);
    Ok(if doubted { Exit::Invalid } else { worst })
}

/// Goes to standard error, beside whatever form the report has on standard output. True if something is not as it was.
fn verify(runs: &[PathBuf], reports: &[Report]) -> Result<bool> {
    let mut doubts = false;
    for (run, report) in runs.iter().zip(reports) {
        let found = saved::doubts(run, report).with_context(|| run.display().to_string())?;
        doubts |= !found.is_empty();
        for line in &found {
            tell!("{}: {}", run.display(), reports::kit::inert::inert(line));
        }
        if found.is_empty() {
            let (files, fingerprint) = (report.run.recorded.len(), &report.run.fingerprint);
            let run = run.display();
            tell!(
                "{run}: all {files} recorded files are those that it was judged from, fingerprint {fingerprint}; judged anew it comes to the same"
            );
        }
    }
    Ok(doubts)
}

fn show(reports: &[Report], output: &OutputArgs) -> Result<()> {
    match reports {
        [_, _, ..] if output.json => say(to_json(reports) + "\n")?,
        reports => reports.iter().try_for_each(|report| output::show(report, output))?,
    }
    Ok(())
}
