//! The messages whose whereabouts are known for certain, each lent to one operation at a time.

use parking_lot::Mutex;
use record::history::{MessageId, UserId};

/// A message whose only attempt was acknowledged and whose every change since was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub message: MessageId,
    /// The one whose token it carries: another if several users got it at once.
    pub marked: MessageId,
    pub user: UserId,
    /// Where it is.
    pub mailbox: String,
}

/// Known messages by user. Holds at most one small entry a message delivered.
#[derive(Debug)]
pub(crate) struct KnownMail(Vec<Mutex<Vec<Known>>>);

impl KnownMail {
    pub(super) fn new(users: usize) -> KnownMail {
        KnownMail((0..users).map(|_| Mutex::default()).collect())
    }

    /// Takes a message of `user`, or of the next user who has one, chosen by `draw`. Nobody else gets it until it
    /// is [`KnownMail::put`] back.
    pub(super) fn take(&self, user: UserId, draw: u64) -> Option<Known> {
        let (before, from) = self.0.split_at(user.0 as usize % self.0.len());
        from.iter().chain(before).find_map(|known| {
            let mut known = known.lock();
            let count = known.len() as u64;
            (count > 0).then(|| known.swap_remove(usize::try_from(draw % count).expect("less than a length")))
        })
    }

    /// Gives a message back, or enters a new one.
    pub(super) fn put(&self, known: Known) {
        self.0[known.user.0 as usize].lock().push(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lent_once() {
        let mail = KnownMail::new(3);
        assert_eq!(mail.take(UserId(1), 5), None);
        let (message, mailbox) = (MessageId(7), "INBOX".to_owned());
        let known = Known { message, marked: message, user: UserId(0), mailbox };
        mail.put(known.clone());
        assert_eq!(mail.take(UserId(1), 5), Some(known.clone()));
        assert_eq!(mail.take(UserId(0), 5), None);
        mail.put(known.clone());
        assert_eq!(mail.take(UserId(0), 0), Some(known));
    }
}
