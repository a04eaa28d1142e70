//! `policies`: one story under each of its variants, compared.

use super::export;
use super::output::{TableArgs, keeper};
use super::run::{fresh_seed, run_one, show_problems};
use crate::exit::{Exit, say};
use crate::machine::stop;
use crate::run::places::Places;
use crate::scenario;
use crate::scenario::errors::ScenarioErrors;
use crate::scenario::file::Variant;
use crate::scenario::overrides::Overrides;
use anyhow::Result;
use clap::Args;
use record::plan::keeper::Keeper;
use record::plan::{Plan, quoted};
use reports::kit::inert::inert;
use reports::kit::json::to_json;
use reports::policies::forms::FORMATS;
use reports::policies::{Policies, PolicyRun, text};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PoliciesArgs {
    /// Scenario with variants: a name that `list` shows, or a file.
    scenario: PathBuf,
    /// Mail server: a name that `list` shows, or a target file (default: as the scenario says).
    #[arg(long)]
    target: Option<String>,
    /// Seed of every run (default: a new one, which is printed).
    #[arg(long)]
    seed: Option<u64>,
    /// What decides what survives a power cut, as in `run` (default: as the scenario says).
    #[arg(long, value_name = "NAME", value_parser = keeper())]
    persistence: Option<Keeper>,
    /// Where run directories are made. It must not lie on a disk under test.
    #[arg(long, value_name = "DIR", default_value = "fermoposta-runs")]
    runs: PathBuf,
    #[command(flatten)]
    output: TableArgs,
}

pub(crate) fn run(args: &PoliciesArgs) -> Result<Exit> {
    export::check(&args.output.exports, FORMATS)?;
    super::commands::say_which(std::slice::from_ref(&args.scenario));
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let plans = match plans(args, seed) {
        Ok(plans) => plans,
        Err(problems) => {
            show_problems(problems);
            return Ok(Exit::Usage);
        }
    };
    stop::install()?;
    let (runs, exits) = run_all(args, plans);
    let policies = Policies::of(&runs, command(args, seed));
    say(match args.output.json {
        true => to_json(&policies),
        false => text::render(&policies),
    })?;
    export::write(&args.output.exports, FORMATS, &policies)?;
    Ok(Exit::worst(exits))
}

/// A plan for each variant, all with the same seed.
fn plans(args: &PoliciesArgs, seed: u64) -> Result<Vec<(Variant, Plan)>, ScenarioErrors> {
    let plan = |variant: Variant| {
        let overrides = Overrides {
            seed,
            target: args.target.clone(),
            variant: Some(variant.name.clone()),
            persistence: args.persistence,
            ..Overrides::default()
        };
        Ok((variant, scenario::load(&args.scenario, &overrides)?))
    };
    scenario::variants(&args.scenario)?.into_iter().map(plan).collect()
}

/// One after the other: at once they would make each other late. An interruption ends it, a failure does not.
fn run_all(args: &PoliciesArgs, plans: Vec<(Variant, Plan)>) -> (Vec<PolicyRun>, Vec<Exit>) {
    let places = Places {
        runs: args.runs.clone(),
        storage: None,
        apart: std::collections::BTreeMap::new(),
        name: None,
        quiet: false,
    };
    let (count, mut runs, mut exits) = (plans.len(), Vec::new(), Vec::new());
    for (number, (variant, plan)) in (1..).zip(plans) {
        crate::exit::tell!("policy {number} of {count}: {}", inert(&variant.name));
        let (report, exit) = run_one(&plan, &places);
        exits.push(exit);
        if let Some(report) = report {
            crate::exit::tell!("{}  {}", report.verdict.word(), inert(&report.sentence));
            runs.push(PolicyRun { policy: variant.name, about: variant.why, report });
        }
        if exit == Exit::Interrupted {
            break;
        }
    }
    (runs, exits)
}

/// The command for the same runs.
fn command(args: &PoliciesArgs, seed: u64) -> String {
    let target = args.target.as_ref().map_or(String::new(), |name| format!(" --target {}", quoted(name)));
    let kept = args.persistence.map_or(String::new(), |keeper| format!(" --persistence {}", keeper.name()));
    format!(
        "fermoposta policies {}{target}{kept} --seed {seed}",
        quoted(&args.scenario.display().to_string())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(scenario: &str) -> PoliciesArgs {
        PoliciesArgs {
            scenario: scenario.into(),
            target: Some("reference".into()),
            seed: None,
            persistence: None,
            runs: "runs".into(),
            output: TableArgs { json: false, exports: Vec::new() },
        }
    }

    #[test]
    fn every_variant_has_a_plan_of_its_own_and_the_same_seed() {
        let plans = plans(&args("../scenarios/incidents/libero-2023.toml"), 7).expect("a sound scenario");
        let names: Vec<&str> = plans.iter().map(|(variant, _)| variant.name.as_str()).collect();
        assert_eq!(names, ["queue-then-552", "552", "452"]);
        for (variant, plan) in &plans {
            assert_eq!((plan.variant.as_ref(), plan.seed), (Some(&variant.name), 7));
        }
    }

    #[test]
    fn they_can_all_be_put_on_a_real_file_system() {
        let real = PoliciesArgs {
            persistence: "real-ext4".parse().ok(),
            ..args("../scenarios/incidents/libero-2023.toml")
        };
        let plans = plans(&real, 7).expect("a sound scenario");
        let on_devices =
            |plan: &Plan| plan.storages.values().all(|kept| kept.on.is_some() || kept.cache.is_some());
        assert!(plans.len() == 3 && plans.iter().all(|(_, plan)| on_devices(plan)));
        assert!(command(&real, 7).contains(" --persistence real-ext4 --seed 7"));
    }

    #[test]
    fn the_command_runs_them_again() {
        insta::assert_snapshot!(command(&args("a b.toml"), 7), @"fermoposta policies 'a b.toml' --target reference --seed 7");
    }
}
