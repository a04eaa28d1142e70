//! The scenario language: what a file may say. The doc comments become the JSON schema and the reference.

use fuse_fs::durability::profile::Profile;
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::rule::{Counter, Selector, Threshold, Trigger};
use fuse_fs::units::{Bytes, Span};
use record::history::Protocol;
use record::plan::device::{Cache, Filesystem, Sector};
use record::plan::expect::{Expect, StatementPlan};
use record::plan::step::StepAction;
use record::plan::workload::{ClientsPlan, Mix, SingleDelivery, Sizes};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A scenario: a mail server on storage that breaks on purpose, under traffic, with what must hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Scenario {
    /// Name in reports and run directories.
    pub name: String,
    /// Why it exists, in one or two sentences.
    pub why: String,
    /// Where the facts of an incident come from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The property that this scenario shows violated even with a correct server, because the device lies. Run as a
    /// test it passes if exactly that property is violated; verdict and exit code stay what they are.
    #[serde(default)]
    pub demonstrates: Option<String>,
    /// Time as the story has it. Default: the run's own.
    #[serde(default)]
    pub time: Option<Time>,
    /// Storages by name: each is one fault file system, one mount, one array. Default: one, called `mail`.
    #[serde(default)]
    pub storage: BTreeMap<String, Storage>,
    /// The mail server under test. Default: the built-in reference server.
    #[serde(default)]
    pub target: Target,
    /// Users who are treated alike, in the order of their numbers: together they are all users. Each has a directory
    /// `mail/USER` on its cohort's storage, and `{store}` holds a symbolic link to it, so that a step can move it.
    #[serde(default)]
    pub cohort: Vec<Cohort>,
    /// What is sent and read meanwhile, by whom and how fast.
    #[serde(default)]
    pub workload: Workload,
    /// A gateway of the harness before the mail server, which steps can close, open and let queue. Clients reach the mail
    /// server through it alone. It adds no acknowledgement of its own, except while it queues.
    #[serde(default)]
    pub front_door: Option<FrontDoor>,
    /// What goes wrong with the storage, where and when.
    #[serde(default)]
    pub fault: Vec<Fault>,
    /// Steps of the operator or of fate, each at its time.
    #[serde(default)]
    pub step: Vec<Step>,
    /// Other courses that the same story may take, such as another reply to senders: each adds steps of its own. The first
    /// is taken unless `run --variant` names another; `policies` runs them all and compares what became of the mail.
    #[serde(default)]
    pub variant: Vec<Variant>,
    /// What the run must show to be the incident that it reproduces, each answered in the report.
    #[serde(default)]
    pub statement: Vec<StatementPlan>,
    /// What must hold beyond the properties.
    #[serde(default)]
    pub expect: Expect,
}

/// Time as the story has it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Time {
    /// Seconds of the story for one second of the run, such as 7200: two hours a second. Steps, traffic, windows of faults,
    /// `uptime`, `healthy-for`, what statements wait for and the clocks of senders are then times of the story. Time limits and latencies, what
    /// `recover-within` says, rates, and the clocks of storages and clients are of the run.
    pub scale: f64,
}

/// The gateway before the mail server.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct FrontDoor {
    /// Messages that have been in its spool for this long are bounced, on the story's clock. Default: never.
    pub lifetime: Option<Span>,
}

/// Users who are treated alike.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Cohort {
    /// Its name, for steps and reports.
    pub name: String,
    /// How many users.
    pub users: u32,
    /// Storage beneath their mail when the run begins. Default: the target's.
    #[serde(default)]
    pub storage: Option<String>,
    /// They reach the mail server by an entrance of their own, not through the front door: a service apart on the same
    /// server. Default false.
    #[serde(default)]
    pub own_entrance: bool,
}

/// A volume that holds no mail: a directory at the storage's root, whose files a process of its own serves by HTTP, as a
/// web portal serves its pictures. A client asks for them all the while and compares them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Volume {
    /// How many files. Default 20.
    pub files: u32,
    /// Size of each. Default 16 KiB.
    pub size: Bytes,
    /// Mean requests a second, such as `"5/s"`. Default 5/s.
    #[serde(deserialize_with = "rate")]
    #[schemars(with = "String")]
    pub rate: f64,
}

impl Default for Volume {
    fn default() -> Volume {
        Volume { files: 20, size: Bytes(16 << 10), rate: 5.0 }
    }
}

