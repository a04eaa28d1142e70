//! The plans of a rehearsal's parts. Each is a scenario's text, as a user might have written it, on storages `old` and `new`;
//! the two disks are compared with one text, on a storage `mail` that lies once on this and once on that.
//!
//! Users are begun at least a moment after one another, so that a small rehearsal too has a middle in which a failure can
//! strike. Where that is, is a number of bytes that a disk has written, as the part without a failure counted them.

use super::options::{Failure, Options};
use super::rounds::{Middle, NEW, OLD, freeze, round_steps, rounds};
use crate::scenario;
use crate::scenario::overrides::Overrides;
use anyhow::{Result, anyhow};
use record::directory::RunDirectory;
use record::plan::step::MigrationTool;
use record::plan::{Disks, Plan};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The storage of the two baselines.
const EITHER: &str = "mail";

/// How long all users are at least under way, but for the last.
const LONG_ENOUGH: Duration = Duration::from_secs(8);
/// A migration that takes longer than this, failure included, is not waited for.
const LONGEST: &str = "12h";
/// No operation of the baselines is rarer than about this share of the rate.
const RAREST: f64 = 0.08;
/// So often at least each of them is to be seen: the comparison needs 20.
const OFTEN: f64 = 30.0;

#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its name, and that of its run directory.
    pub(super) name: String,
    /// What is done, in a sentence.
    pub(super) about: String,
    pub(super) plan: Plan,
    /// Where its storages lie.
    pub(super) disks: BTreeMap<String, PathBuf>,
}

/// Any numbers will do to see whether a part can be planned, and how long it takes.
pub(super) const ANY: Middle = Middle { old: 1, new: 1 };

/// What all parts of a rehearsal have.
pub(crate) struct Plans<'a> {
    /// What was asked for.
    pub(super) options: &'a Options,
    /// The rehearsal's directory, in which the run directories are.
    pub(super) directory: &'a Path,
}

/// Name of the part in which the new disk stops answering.
pub(super) const OUTAGE: &str = "outage";

/// Name of the part that runs the traffic alone on one disk.
pub(crate) fn baseline_name(disk: &str, run: u32) -> String {
    format!("baseline-{disk}-{run}")
}

