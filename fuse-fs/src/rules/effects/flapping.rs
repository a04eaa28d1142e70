//! `flapping`: the storage goes down and comes up again and again, as a loose cable or a link that renegotiates does.
//! It goes down with the first call that the rule is about; while it is down calls fail.

use super::definition::ANSWERED;
use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::rules::decision::Action;
use crate::rules::problem::Problems;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The storage is down and up in turn; while it is down calls fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flapping {
    /// How long it is down each time. The first time begins with the first call.
    pub down: Span,
    /// How long it is up in between.
    pub up: Span,
    /// Name of the error while it is down. Default `EIO`.
    #[serde(default = "Flapping::default_code")]
    pub code: String,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "flapping",
    about: "the storage goes down and comes up again and again; while it is down calls fail",
    contract: "honest",
    ops: ANSWERED,
};

impl Flapping {
    fn default_code() -> String {
        "EIO".to_owned()
    }
}

impl Definition for Flapping {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, found: &mut Problems) {
        for (field, span) in [("down", self.down), ("up", self.up)] {
            if span.0.is_zero() {
                let help = "write a duration such as \"200ms\"";
                found.add(format!("effect.flapping.{field}"), "a phase of no time is none", help);
            }
        }
        found.errno("effect.flapping.code", &self.code);
    }

    fn build(&self) -> Box<dyn Strike> {
        let nanos = |span: Span| u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX / 2);
        Box::new(Phases {
            since: AtomicU64::new(u64::MAX),
            down: nanos(self.down),
            cycle: nanos(self.down).saturating_add(nanos(self.up)).max(1),
            errno: crate::errno::number(&self.code).unwrap_or(libc::EIO),
        })
    }
}

/// All in nanoseconds.
struct Phases {
    since: AtomicU64,
    down: u64,
    cycle: u64,
    errno: i32,
}

impl Strike for Phases {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let since = self.since.fetch_min(struck.now.0, Relaxed).min(struck.now.0);
        let is_down = (struck.now.0 - since) % self.cycle < self.down;
        is_down.then(|| Outcome::act(Action::Fail(self.errno)))
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::call::Op;
    use crate::clock::Nanos;
    use std::time::Duration;

    #[test]
    fn goes_down_first_and_then_in_turn() {
        let ms = |n| Span(Duration::from_millis(n));
        let phases = Flapping { down: ms(100), up: ms(200), code: "ENOTCONN".to_owned() }.build();
        let is_down = |at: u64| {
            let outcome = testing::strike(&*phases, (Op::Read, 0, 1, Some(1)), Nanos(at * 1_000_000), 1);
            assert!(outcome.as_ref().is_none_or(|o| o.action == Action::Fail(libc::ENOTCONN)));
            outcome.is_some()
        };
        let down = [50, 100, 149, 150, 349, 350, 449, 450].map(is_down);
        assert_eq!(down, [true, true, true, false, false, true, true, false]);
    }

    #[test]
    fn refuses_wrong_values() {
        let wrong = Flapping { down: Span::default(), up: Span::default(), code: "EI".to_owned() };
        insta::assert_snapshot!(testing::problems(&wrong), @r#"
effect.flapping.down: a phase of no time is none (write a duration such as "200ms")
effect.flapping.up: a phase of no time is none (write a duration such as "200ms")
effect.flapping.code: `EI` is not the name of an error (did you mean `EIO`?)
"#);
    }
}