/// One fault file system.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Storage {
    /// Let the kernel cache pages, as on a real disk. Read faults then strike only what is not cached. Default false:
    /// every call reaches the fault file system, but for questions for names and attributes where no rule asks for `lookup` and
    /// `getattr`.
    pub page_cache: bool,
    /// A freeze thaws by itself after this long, should the controller die. Default 5 m.
    pub thaw_after: Option<Span>,
    /// What survives a power cut. Default `ext4-ordered`.
    pub persistence: Profile,
    /// With `strict-posix`: of a rename across directories neither half may survive, so that the file has no name.
    pub rename_may_part: bool,
    /// With `strict-posix`: bytes a file grew by but that were never written may be garbage instead of zeros.
    pub growth_may_be_garbage: bool,
    /// What a power cut could undo is held in memory up to this much, the rest in the run directory. Default 64 MiB.
    pub memory: Option<Bytes>,
    /// A lie: at a power cut it may lose what it acknowledged as durable within this long before. Default 0.
    pub loses_acknowledged: Span,
    /// What is stored when the traffic starts is durable. Default true; `false` for tests of a first start or of a first
    /// delivery to new users.
    pub durable_start: bool,
    /// A real file system of the machine's kernel, on a device that the run serves and breaks. Needs root. What survives a power
    /// cut is then decided by `cache`, and by the file system: `persistence` is not asked. Default: a model of one.
    pub on: Option<On>,
    /// Volumes that hold no mail, by name.
    pub volume: BTreeMap<String, Volume>,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            page_cache: false,
            thaw_after: None,
            persistence: Profile::default(),
            rename_may_part: false,
            growth_may_be_garbage: false,
            memory: None,
            loses_acknowledged: Span::default(),
            durable_start: true,
            on: None,
            volume: BTreeMap::new(),
        }
    }
}

/// A real file system and its device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct On {
    /// Which: `ext4`, `xfs` or `btrfs`.
    pub filesystem: Filesystem,
    /// Size of the device, such as `"1 GB"`.
    pub size: Bytes,
    /// Bytes of a sector, 512 or 4096: what the device writes as a whole or not at all. Default 4096. With 512 a cut tears blocks that
    /// XFS and btrfs do not expect to be torn: they may not be mountable afterwards.
    #[serde(default)]
    pub sector: Sector,
    /// What the device promises of writes that it has answered: `volatile` (the default; any of them may be lost until a flush that
    /// began after them has ended), `none` (no cache: none is lost), `lying` (flushes are answered and do nothing).
    #[serde(default)]
    pub cache: Cache,
    /// Options of its mount: `["data=journal", "nobarrier"]`.
    #[serde(default)]
    pub mount_options: Vec<String>,
    /// Further arguments of its `mkfs`: `["-O", "fast_commit"]`.
    #[serde(default)]
    pub mkfs_options: Vec<String>,
    /// Where such a file system cannot be made (for want of root, or of its tools), every storage may lie on the model of it instead,
    /// which is said. Default false.
    #[serde(default)]
    pub or_model: bool,
}

/// What a fault strikes of a storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// The calls of the mail server.
    #[default]
    File,
    /// The calls of the kernel on the device beneath: `read`, `write`, `flush` (`fsync`) and `discard` (`fallocate`).
    Device,
}

/// The mail server under test.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Target {
    /// A name that `fermoposta list` shows, or the path of a target file. Default `reference`.
    pub server: String,
    /// Storage beneath its mail store. Default: the only one.
    pub storage: Option<String>,
    /// Storage beneath its queue, for a mail server that has one. Default: that of its mail store.
    pub queue: Option<String>,
    /// Seeded defects of the reference server, to test the tester.
    pub defects: Vec<String>,
}

impl Default for Target {
    fn default() -> Target {
        Target { server: "reference".to_owned(), storage: None, queue: None, defects: Vec::new() }
    }
}

/// The traffic: open loop, so that a server that hangs does not stop the arrivals.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Workload {
    /// How long operations arrive. Default 10 s. Not together with `stages`.
    pub duration: Option<Span>,
    /// Mean operations a second, such as `"50/s"`; arrivals are Poisson. Default 30/s. Not together with `stages`.
    #[serde(deserialize_with = "optional_rate")]
    #[schemars(with = "Option<String>")]
    pub rate: Option<f64>,
    /// The traffic ends 2 s after the last step is done, such as a migration that takes as long as it takes; `duration` is
    /// then the longest it may last. Default false.
    pub until_steps_done: bool,
    /// Rates one after another, instead of `rate` and `duration`.
    pub stages: Vec<Stage>,
    /// Number of users. Default 10, or those of all cohorts.
    pub users: Option<u32>,
    /// Zipf exponent of the users' activity; 0 is uniform. Default 0.8.
    pub skew: f64,
    /// Weights of operations.
    pub mix: Option<Mix>,
    /// Protocol of `deliver`: `lmtp` or `smtp`. Default: what the target listens on, LMTP first; if it listens on IMAP alone,
    /// deliveries are made by APPEND.
    pub deliver_by: Option<Protocol>,
    /// Shares of deliveries to one user, to two at once in one transaction, to three, and so on. Default `[80, 12, 4, 2, 2]` by
    /// LMTP and SMTP, and `[1]`, every message to one user, at a front door, with `senders`, and by APPEND.
    pub recipients: Option<Vec<f64>>,
    /// Share of deliveries that go to a list, an address that the mail server delivers to several users, where the target takes lists
    /// and mail enters by SMTP. Default 0.1 where mail goes to several users at once, else 0.
    pub lists: Option<f64>,
    /// Message sizes. Default `freebsd2002`, cut at 256 KiB.
    pub sizes: Option<Sizes>,
    /// Real mail instead of generated: a Maildir, an mbox file, or a directory of message files, Maildirs and mbox files.
    /// Relative to the scenario file.
    pub corpus: Option<PathBuf>,
    /// Operations under way at once, at most; beyond it the generator is saturated, and the report says so. Default 200.
    pub in_flight: u32,
    /// How long a client waits for an operation. Default 5 s.
    pub timeout: Option<Span>,
    /// Messages delivered to each user before the traffic, without faults. Default 2.
    pub warm_up: u32,
    /// How often a delivery that was not acknowledged is tried again, as a new attempt. Default 0.
    pub retries: u32,
    /// Time between attempts. Default 1 s.
    pub retry_after: Option<Span>,
    /// Sending mail systems that deliver the mail, each with its share: `{ postfix = 3, exchange-online = 2 }`. Names as
    /// `fermoposta list` shows them, or paths of sender files. A sender tries again by its own schedule and gives up by its
    /// own limit, on the story's clock. Not together with `retries`.
    pub senders: BTreeMap<String, f64>,
    /// Instead of traffic by the clock: exactly one delivery, without warm-up. Give it a store that was warmed up before
    /// (`run --store`).
    pub single: Option<SingleDelivery>,
    /// Clients that look at mail again and again beside the traffic. Default: none.
    pub clients: Option<ClientsPlan>,
}

