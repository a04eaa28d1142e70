//! From a campaign file to its cells, before the first run.

use super::canary::CanaryOutline;
use super::check::{beside, campaign_file, target_beside};
use super::file::{CampaignFile, CanaryFile};
use super::options::Options;
use super::outline::{Cell, Expected, Length, Outline};
use crate::campaign::survey::cells::{Cells, Refused, Run, cells, key};
use crate::campaign::survey::options::Options as SurveyOptions;
use crate::machine::build::build;
use crate::run::possible::{can_keep, cannot_run};
use crate::scenario;
use crate::scenario::errors::ScenarioErrors;
use crate::scenario::overrides::Overrides;
use crate::scenario::places::Places;
use crate::scenario::troubles::Troubles;
use anyhow::{Result, anyhow, ensure};
use record::plan::Plan;
use record::plan::keeper::Keeper;
use std::path::{Path, PathBuf};

/// A campaign that can begin.
#[derive(Debug)]
pub(super) struct Prepared {
    pub outline: Outline,
    /// How the runs of each cell are planned.
    pub sources: Vec<Source>,
    pub canary: Plan,
}

/// What the plans of a cell are made of.
#[derive(Debug)]
pub(super) struct Source {
    file: PathBuf,
    target: String,
    storage: Option<Keeper>,
    /// Of its first plan.
    digest: blake3::Hash,
    /// Digest of the scenario file.
    pub scenario: String,
}

impl Source {
    fn plan(&self, seed: u64) -> Result<Plan> {
        let overrides = Overrides {
            seed,
            target: Some(self.target.clone()),
            persistence: self.storage,
            ..Overrides::default()
        };
        scenario::load(&self.file, &overrides).map_err(|problems| anyhow!(problems.shown()))
    }

    /// The plan of a run. A campaign goes on for hours, and its results are named after the files that it began with.
    ///
    /// # Errors
    /// They are others by now.
    pub(super) fn planned(&self, first_seed: u64, seed: u64) -> Result<Plan> {
        let now = digest(&self.plan(first_seed)?)?;
        ensure!(
            now == self.digest,
            "{} or its target {} was changed after the campaign began; begin the command again",
            self.file.display(),
            self.target
        );
        self.plan(seed)
    }
}

fn digest(plan: &Plan) -> Result<blake3::Hash> {
    Ok(blake3::hash(&serde_json::to_vec(plan)?))
}

/// Reads the file and plans the first run of every cell.
///
/// # Errors
/// Something in the file, or in a scenario that it names, is wrong; or something of it cannot run here.
pub(super) fn prepare(options: &Options) -> Result<Prepared, Refused> {
    let (file, text) = campaign_file(&options.file).map_err(wrong)?;
    let first_seed = options.seed.unwrap_or(file.first_seed);
    let asked = survey_options(&file, options, first_seed);
    let planned = cells(&asked)?;
    let outlined: Vec<Cell> = planned.runs.iter().map(|run| cell(&planned, run)).collect();
    let sources = sources(&asked, &planned).map_err(Refused::Other)?;
    let expected = expected(&file, &text, &sources, options).map_err(wrong)?;
    let (canary, canary_outline) = canary(&file.canary, &options.file, first_seed)?;
    let length = file.until.map_or(Length::Seeds(file.seeds.unwrap_or(1)), Length::Until);
    let outline = Outline {
        name: file.name,
        options: options.clone(),
        first_seed,
        length,
        servers: planned.servers,
        cells: outlined,
        canary: canary_outline,
        expected,
    };
    Ok(Prepared { outline, sources, canary })
}

fn wrong(problems: ScenarioErrors) -> Refused {
    Refused::Scenario(Box::new(problems))
}

/// Its cells are those of a survey with one seed.
fn survey_options(file: &CampaignFile, options: &Options, first_seed: u64) -> SurveyOptions {
    SurveyOptions {
        scenarios: file.scenarios.iter().map(|name| beside(&options.file, name)).collect(),
        targets: file.targets.iter().map(|name| target_beside(&options.file, name)).collect(),
        profiles: file.storages.clone(),
        repeat: 1,
        seed: first_seed,
        jobs: options.jobs,
        directory: options.directory.clone(),
        shard: options.shard,
    }
}

fn cell(planned: &Cells, run: &Run) -> Cell {
    Cell {
        id: run.key.clone(),
        scenario: run.plan.name.clone(),
        target: run.plan.target.server.clone(),
        storage: planned.files[run.column].1,
    }
}

fn sources(asked: &SurveyOptions, planned: &Cells) -> Result<Vec<Source>> {
    let source = |run: &Run| {
        let (file, storage) = planned.files[run.column].clone();
        let target = asked.targets[run.target].clone();
        let text = scenario::text(&file)?;
        let scenario = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
        Ok(Source { file, target, storage, digest: digest(&run.plan)?, scenario })
    };
    planned.runs.iter().map(source).collect()
}

/// Each expectation with its cells. One that no run can meet is a mistake: it would never be noticed.
fn expected(
    file: &CampaignFile,
    text: &str,
    sources: &[Source],
    options: &Options,
) -> Result<Vec<Expected>, ScenarioErrors> {
    let mut found = Troubles::new(Places::new(text), Vec::new());
    let mut all = Vec::new();
    for (n, said) in file.expect.iter().enumerate() {
        let (scenario, target) =
            (beside(&options.file, &said.scenario), target_beside(&options.file, &said.target));
        let meant = |source: &Source| {
            source.file == scenario
                && source.target == target
                && said.storage.is_none_or(|storage| source.storage == Some(storage))
        };
        let cells: Vec<usize> = (0..sources.len()).filter(|cell| meant(&sources[*cell])).collect();
        if cells.is_empty() {
            let message = format!("`{}` cuts no power, so it runs on its own storage alone", said.scenario);
            found.add(&format!("expect.{n}.storage"), message, "leave out `storage` here");
        }
        all.push(Expected { said: said.clone(), cells });
    }
    match found.troubles.is_empty() {
        true => Ok(all),
        false => Err(ScenarioErrors::new(&options.file, text, found.troubles)),
    }
}

/// The plan of the canary.
fn canary(file: &CanaryFile, campaign: &Path, seed: u64) -> Result<(Plan, CanaryOutline), Refused> {
    let overrides = Overrides {
        seed,
        target: Some(target_beside(campaign, &file.target)),
        persistence: file.storage,
        defects: file.defects.clone(),
        ..Overrides::default()
    };
    let plan = scenario::load(&beside(campaign, &file.scenario), &overrides).map_err(wrong)?;
    if let Some(keeper) = file.storage {
        can_keep(keeper).map_err(|why| Refused::Other(why.into()))?;
    }
    if let Some(why) = plan.target.definitions().find_map(cannot_run) {
        return Err(Refused::Other(anyhow!("the canary cannot run here: {why}")));
    }
    let versions: Vec<String> =
        plan.target.definitions().map(crate::server::needs::what_runs_would_use).collect();
    let text = serde_json::to_vec(&plan).map_err(|error| Refused::Other(error.into()))?;
    let key = key(&text, &versions, &build().map_err(Refused::Other)?);
    let outline = CanaryOutline::of(file, &plan, key);
    Ok((plan, outline))
}
