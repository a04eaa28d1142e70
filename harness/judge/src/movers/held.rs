//! What a place holds of the messages that are moved.

use record::history::MessageId;
use record::history::identity::identify;
use record::history::token::RunToken;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often each message is in a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// As it was sent; what was added to its header does not count.
    whole: BTreeMap<u64, u64>,
    /// It says which message it is, and is not what was sent.
    broken: BTreeMap<u64, u64>,
    /// It does not say which message it is: an empty file, for instance.
    nameless: u64,
}

impl Held {
    /// Of a place with these files.
    pub fn of<'a>(run: RunToken, files: impl IntoIterator<Item = &'a [u8]>) -> Held {
        let mut held = Held::default();
        for raw in files {
            let found = identify(raw);
            let of_which = match (found.attempt(run), found.damaged(run)) {
                (_, Some(attempt)) => held.broken.entry(attempt.message.0),
                (Some(attempt), None) => held.whole.entry(attempt.message.0),
                (None, None) => {
                    held.nameless += 1;
                    continue;
                }
            };
            *of_which.or_default() += 1;
        }
        held
    }

    /// Copies of a message that are what was sent.
    #[must_use]
    pub fn whole(&self, MessageId(number): MessageId) -> u64 {
        self.whole.get(&number).copied().unwrap_or(0)
    }

    /// Copies of a message that are not what was sent.
    #[must_use]
    pub fn broken(&self, MessageId(number): MessageId) -> u64 {
        self.broken.get(&number).copied().unwrap_or(0)
    }

    /// Files that are no message as it was sent.
    #[must_use]
    pub fn fragments(&self) -> u64 {
        self.broken.values().sum::<u64>() + self.nameless
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movers::testing::{RUN, sent};

    #[test]
    fn a_copy_is_whole_behind_other_headers_and_broken_without_its_end() {
        let (first, second) = (sent(1), sent(2));
        let behind = [b"Received: by x\r\n".as_slice(), &first].concat();
        let held = Held::of(RUN, [first.as_slice(), &behind, &second[..second.len() - 9], b""]);
        let of = |number| (held.whole(MessageId(number)), held.broken(MessageId(number)));
        assert_eq!((of(1), of(2), of(3), held.fragments()), ((2, 0), (0, 1), (0, 0), 2));
    }

    #[test]
    fn what_another_run_moved_is_none_of_it() {
        let raw = sent(1);
        assert_eq!(Held::of(RunToken(RUN.0 + 1), [raw.as_slice()]).whole(MessageId(1)), 0);
    }
}