impl Default for Workload {
    fn default() -> Workload {
        Workload {
            duration: None,
            rate: None,
            until_steps_done: false,
            stages: Vec::new(),
            users: None,
            skew: 0.8,
            mix: None,
            deliver_by: None,
            recipients: None,
            lists: None,
            sizes: None,
            corpus: None,
            in_flight: 200,
            timeout: None,
            warm_up: 2,
            retries: 0,
            retry_after: None,
            senders: BTreeMap::new(),
            single: None,
            clients: None,
        }
    }
}

/// A stretch of constant rate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Stage {
    /// Mean operations a second, such as `"50/s"`.
    #[serde(deserialize_with = "rate")]
    #[schemars(with = "String")]
    pub rate: f64,
    /// For how long.
    pub duration: Span,
}

/// One fault: where it strikes, when, and what it does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Fault {
    /// Name in reports, steps and control commands; unique in the scenario.
    pub name: String,
    /// Storage it strikes. Default: the only one.
    #[serde(default)]
    pub storage: Option<String>,
    /// What it strikes there. Default `file`; `device` where the storage is `on` one.
    #[serde(default)]
    pub level: Level,
    /// Which calls it is about. Absent: every call the effect applies to.
    #[serde(default, rename = "where")]
    pub selector: Selector,
    /// Which of those it strikes. Absent: each of them.
    #[serde(default, rename = "when")]
    pub trigger: Trigger,
    /// What happens to a call it strikes.
    pub effect: Effect,
    /// Nobody repairs it: no step heals it, and it is still there when all mail is read at the end, as a drive that has died.
    /// Acknowledged mail that cannot be read then violates `gone-for-good` (verdict.md). Default false: whatever the steps
    /// left armed is repaired when the traffic is over.
    #[serde(default)]
    pub for_good: bool,
}

/// Something done at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Step {
    /// When, from the start of the traffic.
    #[serde(default)]
    pub at: Option<Span>,
    /// Or: after a fault first fired.
    #[serde(default)]
    pub after_fired: Option<AfterFired>,
    /// Or: when a storage has counted so many.
    #[serde(default)]
    pub at_counter: Option<AtCounter>,
    /// Again and again, once in each such stretch of time from then on, at an instant that the seed draws. Together with
    /// `times`.
    #[serde(default)]
    pub every: Option<Span>,
    /// How often in all, from 1 to 1,000. Together with `every`.
    #[serde(default)]
    pub times: Option<u32>,
    /// It may fail without leaving the run unproved, such as a migration onto a storage that a fault fills: what it left
    /// undone is told in a warning, and mail is judged as ever. Default false.
    #[serde(default)]
    pub may_fail: bool,
    /// What is done.
    #[serde(rename = "do")]
    pub action: StepAction,
}

/// Another course that the same story may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Variant {
    /// What `--variant` calls it.
    pub name: String,
    /// What is done otherwise, in a sentence.
    pub why: String,
    /// Steps, beside those of the scenario.
    #[serde(default)]
    pub step: Vec<Step>,
}

/// A time counted from the first firing of a fault.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AfterFired {
    /// The fault's name.
    pub fault: String,
    /// How long after. Default 0.
    #[serde(default)]
    pub delay: Span,
}

/// The moment when a counter of a storage reaches a number. For the exact call use a fault with `effect.power-cut`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AtCounter {
    /// What is counted, from the mount on.
    pub counter: Counter,
    /// The number that it reaches.
    pub at: Threshold,
    /// Whose counter. Default: that of the only storage.
    #[serde(default)]
    pub storage: Option<String>,
}

fn optional_rate<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    rate(d).map(Some)
}

fn rate<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    let text = String::deserialize(d)?;
    let number = text.strip_suffix("/s").and_then(|n| n.trim().parse::<f64>().ok());
    number.filter(|n| n.is_finite() && *n > 0.0).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a rate; write operations a second, above 0, like \"50/s\""
        ))
    })
}
