//! What a result is. Everything a renderer shows is here; renderers compute nothing.
//!
//! The JSON form carries [`SCHEMA_VERSION`]; its schema is committed as `reports/schema.json` and compared in
//! a test. Fields are added, not changed; a change that breaks a reader raises the version.

use crate::kit::verdict::Verdict;

use super::difference::Difference;
use super::series::Series;
use crate::kit::figures::{Clock, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// One run, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// Whether the mail server kept its promises, and whether the run can tell.
    pub verdict: Verdict,
    /// The answer in one sentence, in the user's unit: "3 of 2,911 acknowledged messages were lost".
    pub sentence: String,
    /// What was run, on what, and how to run it again.
    pub run: Run,
    /// How many messages were sent, and what became of them.
    pub messages: Messages,
    /// Every property that was judged, worst first.
    pub properties: Vec<Property>,
    /// What was seen of the mail server besides, which changes no verdict.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Every fault that was armed.
    pub faults: Vec<Fault>,
    /// Client operations by kind.
    pub operations: Vec<Operation>,
    /// The load generator, which is this program on this machine; reports of earlier versions have none, and count latency
    /// from when operations were due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Steps of the nemesis, phases and events of the mail server, in time order.
    pub timeline: Vec<Moment>,
    /// What became of the mail of each kind of sender; empty if the scenario models none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<Sender>,
    /// What an incident's reproduction must show, each judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
    /// When each class of clients was served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientClass>,
    /// Users moved from one storage to another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<Migration>,
    /// The run over time; reports of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// Files and messages of the corpus that were not sent; empty if all were, or if there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// What the reader should know: saturation, lying devices, harness trouble.
    pub warnings: Vec<String>,
}

impl Report {
    /// Of deliveries that ended well.
    #[must_use]
    pub fn delivery_latency(&self) -> Option<Quantiles> {
        self.operations.iter().find(|operation| operation.name == "deliver")?.latency
    }

    /// What was left out of the corpus, and why, in words; none if nothing was.
    #[must_use]
    pub fn left_out_in_words(&self) -> Option<String> {
        let all = self.left_out.iter().map(|one| format!("{} ({})", one.why, grouped(one.count)));
        let all: Vec<String> = all.collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// What was not sent of a corpus, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The reason: `empty`.
    pub why: String,
    /// How many files and messages.
    pub count: u64,
}

/// What was run, on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Name of the scenario.
    pub scenario: String,
    /// Why the scenario exists.
    pub why: String,
    /// Sources of an incident's facts.
    pub sources: Vec<String>,
    /// Mail server: target name.
    pub target: String,
    /// Its version as it says it itself, if known.
    pub target_version: Option<String>,
    /// Seed that the plan follows from.
    pub seed: u64,
    /// Version of the program that made this.
    pub version: String,
    /// When the run started, RFC 3339 UTC.
    pub started: String,
    /// How long the traffic and recovery lasted, seconds.
    pub duration_s: f64,
    /// Directory with everything that was recorded.
    pub directory: String,
    /// Command that runs the same plan again.
    pub reproduce: String,
    /// The same from the copies that the run directory keeps: for when a file that `reproduce` names is gone or another by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduce_from_copies: Option<String>,
    /// Seconds of the story that one second of the run stands for; none if the run tells no story.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story_scale: Option<f64>,
    /// What the storage promised: `honest` or `lying`; or `elsewhere`, where the run had none.
    pub contract: String,
    /// What each storage keeps across a power cut, by its name: `ext4-ordered`.
    #[serde(default)]
    pub persistence: Vec<(String, String)>,
    /// Kernel, file system beneath, cores: name and value.
    pub environment: Vec<(String, String)>,
    /// The files that the judgement is made from, as they were when it was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<Recorded>,
    /// One digest of all of `recorded`: BLAKE3 of its lines as `b3sum` prints them, in their order.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// How the machine was overloaded, where what was late or did not come back is therefore not held against the mail
    /// server: such a run is to be done again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overload: Option<String>,
    /// Why the run was not done to its end, in the words that the program ended with: trouble with the machine or in this
    /// program, and nothing that the mail server did. Such a run ends with exit code 70 and is never valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A file of the run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// Its path in the run directory.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 digest, hexadecimal.
    pub blake3: String,
}

