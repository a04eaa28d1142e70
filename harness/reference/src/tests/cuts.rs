//! Power cuts after every single call of a session, with every worthwhile choice of what survives: a new process must
//! keep everything that clients were told. Also with cuts while that process starts, and with failed calls before.

use crate::tests::in_memory;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::power::{BYTES, Bytes, Names, Power};
use super::told::{Promised, Told, USER, content};
use crate::defect::{Defect, Defects};
use crate::files::Files;
use crate::flags::Flags;
use crate::mailbox::{Mailbox, Moved, is_in_doubt};
use crate::store::Store;

/// No power cut, no failing call.
const NEVER: u64 = u64::MAX;

/// A client of a server on a storage, with what it was told.
struct Client {
    power: Arc<Power>,
    store: Store,
    root: std::path::PathBuf,
    told: Told,
    /// Refused changes of mailboxes may be half done, because more than one call in a row fails.
    lenient: bool,
}

fn open(root: &Path, files: Arc<dyn Files>, defects: &[&str]) -> Store {
    let choices: Vec<_> = defects.iter().map(|text| text.parse().unwrap()).collect();
    Store::new(root.to_path_buf(), files, Defects::new(&choices))
}

impl Client {
    fn new(root: &Path, power: Arc<Power>, told: Told, defects: &[&str]) -> Client {
        let store = open(root, power.clone(), defects);
        Client { power, store, root: root.to_path_buf(), told, lenient: false }
    }

    fn mailbox(&self, name: &str) -> Arc<Mailbox> {
        self.store.mailbox(USER, name)
    }

    /// Carries out an operation about `open` and notes its answer, unless the power went before there was one.
    fn ask<T>(
        &mut self,
        open: &[Promised],
        stays: bool,
        operation: impl FnOnce(&Client) -> std::io::Result<T>,
        note: impl FnOnce(&mut Told, std::io::Result<T>),
    ) {
        if self.power.is_off() {
            return;
        }
        (self.told.open, self.told.open_stays) = (open.to_vec(), stays);
        let outcome = operation(self);
        if !self.power.is_off() {
            self.told.open.clear();
            note(&mut self.told, outcome);
            self.told.open_mailbox = None;
        }
    }

    /// Only INBOX is made by a delivery.
    fn is_there(&self, name: &str) -> bool {
        name == "INBOX" || self.told.mailboxes.get(name) == Some(&true)
    }

    fn arrive(&mut self, name: &'static str, text: &'static str, flags: Option<Flags>) {
        if !self.is_there(name) {
            return;
        }
        let place = (name, text);
        let operation = |client: &Client| client.store.deliver(USER, name, &content(text), flags, None);
        self.ask(&[place], false, operation, |told, outcome| match outcome {
            Ok(one) => told.add(place, one.uid.unwrap_or(0), flags.unwrap_or_default()),
            Err(error) if is_in_doubt(&error) => told.in_doubt(&[place]),
            Err(_) => {}
        });
    }

    /// The UID of a message, if it was told.
    fn uid(&self, place: Promised) -> Option<u32> {
        self.told.there.get(&place).map(|(uid, _)| *uid)
    }

    fn flag(&mut self, name: &'static str, text: &'static str, flags: Flags) {
        let place = (name, text);
        let Some(uid) = self.uid(place) else { return };
        self.ask(
            &[place],
            true,
            |client| client.mailbox(name).change_flags(uid, |_| flags),
            |told, outcome| {
                let allowed = &mut told.there.get_mut(&place).unwrap().1;
                match outcome {
                    Ok(_) => *allowed = vec![flags],
                    Err(error) if is_in_doubt(&error) => allowed.push(flags),
                    Err(_) => {}
                }
            },
        );
    }

    fn copy(&mut self, from: &'static str, to: &'static str, text: &'static str, remove: bool) {
        let (source, target) = ((from, text), (to, text));
        let Some(uid) = self.uid(source).filter(|_| self.is_there(to)) else { return };
        let flags = self.told.there[&source].1.clone();
        let operation = |client: &Client| {
            let (source, target) = (client.mailbox(from), client.mailbox(to));
            if !remove {
                return Ok(source.copy(&[uid], &target)?[0].1);
            }
            let Moved { moved, failed } = source.move_to(&[uid], &target)?;
            failed.map_or_else(|| Ok(moved[0].1), Err)
        };
        let open: &[Promised] = if remove { &[source, target] } else { &[target] };
        self.ask(open, remove, operation, |told, outcome| match outcome {
            Ok(new) => {
                told.there.insert(target, (new, flags));
                if remove {
                    told.take(source);
                }
            }
            Err(error) if is_in_doubt(&error) => told.in_doubt(open),
            Err(_) => {}
        });
    }

