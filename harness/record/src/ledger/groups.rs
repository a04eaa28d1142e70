//! Messages that went to several recipients at once: their copies carry one token, and whose they are tells them apart.
//!
//! A queue names the token and not for whom it is left: its file often holds those who were served as well. So what it holds leaves
//! open what became of everybody's copy. A bounce does too, unless it names whom it is about.
//!
//! Limit: the front door's spool promises for one recipient at a time, so nothing that may pass it is sent to several at once.

use crate::history::{Attempt, UserId};
use smallvec::{SmallVec, smallvec};
use std::collections::{HashMap, HashSet};

/// Attempts that one token may stand for.
pub type Bearers = SmallVec<[Attempt; 1]>;

/// Every such message of a run.
#[derive(Debug, Default)]
pub struct Groups {
    /// By the attempt whose token it carries.
    members: HashMap<Attempt, Vec<(UserId, Attempt)>>,
    /// Of these, those that were sent to a list, which is one recipient.
    to_lists: HashSet<Attempt>,
}

impl Groups {
    pub(super) fn add(&mut self, token: Attempt, user: UserId, attempt: Attempt) {
        self.members.entry(token).or_default().push((user, attempt));
    }

    pub(super) fn note_list(&mut self, token: Attempt) {
        self.to_lists.insert(token);
    }

    /// The attempt is that for the last member of the list that this token's message was sent to.
    pub fn is_last_of_list(&self, token: Attempt, attempt: Attempt) -> bool {
        let last = || self.members.get(&token).and_then(|members| members.last());
        self.to_lists.contains(&token) && last().is_some_and(|(_, last)| *last == attempt)
    }

    /// The attempt of which a copy with this token is one, in a mailbox of this user. In a mailbox of somebody whom it was not
    /// for it is the first recipient's, astray.
    pub fn own(&self, token: Attempt, user: UserId) -> Attempt {
        let members = self.members.get(&token).into_iter().flatten();
        members.filter(|(whose, _)| *whose == user).map(|(_, attempt)| *attempt).next().unwrap_or(token)
    }

    /// The attempt was one of several that one message was for.
    pub fn is_shared(&self, attempt: Attempt) -> bool {
        self.members.values().flatten().any(|(_, member)| *member == attempt)
    }

    /// All that the token stands for where nothing says whose.
    pub fn all(&self, token: Attempt) -> Bearers {
        match self.members.get(&token) {
            None => smallvec![token],
            Some(members) => members.iter().map(|(_, attempt)| *attempt).collect(),
        }
    }

    /// Those whom these addresses name; nothing if it is for several and the addresses do not say for whom of them.
    pub fn addressed(&self, token: Attempt, addresses: &[String], users: &[String]) -> Option<Bearers> {
        let Some(members) = self.members.get(&token) else { return Some(smallvec![token]) };
        let whose = |address: &String| {
            let local = address.split('@').next().unwrap_or_default();
            let is_theirs = |user: &UserId| {
                users.get(user.0 as usize).is_some_and(|name| name.eq_ignore_ascii_case(local))
            };
            members.iter().find(|(user, _)| is_theirs(user)).map(|(_, attempt)| *attempt)
        };
        let found: Option<Bearers> = addresses.iter().map(whose).collect();
        found.filter(|found| !found.is_empty())
    }

    /// Those that a file or a place of this name belongs to: whoever is named in it, else all of them.
    pub fn at(&self, token: Attempt, place: &str, users: &[String]) -> Bearers {
        let Some(members) = self.members.get(&token) else { return smallvec![token] };
        let words = || place.split(['/', ' ']).filter_map(|word| word.split('@').next());
        let is_named =
            |user: &UserId| users.get(user.0 as usize).is_some_and(|name| words().any(|word| word == name));
        let found: Bearers =
            members.iter().filter(|(user, _)| is_named(user)).map(|(_, attempt)| *attempt).collect();
        if found.is_empty() { self.all(token) } else { found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::MessageId;

    fn attempt(message: u64) -> Attempt {
        Attempt { message: MessageId(message), n: 1 }
    }

    /// Message 7 went to the second, the fourth and the first of four users.
    fn groups() -> (Groups, Vec<String>) {
        let mut groups = Groups::default();
        for (user, message) in [(1, 7), (3, 8), (0, 9)] {
            groups.add(attempt(7), UserId(user), attempt(message));
        }
        (groups, (1..=4).map(|n| format!("user{n}")).collect())
    }

    #[test]
    fn a_copy_is_of_the_attempt_for_whose_mailbox_it_is_in() {
        let (groups, _) = groups();
        let of = |token, user| groups.own(attempt(token), UserId(user)).message.0;
        assert_eq!([of(7, 1), of(7, 3), of(7, 0), of(7, 2), of(5, 3)], [7, 8, 9, 7, 5]);
    }

    #[test]
    fn the_last_member_is_that_of_a_list_alone() {
        let (mut groups, _) = groups();
        let last =
            |groups: &Groups| [7, 8, 9].map(|message| groups.is_last_of_list(attempt(7), attempt(message)));
        assert_eq!(last(&groups), [false; 3]);
        groups.note_list(attempt(7));
        assert_eq!(last(&groups), [false, false, true]);
    }

    #[test]
    fn addresses_say_for_whom_of_several_if_all_of_them_are_known() {
        let (groups, users) = groups();
        let of = |message, addresses: &[&str]| {
            let addresses: Vec<String> = addresses.iter().map(|one| (*one).to_owned()).collect();
            let found = groups.addressed(attempt(message), &addresses, &users)?;
            Some(found.iter().map(|a| a.message.0).collect::<Vec<_>>())
        };
        assert_eq!(of(7, &["user4@example.test"]), Some(vec![8]));
        assert_eq!(of(7, &["USER1@mail.example.test", "user2"]), Some(vec![9, 7]));
        for unclear in [&[][..], &["user3@x"], &["user4@x", "user44@x"]] {
            assert_eq!(of(7, unclear), None, "{unclear:?}");
        }
        assert_eq!(of(5, &[]), Some(vec![5]), "it is for one");
    }

    #[test]
    fn a_file_is_of_whoever_is_named_in_its_path_and_else_of_all() {
        let (groups, users) = groups();
        let of = |place: &str| {
            groups.at(attempt(7), place, &users).iter().map(|a| a.message.0).collect::<Vec<_>>()
        };
        assert_eq!(of("mail/user4/Maildir/tmp/1"), [8]);
        assert_eq!(of("example.test/user1@example.test/new/1"), [9]);
        assert_eq!(of("user4 INBOX, UID 7"), [8]);
        assert_eq!(of("queue/active/1A2B3"), [7, 8, 9]);
        assert_eq!(of("user44/Maildir/tmp/1"), [7, 8, 9]);
        assert_eq!(groups.at(attempt(5), "user4/x", &users).as_slice(), [attempt(5)]);
    }
}
