//! The plan: a scenario with its seed resolved, everything filled in. A pure function of (scenario, seed,
//! program version), saved as `plan.json` in the run directory; the run reads nothing else.

use super::device::{Cache, OnDevice};
use super::expect::{Expect, StatementPlan};
use super::keeper::Keeper;
use super::step::StepPlan;
use super::workload::WorkloadPlan;

use super::seed::component_seed;
use super::server::{Definition, When};
use crate::directory::RunDirectory;
use crate::history::token::RunToken;
use fuse_fs::durability::profile::Persistence;
use fuse_fs::rules::rule::Rule;
use fuse_fs::units::{Bytes, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything a run does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Program version that made it.
    pub version: String,
    pub name: String,
    /// Why the scenario exists.
    pub why: String,
    /// Where facts of an incident come from.
    pub sources: Vec<String>,
    /// The property the scenario shows violated even with a correct server.
    pub demonstrates: Option<String>,
    /// The scenario file, for the reproduce command; absent for one made in memory.
    pub file: Option<PathBuf>,
    /// The scenario's text, byte for byte.
    pub text: String,
    /// The run's seed. Component seeds come from it ([`super::seed`]).
    pub seed: u64,
    /// Storages by name.
    pub storages: BTreeMap<String, StoragePlan>,
    /// Who keeps every storage as the command line says, for the reproduce command.
    pub persistence: Option<Keeper>,
    /// Where the command line put the storages, for the reproduce command.
    #[serde(default, skip_serializing_if = "Disks::is_default")]
    pub disks: Disks,
    /// Seconds of the story that one second of the run stands for. Every time in the plan is one of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story_scale: Option<f64>,
    /// The course that the story takes, if the scenario knows several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The mail server.
    pub target: TargetPlan,
    /// Users by cohort, in the order of their numbers, all of them; empty if the scenario names no cohorts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<CohortPlan>,
    pub workload: WorkloadPlan,
    /// The gateway before the mail server, if the scenario has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front_door: Option<FrontDoorPlan>,
    /// Steps of the operator and the nemesis, in file order.
    pub steps: Vec<StepPlan>,
    /// What the run must show to be what it reproduces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementPlan>,
    /// What must hold beyond the properties.
    pub expect: Expect,
    /// Directory of a finished run: this one begins with what that one left stored, and answers for it.
    #[serde(default)]
    pub store: Option<PathBuf>,
    /// The command that made this plan, where that is not `run`.
    #[serde(default)]
    pub made_by: Option<String>,
}

/// Where the command line put storages and run directories; as scenario and defaults say, where it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// All storages.
    pub all: Option<PathBuf>,
    /// Those of these names.
    pub apart: BTreeMap<String, PathBuf>,
    /// Run directories: the disk of every other storage.
    pub runs: Option<PathBuf>,
}

impl Disks {
    fn is_default(&self) -> bool {
        *self == Disks::default()
    }

    /// As the command line says it.
    fn options(&self) -> String {
        let option = |name: &str, value: String| format!(" {name} {}", quoted(&value));
        let all = self.all.iter().map(|disk| option("--storage-dir", disk.display().to_string()));
        let named = |(name, disk): (&String, &PathBuf)| format!("{name}={}", disk.display());
        let apart = self.apart.iter().map(|one| option("--storage-dir-of", named(one)));
        let runs = self.runs.iter().map(|runs| option("--runs", runs.display().to_string()));
        all.chain(apart).chain(runs).collect()
    }
}

impl Plan {
    /// The storage on the device of that name.
    pub fn on_device(&self, device: &str) -> Option<&str> {
        let on = |storage: &StoragePlan| storage.on.as_ref().is_some_and(|on| on.device == device);
        self.storages.iter().find(|(_, storage)| on(storage)).map(|(name, _)| name.as_str())
    }

    /// The command that runs this plan again from what its run directory keeps: for when files of the user's are gone, or are
    /// others by now. None where the plan was not made from a file.
    pub fn reproduce_from(&self, run: &RunDirectory) -> Option<String> {
        if self.made_by.is_some() || !run.scenario().is_file() {
            return None;
        }
        let kept = run.target_file(&self.target.server);
        let given = if kept.is_file() { kept.display().to_string() } else { self.target.given.clone() };
        let target = TargetPlan { given, ..self.target.clone() };
        Some(Plan { file: Some(run.scenario()), target, ..self.clone() }.reproduce())
    }

