use fuse_fs::clock::Nanos;
use record::history::{Attempt, Source};
use record::ledger::entry::{MailboxId, Seen};
use reports::kit::verdict::Verdict;

/// Anomalies kept with evidence per property; all are counted.
pub(crate) const KEPT: usize = 20;

#[derive(Clone, Debug)]
pub struct Violation {
    /// In one sentence.
    pub sentence: String,
    /// Whose file and operations are evidence.
    pub attempt: Option<Attempt>,
    pub place: Option<MailboxId>,
    /// When it was read, if a reading showed it.
    pub read_at: Option<Nanos>,
    /// It is about the attempt's bytes, and they were read so.
    pub bytes: Option<Source>,
}

impl Violation {
    /// About no message.
    pub fn general(sentence: String) -> Violation {
        Violation { sentence, attempt: None, place: None, read_at: None, bytes: None }
    }

    /// About a copy that a client saw.
    pub fn seen(seen: &Seen, sentence: String) -> Violation {
        let (place, read_at) = (Some(seen.place), Some(seen.ended));
        Violation { attempt: seen.attempt, place, read_at, ..Violation::general(sentence) }
    }
}

/// A property's answer.
#[derive(Clone, Debug)]
pub struct Finding {
    pub verdict: Verdict,
    /// In one sentence.
    pub sentence: String,
    /// Violations in all.
    pub count: u64,
    /// The first of them.
    pub found: Vec<Violation>,
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
    pub count: u64,
    /// The first [`KEPT`].
    pub kept: Vec<Violation>,
}

impl Anomalies {
    /// Adds one; the words are made only if they are kept.
    pub fn add(&mut self, make: impl FnOnce() -> Violation) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(make());
        }
    }

    /// Puts one before all others that says what many of them share; it is not counted.
    pub fn lead(&mut self, sentence: String) {
        self.kept.insert(0, Violation::general(sentence));
    }

    /// Adds one that is about no message.
    pub fn say(&mut self, sentence: impl FnOnce() -> String) {
        self.add(|| Violation::general(sentence()));
    }
}
