//! What a statement may claim of a run. The doc comments are the reference; each claim is judged in a file of its family.

use fuse_fs::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What must be seen in the run. Times are those of the story where the scenario has a scale, but for latencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Claim {
    /// For at least so long the traffic went on before the fault first fired; until then no fault fired and no operation
    /// failed.
    HealthyFirst {
        /// Name of the fault.
        fault: String,
        /// At least so long.
        #[serde(rename = "for")]
        span: Span,
    },
    /// The fault's trigger is a counter, and it first fired at the call that took the counter to its number.
    StateTriggered {
        /// Name of the fault.
        fault: String,
        /// The counter may have been past its number by this share of it: a call that the fault strikes must come.
        /// Default 0.01.
        #[serde(default = "one_percent")]
        within: f64,
    },
    /// The storage gave no warning: of the last calls before the fault first fired none failed with an error of the device,
    /// and they were not slower than the same number before them.
    NoWarning {
        /// Name of the fault.
        fault: String,
        /// How many calls.
        calls: u64,
        /// Their 99th percentile of latency may be so many times that of the calls before. Default 3.
        #[serde(default = "three")]
        factor: f64,
    },
    /// From the fault's first firing to its repair no call that asks for data or names got past it: it struck reads and
    /// writes, calls on handles that were open and on paths. A fault that hangs and one that fails are the same to this claim.
    TotalLoss {
        /// Name of the fault.
        fault: String,
        /// Only this volume: a top-level directory of the storage.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        volume: Option<String>,
    },
    /// Clients met silence: of their operations that the fault kept from success, nearly all ran into their time limit and
    /// hardly any got a definite error.
    TimeOutNotError {
        /// Name of the fault. Counted are operations begun after its first firing and due before its repair.
        fault: String,
        /// Counted only until this phase begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_phase: Option<String>,
        /// Largest share of definite errors. Default 0.02.
        #[serde(default = "two_percent")]
        at_most: f64,
    },
    /// Every inspection of the backing disk found every message that the store had acknowledged before it, and one inspection
    /// fell between the fault's first firing and its repair.
    IntactBeneath {
        /// Name of the fault.
        fault: String,
    },
    /// A volume without mail, on the same storage, was impaired by the fault too, and came back.
    CollateralVolume {
        /// Name of the storage.
        storage: String,
        /// The volume: a top-level directory of it.
        volume: String,
        /// Name of the fault.
        fault: String,
        /// It came back before the first delivery into that storage was acknowledged again. Default false.
        #[serde(default)]
        before_mail: bool,
    },
    /// No operation for users of this cohort failed from the fault's first firing to its repair.
    Isolated {
        /// Name of the cohort.
        cohort: String,
        /// Name of the fault.
        fault: String,
        /// So many operations at least succeeded meanwhile. Default 1.
        #[serde(default = "one")]
        at_least: u64,
    },
    /// These phases began in this order. What became of the messages submitted in each is shown.
    PhasesInOrder {
        /// Names of phases.
        phases: Vec<String>,
    },
    /// The property `sum-rule` is valid and no message of a sender was lost.
    SumRule {},
    /// The property `uid-rules` is valid.
    UidRules {},
    /// The storage was repaired where it stood: neither its power went nor was it rolled back, calls went on being counted
    /// after the repair, and the fault never fired again although its counter is past its number.
    FixedInPlace {
        /// Name of the fault.
        fault: String,
        /// So many calls at least came after the repair. Default 100.
        #[serde(default = "hundred")]
        calls: u64,
    },
    /// After the repair these cohorts were served again in this order, and none of them lost a message.
    ProgressiveReopening {
        /// Name of the fault.
        fault: String,
        /// The cohorts, the first to be served first.
        cohorts: Vec<String>,
        /// Counted only from this phase on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_phase: Option<String>,
    },
    /// What waited at the senders and in the front door's spool when the phase began was gone soon, and mail submitted from
    /// then on did not have to wait for it.
    Backlog {
        /// Name of the phase that begins.
        from_phase: String,
        /// Nothing of the backlog waits longer than this after the phase began.
        drained_within: Span,
        /// Largest 95th percentile, of mail submitted after the phase began, from submission to acknowledgement: a time of
        /// the run.
        live_p95: Span,
    },
    /// One class of clients was served again before another.
    ClassLag {
        /// The class that was served first: `webmail`.
        first: String,
        /// The class that followed: `held`.
        then: String,
    },
    /// The phase that reopens the service began after the repair, and an inspection between the two found every message
    /// intact.
    OpenedAfterInspection {
        /// Name of the fault.
        fault: String,
        /// Name of the phase that begins.
        phase: String,
    },
    /// So much time passed from the fault's first firing until every cohort was served again.
    StoryTime {
        /// Name of the fault.
        fault: String,
        /// At least this. It may be nothing: `"0s"`.
        at_least: Span,
        /// And no more than this. Default: however much.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<Span>,
    },
    /// After the fault first fired there was an honest signal: a definite refusal to a client, or a probe that was not
    /// answered. How long it took is shown.
    FirstSignal {
        /// Name of the fault.
        fault: String,
        /// It came within this time. Default: at any time of the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<Span>,
    },
}

