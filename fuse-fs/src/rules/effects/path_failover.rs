//! `path-failover`: the path to the storage is lost, and another one takes over after an outage. From its first firing
//! on every call hangs until the outage is over; then all of them go on, or, where no path is left, fail, and so do
//! later ones until the rule is disarmed or its window ends. Healing the rule ends the outage at once.

use super::definition::ANSWERED;
use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::rules::decision::Action;
use crate::rules::problem::Problems;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Calls hang for an outage that begins with the first of them, then go on or fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathFailover {
    /// How long the storage does not answer.
    pub outage: Span,
    /// What comes after: `"resume"` (default), or `{ fail = "EIO" }` until the rule is over.
    #[serde(default)]
    pub then: Then,
}

/// What comes after an outage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Then {
    /// Calls do what they were asked, late.
    #[default]
    Resume,
    /// Calls fail with this error.
    Fail(String),
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "path-failover",
    about: "calls hang for an outage, then go on, or fail until the rule is over",
    contract: "honest",
    ops: ANSWERED,
};

impl Definition for PathFailover {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        if self.outage.0.is_zero() {
            let help = "write a duration such as \"30s\"";
            found.add("effect.path-failover.outage", "an outage of no time is none", help);
        }
        if let Then::Fail(name) = &self.then {
            found.errno("effect.path-failover.then.fail", name);
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        let fail = match &self.then {
            Then::Resume => None,
            Then::Fail(name) => Some(crate::errno::number(name).unwrap_or(libc::EIO)),
        };
        Box::new(Outage { since: AtomicU64::new(u64::MAX), lasts: self.outage.0, fail })
    }
}

struct Outage {
    /// Nanoseconds at which the first call came.
    since: AtomicU64,
    lasts: Duration,
    fail: Option<i32>,
}

impl Strike for Outage {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let since = self.since.fetch_min(struck.now.0, Relaxed).min(struck.now.0);
        let left = self.lasts.saturating_sub(Duration::from_nanos(struck.now.0 - since));
        if left.is_zero() {
            return self.fail.map(|errno| Outcome::act(Action::Fail(errno)));
        }
        let action = self.fail.map_or(Action::Proceed, Action::Overdue);
        Some(Outcome { freeze: true, thaw_after: Some(left), ..Outcome::act(action) })
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use crate::clock::Nanos;

    fn strike(outage: &dyn Strike, ms: u64) -> Option<(Option<Duration>, Action)> {
        let outcome = testing::strike(outage, (Op::Getattr, 0, 0, None), Nanos(1_000_000 * ms), 1)?;
        assert_eq!(outcome.freeze, outcome.thaw_after.is_some());
        Some((outcome.thaw_after, outcome.action))
    }

    #[test]
    fn all_calls_hang_to_the_same_moment_then_go_on_or_fail() {
        let effect = |then| PathFailover { outage: Span(Duration::from_secs(1)), then }.build();
        let resumes = effect(Then::Resume);
        let left = |ms| Some(Duration::from_millis(ms));
        assert_eq!(strike(&*resumes, 500), Some((left(1000), Action::Proceed)));
        assert_eq!(strike(&*resumes, 1400), Some((left(100), Action::Proceed)));
        assert_eq!(strike(&*resumes, 1500), None);
        let fails = effect(Then::Fail("ENXIO".to_owned()));
        assert_eq!(strike(&*fails, 500), Some((left(1000), Action::Overdue(libc::ENXIO))));
        assert_eq!(strike(&*fails, 9999), Some((None, Action::Fail(libc::ENXIO))));
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = PathFailover { outage: Span::default(), then: Then::Fail("EOI".to_owned()) };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"
effect.path-failover.outage: an outage of no time is none (write a duration such as "30s")
effect.path-failover.then.fail: `EOI` is not the name of an error (did you mean `EIO`?)
"#);
    }
}
