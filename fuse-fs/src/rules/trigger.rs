//! Which of the calls a selector matched are struck. Compiled triggers: pure functions of the call's ordinal,
//! the clock and the storage's counters.

use super::counters::{Counters, step};
use super::draw::{Draws, Purpose, threshold};
use super::rule::{Counter, Rate, Threshold, Trigger};
use crate::call::Call;
use crate::clock::Nanos;
use crate::rules::effects::definition::Rates;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A fault follows another near it with this probability. Bairavasundaram et al. (FAST'08, SIGMETRICS'07) found
/// checksum mismatches and latent sector errors to be highly local in space and time and give no single number;
/// this one is our choice.
const FOLLOWS: f64 = 0.4;
/// How near in the file: the same stretch of this many bytes.
const NEAR: u64 = 1 << 20;
/// How near in time.
const SOON: Duration = Duration::from_secs(60);

/// A compiled trigger.
pub(crate) struct When {
    /// Nanoseconds after the start of the traffic, `from..to`.
    window: std::ops::Range<u64>,
    reaches: Option<Reaches>,
    choice: Choice,
    /// At most this many firings.
    pub(crate) limit: Option<u64>,
}

/// Holds from the moment a counter reaches a number, for ever.
struct Reaches {
    counter: Counter,
    at: u64,
    /// What the counter showed with the call that took it there; 0 until then. That call may be held back and never be
    /// counted, and calls beside it then see less.
    reached: AtomicU64,
}

/// Chooses by ordinal.
enum Choice {
    Always,
    Nth(u64),
    Every(u64),
    Probability(u64),
    Clustered(u64, Cluster),
    Sequence(Sequence),
}

/// The last fault of a rule whose faults come in clusters, until a call near it was or was not struck.
#[derive(Default)]
struct Cluster {
    /// When the last one was, 0 if no other may follow. Asked first, so that the lock is rarely taken.
    at: AtomicU64,
    place: Mutex<Option<FileStretch>>,
}

/// A stretch of a file: inode, and which [`NEAR`] bytes of it.
type FileStretch = (u64, u64);

fn place(call: &Call<'_>) -> Option<FileStretch> {
    call.subject.ino().map(|ino| (ino, call.offset / NEAR))
}

impl Cluster {
    /// Whether this is the next call near the last fault. Only one is.
    fn next(&self, call: &Call<'_>, now: Nanos) -> bool {
        let at = self.at.load(Relaxed);
        if at == 0 || now.since(Nanos(at)) > SOON {
            return false;
        }
        let mut last = self.place.lock();
        let near = last.is_some() && *last == place(call);
        if near {
            *last = None;
            self.at.store(0, Relaxed);
        }
        near
    }

    fn struck(&self, call: &Call<'_>, now: Nanos) {
        *self.place.lock() = place(call);
        self.at.store(now.0.max(1), Relaxed);
    }
}

/// A word over works and fails, the last letter for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    fails: Vec<bool>,
}

/// Why a word is no [`Sequence`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSequence {
    #[error("the word is empty")]
    Empty,
    #[error("`{0}` in `{1}` is neither `w` (works) nor `x` (fails)")]
    NoSuchLetter(char, String),
    #[error("`{0}` does not say what goes on for ever")]
    Endless(String),
    #[error("in `{0}` a letter follows one that goes on for ever")]
    LetterAfterEnd(String),
}

impl Sequence {
    /// Reads a word such as `wxxW`.
    pub(crate) fn parse(word: &str) -> Result<Sequence, BadSequence> {
        let mut letters: Vec<char> = word.chars().collect();
        let last = letters.pop().ok_or(BadSequence::Empty)?;
        if let Some(wrong) = letters.iter().chain([&last]).find(|c| !matches!(c, 'w' | 'x' | 'W' | 'X')) {
            return Err(BadSequence::NoSuchLetter(*wrong, word.to_owned()));
        }
        if last.is_lowercase() {
            return Err(BadSequence::Endless(word.to_owned()));
        }
        if letters.iter().any(|c| c.is_uppercase()) {
            return Err(BadSequence::LetterAfterEnd(word.to_owned()));
        }
        Ok(Sequence { fails: letters.iter().chain([&last]).map(|c| matches!(c, 'x' | 'X')).collect() })
    }

    fn fails(&self, n: u64) -> bool {
        let at = usize::try_from(n - 1).unwrap_or(usize::MAX).min(self.fails.len() - 1);
        self.fails[at]
    }

    /// How many of the first `n` calls fail.
    fn fails_within(&self, n: u64) -> u64 {
        let listed = self.fails.len() as u64;
        let counted =
            self.fails.iter().take(usize::try_from(n).unwrap_or(usize::MAX)).filter(|x| **x).count();
        counted as u64 + if self.fails(listed) { n.saturating_sub(listed) } else { 0 }
    }
}

fn nanos(span: crate::units::Span) -> u64 {
    u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX)
}

