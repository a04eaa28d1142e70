//! Steps of a plan: when each comes, and what it does.

use super::front_door::Change;
use fuse_fs::durability::cut::CutMode;
use fuse_fs::rules::rule::Counter;
use fuse_fs::units::Span;
use serde::{Deserialize, Serialize};

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
    pub storage: String,
    /// What is counted, from the storage's first mount on.
    pub counter: Counter,
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
        /// Name of the fault.
        fault: String,
    },
    /// Disarm a fault; calls it parked stay parked.
    Disarm {
        /// Name of the fault.
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
    /// snapshot of the disk beneath. `FERMOPOSTA_RUN` is the run directory; the output goes to `commands.log` in it. Files
    /// elsewhere than in the run directory and on the storages are read-only to it, unless the target is a `command` one.
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
        /// Its name, which statements and reports use.
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
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MigrationTool {
    /// `rsync` of the user's directory, with removal of what is gone.
    #[default]
    Rsync,
    /// `cp -a` of the user's directory, which every machine has: once, while nobody is let in, so with `passes = 0` only.
    Cp,
    /// The mail server's own tool: the target's `migrate` command, such as `doveadm backup`.
    Server,
}

impl StepAction {
    /// It makes sense after the last operation: repair, restart, looking.
    pub fn may_follow_traffic(&self) -> bool {
        matches!(self, StepAction::Heal { .. } | StepAction::StartTarget {} | StepAction::Inspect {})
    }
}
