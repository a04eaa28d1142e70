//! The names of what a ledger holds.

use super::Ledger;
use super::entry::MailboxId;
use crate::history::{Attempt, UserId};

impl Ledger {
    /// User and mailbox in words.
    pub fn place_name(&self, place: MailboxId) -> String {
        let place = &self.places[place.0 as usize];
        format!("{} {}", self.user_name(place.user), place.mailbox)
    }

    /// A user's name.
    pub fn user_name(&self, user: UserId) -> String {
        self.users.get(user.0 as usize).cloned().unwrap_or_else(|| format!("user #{}", user.0))
    }

    /// Whose a place is.
    pub fn user_of(&self, place: MailboxId) -> UserId {
        self.places[place.0 as usize].user
    }

    /// The token that stands in an attempt's header.
    pub fn token(&self, attempt: Attempt) -> String {
        format!("{}-{}-{}", self.run, attempt.message.0, attempt.n)
    }
}
