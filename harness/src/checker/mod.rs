//! Properties. One file each, and its entry in [`ALL`].
//!
//! A checker is a pure function of a [`Case`]. It answers `invalid` only for what no server that keeps its
//! promises could have produced, `unknown` when the run does not allow an answer, `valid` otherwise.

pub mod acknowledged_durable;
pub mod agreement;
pub mod because;
pub mod cohort;
pub mod content_intact;
pub mod coverage;
pub mod elsewhere;
pub mod error_surfaced;
pub mod expectations;
pub mod fate;
pub mod flags_durable;
pub mod full_disk;
pub mod lie_noticed;
pub mod no_duplicate;
pub mod no_phantom;
pub mod no_resurrection;
pub mod overload;
pub mod recovers;
pub mod redelivery;
pub mod right_mailbox;
pub mod rolled_back;
pub mod spool;
pub mod structure;
pub mod sum_rule;
pub mod uid_rules;

use crate::evidence::Traces;
use crate::evidence::cuts::Cuts;
use crate::history::{Attempt, MessageId, Source};
use crate::ledger::{ClientOp, Ledger, PlaceId, RolledBack, Seen};
use crate::plan::Plan;
use elsewhere::Elsewhere;
use fate::{Disk, Fate, Final, Messages};
use fuse_fs::clock::Nanos;
use reports::model::Verdict;

/// Anomalies kept with evidence per property; all are counted.
pub const KEPT: usize = 20;

/// Everything a checker may look at.
pub struct Case<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was asked and answered.
    pub ledger: &'a Ledger,
    /// What the storage did.
    pub traces: &'a Traces,
    /// What the power cuts took.
    pub cuts: &'a Cuts,
    /// Operations by message.
    pub messages: &'a Messages,
    /// The final reading.
    pub last: &'a Final,
    /// The final reading of the disk.
    pub disk: &'a Disk,
    /// The spool, the queue and the bounces.
    pub elsewhere: &'a Elsewhere,
    /// What became of each message, by its ordinal in `messages`.
    pub fates: &'a [Fate],
}

/// A property and how it is judged.
pub struct Checker {
    /// Name.
    pub name: &'static str,
    /// What it demands, in a few plain words: what is true while it holds.
    pub title: &'static str,
    /// Definition in one sentence.
    pub definition: &'static str,
    /// Where the promise was made that the property holds the mail server to; none if it is this program's own demand.
    pub promise: Option<&'static str>,
    /// Judges.
    pub check: fn(&Case<'_>) -> Finding,
}

/// Every property that is always judged, the gravest first.
pub const ALL: &[Checker] = &[
    acknowledged_durable::CHECKER,
    content_intact::CHECKER,
    error_surfaced::CHECKER,
    lie_noticed::CHECKER,
    rolled_back::CHECKER,
    flags_durable::CHECKER,
    no_resurrection::CHECKER,
    no_phantom::CHECKER,
    right_mailbox::CHECKER,
    uid_rules::CHECKER,
    no_duplicate::CHECKER,
    sum_rule::CHECKER,
    structure::CHECKER,
    recovers::CHECKER,
    coverage::CHECKER,
];

/// One violation.
#[derive(Clone, Debug)]
pub struct Found {
    /// In one sentence.
    pub sentence: String,
    /// Whose file and operations are evidence.
    pub attempt: Option<Attempt>,
    /// Where.
    pub place: Option<PlaceId>,
    /// When it was read, if a reading showed it.
    pub read_at: Option<Nanos>,
    /// It is about the attempt's bytes, and they were read so.
    pub bytes: Option<Source>,
}

impl Found {
    /// About no message.
    pub fn general(sentence: String) -> Found {
        Found { sentence, attempt: None, place: None, read_at: None, bytes: None }
    }

    /// About a copy that a client saw.
    pub fn seen(seen: &Seen, sentence: String) -> Found {
        let (place, read_at) = (Some(seen.place), Some(seen.ended));
        Found { attempt: seen.attempt, place, read_at, ..Found::general(sentence) }
    }
}

/// A property's answer.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The answer.
    pub verdict: Verdict,
    /// In one sentence.
    pub sentence: String,
    /// Violations in all.
    pub count: u64,
    /// The first of them.
    pub found: Vec<Found>,
    /// What the reader should know besides.
    pub warnings: Vec<String>,
    /// It holds because nothing in the run put it to the test.
    pub untested: bool,
    /// It would be a violation, had the machine not been overloaded: how it was.
    pub overload: Option<String>,
}

impl Finding {
    /// Judged by violations alone: none is valid.
    pub fn of(anomalies: Anomalies, sentence: String) -> Finding {
        let verdict = if anomalies.count == 0 { Verdict::Valid } else { Verdict::Invalid };
        let (count, found) = (anomalies.count, anomalies.kept);
        Finding { verdict, sentence, count, found, warnings: Vec::new(), untested: false, overload: None }
    }

    /// Nothing in the run put the property to the test: it holds, and that says nothing.
    pub fn untested(sentence: impl Into<String>) -> Finding {
        Finding { untested: true, ..Finding::of(Anomalies::default(), sentence.into()) }
    }

    /// The run does not allow an answer.
    pub fn unknown(sentence: impl Into<String>) -> Finding {
        let sentence = sentence.into();
        Finding { verdict: Verdict::Unknown, ..Finding::of(Anomalies::default(), sentence) }
    }