    fn expunge(&mut self, name: &'static str, text: &'static str) {
        let place = (name, text);
        let Some(uid) = self.uid(place) else { return };
        let operation = |client: &Client| client.mailbox(name).expunge(uid);
        self.ask(&[place], false, operation, |told, outcome| match outcome {
            Ok(_) => told.take(place),
            Err(error) if is_in_doubt(&error) => told.in_doubt(&[place]),
            Err(_) => {}
        });
    }

    fn create(&mut self, name: &'static str) {
        if self.power.is_off() {
            return;
        }
        self.told.open_mailbox = Some(name);
        let deleted = self.told.mailboxes.get(name) == Some(&false);
        let before = self.told.next.get(name).copied().filter(|_| deleted);
        let operation = |client: &Client| {
            client.store.create(USER, name)?;
            client.mailbox(name).view()
        };
        let lenient = self.lenient;
        self.ask(&[], false, operation, |told, outcome| {
            if lenient && outcome.is_err() {
                told.unsure.insert(name);
            }
            if let Ok(view) = outcome {
                assert!(before.is_none_or(|(validity, _)| view.validity > validity), "UIDVALIDITY must rise");
                told.next.insert(name, (view.validity, view.next));
                told.mailboxes.insert(name, true);
            }
        });
    }

    fn delete(&mut self, name: &'static str) {
        if self.power.is_off() || self.told.mailboxes.get(name) != Some(&true) {
            return;
        }
        self.told.open_mailbox = Some(name);
        let lenient = self.lenient;
        let operation = |client: &Client| client.store.delete(USER, name);
        self.ask(&[], false, operation, |told, outcome| {
            if outcome.is_ok() {
                told.there.retain(|(mailbox, _), _| *mailbox != name);
                told.mailboxes.insert(name, false);
            } else if lenient {
                told.unsure.insert(name);
            }
        });
    }

    fn look(&mut self, name: &'static str) {
        self.ask(
            &[],
            false,
            |client| client.mailbox(name).open(),
            |told, outcome| {
                if let Ok(view) = outcome {
                    told.next.insert(name, (view.validity, view.next));
                }
            },
        );
    }

    fn subscribe(&mut self, name: &'static str) {
        self.ask(
            &[],
            false,
            |client| client.store.subscribe(USER, name, true),
            |told, outcome| {
                if outcome.is_ok() {
                    told.subscribed.insert(name);
                }
            },
        );
    }

    /// Another program leaves two messages in `new`, without any fsync; they get UIDs when the mailbox is opened.
    fn foreign(&mut self, texts: [&'static str; 2]) {
        if self.power.is_off() {
            return;
        }
        self.told.half = true;
        let places = texts.map(|text| ("INBOX", text));
        let operation = |client: &Client| {
            for text in texts {
                let path = client.root.join(USER).join("Maildir/new").join(text);
                let file = client.power.create(&path)?;
                crate::files::write_all(&*client.power, &file, &content(text))?;
            }
            client.mailbox("INBOX").open()
        };
        self.ask(&places, false, operation, |told, outcome| match outcome {
            Ok(view) => {
                let uids = view.messages.iter().rev().take(2).rev();
                places.iter().zip(uids).for_each(|(place, (uid, flags))| told.add(*place, *uid, *flags));
                told.next.insert("INBOX", (view.validity, view.next));
                told.half = false;
            }
            Err(_) => told.maybe.extend(places),
        });
    }

    /// Every kind of operation, so that each crosses the states before and after the others.
    fn live(&mut self) {
        ["a", "b", "c"].into_iter().for_each(|text| self.arrive("INBOX", text, None));
        self.look("INBOX");
        self.flag("INBOX", "a", Flags::SEEN);
        self.flag("INBOX", "a", Flags::SEEN.with(Flags::FLAGGED));
        self.flag("INBOX", "a", Flags::FLAGGED);
        self.create("Archive");
        self.copy("INBOX", "Archive", "a", false);
        self.flag("INBOX", "b", Flags::SEEN);
        self.copy("INBOX", "Archive", "b", true);
        self.expunge("INBOX", "c");
        self.arrive("Archive", "d", Some(Flags::DRAFT));
        self.arrive("INBOX", "e", None);
        self.expunge("INBOX", "e");
        self.look("INBOX");
        self.foreign(["x", "y"]);
        self.subscribe("Archive");
        self.create("Trash");
        self.arrive("Trash", "f", None);
        self.delete("Trash");
        self.create("Trash");
        self.arrive("Trash", "g", Some(Flags::SEEN));
        self.arrive("INBOX", "h", None);
        self.flag("INBOX", "h", Flags::SEEN);
        self.expunge("INBOX", "a");
        self.look("Archive");
    }

    /// What a client does with a store that was there before.
    fn come_back(&mut self) {
        for name in ["INBOX", "Archive"] {
            self.look(name);
            self.flag(name, "a", Flags::ANSWERED);
            self.expunge(name, "a");
            self.arrive(name, "z", None);
        }
    }
}

impl Told {
    fn add(&mut self, place: Promised, uid: u32, flags: Flags) {
        self.there.insert(place, (uid, vec![flags]));
    }

