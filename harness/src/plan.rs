//! The plan: a scenario with its seed resolved, everything filled in. A pure function of (scenario, seed,
//! program version), saved as `plan.json` in the run directory; the run reads nothing else.

use crate::front_door::policy::Change;
use crate::statement::claim::Claim;
use crate::target::definition::{Definition, When};
use fuse_fs::rule::{Counter, Rule};
use fuse_fs::units::{Bytes, Span};
use fuse_fs::volatile::cut::CutMode;
use fuse_fs::volatile::profile::{Persistence, Profile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything a run does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Program version that made it.
    pub version: String,
    /// Scenario's name.
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
    /// The run's seed. Component seeds come from it ([`crate::seed`]).
    pub seed: u64,
    /// Storages by name.
    pub storages: BTreeMap<String, StoragePlan>,
    /// The profile that the command line gave every storage, for the reproduce command.
    pub persistence: Option<Profile>,
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
    /// The traffic.
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

impl Plan {
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
        if let Some(profile) = self.persistence {
            command += &format!(" --persistence {profile}");
        }
        if let Some(corpus) = &self.workload.corpus {
            command += &format!(" --corpus {}", quoted(&corpus.display().to_string()));
        }
        if let Some(store) = &self.store {
            command += &format!(" --store {}", quoted(&store.display().to_string()));
        }
        command
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
    /// Its name.
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
    /// Its users.
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

    /// The mail server and its companions.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        [&self.definition].into_iter().chain(self.companions.iter().map(|(_, companion)| companion))
    }
}

/// The traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Rates, one after another.
    pub stages: Vec<Stage>,
    /// It ends a little after the last step is done, if that is sooner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_steps_done: bool,
    /// Number of users; they are called `user1` to `userN`.
    pub users: u32,
    /// Zipf exponent of their activity; 0 is uniform.
    pub skew: f64,
    /// Weights of operations.
    pub mix: Mix,
    /// Protocol for `deliver`.
    pub deliver_by: crate::history::Entry,
    /// Message sizes.
    pub sizes: Sizes,
    /// Real messages instead of generated ones.
    pub corpus: Option<PathBuf>,
    /// Operations under way at once, at most.
    pub in_flight: u32,
    /// A client waits this long for each answer.
    pub timeout: Span,
    /// Messages delivered to each user before the traffic's clock starts and before any fault is armed.
    pub warm_up: u32,
    /// A delivery that was not acknowledged is tried again as a new attempt of the same message, this many times.
    pub retries: u32,
    /// Time between attempts.
    pub retry_after: Span,
    /// Sending mail systems that deliver the mail; empty if the harness delivers it itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<SenderPlan>,
    /// Instead of traffic by the clock: this one delivery, and no warm-up.
    #[serde(default)]
    pub single: Option<SingleDelivery>,
    /// Clients that look at mail again and again beside the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<ClientsPlan>,
}

/// Clients that look at mail again and again, from the start of the traffic until the recovery is over. They change
/// nothing. The report says when each class was served again. They read the users' mail in turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(rename = "Clients")]
pub struct ClientsPlan {
    /// Webmail-like clients: a new connection each time, which shows the newest ten headers. Default 0.
    pub webmail: u32,
    /// Clients that hold one session open, as mail programs do: IDLE, or NOOP where the server has no IDLE. Default 0.
    pub held: u32,
    /// A webmail-like client comes once in each such stretch of time, at an instant that the seed draws. Default 1 s.
    pub every: Span,
    /// A held session is asked after each such time whether it still stands. Default 5 s.
    pub keep_alive: Span,
    /// How a held client comes back after its session was lost.
    pub back_off: BackOff,
}

impl Default for ClientsPlan {
    fn default() -> ClientsPlan {
        let span = |seconds| Span(std::time::Duration::from_secs(seconds));
        let back_off = BackOff::default();
        ClientsPlan { webmail: 0, held: 0, every: span(1), keep_alive: span(5), back_off }
    }
}

/// Waits between tries: each is twice the one before, and the seed draws where in its second half the try is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BackOff {
    /// The first wait. Default 500 ms.
    pub first: Span,
    /// No wait is longer. Default 8 s.
    pub most: Span,
}

impl Default for BackOff {
    fn default() -> BackOff {
        let span = |ms| Span(std::time::Duration::from_millis(ms));
        BackOff { first: span(500), most: span(8000) }
    }
}

/// A sending mail system with its share of the mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderPlan {
    /// How it tries again and gives up, on the story's clock.
    pub definition: crate::sender::definition::Definition,
    /// Its share, relative to the others'.
    pub share: f64,
}

