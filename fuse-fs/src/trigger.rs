//! Which of the calls a selector matched are struck. Compiled triggers: pure functions of the call's ordinal,
//! the clock and the storage's counters.

use crate::call::Call;
use crate::counters::{Counters, step};
use crate::draw::{Draws, Purpose, threshold};
use crate::rule::{Counter, Threshold, Trigger};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    reached: AtomicBool,
}

/// Chooses by ordinal.
enum Choice {
    Always,
    Nth(u64),
    Every(u64),
    Probability(u64),
    Sequence(Sequence),
}

/// A word over works and fails, the last letter for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    fails: Vec<bool>,
}

impl Sequence {
    /// Reads a word such as `wxxW`.
    pub(crate) fn parse(word: &str) -> Result<Sequence, String> {
        let mut letters: Vec<char> = word.chars().collect();
        let last = letters.pop().ok_or("the word is empty")?;
        if let Some(wrong) = letters.iter().chain([&last]).find(|c| !matches!(c, 'w' | 'x' | 'W' | 'X')) {
            return Err(format!("`{wrong}` in `{word}` is neither `w` (works) nor `x` (fails)"));
        }
        if last.is_lowercase() {
            return Err(format!("`{word}` does not say what goes on for ever"));
        }
        if letters.iter().any(|c| c.is_uppercase()) {
            return Err(format!("in `{word}` a letter follows one that goes on for ever"));
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
    pub(crate) fn new(trigger: &Trigger) -> When {
        let from = trigger.after.map_or(0, nanos);
        let to = trigger.window.map_or(u64::MAX, |window| from.saturating_add(nanos(window)));
        When {
            window: from..to,
            reaches: Reaches::new(trigger),
            choice: Choice::new(trigger),
            limit: trigger.limit,
        }
    }

    /// Whether the trigger is in force for a call that came this long after the start of the traffic.
    /// The call that takes the counter to its threshold is the first.
    pub(crate) fn in_force(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> bool {
        self.window.contains(&uptime) && self.reaches.as_ref().is_none_or(|r| r.holds(call, uptime, counters))
    }

    /// Whether the n-th call in force is struck.
    pub(crate) fn chooses(&self, n: u64, draws: &Draws) -> bool {
        match &self.choice {
            Choice::Always => true,
            Choice::Nth(nth) => n == *nth,
            Choice::Every(every) => n.is_multiple_of(*every),
            Choice::Probability(u64::MAX) => true,
            Choice::Probability(p) => draws.word(Purpose::Trigger, n) < *p,
            Choice::Sequence(sequence) => sequence.fails(n),
        }
    }

    /// How many of the first `n` calls in force are struck, where arithmetic knows.
    pub(crate) fn struck_within(&self, n: u64) -> Option<u64> {
        match &self.choice {
            Choice::Always => Some(n),
            Choice::Nth(nth) => Some(u64::from(n >= *nth)),
            Choice::Every(every) => Some(n / every),
            Choice::Probability(_) => None,
            Choice::Sequence(sequence) => Some(sequence.fails_within(n)),
        }
    }
}

impl Choice {
    fn new(trigger: &Trigger) -> Choice {
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
        Some(Reaches { counter: trigger.counter?, at, reached: AtomicBool::new(false) })
    }

    fn holds(&self, call: &Call<'_>, uptime: u64, counters: &Counters) -> bool {
        if self.reached.load(Relaxed) {
            return true;
        }
        let value = counters.get(self.counter).unwrap_or(uptime);
        let holds = value.saturating_add(step(self.counter, call.op, call.len)) >= self.at;
        if holds {
            self.reached.store(true, Relaxed);
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            let when = When::new(&trigger);
            let draws = Draws::new(1, "any");
            let counted = (1..=n).filter(|k| when.chooses(*k, &draws)).count() as u64;
            prop_assert_eq!(when.struck_within(n), Some(counted));
        }
    }
}