impl Property {
    /// What people call it.
    #[must_use]
    pub fn words(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }
}

impl Run {
    /// The clocks that its times are shown by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock { scale: self.story_scale }
    }

    /// When it started; none if `started` is no time.
    pub(crate) fn start(&self) -> Option<jiff::Timestamp> {
        self.started.parse().ok()
    }
}

/// How many messages, in the user's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Messages {
    /// Logical messages that clients tried to store.
    pub submitted: u64,
    /// Acknowledged at least once.
    pub acknowledged: u64,
    /// Refused in every attempt that was begun.
    pub refused: u64,
    /// Neither: they may or may not be stored.
    pub uncertain: u64,
    /// Acknowledged, not expunged, and found intact at the end.
    pub intact: u64,
    /// Acknowledged and gone.
    pub lost: u64,
    /// Acknowledged and on the disk, but not to be seen through the server.
    pub invisible: u64,
    /// Of `invisible`: shown after the server's index was rebuilt.
    #[serde(default)]
    pub hidden: u64,
    /// Acknowledged by SMTP, not in a mailbox, and in the mail server's queue at the end: accounted for.
    #[serde(default)]
    pub queued: u64,
    /// Acknowledged by SMTP, not in a mailbox, and a bounce of it came back to its sender: accounted for.
    #[serde(default)]
    pub bounced: u64,
    /// Acknowledged and found with other content.
    pub damaged: u64,
    /// Acknowledged, and nobody could look: its mailbox could not be read to its end.
    #[serde(default)]
    pub unread: u64,
    /// Acknowledged while a fault was armed.
    pub acknowledged_under_fault: u64,
    /// Not submitted: the load generator had no room for any attempt.
    #[serde(default)]
    pub never_begun: u64,
}

/// A property, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Property {
    /// Name, such as `acknowledged-durable`.
    pub name: String,
    /// What it demands, in a few plain words: `No acknowledged message is lost`. Empty in reports of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its definition in one sentence.
    pub definition: String,
    /// Where the promise was made, such as `RFC 5321, 6.1: ...`; none if it is a demand of this program or of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
    /// The answer for this property.
    pub verdict: Verdict,
    /// The answer in one sentence, with counts.
    pub sentence: String,
    /// It holds because nothing in the run put it to the test: that says nothing about the mail server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untested: bool,
    /// How many anomalies there are; `anomalies` may hold fewer.
    pub count: u64,
    /// The first anomalies, with evidence.
    pub anomalies: Vec<Anomaly>,
}

/// One violation, with evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// What was violated, in one sentence.
    pub sentence: String,
    /// Attempt token of the message, if it is about one.
    pub message: Option<String>,
    /// User and mailbox.
    pub place: Option<String>,
    /// What happened to it, in time order: client operations, file-system calls, firings, readings.
    pub evidence: Vec<Moment>,
    /// The bytes, where it came back with others than were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// Something about the mail server that is worth knowing and neither violates a property nor keeps one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Kind, such as `permanent-refusal`.
    pub kind: String,
    /// How often it was seen.
    pub count: u64,
    /// In one sentence, with counts.
    pub sentence: String,
    /// The first ones.
    pub examples: Vec<Example>,
}

/// One case of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// Attempt token of the message, if it is about one.
    pub message: Option<String>,
    /// What shows it.
    pub evidence: Moment,
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Seconds from the start of the traffic (negative: warm-up).
    pub at_s: f64,
    /// Who: `client`, `storage`, `fault`, `target`, `nemesis`, `reading`.
    pub who: String,
    /// What it did, or what was done to it.
    pub what: String,
}

/// A fault: armed, matched, fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Name of the storage that has it.
    pub storage: String,
    /// Name of its rule in the scenario.
    pub name: String,
    /// Effect in words: `errno EIO on fsync`.
    pub effect: String,
    /// It lies about what the device did.
    pub lying: bool,
    /// Calls its selector matched while armed.
    pub matched: u64,
    /// Calls it struck.
    pub fired: u64,
    /// First firing, seconds from the start of the traffic.
    pub first_s: Option<f64>,
    /// Last firing, seconds from the start of the traffic.
    pub last_s: Option<f64>,
    /// What it struck: (operation, class of path, count). Of a fault of a device that names files: the file in whose sectors it was.
    pub struck: Vec<(String, String, u64)>,
}

