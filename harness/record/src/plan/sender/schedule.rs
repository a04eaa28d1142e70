//! When a sender tries next. Pure: a function of the number of attempts and of the message's age at the last one.
//!
//! No attempt is later than the give-up time. Postfix, Exim, Sendmail and qmail give up only after an attempt that fails
//! when the message is older than that (`last-try`); here that attempt is made at the give-up time itself, at most one
//! wait earlier than by the real one.

use super::{AgeWithin, Definition, Quadratic, Retry, Stage};
use std::time::Duration;

/// No sender waits less; it also bounds the number of attempts of whatever a file says.
pub const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a sender does next with a message that is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Tries when the message has this age.
    TryAt(Duration),
    /// Gives it up when it has this age, without another try.
    GiveUpAt(Duration),
}

impl Definition {
    /// What follows `attempts_made` attempts that failed, the last of them when the message had the age
    /// `last_attempt_age`. Ages strictly increase from attempt to attempt; the first attempt is made at once.
    pub fn next(&self, attempts_made: u32, last_attempt_age: Duration) -> Next {
        let give_up = self.give_up.0;
        if attempts_made == 0 {
            return Next::TryAt(Duration::ZERO);
        }
        match self.retry.next(attempts_made, last_attempt_age) {
            Some(age) if age <= give_up => Next::TryAt(age),
            _ if self.last_try && last_attempt_age < give_up => Next::TryAt(give_up),
            _ => Next::GiveUpAt(give_up.max(last_attempt_age)),
        }
    }

    /// The message's age at each attempt, if all fail and each is made on time.
    pub fn attempts(&self) -> impl Iterator<Item = Duration> + '_ {
        let mut made = (0, Duration::ZERO);
        std::iter::from_fn(move || match self.next(made.0, made.1) {
            Next::TryAt(age) => {
                made = (made.0 + 1, age);
                Some(age)
            }
            Next::GiveUpAt(_) => None,
        })
    }

    /// The longest time in which it does nothing: between two attempts, or from the last one to the giving up.
    pub fn longest_silence(&self) -> Duration {
        let ends = self.attempts().skip(1).chain([self.give_up.0]);
        self.attempts().zip(ends).map(|(from, to)| to.saturating_sub(from)).max().unwrap_or(self.give_up.0)
    }
}

impl Retry {
    /// The age at the next attempt by the schedule alone; `None` if there is none. Later than `age` in any case.
    fn next(&self, attempts_made: u32, age: Duration) -> Option<Duration> {
        let next = match self {
            Retry::Every(wait) => age.saturating_add(wait.0),
            Retry::Intervals(waits) => age.saturating_add(interval(waits, attempts_made)?),
            Retry::AgeWithin(bounds) => bounds.next(age),
            Retry::Quadratic(curve) => curve.next(age),
            Retry::Stages(stages) => age.saturating_add(wait_by_stage(stages, age)?),
        };
        Some(next.max(age.saturating_add(SHORTEST_WAIT)))
    }
}

fn interval(waits: &[fuse_fs::units::Span], attempts_made: u32) -> Option<Duration> {
    let n = usize::try_from(attempts_made).unwrap_or(usize::MAX).saturating_sub(1);
    waits.get(n).or(waits.last()).map(|wait| wait.0)
}

impl AgeWithin {
    fn next(&self, age: Duration) -> Duration {
        let due = age.saturating_add(age.max(self.least.0).min(self.most.0));
        self.scan.map_or(due, |scan| {
            let scan = scan.0.max(SHORTEST_WAIT).as_nanos();
            nanos(due.as_nanos().div_ceil(scan) * scan)
        })
    }
}

impl Quadratic {
    fn next(&self, age: Duration) -> Duration {
        let base = self.base.0.max(SHORTEST_WAIT).as_nanos();
        let root = (age.as_nanos() / base).isqrt() + 1;
        nanos(base.saturating_mul(root * root))
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The wait in the stage that is in force at `age`; `None` if none is.
fn wait_by_stage(stages: &[Stage], age: Duration) -> Option<Duration> {
    let n = stages.iter().position(|stage| stage.until.is_none_or(|until| age < until.0))?;
    let start = n.checked_sub(1).and_then(|before| stages[before].until).unwrap_or_default();
    Some(stages[n].wait(age.saturating_sub(start.0)))
}

impl Stage {
    /// The wait after an attempt that was made when the stage had lasted for `elapsed`. It is found from the age alone,
    /// so an attempt that came late does not lengthen all that follow.
    fn wait(&self, elapsed: Duration) -> Duration {
        let mut wait = self.every.0.max(SHORTEST_WAIT);
        let mut passed = wait;
        while self.growth > 1.0 && passed <= elapsed {
            wait = Duration::try_from_secs_f64(wait.as_secs_f64() * self.growth).unwrap_or(Duration::MAX);
            passed = passed.saturating_add(wait);
        }
        wait
    }
}