impl Plans<'_> {
    /// The traffic alone, on one disk; `run` numbers the runs on the same disk.
    ///
    /// # Errors
    /// The target cannot be used so.
    pub(super) fn baseline(&self, storage: &str, run: u32) -> Result<Part> {
        let duration = (OFTEN / (self.options.rate * RAREST)).max(10.0).ceil();
        let disk = if storage == OLD { &self.options.source } else { &self.options.destination };
        let scenario = self.scenario(
            "baseline",
            "The traffic on one disk, without a migration and without a fault.",
            [EITHER].as_slice(),
            &[
                (
                    "workload",
                    self.workload(
                        json!({ "deliver": 60, "fetch": 25, "flag": 15 }),
                        &format!("{duration}s"),
                        false,
                    ),
                ),
                ("expect", json!({ "no-faults": true, "recover-within": "60s" })),
            ],
        );
        let disks = BTreeMap::from([(EITHER.to_owned(), disk.clone())]);
        let about = format!("The traffic on the {storage} disk, without a migration.");
        self.part(baseline_name(storage, run), about, &scenario, disks)
    }

    /// Everybody moves.
    ///
    /// # Errors
    /// The target cannot be used so.
    pub(super) fn migration(&self) -> Result<Part> {
        let about = "Every user moves to the new disk under traffic.";
        let steps = json!([self.migrate("2s", NEW, None, false)]);
        let expect = json!({ "no-faults": true, "recover-within": "60s" });
        self.moving("migration", about, &[("step", steps), ("expect", expect)])
    }

    /// Everybody moves, and `failure` comes in between; `middle` says when.
    ///
    /// # Errors
    /// The target cannot be used so.
    pub(super) fn failure(&self, failure: Failure, middle: Middle) -> Result<Part> {
        let at_half = json!({ "counter": "bytes-written", "at": middle.new });
        let name = failure.to_string();
        let fault = |when: Option<&Value>, effect: Value| {
            let mut fault = Map::from_iter([
                ("name".to_owned(), json!(name)),
                ("storage".to_owned(), json!(NEW)),
                ("effect".to_owned(), effect),
            ]);
            fault.extend(when.map(|when| ("when".to_owned(), when.clone())));
            json!([fault])
        };
        let heal = |delay: &str| {
            json!({
                "after-fired": { "fault": name, "delay": delay },
                "do": { "heal": { "storage": NEW, "fault": name } },
            })
        };
        let all = self.migrate("2s", NEW, None, false);
        let extra = match failure {
            Failure::Freeze => vec![
                ("fault", fault(Some(&at_half), json!({ "freeze": {} }))),
                ("step", json!([all, heal("5s")])),
                ("expect", json!({ "recover-within": "60s" })),
            ],
            Failure::Full => vec![
                ("fault", fault(Some(&at_half), json!({ "no-space": { "bytes": 0 } }))),
                (
                    "step",
                    json!([self.migrate("2s", NEW, None, true), heal("4s"), self.rest_after(&name, "5s")]),
                ),
                ("expect", json!({ "recover-within": "60s" })),
            ],
            Failure::Slow => vec![
                ("fault", fault(None, json!({ "latency": { "fixed": "2ms" } }))),
                ("step", json!([all])),
                ("expect", json!({ "recover-within": "60s" })),
            ],
            Failure::PowerCutSource => self.power_cut(failure, OLD, middle.old),
            Failure::PowerCutDestination => self.power_cut(failure, NEW, middle.new),
            Failure::RollBack => vec![
                (
                    "step",
                    json!([
                        self.migrate("2s", NEW, Some(FIRST), false),
                        self.migrate("2500ms", OLD, None, false),
                    ]),
                ),
                ("expect", json!({ "no-faults": true, "recover-within": "60s" })),
            ],
        };
        self.moving(&name, about(failure), &extra)
    }

    /// Everybody is on the new disk, which stops answering again and again; mail is queued meanwhile, and let in each
    /// time faster.
    ///
    /// # Errors
    /// The target cannot be used so.
    pub(super) fn outage(&self) -> Result<Part> {
        let rounds = rounds(self.options.rate);
        let faults: Vec<Value> = rounds.iter().map(freeze).collect();
        let steps: Vec<Value> = rounds.iter().flat_map(round_steps).collect();
        let last = rounds.last().map_or(Duration::ZERO, |round| round.reopens() + round.drains);
        let duration = format!("{}ms", (last + Duration::from_secs(4)).as_millis());
        let mix = json!({ "deliver": 60, "fetch": 25, "flag": 15 });
        let scenario = self.scenario(
            "outage",
            "After the migration the new disk stops answering; mail is queued before it, and let in again at several rates.",
            &[NEW],
            &[
                ("workload", self.workload(mix, &duration, false)),
                ("fault", json!(faults)),
                ("step", json!(steps)),
                ("expect", json!({ "recover-within": "60s" })),
            ],
        );
        let about = "The new disk, with every user on it, stops answering; mail is queued and let in again at several rates.";
        let disks = BTreeMap::from([(NEW.to_owned(), self.options.destination.clone())]);
        self.part(OUTAGE.to_owned(), about.to_owned(), &scenario, disks)
    }

    fn moving(&self, name: &str, about: &str, extra: &[(&str, Value)]) -> Result<Part> {
        let mix = json!({ "deliver": 55, "append": 5, "fetch": 20, "flag": 10, "move": 5, "expunge": 5 });
        let mut parts = vec![("workload", self.workload(mix, LONGEST, true))];
        parts.extend(extra.iter().cloned());
        let scenario = self.scenario(name, about, &[OLD, NEW], &parts);
        let Options { source, destination, .. } = self.options;
        let disks = [(OLD, source), (NEW, destination)].map(|(name, disk)| (name.to_owned(), disk.clone()));
        self.part(name.to_owned(), about.to_owned(), &scenario, BTreeMap::from(disks))
    }

    /// In the middle of a write, so that there is something to lose.
    fn power_cut(&self, failure: Failure, storage: &str, written: u64) -> Vec<(&'static str, Value)> {
        let cut = json!({
            "name": failure.to_string(),
            "storage": storage,
            "where": { "op": "write" },
            "when": { "counter": "bytes-written", "at": written, "limit": 1 },
            "effect": { "power-cut": { "moment": "after" } },
        });
        // Whoever was on the way when the power went stays where it was; it moves when the others have.
        let (first, rest) = (self.migrate("2s", NEW, None, true), self.migrate("2500ms", NEW, None, false));
        vec![
            ("fault", json!([cut])),
            ("step", json!([first, rest])),
            ("expect", json!({ "recover-within": "150s" })),
        ]
    }

    fn migrate(&self, at: &str, to: &str, cohort: Option<&str>, may_fail: bool) -> Value {
        json!({ "at": at, "may-fail": may_fail, "do": { "migrate": self.order(to, cohort) } })
    }

    /// Those who could not be moved.
    fn rest_after(&self, fault: &str, delay: &str) -> Value {
        json!({ "after-fired": { "fault": fault, "delay": delay }, "do": { "migrate": self.order(NEW, None) } })
    }

    fn order(&self, to: &str, cohort: Option<&str>) -> Value {
        let Options { tool, at_once, .. } = self.options;
        let every = LONG_ENOUGH.div_f64(f64::from(self.options.users()).max(1.0));
        let mut order = Map::from_iter([
            ("to".to_owned(), json!(to)),
            ("tool".to_owned(), json!(tool)),
            ("at-once".to_owned(), json!(at_once)),
            ("every".to_owned(), json!(format!("{}ms", every.as_millis().min(1_000)))),
        ]);
        order.extend((*tool == MigrationTool::Cp).then(|| ("passes".to_owned(), json!(0))));
        order.extend(cohort.map(|cohort| ("cohorts".to_owned(), json!([cohort]))));
        Value::Object(order)
    }

    fn workload(&self, mix: Value, duration: &str, until_steps_done: bool) -> Value {
        let Options { messages, rate, .. } = self.options;
        json!({
            "duration": duration,
            "until-steps-done": until_steps_done,
            "rate": format!("{rate}/s"),
            "skew": 0.3,
            "warm-up": messages,
            // While the disk hangs every operation does, until its time is up.
            "in-flight": (rate * 12.0).clamp(200.0, 5_000.0).round() as u32,
            "retries": 5,
            "retry-after": "500ms",
            "mix": mix,
        })
    }

    fn scenario(&self, name: &str, why: &str, storages: &[&str], extra: &[(&str, Value)]) -> Value {
        let users = self.options.users();
        let first = users.div_ceil(2);
        let cohorts = [(FIRST, first), ("second", users - first)].into_iter().filter(|(_, users)| *users > 0);
        let cohorts: Vec<Value> =
            cohorts.map(|(name, users)| json!({ "name": name, "users": users })).collect();
        let empty: Map<String, Value> =
            storages.iter().map(|&storage| (storage.to_owned(), json!({}))).collect();
        let mut scenario = Map::from_iter([
            ("name".to_owned(), json!(format!("rehearse-{name}"))),
            ("why".to_owned(), json!(why)),
            ("storage".to_owned(), json!(empty)),
            ("target".to_owned(), json!({ "storage": storages[0] })),
            ("front-door".to_owned(), json!({})),
            ("cohort".to_owned(), json!(cohorts)),
        ]);
        scenario.extend(extra.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Value::Object(scenario)
    }

    fn part(
        &self,
        name: String,
        about: String,
        scenario: &Value,
        disks: BTreeMap<String, PathBuf>,
    ) -> Result<Part> {
        let text = toml::to_string(scenario)?;
        let options = self.options;
        let overrides = Overrides {
            seed: options.seed,
            target: Some(options.target.clone()),
            corpus: options.corpus.clone(),
            defects: options.defects.clone(),
            persistence: options.persistence,
            ..Overrides::default()
        };
        let plan = scenario::plan(&PathBuf::from(format!("{name}.toml")), &text, &overrides)
            .map_err(|problems| anyhow!(problems.shown()))?;
        let file = RunDirectory::existing(&self.directory.join(&name)).scenario();
        let given = Disks { apart: disks.clone(), ..Disks::default() };
        let made_by = Plan { file: Some(file), disks: given, ..plan.clone() }.reproduce();
        Ok(Part { name, about, plan: Plan { made_by: Some(made_by), ..plan }, disks })
    }
}