/// Exactly one attempt to store one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SingleDelivery {
    /// How it enters: `lmtp`, `smtp` or `append` (to INBOX).
    pub entry: crate::history::Entry,
    /// Number of the user who gets it, from 1. The check of the recovery is for the same user.
    pub user: u32,
    /// After the answer it is waited until the message lies in the store, or a rule struck, and no more calls come; a few
    /// seconds at most. For servers that deliver from a queue into Maildir: their faults strike the delivery too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_arrival: bool,
    /// Done as soon as the client knows what became of it, or after `until-arrival`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<StepAction>,
}

impl SingleDelivery {
    /// The user.
    pub fn user_id(&self) -> crate::history::UserId {
        crate::history::UserId(self.user.saturating_sub(1))
    }
}

impl WorkloadPlan {
    /// The user who sends all mail, so that bounces come back into the same store; only SMTP knows bounces.
    pub fn bounce_user(&self) -> Option<&'static str> {
        (self.deliver_by == crate::history::Entry::Smtp).then_some("bounces")
    }

    /// `user1` to `userN`.
    pub fn user_names(&self) -> impl Iterator<Item = String> + use<> {
        (1..=self.users).map(|n| format!("user{n}"))
    }
}

/// A stretch of constant rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Mean operations a second; arrivals are Poisson.
    pub rate: f64,
    /// For how long.
    pub duration: Span,
}

/// Weights of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Mix {
    /// Delivery by LMTP or SMTP.
    pub deliver: f64,
    /// IMAP APPEND.
    pub append: f64,
    /// UID FETCH of a whole message.
    pub fetch: f64,
    /// UID STORE of flags.
    pub flag: f64,
    /// UID MOVE.
    #[serde(rename = "move")]
    pub mv: f64,
    /// UID COPY.
    pub copy: f64,
    /// UID EXPUNGE.
    pub expunge: f64,
    /// UID SEARCH.
    pub search: f64,
}

impl Mix {
    /// What is left of it for a target without IMAP.
    pub fn deliveries_only(&self) -> Mix {
        Mix { deliver: self.deliver, ..Mix::default() }
    }
}

/// Distribution of message sizes, of the whole message as sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Sizes {
    /// All of one size.
    Fixed {
        /// The size.
        size: Bytes,
    },
    /// The table measured on the FreeBSD project's mail server in 2002: median about 4 KB, up to 4 MB.
    Freebsd2002 {
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Bytes>,
    },
    /// Log-normal body with a Pareto tail: median 12 KB, sigma 1.6, 3 % from 256 KB with alpha 1.2, cap 25 MB.
    Modern {
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Bytes>,
    },
}

/// One step. A step that the file repeats is as many of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPlan {
    /// Time from the start of the traffic.
    pub at: Option<Span>,
    /// Or: this long after the named rule (of any storage) first fired.
    pub after_fired: Option<(String, Span)>,
    /// Or: when a storage's counter has reached a number.
    pub at_counter: Option<CounterMark>,
    /// A failure of it leaves nothing unproved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_fail: bool,
    /// What is done.
    pub action: StepAction,
}

/// A number that a storage's counter reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterMark {
    /// The storage.
    pub storage: String,
    /// What is counted, from the storage's first mount on.
    pub counter: Counter,
    /// The number.
    pub at: u64,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum StepAction {
    /// Repair the storage in place: disarm its rules (or one) and let every parked call continue.
    Heal {
        /// Only this storage. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
        /// Only this fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
        /// Parked calls fail with this error instead of continuing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fail_with: Option<String>,
    },
    /// Arm a fault that was disarmed.
    Arm {
        /// Its name.
        fault: String,
    },
    /// Disarm a fault; calls it parked stay parked.
    Disarm {
        /// Its name.
        fault: String,
    },
    /// Kill the mail server and everything it started, as `kill -9` does.
    KillTarget {},
    /// Stop the mail server in its own way.
    StopTarget {},
    /// Start the mail server (again) and wait until it is ready.
    StartTarget {},
    /// The power goes: the mail server is killed, what was not durable survives or not within the storage's profile, the
    /// storage is mounted and the mail server started again.
    PowerCut {
        /// Only this storage. Default: all, at one instant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
        /// How survivors are chosen: `random` (default), `drop-unsynced` or `keep-all-but-one`.
        #[serde(default)]
        mode: CutMode,
    },
    /// Declare everything stored so far durable, as a quiet minute would.
    MakeDurable {
        /// Only this storage. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
    },
    /// The storage comes back as it was some time ago, as after failover to an asynchronous replica. The mail server is
    /// killed and started again. A lie: what was acknowledged as durable since is gone.
    RollBack {
        /// Only this storage. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
        /// How far back, from the step's own time.
        by: Span,
    },
    /// What a failed fsync marked clean leaves the cache: reads show what is on the disk.
    Evict {
        /// Only this storage. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<String>,
    },
    /// Run a command on this machine, as the harness, and wait for its end, at most 60 s: cut a real power line, take a
    /// snapshot of the disk beneath. `FERMOPOSTA_RUN` is the run directory; the output goes to `commands.log` in it.
    RunCommand {
        /// Program and arguments; no shell is involved.
        argv: Vec<String>,
    },
    /// Change what the gateway before the mail server does. Needs `[front-door]`.
    FrontDoor(Change),
    /// Move users from the storage beneath their mail to another one, one after the other, while mail arrives and clients
    /// read. Each user's mail is copied while it is served; then nobody is let in, what changed meanwhile is copied, all of
    /// it is made durable, and the user is served from the new storage. A user that cannot be moved stays where it was.
    /// Needs `[front-door]`, which keeps everybody out meanwhile.
    Migrate(MigrateOrder),
    /// The migration under way begins with no further user.
    PauseMigration {},
    /// It goes on.
    ResumeMigration {},
    /// Read the backing disk past the file system and compare it with what was acknowledged so far.
    Inspect {},
    /// Name the phase that begins.
    Phase {
        /// The name.
        name: String,
    },
}

