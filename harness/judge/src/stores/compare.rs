//! Two inventories, user by user.

use super::named::Named;
use super::user::{Sides, Uids, compare as compare_user};
use record::inventory::reader::{BadInventory, Reader, UserMail};
use reports::kit::figures::{counted, grouped};
use reports::kit::verdict::Verdict;
use reports::stores::{Kind, KindCount, SCHEMA_VERSION, Side, Stores, Sums, UserSums, verdict};
use std::cmp::Ordering;
use std::io::BufRead;

/// A side, and what it is called.
pub struct Source<R> {
    /// What was given on the command line.
    pub name: String,
    pub reader: Reader<R>,
}

/// How to compare.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Kinds that decide nothing.
    pub accepted: Vec<Kind>,
    /// Of each kind, this many are named; of users too.
    pub most: u64,
    /// The command that was given.
    pub reproduce: String,
}

/// Why a side could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{name} {error}")]
pub struct BadSide {
    pub name: String,
    pub error: BadInventory,
}

struct Found {
    named: Named,
    uids: Uids,
    sums: Sums,
    users: Vec<UserSums>,
    users_same: u64,
    users_named: u64,
}

/// Reads both to their ends.
///
/// # Errors
/// One of them is not what was written.
pub fn compare<A: BufRead, B: BufRead>(
    a: &mut Source<A>,
    b: &mut Source<B>,
    asked: &Asked,
) -> Result<Stores, BadSide> {
    let named = Named::new(asked.most);
    let mut found = Found {
        named,
        uids: Uids::default(),
        sums: Sums::default(),
        users: Vec::new(),
        users_same: 0,
        users_named: 0,
    };
    let (mut next_a, mut next_b) = (a.user()?, b.user()?);
    loop {
        let order = match (&next_a, &next_b) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(x), Some(y)) => x.user.cmp(&y.user),
        };
        let of_a = if order.is_le() { std::mem::replace(&mut next_a, a.user()?) } else { None };
        let of_b = if order.is_ge() { std::mem::replace(&mut next_b, b.user()?) } else { None };
        found.user(of_a, of_b, [a.reader.knows_all_users(), b.reader.knows_all_users()], asked);
    }
    Ok(found.result([a.side(), b.side()], asked))
}

impl<R: BufRead> Source<R> {
    fn user(&mut self) -> Result<Option<UserMail>, BadSide> {
        self.reader.user().map_err(|error| BadSide { name: self.name.clone(), error })
    }

    fn side(&self) -> Side {
        let header = self.reader.header();
        let closing = self.reader.closing().expect("it was read to its end");
        Side {
            name: self.name.clone(),
            source: header.source.clone(),
            started: header.started.to_string(),
            finished: closing.finished.to_string(),
            resumed: self.reader.resumed(),
            users: closing.counts.users,
            folders: closing.counts.folders,
            messages: closing.counts.messages,
            bytes: closing.counts.bytes,
            unread: closing.counts.unread,
            blake3: closing.blake3.clone(),
        }
    }
}

impl Found {
    fn user(&mut self, a: Option<UserMail>, b: Option<UserMail>, all_known: [bool; 2], asked: &Asked) {
        let not_asked = match (&a, &b) {
            (None, Some(_)) if !all_known[0] => Some("A"),
            (Some(_), None) if !all_known[1] => Some("B"),
            _ => None,
        };
        let none = UserMail { subscriptions: Some(Vec::new()), ..UserMail::default() };
        let user = a.as_ref().or(b.as_ref()).map_or(String::new(), |mail| mail.user.clone());
        let before = self.named.kinds(&asked.accepted);
        if a.is_none() && not_asked.is_none() {
            self.named.place(Kind::ExtraUsers, &user, None, "the user is not in A");
        }
        let sides =
            Sides { user: &user, a: a.as_ref().unwrap_or(&none), b: b.as_ref().unwrap_or(&none), not_asked };
        let sums = compare_user(&sides, &mut self.named, &mut self.uids);
        self.sums.add(&sums);
        if before == self.named.kinds(&asked.accepted) {
            self.users_same += 1;
            return;
        }
        self.users_named += 1;
        if self.users_named <= asked.most {
            self.users.push(UserSums { user, sums });
        }
    }

    fn result(mut self, [a, b]: [Side; 2], asked: &Asked) -> Stores {
        assert!(self.sums.add_up(), "each message is counted once: {:?}", self.sums);
        let kinds = self.named.kinds(&asked.accepted);
        self.named.findings.sort_by_key(|finding| finding.kind);
        let verdict = verdict(&kinds, self.sums.a + self.sums.b);
        Stores {
            schema_version: SCHEMA_VERSION,
            verdict,
            sentence: sentence(verdict, &kinds, &self.sums),
            notes: notes(self.uids, &a, &b),
            a,
            b,
            sums: self.sums,
            kinds,
            findings: self.named.findings,
            users: self.users,
            users_same: self.users_same,
            users_named: self.users_named,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reproduce: asked.reproduce.clone(),
        }
    }
}

fn sentence(verdict: Verdict, kinds: &[KindCount], sums: &Sums) -> String {
    let there = |unknown: bool| -> Vec<String> {
        let decide = |one: &&KindCount| one.count > 0 && !one.accepted && one.kind.is_unknown() == unknown;
        kinds
            .iter()
            .filter(decide)
            .map(|one| format!("{}: {}", one.kind.meaning(), grouped(one.count)))
            .collect()
    };
    let accepted = kinds.iter().any(|one| one.accepted && one.count > 0);
    let but = if accepted { ", but for what was accepted" } else { "" };
    match verdict {
        Verdict::Valid => {
            format!("B holds what A holds, {}{but}.", counted(sums.a, "message", "messages"))
        }
        Verdict::Invalid => format!("B is not what A is ({}).", there(false).join("; ")),
        Verdict::Unknown if sums.a + sums.b == 0 && there(true).is_empty() => {
            "There is no message on either side, so nothing is proved.".to_owned()
        }
        Verdict::Unknown => {
            format!("Nothing different was found, but not all is known ({}).", there(true).join("; "))
        }
    }
}

fn notes(uids: Uids, a: &Side, b: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    let folders = |n| counted(n, "folder", "folders");
    if uids.folders_anew > 0 {
        notes.push(format!(
            "UIDs or UIDVALIDITY are others in {}, as a mover over IMAP leaves them, and the same in {}: mail programs read the \
             former anew.",
            folders(uids.folders_anew),
            folders(uids.folders_kept)
        ));
    } else if uids.folders_kept > 0 {
        notes.push(format!("UIDs and UIDVALIDITY are the same in {}.", folders(uids.folders_kept)));
    }
    notes.push("`\\Recent` belongs to a session, not to a message, and is not compared.".to_owned());
    for (side, name) in [(a, "A"), (b, "B")] {
        if side.resumed > 0 {
            let times = counted(side.resumed, "time", "times");
            notes.push(format!(
                "The reading of {name} was interrupted {times} and went on: it shows no single moment."
            ));
        }
    }
    notes
}
