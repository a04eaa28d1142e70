//! A part of many runs: which of how many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::num::NonZeroU32;

/// A part of many runs that are shared out among machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which part it is, from 1 on.
    pub number: NonZeroU32,
    /// How many there are.
    pub of: NonZeroU32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard { number: NonZeroU32::MIN, of: NonZeroU32::MIN };

    /// None if there is no such part.
    #[must_use]
    pub fn new(number: u32, of: u32) -> Option<Shard> {
        let (number, of) = (NonZeroU32::new(number)?, NonZeroU32::new(of)?);
        (number <= of).then_some(Shard { number, of })
    }

    /// Whether there are others beside it.
    #[must_use]
    pub fn is_part(self) -> bool {
        self.of > NonZeroU32::MIN
    }

    /// Itself, where a report has to say that it is one.
    #[must_use]
    pub fn as_part(self) -> Option<Shard> {
        Some(self).filter(|shard| shard.is_part())
    }

    /// For the end of a sentence about it.
    #[must_use]
    pub fn words(self) -> String {
        format!("shard {} of {}", self.number, self.of)
    }

    /// For the end of the name of its directory: nothing if there are no others.
    #[must_use]
    pub fn suffix(self) -> String {
        self.as_part().map_or(String::new(), |shard| format!("-{}-of-{}", shard.number, shard.of))
    }
}

/// As the command line takes it: `2/4`.
impl Display for Shard {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_parts_as_it_says() {
        assert_eq!((1..=5).filter_map(|number| Shard::new(number, 4)).count(), 4);
        assert_eq!((Shard::new(0, 4), Shard::new(1, 0)), (None, None));
        assert_eq!(Shard::new(1, 1), Some(Shard::WHOLE));
        assert_eq!(Shard::WHOLE.as_part(), None);
    }
}
