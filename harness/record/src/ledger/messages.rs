use super::entry::ClientOp;
use super::ledger::Ledger;
use crate::history::{Attempt, MessageId};

/// Operations of every message, grouped.
pub struct Messages {
    by_message: Vec<u32>,
    starts: Vec<(MessageId, u32)>,
}

impl Messages {
    /// Groups the operations.
    pub fn of(ledger: &Ledger) -> Messages {
        let mut by_message: Vec<u32> = (0..ledger.ops.len() as u32).collect();
        by_message.sort_by_key(|&i| (ledger.ops[i as usize].attempt.message, i));
        let mut starts: Vec<(MessageId, u32)> = Vec::new();
        for (position, &index) in by_message.iter().enumerate() {
            let message = ledger.ops[index as usize].attempt.message;
            if starts.last().is_none_or(|&(last, _)| last != message) {
                starts.push((message, position as u32));
            }
        }
        Messages { by_message, starts }
    }

    /// How many messages.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Ordinal of a message. Ids are usually dense, so the place is guessed first.
    pub fn slot(&self, message: MessageId) -> Option<usize> {
        let first = self.starts.first()?.0;
        let guess = message.0.checked_sub(first.0)? as usize;
        if self.starts.get(guess).is_some_and(|s| s.0 == message) {
            return Some(guess);
        }
        self.starts.binary_search_by_key(&message, |s| s.0).ok()
    }

    /// Indices of the operations of a message, by invocation.
    pub fn ops(&self, slot: usize) -> &[u32] {
        let from = self.starts[slot].1 as usize;
        let to = self.starts.get(slot + 1).map_or(self.by_message.len(), |s| s.1 as usize);
        &self.by_message[from..to]
    }

    /// A message's id.
    pub fn id(&self, slot: usize) -> MessageId {
        self.starts[slot].0
    }

    /// The operation that stored an attempt.
    pub fn store<'a>(&self, ledger: &'a Ledger, attempt: Attempt) -> Option<&'a ClientOp> {
        let ops = self.ops(self.slot(attempt.message)?).iter().map(|&i| &ledger.ops[i as usize]);
        ops.into_iter().find(|op| op.kind.stores() && op.attempt.n == attempt.n)
    }
}