impl When {
    /// Compiles a trigger without problems.
    pub(crate) fn new(trigger: &Trigger, rates: Option<Rates>) -> When {
        let from = trigger.after.map_or(0, nanos);
        let to = trigger.window.map_or(u64::MAX, |window| from.saturating_add(nanos(window)));
        When {
            window: from..to,
            reaches: Reaches::new(trigger),
            choice: Choice::new(trigger, rates),
            limit: trigger.limit,
        }
    }

    /// Whether the trigger is in force for a call that came this long after the start of the traffic.
    /// The call that takes the counter to its threshold is the first.
    pub(crate) fn in_force(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> bool {
        self.window.contains(&uptime) && self.reaches.as_ref().is_none_or(|r| r.holds(call, uptime, counters))
    }

    /// What the trigger's counter shows at a call, this one and the one that reached the number included; `None` for a trigger without a counter.
    pub(crate) fn counted(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> Option<u64> {
        let seen =
            |reaches: &Reaches| reaches.value(call, uptime, counters).max(reaches.reached.load(Relaxed));
        self.reaches.as_ref().map(seen)
    }

    /// Whether the n-th call in force is struck.
    pub(crate) fn chooses(&self, call: &Call<'_>, n: u64, now: Nanos, draws: &Draws) -> bool {
        match &self.choice {
            Choice::Always => true,
            Choice::Nth(nth) => n == *nth,
            Choice::Every(every) => n.is_multiple_of(*every),
            Choice::Probability(u64::MAX) => true,
            Choice::Probability(p) => draws.word(Purpose::Trigger, n) < *p,
            Choice::Clustered(p, cluster) => {
                let follows =
                    || cluster.next(call, now) && draws.word(Purpose::Cluster, n) < threshold(FOLLOWS);
                draws.word(Purpose::Trigger, n) < *p || follows()
            }
            Choice::Sequence(sequence) => sequence.fails(n),
        }
    }

    /// A call was struck.
    pub(crate) fn fired(&self, call: &Call<'_>, now: Nanos) {
        if let Choice::Clustered(_, cluster) = &self.choice {
            cluster.struck(call, now);
        }
    }

    /// How many of the first `n` calls in force are struck, where arithmetic knows.
    pub(crate) fn struck_within(&self, n: u64) -> Option<u64> {
        match &self.choice {
            Choice::Always => Some(n),
            Choice::Nth(nth) => Some(u64::from(n >= *nth)),
            Choice::Every(every) => Some(n / every),
            Choice::Probability(_) | Choice::Clustered(..) => None,
            Choice::Sequence(sequence) => Some(sequence.fails_within(n)),
        }
    }
}

impl Choice {
    fn new(trigger: &Trigger, rates: Option<Rates>) -> Choice {
        if let (Some(rate), Some(rates)) = (trigger.rate, rates) {
            let p = match rate {
                Rate::Accelerated => rates.accelerated,
                Rate::Field => rates.field,
            };
            return Choice::Clustered(threshold(p), Cluster::default());
        }
        let sequence = trigger.sequence.as_deref().and_then(|word| Sequence::parse(word).ok());
        match (trigger.nth, trigger.every, trigger.probability, sequence) {
            (Some(n), _, _, _) => Choice::Nth(n),
            (_, Some(n), _, _) => Choice::Every(n.max(1)),
            (_, _, Some(p), _) => Choice::Probability(threshold(p)),
            (_, _, _, Some(sequence)) => Choice::Sequence(sequence),
            (None, None, None, None) => Choice::Always,
        }
    }
}

impl Reaches {
    fn new(trigger: &Trigger) -> Option<Reaches> {
        let at = match trigger.at? {
            Threshold::Count(n) => n,
            Threshold::Time(span) => nanos(span),
        };
        Some(Reaches { counter: trigger.counter?, at, reached: AtomicU64::new(0) })
    }

    /// The counter, with this call.
    fn value(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> u64 {
        let value = counters.get(self.counter).unwrap_or(uptime);
        value.saturating_add(step(self.counter, call.op, call.len))
    }

    fn holds(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> bool {
        if self.reached.load(Relaxed) > 0 {
            return true;
        }
        let value = self.value(call, uptime, counters);
        let holds = value >= self.at;
        if holds {
            self.reached.fetch_max(value, Relaxed);
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;
    use std::path::Path;

    fn word(text: &str) -> String {
        let sequence = Sequence::parse(text).expect("a good word");
        (1..=8).map(|n| if sequence.fails(n) { 'x' } else { 'w' }).collect()
    }

    #[test]
    fn a_sequence_goes_on_with_its_last_letter() {
        assert_eq!(word("wxxW"), "wxxwwwww");
        assert_eq!(word("X"), "xxxxxxxx");
        assert_eq!(word("xwX"), "xwxxxxxx");
    }

    #[test]
    fn a_wrong_sequence_is_explained() {
        let explain = |text| Sequence::parse(text).expect_err("a wrong word");
        insta::assert_snapshot!(explain(""), @"the word is empty");
        insta::assert_snapshot!(explain("wyW"), @"`y` in `wyW` is neither `w` (works) nor `x` (fails)");
        insta::assert_snapshot!(explain("wx"), @"`wx` does not say what goes on for ever");
        insta::assert_snapshot!(explain("wXw"), @"`wXw` does not say what goes on for ever");
        insta::assert_snapshot!(explain("wXW"), @"in `wXW` a letter follows one that goes on for ever");
    }

    /// A file by number.
    struct At(u64);

    impl crate::call::Subject for At {
        fn path(&self) -> Cow<'_, Path> {
            Cow::Borrowed(Path::new("file"))
        }
        fn new_path(&self) -> Option<Cow<'_, Path>> {
            None
        }
        fn kind(&self) -> Option<crate::call::FileKind> {
            None
        }
        fn size(&self) -> Option<u64> {
            None
        }
        fn command(&self) -> Option<Cow<'_, str>> {
            None
        }
        fn ino(&self) -> Option<u64> {
            Some(self.0)
        }
    }

    fn call(subject: &At) -> Call<'_> {
        Call { op: crate::call::Op::Read, offset: 0, len: 1, pid: 1, uid: 0, open_flags: 0, subject }
    }

    #[test]
    fn a_call_beside_the_one_that_reached_the_number_sees_no_less_than_it() {
        let trigger = Trigger {
            counter: Some(Counter::BytesWritten),
            at: Some(Threshold::Count(250)),
            ..Trigger::default()
        };
        let (when, counters) = (When::new(&trigger, None), Counters::default());
        counters.count(crate::call::Op::Write, 200);
        let write = |len| Call { op: crate::call::Op::Write, len, ..call(&At(0)) };
        assert!(!when.in_force(&write(49), 0, &counters));
        assert_eq!(when.counted(&write(49), 0, &counters), Some(249));
        // It is held back and never counted.
        assert!(when.in_force(&write(100), 0, &counters));
        assert!(when.in_force(&write(10), 0, &counters));
        assert_eq!(when.counted(&write(10), 0, &counters), Some(300));
    }

    fn clustered(p: f64) -> When {
        let trigger = Trigger { rate: Some(Rate::Accelerated), ..Trigger::default() };
        When::new(&trigger, Some(Rates { accelerated: p, field: 0.0 }))
    }

    #[test]
    fn a_rate_strikes_as_often_as_it_says_and_never_without_a_first() {
        let (often, never, draws) = (clustered(0.01), clustered(0.0), Draws::new(1, "any"));
        let file = At(1);
        let hits =
            |when: &When| (1..=100_000).filter(|n| when.chooses(&call(&file), *n, Nanos(1), &draws)).count();
        assert!((900..1100).contains(&hits(&often)), "{}", hits(&often));
        assert_eq!(hits(&never), 0);
    }

    /// The call after a fault, of every thousand faults: near it 400 are struck, elsewhere or later none.
    #[test]
    fn a_fault_is_followed_near_it_and_soon() {
        let (when, draws) = (clustered(0.0), Draws::new(1, "any"));
        let follow = |next: &Call<'_>, now: Nanos| -> usize {
            (1..=1000u64)
                .filter(|n| {
                    when.fired(&call(&At(1)), Nanos(1));
                    when.chooses(next, *n, now, &draws)
                })
                .count()
        };
        let (same, other) = (At(1), At(2));
        assert!((350..450).contains(&follow(&call(&same), Nanos(2))));
        assert_eq!(follow(&call(&other), Nanos(2)), 0);
        assert_eq!(follow(&Call { offset: NEAR, ..call(&same) }, Nanos(2)), 0);
        assert_eq!(follow(&call(&same), Nanos(2) + SOON), 0);
        when.fired(&call(&same), Nanos(1));
        when.chooses(&call(&same), 1, Nanos(2), &draws);
        assert!((2..1000).all(|n| !when.chooses(&call(&same), n, Nanos(2), &draws)), "only the next one");
    }

    proptest! {
        #[test]
        fn the_count_of_struck_calls_agrees_with_the_choices(
            trigger in prop_oneof![
                (1u64..20).prop_map(|n| Trigger { nth: Some(n), ..Trigger::default() }),
                (1u64..20).prop_map(|n| Trigger { every: Some(n), ..Trigger::default() }),
                "[wx]{0,6}[WX]".prop_map(|s| Trigger { sequence: Some(s), ..Trigger::default() }),
                Just(Trigger::default()),
            ],
            n in 0u64..60,
        ) {
            let when = When::new(&trigger, None);
            let draws = Draws::new(1, "any");
            let counted = (1..=n).filter(|k| when.chooses(&call(&At(0)), *k, Nanos(1), &draws)).count() as u64;
            prop_assert_eq!(when.struck_within(n), Some(counted));
        }
    }
}