    /// The command that runs this plan again.
    pub fn reproduce(&self) -> String {
        if let Some(command) = &self.made_by {
            return command.clone();
        }
        let file =
            self.file.as_ref().map_or("SCENARIO".to_owned(), |path| quoted(&path.display().to_string()));
        let mut command =
            format!("fermoposta run {file} --target {} --seed {}", quoted(&self.target.given), self.seed);
        for defect in &self.target.defects {
            command += &format!(" --defect {}", quoted(defect));
        }
        if let Some(variant) = &self.variant {
            command += &format!(" --variant {}", quoted(variant));
        }
        if let Some(keeper) = self.persistence {
            command += &format!(" --persistence {keeper}");
        }
        if let Some(corpus) = &self.workload.corpus {
            command += &format!(" --corpus {}", quoted(&corpus.display().to_string()));
        }
        if let Some(store) = &self.store {
            command += &format!(" --store {}", quoted(&store.display().to_string()));
        }
        if self.workload.beside_mail {
            command += " --beside-mail";
        }
        command + &self.disks.options()
    }

    /// First part of every token of its run.
    pub fn run_token(&self) -> RunToken {
        RunToken(component_seed(self.seed, "run token") as u32)
    }

    /// Seed of its traffic.
    pub fn workload_seed(&self) -> u64 {
        component_seed(self.seed, "workload")
    }
}

/// As a shell reads it.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The gateway before the mail server: at first everything is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontDoorPlan {
    /// Messages that have been in its spool for this long are bounced; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
}

/// Users who are treated alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortPlan {
    pub name: String,
    /// Its first user.
    pub first: crate::history::UserId,
    /// How many there are.
    pub users: u32,
    /// The storage beneath their mail when the run begins.
    pub storage: String,
    /// They do not come through the front door.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_entrance: bool,
}

impl CohortPlan {
    pub fn user_ids(&self) -> impl Iterator<Item = crate::history::UserId> + use<> {
        (self.first.0..self.first.0 + self.users).map(crate::history::UserId)
    }
}

/// What a power cut of one storage could undo stays in memory up to this much, unless the scenario says otherwise.
pub const DEFAULT_MEMORY: Bytes = Bytes(64 << 20);

/// One fault file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoragePlan {
    /// Its rules, in file order.
    pub rules: Vec<Rule>,
    /// Let the kernel cache pages, as on a real disk: read faults then strike cache misses only.
    pub page_cache: bool,
    /// A freeze thaws by itself after this long, should the controller die.
    pub thaw_after: Span,
    /// What survives a power cut.
    pub persistence: Persistence,
    /// Bytes of overwritten data held in memory before the rest goes to a file beside the run.
    pub memory: Bytes,
    /// A lie: at a power cut it may lose what it acknowledged as durable within this long before.
    pub loses_acknowledged: Span,
    /// What is stored when the traffic starts is durable.
    pub durable_start: bool,
    /// The real file system that it lies on; without it, whatever lies beneath the run directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<OnDevice>,
    /// It is the device of another storage, and promises so much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Volumes that hold no mail, by name: directories at its root.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, VolumePlan>,
}

/// A volume that holds no mail: files that a process of its own serves, as a web portal serves its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumePlan {
    /// How many files there are.
    pub files: u32,
    /// Size of each.
    pub size: Bytes,
    /// Mean requests a second.
    pub rate: f64,
}

/// Directory, at the root of a storage, of the mail of users who are placed by cohort.
pub const MAIL_VOLUME: &str = "mail";

/// Directory, at the root of a storage, of the mail server's queue.
pub const QUEUE_VOLUME: &str = "queue";

/// The mail server under test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// Name of the target: `reference`, `dovecot-maildir`, a file of the user's own.
    pub server: String,
    /// As the user named it: a name, or the path of a target file.
    pub given: String,
    /// Its definition, resolved.
    pub definition: Definition,
    /// Those started along with it, in this order.
    #[serde(default)]
    pub companions: Vec<(When, Definition)>,
    /// Storage beneath its mail store.
    pub storage: String,
    /// Storage beneath its queue, if it has one.
    #[serde(default)]
    pub queue: Option<String>,
    /// Seeded defects of the reference server.
    pub defects: Vec<String>,
}

impl TargetPlan {
    /// Clients can read and change mail while the traffic goes on: the mail server has IMAP, or a companion that
    /// always runs.
    pub fn has_imap_during_traffic(&self) -> bool {
        let always = self.companions.iter().filter(|(when, _)| *when == When::Always);
        let mut serving = [&self.definition].into_iter().chain(always.map(|(_, companion)| companion));
        serving.any(|definition| definition.listen.imap.is_some())
    }

    /// Mail can come in by IMAP and in no other way.
    pub fn has_imap_alone(&self) -> bool {
        let listen = &self.definition.listen;
        listen.lmtp.is_none() && listen.smtp.is_none() && self.has_imap_during_traffic()
    }

    /// The mail server and its companions.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        [&self.definition].into_iter().chain(self.companions.iter().map(|(_, companion)| companion))
    }
}