/// The users who move first.
const FIRST: &str = "first";

/// What is tried, in a sentence.
pub(crate) fn about(failure: Failure) -> &'static str {
    match failure {
        Failure::Freeze => "Half way the new disk stops answering for 5 s.",
        Failure::Full => "Half way the new disk is full for 4 s; who could not be moved moves afterwards.",
        Failure::Slow => "Every call to the new disk takes 2 ms longer.",
        Failure::PowerCutSource => {
            "With a third of the users moved the power of the old disk goes; who could not be moved moves afterwards."
        }
        Failure::PowerCutDestination => {
            "Half way the power of the new disk goes; who could not be moved moves afterwards."
        }
        Failure::RollBack => "Half of the users move to the new disk, then all of them go back.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::rehearse::options::tests::options;
    use strum::VariantArray;

    const MIDDLE: Middle = Middle { old: 2_000_000, new: 1_000_000 };

    #[test]
    fn every_part_is_a_scenario_of_its_own() {
        let place = tempfile::tempdir().expect("a directory");
        let options = options(place.path());
        let plans = Plans { options: &options, directory: place.path() };
        let fixed = [plans.baseline(OLD, 1), plans.baseline(NEW, 2), plans.migration(), plans.outage()];
        let failures = Failure::VARIANTS.iter().map(|failure| plans.failure(*failure, MIDDLE));
        for part in fixed.into_iter().chain(failures) {
            let part = part.expect("it can be planned");
            assert_eq!(part.plan.storages.keys().collect::<Vec<_>>(), part.disks.keys().collect::<Vec<_>>());
            let command = part.plan.reproduce();
            assert!(
                command.contains(&format!("{}/scenario.toml --target reference --seed 1", part.name)),
                "{command}"
            );
        }
    }

    #[test]
    fn both_disks_get_the_same_traffic() {
        let place = tempfile::tempdir().expect("a directory");
        let options = options(place.path());
        let plans = Plans { options: &options, directory: place.path() };
        let [old, new] = [OLD, NEW].map(|disk| plans.baseline(disk, 1).expect("planned"));
        assert_eq!(old.plan.text, new.plan.text);
        assert_ne!(old.disks, new.disks);
    }

    #[test]
    fn one_user_alone_can_be_rehearsed() {
        let place = tempfile::tempdir().expect("a directory");
        let options = Options { sample: Some(1), ..options(place.path()) };
        let plans = Plans { options: &options, directory: place.path() };
        let part = plans.failure(Failure::RollBack, MIDDLE).expect("planned");
        assert_eq!(part.plan.cohorts.len(), 1);
    }
}
