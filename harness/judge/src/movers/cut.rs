//! What one cut of the destination's power came to, after one more run of the mover.

use super::held::Held;
use super::unsynced::Unsynced;
use record::history::MessageId;
use reports::movers::Fate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What source and destination hold at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    pub source: Held,
    pub destination: Held,
}

impl Sides {
    /// Where a message is.
    #[must_use]
    pub fn fate(&self, message: MessageId) -> Fate {
        let Sides { source, destination } = self;
        match (destination.whole(message), source.whole(message), destination.broken(message)) {
            (2.., _, _) => Fate::Doubled,
            (1, _, _) => Fate::Moved,
            (0, 1.., _) => Fate::Left,
            (0, 0, 1..) => Fate::Damaged,
            (0, 0, 0) => Fate::Lost,
        }
    }

    /// Everything is at the destination once, and nothing at the source.
    #[must_use]
    pub fn all_moved(&self, messages: impl IntoIterator<Item = MessageId>) -> bool {
        let moved = |message| self.fate(message) == Fate::Moved && self.source.whole(message) == 0;
        messages.into_iter().all(moved)
    }
}

/// When a message was gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// When the power was back.
    PowerBack,
    /// It was there then, and the next run of the mover took it.
    NextRun,
}

/// A message that was lost or damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    pub message: MessageId,
    pub fate: Fate,
    pub when: When,
    /// What had not been made durable of it when the power went.
    pub unsynced: Unsynced,
}

/// A cut that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub case: String,
    /// The call after which the power went.
    pub call: String,
    /// Changes that were not durable when it went.
    pub pending: u64,
    pub gone: Vec<Gone>,
    pub doubled: u64,
    pub left: u64,
    /// Files at the destination that are no message as it was sent.
    pub fragments: u64,
    /// Messages of which something had not been made durable when the power went, and what.
    pub unsynced: BTreeMap<u64, Unsynced>,
}

/// What was seen of a cut.
#[derive(Clone, Debug)]
pub struct Seen {
    pub case: String,
    pub call: String,
    pub pending: u64,
    pub unsynced: BTreeMap<u64, Unsynced>,
    /// When the power was back.
    pub back: Sides,
    /// After one more run of the mover.
    pub after: Sides,
}

impl Seen {
    /// What it came to.
    #[must_use]
    pub fn judged(self, messages: impl IntoIterator<Item = MessageId> + Clone) -> Cut {
        let count =
            |fate| messages.clone().into_iter().filter(|m| self.after.fate(*m) == fate).count() as u64;
        let (doubled, left) = (count(Fate::Doubled), count(Fate::Left));
        let gone: Vec<Gone> = messages.clone().into_iter().filter_map(|message| self.gone(message)).collect();
        let fragments = self.after.destination.fragments();
        let Seen { case, call, pending, unsynced, .. } = self;
        Cut { case, call, pending, gone, doubled, left, fragments, unsynced }
    }

    fn gone(&self, message: MessageId) -> Option<Gone> {
        let bad = |fate| matches!(fate, Fate::Lost | Fate::Damaged);
        let fate = self.after.fate(message);
        let when = if bad(self.back.fate(message)) { When::PowerBack } else { When::NextRun };
        let unsynced = self.unsynced.get(&message.0).cloned().unwrap_or_default();
        bad(fate).then_some(Gone { message, fate, when, unsynced })
    }
}

impl Cut {
    /// The worst that became of a message.
    #[must_use]
    pub fn worst(&self) -> Option<Fate> {
        self.gone.iter().map(|gone| gone.fate).min()
    }
}

impl Gone {
    /// What was found, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let when = match (self.when, self.fate) {
            (When::PowerBack, Fate::Damaged) => "broken when the power was back",
            (When::PowerBack, _) => "gone when the power was back",
            (When::NextRun, Fate::Damaged) => "there when the power was back, broken after the next run",
            (When::NextRun, _) => "there when the power was back, gone after the next run",
        };
        format!("{when}: {}", self.unsynced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movers::testing::{RUN, sent};

    fn held(files: &[Vec<u8>]) -> Held {
        Held::of(RUN, files.iter().map(Vec::as_slice))
    }

    fn sides(source: &[Vec<u8>], destination: &[Vec<u8>]) -> Sides {
        Sides { source: held(source), destination: held(destination) }
    }

    fn torn(number: u64) -> Vec<u8> {
        let mut raw = sent(number);
        raw.truncate(raw.len() - 5);
        raw
    }

    #[test]
    fn whoever_has_it_whole_decides() {
        let one = MessageId(1);
        assert_eq!(sides(&[], &[sent(1)]).fate(one), Fate::Moved);
        assert_eq!(sides(&[sent(1)], &[sent(1), sent(1)]).fate(one), Fate::Doubled);
        assert_eq!(sides(&[sent(1)], &[torn(1)]).fate(one), Fate::Left);
        assert_eq!(sides(&[], &[torn(1)]).fate(one), Fate::Damaged);
        assert_eq!(sides(&[], &[]).fate(one), Fate::Lost);
        assert!(!sides(&[sent(1)], &[sent(1)]).all_moved([one]) && sides(&[], &[sent(1)]).all_moved([one]));
    }

    #[test]
    fn a_message_that_the_next_run_takes_is_lost_and_one_that_it_brings_is_not() {
        let seen = Seen {
            case: "3.drop-unsynced".to_owned(),
            call: "write x".to_owned(),
            pending: 2,
            unsynced: BTreeMap::new(),
            back: sides(&[sent(1), sent(2)], &[]),
            after: sides(&[], &[sent(2), torn(3)]),
        };
        let cut = seen.judged([1, 2].map(MessageId));
        assert_eq!(cut.gone.iter().map(|gone| gone.message.0).collect::<Vec<_>>(), [1]);
        assert_eq!((cut.worst(), cut.fragments), (Some(Fate::Lost), 1));
        assert!(cut.gone[0].words().starts_with("there when the power was back, gone after the next run: "));
    }
}