    fn take(&mut self, place: Promised) {
        self.there.remove(&place);
    }

    /// Some of these are there; when there is more than one, at least one of them.
    fn in_doubt(&mut self, places: &[Promised]) {
        places.iter().for_each(|place| self.drop_promise(*place));
        if let [one, other] = places {
            self.either.push([*one, *other]);
        }
    }

    /// Nothing is known of a message any more.
    fn drop_promise(&mut self, place: Promised) {
        self.there.remove(&place);
        self.maybe.insert(place);
    }
}

/// A whole session, cut after `last_call` calls.
fn session(root: &Path, last_call: u64, failing: std::ops::Range<u64>, defects: &[&str]) -> Client {
    let lenient = failing.end > failing.start + 1;
    let power = Power::new(root, last_call, failing);
    let mut client = Client::new(root, power, Told::default(), defects);
    client.lenient = lenient;
    client.live();
    client
}

fn calls_of_a_session() -> u64 {
    let root = in_memory();
    session(root.path(), NEVER, 0..0, &[]).power.calls()
}

/// The ways to cut now that are worth trying.
fn ways(client: &Client) -> Vec<(Names, Bytes)> {
    let choices = client.power.choices().into_iter().enumerate();
    let ways = choices.flat_map(|(at, names)| {
        let all = matches!(names, Names::None | Names::All);
        let fates = if all { &BYTES[..] } else { std::slice::from_ref(&BYTES[at % BYTES.len()]) };
        fates.iter().map(move |bytes| (names, *bytes))
    });
    ways.collect()
}

/// Cuts now in every one of `ways` and says what a new process does not keep.
fn broken(client: &Client, ways: &[(Names, Bytes)]) -> BTreeSet<String> {
    let broken = ways.iter().filter_map(|(names, bytes)| {
        let left = client.power.survivors(*names, *bytes);
        let judged = client.told.kept_by(&open(left.path(), Power::new(left.path(), NEVER, 0..0), &[]));
        judged.err().map(|problem| format!("{names:?}, {bytes:?}: {problem}"))
    });
    broken.collect()
}

#[test]
fn a_cut_after_any_call_keeps_every_promise() {
    let calls = calls_of_a_session();
    assert!(calls > 150, "the session makes {calls} calls");
    for last in 0..=calls {
        let root = in_memory();
        let client = session(root.path(), last, 0..0, &[]);
        let broken = broken(&client, &ways(&client));
        assert!(broken.is_empty(), "cut after call {last} of {calls}: {broken:#?}");
    }
}

#[test]
fn a_cut_while_it_starts_again_keeps_every_promise() {
    let few = [(Names::None, Bytes::Garbage), (Names::Random(1), Bytes::New), (Names::All, Bytes::Mixed)];
    for last in (0..=calls_of_a_session()).step_by(3) {
        let root = in_memory();
        let client = session(root.path(), last, 0..0, &[]);
        let (names, bytes) = few[last as usize % few.len()];
        for again in 0.. {
            let left = client.power.survivors(names, bytes);
            let power = Power::new(left.path(), again, 0..0);
            let mut next = Client::new(left.path(), power, client.told.settled(), &[]);
            next.come_back();
            let broken = broken(&next, &few);
            assert!(broken.is_empty(), "cuts after {last} ({names:?}) and {again}: {broken:#?}");
            if !next.power.is_off() {
                break;
            }
        }
    }
}

impl Told {
    /// What stays true whatever became of the operation that had no answer: it is not asked about again.
    fn settled(&self) -> Told {
        let mut told = self.clone();
        for place in std::mem::take(&mut told.open) {
            told.drop_promise(place);
        }
        told.unsure.extend(told.open_mailbox.take());
        told
    }
}

#[test]
fn a_cut_after_one_failed_call_keeps_every_promise_and_every_refusal() {
    for nth in 1..=calls_of_a_session() {
        let root = in_memory();
        let client = session(root.path(), NEVER, nth..nth + 1, &[]);
        let broken = broken(&client, &ways(&client));
        assert!(broken.is_empty(), "EIO at call {nth}: {broken:#?}");
    }
}

#[test]
fn a_cut_after_failed_calls_keeps_every_promise() {
    for length in [3, 13] {
        for first in 1..=calls_of_a_session() {
            let root = in_memory();
            let client = session(root.path(), NEVER, first..first + length, &[]);
            let broken = broken(&client, &ways(&client));
            assert!(broken.is_empty(), "EIO at {length} calls from {first}: {broken:#?}");
        }
    }
}

/// In how many of the cuts after each call of a few deliveries a promise is broken.
fn losses(defect: &str, failing: std::ops::Range<u64>) -> usize {
    let lost = |last: u64| {
        let root = in_memory();
        // The mailbox is there before, and durable, so that only deliveries are at stake.
        open(root.path(), Power::new(root.path(), NEVER, 0..0), &[]).mailbox(USER, "INBOX").view().unwrap();
        let power = Power::new(root.path(), last, failing.clone());
        let mut client = Client::new(root.path(), power, Told::default(), &[defect]);
        ["a", "b", "c"].into_iter().for_each(|text| client.arrive("INBOX", text, None));
        !broken(&client, &[(Names::None, Bytes::Old)]).is_empty()
    };
    (0..60).filter(|last| lost(*last)).count()
}

#[test]
fn every_defect_of_durability_loses_acknowledged_mail() {
    for defect in [Defect::NoFsync, Defect::NoDirectoryFsync, Defect::AckBeforeFsync] {
        assert!(losses(defect.name(), 0..0) > 10, "{}", defect.name());
    }
    let retried = |defect: &str| (1..60).map(|nth| losses(defect, nth..nth + 1)).sum::<usize>();
    assert!(retried(Defect::TrustRetriedFsync.name()) > 10);
    // Armed, but it never strikes.
    assert_eq!(losses("lose-one-in-n=1000", 0..0) + retried("lose-one-in-n=1000"), 0);
}

/// A mailbox with one acknowledged message, made durable, and the storage it is on.
fn with_one(root: &Path, failing: std::ops::Range<u64>) -> (Arc<Power>, Store, u32) {
    let store = open(root, Power::new(root, NEVER, 0..0), &[]);
    let uid = store.deliver(USER, "INBOX", &content("a"), None, None).unwrap().uid.unwrap();
    let power = Power::new(root, NEVER, failing);
    let store = open(root, power.clone(), &[]);
    store.mailbox(USER, "INBOX").view().unwrap();
    (power, store, uid)
}

fn texts_left(power: &Power, names: Names) -> usize {
    let left = power.survivors(names, Bytes::Old);
    let store = open(left.path(), Power::new(left.path(), NEVER, 0..0), &[]);
    store.mailbox(USER, "INBOX").open().unwrap().messages.len()
}

/// The calls of loading a mailbox that is there.
fn calls_of_a_load() -> u64 {
    let root = in_memory();
    with_one(root.path(), 0..0).0.calls()
}

#[test]
fn a_message_left_in_new_and_cur_does_not_come_back_after_its_expunge() {
    let root = in_memory();
    let (power, store, uid) = with_one(root.path(), 0..0);
    let inbox = store.mailbox(USER, "INBOX");
    inbox.change_flags(uid, |_| Flags::SEEN).unwrap();
    let home = root.path().join(USER).join("Maildir");
    let name = power.list(&home.join("cur")).unwrap().remove(0);
    // As a cut between the two fsyncs of the flag change leaves it.
    std::fs::hard_link(home.join("cur").join(&name), home.join("new").join(name.trim_end_matches(":2,S")))
        .unwrap();
    let power = Power::new(root.path(), NEVER, 0..0);
    let inbox = open(root.path(), power.clone(), &[]).mailbox(USER, "INBOX");
    let view = inbox.open().unwrap();
    assert_eq!(view.messages, [(uid, Flags::SEEN)]);
    assert!(inbox.expunge(uid).unwrap());
    assert_eq!(texts_left(&power, Names::None), 0);
}

#[test]
fn a_flag_whose_change_got_stuck_is_acknowledged_only_once_it_is_durable() {
    let first = calls_of_a_load() + 2;
    let root = in_memory();
    // The rename works; its fsync, and every way back, fails.
    let (power, store, uid) = with_one(root.path(), first..first + 4);
    let inbox = store.mailbox(USER, "INBOX");
    assert!(inbox.change_flags(uid, |_| Flags::SEEN).is_err());
    assert!(inbox.flags(uid).unwrap().has(Flags::SEEN));
    assert_eq!(inbox.change_flags(uid, |_| Flags::SEEN).unwrap(), Some(Flags::SEEN));
    let left = power.survivors(Names::None, Bytes::Old);
    let next = open(left.path(), Power::new(left.path(), NEVER, 0..0), &[]);
    assert_eq!(next.mailbox(USER, "INBOX").open().unwrap().messages, [(uid, Flags::SEEN)]);
}

/// A mailbox whose only message could not be expunged: the rename works; its fsync, and every way back, fails.
fn with_one_stuck(root: &Path) -> (Arc<Power>, Arc<Mailbox>, u32) {
    let first = calls_of_a_load() + 2;
    let (power, store, uid) = with_one(root, first..first + 4);
    let inbox = store.mailbox(USER, "INBOX");
    assert!(is_in_doubt(&inbox.expunge(uid).unwrap_err()));
    (power, inbox, uid)
}

#[test]
fn an_expunge_that_got_stuck_is_acknowledged_only_once_it_is_durable() {
    let root = in_memory();
    let (power, inbox, uid) = with_one_stuck(root.path());
    assert!(inbox.expunge(uid).unwrap());
    assert_eq!(texts_left(&power, Names::None), 0);
}

#[test]
fn a_message_whose_expunge_got_stuck_comes_back_when_the_storage_heals() {
    let root = in_memory();
    let (power, inbox, _) = with_one_stuck(root.path());
    assert_eq!(inbox.open().unwrap().messages.len(), 1);
    assert_eq!(texts_left(&power, Names::None), 1);
}

#[test]
fn a_uidnext_that_is_not_durable_is_not_told() {
    let load = calls_of_a_load();
    let root = in_memory();
    // create, write, fsync, rename, fsync of `new`, write of the record, its fsync
    let (power, store, uid) = with_one(root.path(), load + 7..load + 8);
    assert!(store.deliver(USER, "INBOX", &content("b"), None, None).is_err());
    assert_eq!(store.mailbox(USER, "INBOX").view().unwrap().next, uid + 1);
    let left = power.survivors(Names::None, Bytes::Old);
    let next = open(left.path(), Power::new(left.path(), NEVER, 0..0), &[]);
    assert_eq!(next.mailbox(USER, "INBOX").view().unwrap().next, uid + 1);
}

#[test]
fn a_mailbox_made_again_by_a_later_process_has_a_larger_uidvalidity() {
    let root = in_memory();
    let validity = |round: u32| {
        let store = open(root.path(), Power::new(root.path(), NEVER, 0..0), &[]);
        store.create(USER, "Archive").unwrap();
        let validity = store.mailbox(USER, "Archive").view().unwrap().validity;
        store.deliver(USER, "Archive", &content("a"), None, None).unwrap();
        store.delete(USER, "Archive").unwrap();
        assert!(!store.exists(USER, "Archive").unwrap(), "round {round}");
        validity
    };
    let given: Vec<_> = (0..4).map(validity).collect();
    assert!(given.is_sorted_by(|before, after| before < after), "{given:?}");
}

#[test]
fn a_selected_mailbox_that_another_session_deletes_refuses_everything() {
    let root = in_memory();
    let (_, store, _) = with_one(root.path(), 0..0);
    store.create(USER, "Archive").unwrap();
    let old = store.mailbox(USER, "Archive");
    store.delete(USER, "Archive").unwrap();
    assert!(old.view().is_err() && old.deliver(&content("b"), None, None).is_err());
    store.create(USER, "Archive").unwrap();
    assert!(old.deliver(&content("b"), None, None).is_err());
    assert!(store.mailbox(USER, "Archive").open().unwrap().messages.is_empty());
}
