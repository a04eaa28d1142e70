//! What the clients of a session were told, and whether a store keeps it.

use std::collections::{BTreeMap, BTreeSet};

use crate::flags::Flags;
use crate::store::Store;

/// The user of every session.
pub(crate) const USER: &str = "user1";
/// The mailboxes of every session.
pub(super) const MAILBOXES: [&str; 3] = ["INBOX", "Archive", "Trash"];

/// A message in a mailbox.
pub(crate) type Promised = (&'static str, &'static str);

/// What clients may rely on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Messages that are there, with their UID and the flags they may have.
    pub(super) there: BTreeMap<Promised, (u32, Vec<Flags>)>,
    /// What the operation without an answer is about: each may be there or not, with any flags.
    pub(super) open: Vec<Promised>,
    /// Messages of earlier operations without an answer.
    pub(super) maybe: BTreeSet<Promised>,
    /// Pairs of which at least one is there: source and target of a move that nobody knows the end of.
    pub(super) either: Vec<[Promised; 2]>,
    /// That operation removes nothing, so one of them is there.
    pub(super) open_stays: bool,
    /// Largest UIDVALIDITY and UIDNEXT told of a mailbox.
    pub(super) next: BTreeMap<&'static str, (u32, u32)>,
    /// Mailboxes that were created, or deleted.
    pub(super) mailboxes: BTreeMap<&'static str, bool>,
    /// The mailbox that is being created or deleted.
    pub(super) open_mailbox: Option<&'static str>,
    /// Mailboxes that were being created or deleted when an earlier power cut came.
    pub(super) unsure: BTreeSet<&'static str>,
    /// Another program may have left half a message in INBOX.
    pub(super) half: bool,
    pub(super) subscribed: BTreeSet<&'static str>,
}

/// The content of a message.
pub(crate) fn content(text: &str) -> Vec<u8> {
    format!("Subject: {text}\r\n\r\n{}end of {text}\r\n", format!("{text}\r\n").repeat(300)).into_bytes()
}

/// One message as a new process shows it.
struct Shown {
    uid: u32,
    flags: Flags,
    text: String,
}

fn shown(store: &Store, name: &str, half: bool) -> Result<Vec<Shown>, String> {
    let mailbox = store.mailbox(USER, name);
    let view = mailbox.open().map_err(|error| format!("{name}: {error}"))?;
    let mut all = Vec::new();
    for (uid, flags) in view.messages {
        let read = mailbox.read(uid).map_err(|error| format!("{name}, UID {uid}: {error}"))?;
        let bytes = read.ok_or_else(|| format!("{name}, UID {uid}: not there"))?.bytes;
        let text = String::from_utf8_lossy(&bytes);
        let text =
            text.strip_prefix("Subject: ").and_then(|rest| rest.lines().next()).unwrap_or("").to_owned();
        if bytes == content(&text) {
            all.push(Shown { uid, flags, text });
        } else if !(half && name == "INBOX") {
            return Err(format!("{name}, UID {uid}: damaged"));
        }
    }
    Ok(all)
}

impl Told {
    /// Whether `store`, opened by a new process, keeps every promise. It is written to.
    pub(super) fn kept_by(&self, store: &Store) -> Result<(), String> {
        let mut open_found = self.open.is_empty() || !self.open_stays;
        let mut seen = BTreeSet::new();
        for name in MAILBOXES {
            self.existence(store, name)?;
            if !store.exists(USER, name).map_err(|error| error.to_string())? {
                continue;
            }
            let found = shown(store, name, self.half)?;
            self.messages(name, &found)?;
            open_found |= found.iter().any(|one| self.open.iter().any(|open| *open == (name, &*one.text)));
            seen.extend(found.into_iter().map(|one| (name, one.text)));
            self.uids(store, name)?;
        }
        let is_seen = |(name, text): &Promised| seen.contains(&(*name, (*text).to_owned()));
        if let Some(lost) = self.either.iter().find(|places| !places.iter().any(is_seen)) {
            return Err(format!("none of {lost:?} is there"));
        }
        let subscriptions = store.subscriptions(USER).map_err(|error| error.to_string())?;
        let missing = self.subscribed.iter().find(|name| !subscriptions.iter().any(|other| other == *name));
        match missing {
            Some(name) => Err(format!("the subscription of {name} is gone")),
            None if !open_found => Err(format!("none of {:?} is there", self.open)),
            None => Ok(()),
        }
    }

    fn existence(&self, store: &Store, name: &'static str) -> Result<(), String> {
        let there = store.exists(USER, name).map_err(|error| error.to_string())?;
        match self.mailboxes.get(name) {
            Some(told) if !self.is_unsure(name) && *told != there => Err(format!("{name} exists: {there}")),
            _ => Ok(()),
        }
    }

    fn messages(&self, name: &'static str, found: &[Shown]) -> Result<(), String> {
        for ((_, text), (uid, flags)) in self.there.iter().filter(|((mailbox, _), _)| *mailbox == name) {
            let open = self.open.contains(&(name, text));
            let copies: Vec<_> = found.iter().filter(|one| one.text == *text).collect();
            let right = |one: &&Shown| one.uid == *uid && (open || flags.contains(&one.flags));
            match &copies[..] {
                [one] if right(one) => {}
                [] if open || self.is_unsure(name) => {}
                [] => return Err(format!("'{text}' is lost from {name}")),
                [one] => return Err(format!("'{text}' in {name} has UID {} and {:?}", one.uid, one.flags)),
                _ => return Err(format!("'{text}' is in {name} more than once")),
            }
        }
        for one in found {
            let is_open = self.open.iter().chain(&self.maybe).any(|open| *open == (name, &*one.text));
            let is_there = self.there.keys().any(|key| *key == (name, &*one.text));
            if !is_open && !is_there && !self.is_unsure(name) {
                return Err(format!("'{}' must not be in {name}", one.text));
            }
            let copies = found.iter().filter(|other| other.text == one.text).count();
            if copies > 1 {
                return Err(format!("'{}' is in {name} {copies} times", one.text));
            }
        }
        Ok(())
    }

    /// Of a mailbox that is being created or deleted nothing is known.
    fn is_unsure(&self, name: &str) -> bool {
        self.open_mailbox == Some(name) || self.unsure.contains(name)
    }

    fn uids(&self, store: &Store, name: &'static str) -> Result<(), String> {
        let Some((validity, next)) = self.next.get(name) else { return Ok(()) };
        let mailbox = store.mailbox(USER, name);
        let view = mailbox.view().map_err(|error| error.to_string())?;
        if view.validity != *validity && !self.is_unsure(name) {
            return Err(format!("UIDVALIDITY of {name} was {validity} and is {}", view.validity));
        }
        if view.validity == *validity && view.next < *next {
            return Err(format!("UIDNEXT of {name} was {next} and is {}", view.next));
        }
        let uid = mailbox.deliver(&content("later"), None, None).map_err(|error| error.to_string())?;
        let reused = view.validity == *validity && uid < *next;
        if reused { Err(format!("UID {uid} is given in {name} after UIDNEXT {next}")) } else { Ok(()) }
    }
}