    /// The same; untested if it holds and there was nothing to judge.
    pub fn of_cases(self, judged: u64) -> Finding {
        Finding { untested: judged == 0 && self.verdict == Verdict::Valid, ..self }
    }

    /// With a warning.
    pub fn warn(mut self, warning: Option<String>) -> Finding {
        self.warnings.extend(warning);
        self
    }
}

/// Violations, counted; the first ones are kept.
#[derive(Default)]
pub struct Anomalies {
    /// How many.
    pub count: u64,
    /// The first [`KEPT`].
    pub kept: Vec<Found>,
}

impl Anomalies {
    /// Adds one; the words are made only if they are kept.
    pub fn add(&mut self, make: impl FnOnce() -> Found) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(make());
        }
    }

    /// Puts one before all others that says what many of them share; it is not counted.
    pub fn lead(&mut self, sentence: String) {
        self.kept.insert(0, Found::general(sentence));
    }

    /// Adds one that is about no message.
    pub fn say(&mut self, sentence: impl FnOnce() -> String) {
        self.add(|| Found::general(sentence()));
    }
}

impl Case<'_> {
    /// Operations of a message.
    pub fn ops(&self, slot: usize) -> impl Iterator<Item = &ClientOp> + Clone {
        self.messages.ops(slot).iter().map(|&i| &self.ledger.ops[i as usize])
    }

    /// The attempt that stands for a message: the first that was acknowledged, else the first.
    pub fn spokesman(&self, slot: usize) -> Option<Attempt> {
        let stores = || self.ops(slot).filter(|op| op.kind.stores());
        stores().find(|op| op.certain()).or_else(|| stores().next()).map(|op| op.attempt)
    }

    /// Where it was first stored.
    pub fn origin(&self, slot: usize) -> Option<PlaceId> {
        self.ops(slot).find(|op| op.kind.stores()).map(|op| op.place)
    }

    /// A violation about a message.
    pub fn about(&self, slot: usize, sentence: String) -> Found {
        Found { attempt: self.spokesman(slot), place: self.origin(slot), ..Found::general(sentence) }
    }

    /// When the message was first acknowledged.
    pub fn acknowledged_at(&self, slot: usize) -> Option<Nanos> {
        self.ops(slot).filter(|op| op.kind.stores() && op.certain()).map(|op| op.ended).min()
    }

    /// A lying storage struck this message. The properties of an honest storage leave it out.
    pub fn lied_about(&self, slot: usize) -> bool {
        self.struck(slot) || self.rolled_back(slot).is_some()
    }

    /// A lying rule struck a file of this message, or a file of its user that holds no message.
    pub fn struck(&self, slot: usize) -> bool {
        let lies = self.traces;
        if lies.lied_about.is_empty() && lies.lied_below.is_empty() {
            return false;
        }
        let mut stores = self.ops(slot).filter(|op| op.kind.stores());
        let own = stores.any(|op| lies.lied_about.contains_key(&op.attempt));
        own || self.ops(slot).any(|op| self.place_lied_about(op.place))
    }

    /// The rollback that may have undone an operation on this message, by the history's order.
    pub fn rolled_back(&self, slot: usize) -> Option<usize> {
        self.rollback_of(slot, |_| true)
    }

    /// The rollback that may have undone how a copy of this message came to be. One that undid later changes only
    /// explains no loss.
    pub fn arrival_rolled_back(&self, slot: usize) -> Option<usize> {
        self.rollback_of(slot, |op| op.kind.stores() || op.to.is_some())
    }

    fn rollback_of(&self, slot: usize, which: impl Fn(&ClientOp) -> bool) -> Option<usize> {
        let undid = |back: &RolledBack| {
            let undone = |op: &ClientOp| !op.unsent() && which(op) && back.undoes(op.invoked, op.ended);
            self.on_storage(slot, &back.storage) && self.ops(slot).any(undone)
        };
        self.ledger.rollbacks.iter().position(undid)
    }

    /// The message lies on this storage: the trace saw a file of it there, or the mail server's store is there.
    fn on_storage(&self, slot: usize, name: &str) -> bool {
        let number = self.traces.storage(name);
        let mut holders = self.ops(slot).flat_map(|op| self.traces.holders(op.attempt)).peekable();
        match holders.peek() {
            Some(_) => holders.any(|holder| Some(holder.storage) == number),
            None => self.plan.target.storage == name,
        }
    }

    /// A lying rule struck a file of this place's user that holds no message.
    pub fn place_lied_about(&self, place: PlaceId) -> bool {
        let user = self.ledger.user_of(place);
        let below = &self.traces.lied_below;
        !below.is_empty() && (below.contains_key("") || below.contains_key(&self.ledger.user_name(user)))
    }

    /// A message by id, if the history knows it, is subject to a lie.
    pub fn message_lied_about(&self, message: MessageId) -> bool {
        self.messages.slot(message).is_some_and(|slot| self.lied_about(slot))
    }

    /// Ordinals of messages that the honest properties judge.
    pub fn honest(&self) -> impl Iterator<Item = (usize, &Fate)> {
        self.fates.iter().enumerate().filter(|(slot, _)| !self.lied_about(*slot))
    }
}

/// `1 message`, `2,911 messages`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A number with thousands set apart.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
