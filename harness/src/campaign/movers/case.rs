//! One cut: after which call of the mover, and how what survives is chosen.

use fuse_fs::durability::cut::CutMode;
use record::plan::seed::component_seed;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// A cut of the destination's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// The how-many-th of the mover's calls at the destination that change something or make it durable, from 1; none: it has ended.
    pub(crate) call: Option<u64>,
    pub(crate) draw: Draw,
}

/// Which of the states that the storage may show after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// Nothing survives that need not.
    Least,
    /// By chance, from 1.
    Random(u32),
}

/// After the mover's end, with nothing that need not survive.
pub(crate) const AT_THE_END: Case = Case { call: None, draw: Draw::Least };

const END: &str = "end";

impl Case {
    pub(crate) fn mode(self) -> CutMode {
        match self.draw {
            Draw::Least => CutMode::DropUnsynced,
            Draw::Random(_) => CutMode::Random,
        }
    }

    /// Seed of what survives.
    pub(crate) fn seed(self, seed: u64) -> u64 {
        component_seed(seed, &format!("cut {self}"))
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.call {
            Some(call) => write!(f, "{call}.")?,
            None => write!(f, "{END}.")?,
        }
        match self.draw {
            Draw::Least => write!(f, "{}", CutMode::DropUnsynced),
            Draw::Random(number) => write!(f, "{}-{number}", CutMode::Random),
        }
    }
}

/// A text that names no cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no cut; write the number of a call or `end`, then how survivors are chosen: `12.drop-unsynced`, `end.random-1`"
)]
pub(crate) struct NoCase(String);

impl FromStr for Case {
    type Err = NoCase;

    fn from_str(text: &str) -> Result<Case, NoCase> {
        let parsed = || {
            let (call, draw) = text.split_once('.')?;
            let call = if call == END { None } else { Some(number(call)?) };
            let drawn = || Some(Draw::Random(number(draw.strip_prefix("random-")?)?.try_into().ok()?));
            let draw = if draw == "drop-unsynced" { Draw::Least } else { drawn()? };
            Some(Case { call, draw })
        };
        parsed().ok_or_else(|| NoCase(text.to_owned()))
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_it_is_written() {
        for text in ["12.drop-unsynced", "1.random-3", "end.drop-unsynced", "end.random-1"] {
            assert_eq!(text.parse::<Case>().expect("a case").to_string(), text);
        }
        for text in ["", "12", "0.drop-unsynced", "3.random-0", "x.random-1", "3.random", "end"] {
            assert!(text.parse::<Case>().is_err(), "{text}");
        }
    }

    #[test]
    fn draws_have_seeds_of_their_own() {
        let of = |text: &str| text.parse::<Case>().expect("a case").seed(1);
        assert_ne!(of("1.random-1"), of("1.random-2"));
        assert_ne!(of("1.random-1"), of("2.random-1"));
    }
}
