//! What a rehearsal is: a migration to another disk, tried out before it is done, with and without failures, and what it tells of the
//! real one. Everything its renderers show is here; they compute nothing.
//!
//! Each part is an ordinary run with a report of its own in its directory. Figures are measured in the rehearsal or follow from
//! such by arithmetic; each says how.

use crate::comparison::Comparison;
use crate::kit::verdict::Verdict;
use crate::run::{Quantiles, Recorded};
use crate::stores::Stores;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// A migration to another disk, tried out before it is done, with and without failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rehearsal {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Valid: go. Invalid: no go. Unknown: the rehearsal proves neither.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub sentence: String,
    /// What speaks against going, a sentence each, worst first; empty if nothing does.
    pub reasons: Vec<String>,
    /// Mail server: target name.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub target_version: Option<String>,
    /// Version of the program that made this.
    pub version: String,
    /// Seed that the plan of every part follows from.
    pub seed: u64,
    /// What was rehearsed: name and value.
    pub about: Vec<(String, String)>,
    /// Every part, in the order in which they were run.
    pub parts: Vec<Part>,
    /// Users' own mail, moved by the user's own mover; none if that part is missing.
    #[serde(default)]
    pub own_mail: Option<OwnMail>,
    /// The old disk beside the new one; none if a part that it needs is missing.
    pub comparison: Option<Comparison>,
    /// How fast a backlog may be let in; none if that part is missing.
    pub reopening: Option<Reopening>,
    /// What follows for the real service.
    pub figures: Vec<Figure>,
    /// What it was made from: the reports of its parts, the inventories of the mail; paths in its directory.
    #[serde(default)]
    pub recorded: Vec<Recorded>,
    /// One digest of all of `recorded`: of the lines that `b3sum` prints; empty without any.
    #[serde(default)]
    pub fingerprint: String,
    /// Directory with everything.
    pub directory: String,
    /// Command that runs it again.
    pub reproduce: String,
    /// How long it took, in words.
    pub speed: String,
}

/// One run of the rehearsal, with a report of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its name: `migration`, `full`.
    pub name: String,
    /// What was done, in a sentence.
    pub about: String,
    /// Its own verdict; unknown if it came to none.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub found: String,
    /// Users who were to be moved, by each of its migrations.
    pub moved: Vec<Moved>,
    /// How long users were kept out while they were moved.
    pub kept_out: Option<Quantiles>,
    /// Its directory, if it was run.
    pub directory: Option<String>,
    /// Command that runs it again.
    pub reproduce: Option<String>,
}

/// A copy of mail that is there, moved by the user's own mover, and each user's mail before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnMail {
    /// Where the mail lies that was copied.
    pub store: String,
    /// Users whose mail was copied and moved.
    pub users: u64,
    /// Users whose mail is there.
    pub users_there: u64,
    /// Files that went away while they were copied: the store was in use.
    pub gone_while_copied: u64,
    /// The mover: a shell's line.
    pub mover: String,
    /// How often it was run: once, or for each user.
    pub times: u64,
    /// It said that it failed, at least once.
    pub failed: bool,
    /// What it said of itself, if not that all went well.
    pub ended: Vec<String>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// The copies before, A, and what the mover made of them, B.
    pub stores: Stores,
}

/// What a migration came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Storage that the users were to be moved to.
    pub to: String,
    /// Users who were begun.
    pub begun: u64,
    /// Of these, served from there at its end.
    pub arrived: u64,
}

/// How fast mail that waited may be let in beside new mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reopening {
    /// New mail must be acknowledged within this, at the 95th percentile, seconds.
    pub bound_s: f64,
    /// What was tried, slowest first.
    pub tries: Vec<Drain>,
    /// The plan in one sentence.
    pub sentence: String,
}

/// One try at letting in the mail that waited, at a bounded rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drain {
    /// Messages a second that were let in at most.
    pub allowed: f64,
    /// Messages that waited when it began.
    pub backlog: u64,
    /// Seconds until the last of them was delivered; none if that did not happen before the next outage.
    pub drained_s: Option<f64>,
    /// Messages a second that it came to.
    pub rate: Option<f64>,
    /// New messages that arrived meanwhile.
    pub live: u64,
    /// When 95 of 100 of these were acknowledged, seconds; none if they never were, or too few arrived.
    pub live_p95_s: Option<f64>,
    /// Valid: new mail kept the bound and the backlog went. Invalid: it did not. Unknown: too little mail to tell.
    pub verdict: Verdict,
}

/// A number that follows from the rehearsal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What the number says.
    pub name: String,
    /// The number, in `unit`.
    pub value: f64,
    /// Its unit: `messages`, `messages/s`, `bytes`, `hours`.
    pub unit: String,
    /// How it was measured or reckoned.
    pub how: String,
}

impl Rehearsal {
    /// Enough of the fingerprint to be copied by hand; none without one.
    #[must_use]
    pub fn short_fingerprint(&self) -> Option<String> {
        let short: String = self.fingerprint.chars().take(16).collect();
        (!short.is_empty()).then_some(short)
    }
}

/// The answer as people who decide about a migration say it.
#[must_use]
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "GO",
        Verdict::Unknown => "INCONCLUSIVE",
        Verdict::Invalid => "NO-GO",
    }
}
