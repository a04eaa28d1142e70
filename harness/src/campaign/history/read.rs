//! What lies in the directories that a history is made of.

use super::one_run::OneRun;
use crate::campaign::compared_runs::named;
use crate::campaign::journal;
use crate::campaign::many_runs::{self, Asked};
use crate::campaign::matrix::outline::Outline;
use crate::campaign::saved;
use crate::campaign::survey::outline::Outline as SurveyOutline;
use crate::exit::{NoSuch, Refused};
use anyhow::Result;
use std::path::Path;

/// The runs of one directory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub(super) place: String,
    /// A build that the user named, and how.
    pub(super) label: Option<(String, String)>,
    /// Kernel, cores: name and value; none of plain runs, whose reports differ.
    pub(super) machine: Vec<(String, String)>,
    pub(super) runs: Vec<OneRun>,
}

/// Reads one directory: of a campaign, of a survey, of a run, or one that holds runs.
///
/// # Errors
/// It holds none, or what it holds cannot be set beside others.
pub(crate) fn read(place: &Path) -> Result<Source> {
    let campaign = many_runs::journal::<Outline>(place);
    let survey = many_runs::journal::<SurveyOutline>(place);
    let source = if campaign.is_file() {
        of_campaign(place, &campaign)?
    } else if survey.is_file() {
        of_survey(place, &survey)?
    } else {
        of_runs(place)?
    };
    match source.runs.is_empty() {
        true => Err(NoSuch(format!("{} holds no result yet; leave it out", place.display())).into()),
        false => Ok(source),
    }
}

fn of_campaign(place: &Path, file: &Path) -> Result<Source> {
    let asked = Asked::<Outline>::read(place)?;
    let all = journal::read::<crate::campaign::matrix::result::Ran>(file)?;
    let runs = all.values().filter(|ran| ran.canary.is_none()).map(OneRun::of_campaign);
    let label = asked.of.options.label.map(|label| (asked.build, label));
    Ok(Source { place: shown(place), label, machine: asked.environment, runs: runs.collect() })
}

fn of_survey(place: &Path, file: &Path) -> Result<Source> {
    let asked = Asked::<SurveyOutline>::read(place)?;
    let all = journal::read::<crate::campaign::survey::result::RunResult>(file)?;
    if all.values().any(|result| result.started.is_empty()) {
        return Err(Refused(format!(
            "{}: a build that noted no times ran this survey, so nobody knows when; leave it out, or run it again",
            place.display()
        ))
        .into());
    }
    let runs = all.values().map(OneRun::of_survey).collect();
    Ok(Source { place: shown(place), label: None, machine: asked.environment, runs })
}

fn of_runs(place: &Path) -> Result<Source> {
    let named = named(place).map_err(|_| {
        NoSuch(format!(
            "{} holds no campaign, no survey and no run: there is no campaign.jsonl, survey.jsonl or plan.json in it",
            place.display()
        ))
    })?;
    let runs = named.runs.iter().map(|run| saved::report(run).map(|report| OneRun::of_report(&report)));
    Ok(Source { place: shown(place), label: None, machine: Vec::new(), runs: runs.collect::<Result<_>>()? })
}

fn shown(place: &Path) -> String {
    place.display().to_string()
}