/// Whether the load was made as it was planned. Nothing of it is the mail server's doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// From when each operation was due until it was begun; none without operations.
    pub lateness: Option<Quantiles>,
    /// What is called late, seconds.
    pub bound_s: f64,
    /// More than one in a hundred operations was begun later than that: the generator, not the mail server, was slow. No
    /// latency of the run is judged.
    pub late: bool,
    /// Operations that were begun later than that.
    pub late_operations: u64,
    /// Operations that were never begun, because as many as may be were under way.
    pub never_begun: u64,
    /// The same in a sentence or two.
    pub sentence: String,
}

/// Client operations of one kind. Those that were never begun are in none of the other numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// `deliver`, `append`, `fetch`, `search`, `flag`, `move`, `copy`, `expunge`.
    pub name: String,
    /// Operations that ended well.
    pub ok: u64,
    /// Operations that certainly did not happen.
    pub fail: u64,
    /// Operations that may or may not have happened.
    pub info: u64,
    /// Of `fail` and `info`: ran into the time limit.
    pub timed_out: u64,
    /// Latency of `ok` operations from their start.
    pub latency: Option<Quantiles>,
    /// From when each was due until it was begun: the load generator's doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Quantiles>,
    /// Never begun: there was no room for it.
    #[serde(default)]
    pub never_begun: u64,
}

/// Latency quantiles, seconds, 3 significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Half took no longer than this.
    pub p50_s: f64,
    /// 95 of 100 took no longer than this.
    pub p95_s: f64,
    /// 99 of 100 took no longer than this.
    pub p99_s: f64,
    /// None took longer than this.
    pub max_s: f64,
}

/// What became of the mail of one kind of sending mail system. Every message submitted is counted once:
/// `submitted = stored + queued + bounced + given_up + lost`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// Name of its definition: `postfix`, `exchange-online`.
    pub name: String,
    /// Logical messages that it took over from their authors.
    pub submitted: u64,
    /// Stored in the mailbox at the end, or removed from it by a client that was told so.
    pub stored: u64,
    /// Of `stored`: not at the first attempt.
    pub late: u64,
    /// Waiting at the end: at the sender, in the front door's spool or in the mail server's queue.
    pub queued: u64,
    /// Refused for good: the author was told at once.
    pub bounced: u64,
    /// Not delivered within the sender's queue lifetime: the author was told then.
    pub given_up: u64,
    /// Acknowledged, and nowhere: nobody was told.
    pub lost: u64,
    /// Of `stored`: the author was told that it was not delivered.
    pub told_wrongly: u64,
    /// From submission to acknowledgement, of `stored`: seconds of the run.
    pub delay: Option<Quantiles>,
}

/// One thing that a reproduction of an incident must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// Its number: `L1`.
    pub id: String,
    /// What is required.
    pub required: String,
    /// What was seen, with figures.
    pub seen: String,
    /// Valid: it holds. Invalid: it does not. Unknown: the run cannot tell.
    pub verdict: Verdict,
}

/// How one class of clients fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientClass {
    /// Its name: `webmail`, `held`.
    pub name: String,
    /// How many clients.
    pub clients: u64,
    /// Times it was asked whether they are served.
    pub asked: u64,
    /// Of these, served.
    pub served: u64,
    /// When the first of them was not served, seconds from the start of the traffic.
    pub down_s: Option<f64>,
    /// From when on all of them were served again.
    pub healthy_again_s: Option<f64>,
    /// Share of its clients that were served, from that second on.
    pub availability: Vec<(f64, f64)>,
}

/// Users moved by one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Migration {
    /// From this storage.
    pub from: String,
    /// To this storage.
    pub to: String,
    /// Users it was about.
    pub users: u64,
    /// Served from the new storage at the end.
    pub switched: u64,
    /// Served from the old storage at the end: not begun, failed, paused or taken back.
    pub back: u64,
    /// Between: copying, or held.
    pub between: u64,
    /// When the first was begun, seconds from the start of the traffic.
    pub from_s: f64,
    /// When the last was switched.
    pub to_s: f64,
    /// How long a user was not let in: seconds of the run.
    pub held: Option<Quantiles>,
    /// Users that did not make it, and why: the first.
    pub trouble: Vec<(String, String)>,
}