fn one_percent() -> f64 {
    0.01
}

fn two_percent() -> f64 {
    0.02
}

fn three() -> f64 {
    3.0
}

fn one() -> u64 {
    1
}

fn hundred() -> u64 {
    100
}

fn fault(name: &str) -> (String, Name<'_>) {
    ("fault".to_owned(), Name::Fault(name))
}

fn phase<'a>(key: &str, name: &'a str) -> (String, Name<'a>) {
    (key.to_owned(), Name::Phase(name))
}

/// Something that a claim names and that must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    Fault(&'a str),
    Storage(&'a str),
    Cohort(&'a str),
    Phase(&'a str),
    /// A volume without mail.
    Volume {
        /// The storage that it is on.
        storage: &'a str,
        volume: &'a str,
    },
    /// A class of clients.
    Class(&'a str),
}

impl Claim {
    /// Its name, as in a scenario.
    pub fn name(&self) -> &'static str {
        match self {
            Claim::HealthyFirst { .. } => "healthy-first",
            Claim::StateTriggered { .. } => "state-triggered",
            Claim::NoWarning { .. } => "no-warning",
            Claim::TotalLoss { .. } => "total-loss",
            Claim::TimeOutNotError { .. } => "time-out-not-error",
            Claim::IntactBeneath { .. } => "intact-beneath",
            Claim::CollateralVolume { .. } => "collateral-volume",
            Claim::Isolated { .. } => "isolated",
            Claim::PhasesInOrder { .. } => "phases-in-order",
            Claim::SumRule {} => "sum-rule",
            Claim::UidRules {} => "uid-rules",
            Claim::FixedInPlace { .. } => "fixed-in-place",
            Claim::ProgressiveReopening { .. } => "progressive-reopening",
            Claim::Backlog { .. } => "backlog",
            Claim::ClassLag { .. } => "class-lag",
            Claim::OpenedAfterInspection { .. } => "opened-after-inspection",
            Claim::StoryTime { .. } => "story-time",
            Claim::FirstSignal { .. } => "first-signal",
        }
    }

    /// Times of the story that are compared with times of the run.
    pub fn times_of_story(&mut self) -> Option<&mut Span> {
        match self {
            Claim::HealthyFirst { span, .. } => Some(span),
            Claim::Backlog { drained_within, .. } => Some(drained_within),
            Claim::FirstSignal { within, .. } => within.as_mut(),
            _ => None,
        }
    }

    /// What it names, each with the key that names it.
    pub fn names(&self) -> Vec<(String, Name<'_>)> {
        match self {
            Claim::HealthyFirst { fault: name, .. }
            | Claim::StateTriggered { fault: name, .. }
            | Claim::NoWarning { fault: name, .. }
            | Claim::TotalLoss { fault: name, .. }
            | Claim::IntactBeneath { fault: name }
            | Claim::FixedInPlace { fault: name, .. }
            | Claim::StoryTime { fault: name, .. }
            | Claim::FirstSignal { fault: name, .. } => vec![fault(name)],
            Claim::TimeOutNotError { fault: name, until_phase, .. } => {
                let until = until_phase.iter().map(|name| phase("until-phase", name));
                [fault(name)].into_iter().chain(until).collect()
            }
            Claim::CollateralVolume { storage, volume, fault: name, .. } => vec![
                ("storage".to_owned(), Name::Storage(storage)),
                ("volume".to_owned(), Name::Volume { storage, volume }),
                fault(name),
            ],
            Claim::Isolated { cohort, fault: name, .. } => {
                vec![("cohort".to_owned(), Name::Cohort(cohort)), fault(name)]
            }
            Claim::PhasesInOrder { phases } => {
                let phases = phases.iter().enumerate();
                phases.map(|(n, name)| phase(&format!("phases.{n}"), name)).collect()
            }
            Claim::ProgressiveReopening { fault: name, cohorts, from_phase } => {
                let cohorts = cohorts.iter().enumerate();
                let cohorts = cohorts.map(|(n, name)| (format!("cohorts.{n}"), Name::Cohort(name)));
                let from = from_phase.iter().map(|name| phase("from-phase", name));
                [fault(name)].into_iter().chain(cohorts).chain(from).collect()
            }
            Claim::Backlog { from_phase, .. } => vec![phase("from-phase", from_phase)],
            Claim::OpenedAfterInspection { fault: name, phase: begins } => {
                vec![fault(name), phase("phase", begins)]
            }
            Claim::ClassLag { first, then } => {
                vec![("first".to_owned(), Name::Class(first)), ("then".to_owned(), Name::Class(then))]
            }
            Claim::SumRule {} | Claim::UidRules {} => Vec::new(),
        }
    }

    /// The storage would be wrong in another way, or the mail, if it does not hold: it then speaks against the mail server.
    /// Otherwise the run was not the incident.
    pub fn is_about_mail(&self) -> bool {
        matches!(self, Claim::IntactBeneath { .. } | Claim::SumRule {} | Claim::UidRules {})
    }
}