/// Which users go where, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MigrateOrder {
    /// Storage that they go to.
    pub to: String,
    /// Users of these cohorts, in this order. Default: all users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<String>,
    /// What copies a user's mail. Default `rsync`.
    #[serde(default)]
    pub tool: MigrationTool,
    /// How often it is copied while it is served, before nobody is let in. Default 1.
    #[serde(default = "MigrateOrder::one")]
    pub passes: u32,
    /// How many users are on their way at once, from 1 to 64. Default 1.
    #[serde(default = "MigrateOrder::one")]
    pub at_once: u32,
    /// Users are begun at least this long after one another, on the story's clock. Default: as soon as may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// The last changes are copied while nobody is let in. Default true. `false` is a mistake that is made: what arrives
    /// after the last pass stays behind.
    #[serde(default = "MigrateOrder::yes")]
    pub final_pass: bool,
    /// All copies of a user are made durable (fsync of every file and directory) before it is served from them. Default
    /// true. `false` is a mistake that is made: a power cut may take what the old storage had kept.
    #[serde(default = "MigrateOrder::yes")]
    pub make_durable: bool,
}

impl MigrateOrder {
    fn one() -> u32 {
        1
    }
    fn yes() -> bool {
        true
    }
}

/// What copies a user's mail from one storage to another.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::Display,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MigrationTool {
    /// `rsync` of the user's directory, with removal of what is gone.
    #[default]
    Rsync,
    /// The mail server's own tool: the target's `migrate` command, such as `doveadm backup`.
    Server,
}

impl StepAction {
    /// It makes sense after the last operation: repair, restart, looking.
    pub fn may_follow_traffic(&self) -> bool {
        matches!(
            self,
            StepAction::Heal { .. }
                | StepAction::StartTarget {}
                | StepAction::Inspect {}
                | StepAction::FrontDoor(_)
                | StepAction::ResumeMigration {}
                | StepAction::Phase { .. }
        )
    }
}

/// Something that the run must show. It is answered in the report: what was seen, and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Statement")]
pub struct StatementPlan {
    /// Its number in the report, such as `L1`; unique in the scenario.
    pub id: String,
    /// What is required, in words.
    pub says: String,
    /// How that is recognised.
    pub claim: Claim,
}

/// What must hold beyond the properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Expect {
    /// The scenario has no faults on purpose: coverage then asks for acknowledged mail only.
    pub no_faults: bool,
    /// Every service greets, and a delivery and a fetch succeed, within this long after the last heal.
    /// Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recover_within: Option<Span>,
    /// At least this many acknowledged messages, else the verdict is unknown. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// At least this many of them while a fault was armed, else the verdict is unknown. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_under_fault: Option<u64>,
    /// No fault fires and no operation fails in this first stretch of the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_for: Option<Span>,
    /// While the named freeze held, every client operation that was started ran into its time limit: none got
    /// a definite error, none succeeded. The value is the fault's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_during: Option<String>,
    /// Each `inspect` step finds every message acknowledged before it intact on the backing disk.
    pub disk_intact: bool,
    /// Upper bounds on latency, by operation: `latency.deliver = { p99 = "2s" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub latency: BTreeMap<String, LatencyBound>,
}

/// Upper bounds on latency from the intended start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LatencyBound {
    /// Median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<Span>,
    /// 95th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Span>,
    /// 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<Span>,
    /// Largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Span>,
}
