//! `report`: what was judged, shown again. What is shown is not judged anew, so the same run directory gives the same bytes;
//! `--verify` judges the recorded files once more and says whether the report follows from them.

use super::export;
use super::output;
use super::output::OutputArgs;
use crate::campaign::saved;
use crate::exit::Exit;
use anyhow::{Context, Result, ensure};
use clap::Args;
use judge::judge;
use judge::recorded::differences;
use reports::kit::json::to_json;
use reports::run::forms::FORMATS;
use reports::run::{Report, json};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Run directories; several make one document, the worst first.
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
    export::check(&args.output.exports, FORMATS)?;
    let reports = args.runs.iter().map(|run| saved::report(run)).collect::<Result<Vec<Report>>>()?;
    let doubted = args.verify && verify(&args.runs, &reports)?;
    show(&reports, &args.output)?;
    export::write(&args.output.exports, FORMATS, reports.as_slice())?;
    let worst = reports.iter().map(|report| report.verdict).max().map_or(Exit::Unknown, Exit::from);
    Ok(if doubted { Exit::Invalid } else { worst })
}

/// Goes to standard error, beside whatever form the report has on standard output. True if something is not as it was.
fn verify(runs: &[PathBuf], reports: &[Report]) -> Result<bool> {
    let mut doubts = false;
    let mut out = anstream::stderr();
    for (run, report) in runs.iter().zip(reports) {
        let found = doubted(run, report).with_context(|| run.display().to_string())?;
        doubts |= !found.is_empty();
        for line in &found {
            writeln!(out, "{}: {}", run.display(), reports::kit::inert::inert(line))?;
        }
        if found.is_empty() {
            let (files, fingerprint) = (report.run.recorded.len(), &report.run.fingerprint);
            let run = run.display();
            writeln!(
                out,
                "{run}: all {files} recorded files are those that it was judged from, fingerprint {fingerprint}; judged anew it comes to the same"
            )?;
        }
    }
    Ok(doubts)
}

/// What speaks against a report: files that are others now, and a judgement of the same files that is another.
fn doubted(run: &Path, report: &Report) -> Result<Vec<String>> {
    ensure!(
        !report.run.recorded.is_empty(),
        "its report has no digests, an earlier version wrote it; `fermoposta analyze` judges it anew"
    );
    let mut found = differences(run, &report.run.recorded)?;
    if found.is_empty() {
        let mut anew = judge(run)?;
        // Where it lay when it was judged.
        anew.run.directory.clone_from(&report.run.directory);
        found.extend(another(&anew, report));
    }
    Ok(found)
}

/// Compared in the form in which a report is kept, so that no number is rounded on one side only.
fn another(anew: &Report, report: &Report) -> Option<String> {
    let kept = json::from_json(&to_json(anew)).ok();
    (kept.as_ref() != Some(report)).then(|| {
        format!(
            "judged anew by version {} it comes to {}: {} The report, by version {}, is another: {}: {}",
            env!("CARGO_PKG_VERSION"),
            anew.verdict.word(),
            anew.sentence,
            report.run.version,
            report.verdict.word(),
            report.sentence
        )
    })
}

fn show(reports: &[Report], output: &OutputArgs) -> Result<()> {
    match reports {
        [_, _, ..] if output.json => writeln!(std::io::stdout(), "{}", to_json(reports))?,
        reports => reports.iter().try_for_each(|report| output::show(report, output))?,
    }
    Ok(())
}
