//! The sweep: every operation of a mailbox is tried with every single file call failing, and once more with every
//! call from there on failing. What was acknowledged must be readable intact by a new process; what was refused must
//! not be visible to this one, and not to a new one when the storage let the removal through.

use crate::tests::in_memory;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::defect::{Defect, Defects};
use crate::files::{Disk, Files};
use crate::flags::Flags;
use crate::mailbox::is_in_doubt;
use crate::store::Store;

/// How the chosen calls go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Errno(i32),
    /// Writes and reads are halved; every other call works.
    Short,
}

/// The disk with one call, or every call from one on, going wrong.
struct Faulty {
    calls: AtomicU64,
    first: u64,
    last: u64,
    fault: Fault,
}

impl Faulty {
    fn new(fault: Fault, first: u64, last: u64) -> Arc<Faulty> {
        Arc::new(Faulty { calls: AtomicU64::new(0), first, last, fault })
    }

    fn turn(&self) -> io::Result<bool> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if !(self.first..=self.last).contains(&call) {
            return Ok(false);
        }
        match self.fault {
            Fault::Errno(code) => Err(io::Error::from_raw_os_error(code)),
            Fault::Short => Ok(true),
            Fault::None => Ok(false),
        }
    }
}

macro_rules! passed_on {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> io::Result<$result> {
            self.turn()?;
            Disk.$name($($arg),*)
        })*
    };
}

impl Files for Faulty {
    passed_on! {
        create(path: &Path) -> File;
        append(path: &Path) -> File;
        open(path: &Path) -> File;
        sync(file: &File) -> ();
        close(file: File) -> ();
        set_modified(file: &File, time: SystemTime) -> ();
        stat(path: &Path) -> (SystemTime, u64);
        rename(from: &Path, to: &Path) -> ();
        link(from: &Path, to: &Path) -> ();
        unlink(path: &Path) -> ();
        mkdir(path: &Path) -> ();
        rmdir(path: &Path) -> ();
        list(path: &Path) -> Vec<String>;
        sync_dir(path: &Path) -> ();
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let short = self.turn()?;
        Disk.write(file, if short { &bytes[..bytes.len().div_ceil(2)] } else { bytes })
    }

    fn read(&self, file: &File, bytes: &mut [u8]) -> io::Result<usize> {
        let short = self.turn()?;
        let length = if short { 7 } else { bytes.len() };
        Disk.read(file, &mut bytes[..length])
    }
}

/// What the client of a session may rely on.
#[derive(Debug, Default)]
struct Truth {
    /// Texts that must be there, with their mailbox.
    present: BTreeMap<String, &'static str>,
    /// Texts that must not be there.
    absent: BTreeMap<String, &'static str>,
}

impl Truth {
    fn expunged(&mut self, text: &str, outcome: &io::Result<bool>) {
        match outcome {
            Ok(_) => {
                self.present.remove(text);
                self.absent.insert(text.to_owned(), "INBOX");
            }
            Err(error) if is_in_doubt(error) => drop(self.present.remove(text)),
            Err(_) => {}
        }
    }
}

fn message(text: &str) -> Vec<u8> {
    format!("Subject: {text}\r\n\r\nbody of {text}\r\n").into_bytes()
}

fn store(root: &Path, files: Arc<dyn Files>, defects: &[&str]) -> Store {
    let choices: Vec<_> = defects.iter().map(|text| text.parse().unwrap()).collect();
    Store::new(root.to_path_buf(), files, Defects::new(&choices))
}

fn read_back(store: &Store, name: &str) -> io::Result<Vec<String>> {
    let mailbox = store.mailbox("user1", name);
    let mut texts = Vec::new();
    for (uid, _) in mailbox.open()?.messages {
        texts.push(String::from_utf8(mailbox.read(uid)?.unwrap().bytes).unwrap());
    }
    texts.sort();
    Ok(texts)
}

fn expected(text: &str) -> String {
    String::from_utf8(message(text)).unwrap()
}

/// A life of a mailbox: delivery, flags, copy, expunge, another delivery. Every answer is noted as truth.
fn live(store: &Store) -> Truth {
    let mut truth = Truth::default();
    let inbox = store.mailbox("user1", "INBOX");
    let archive = store.mailbox("user1", "Archive");
    for text in ["one", "two", "three"] {
        let uid = store.deliver("user1", "INBOX", &message(text), None, None).ok().and_then(|one| one.uid);
        let side = if uid.is_some() { &mut truth.present } else { &mut truth.absent };
        side.insert(text.to_owned(), "INBOX");
        let Some(uid) = uid else { continue };
        if text == "one" && inbox.copy(&[uid], &archive).is_ok() {
            truth.present.insert("one in Archive".to_owned(), "Archive");
        } else if text == "one" {
            truth.absent.insert("one in Archive".to_owned(), "Archive");
        }
        if inbox.change_flags(uid, |flags| flags.with(Flags::SEEN)).is_ok() {
            assert!(inbox.flags(uid).unwrap().has(Flags::SEEN));
        }
        if text == "two" {
            truth.expunged(text, &inbox.expunge(uid));
        }
    }
    truth
}

fn judge(truth: &Truth, store: &Store, whose: &str, refused_too: bool) {
    for name in ["INBOX", "Archive"] {
        let texts = read_back(store, name).unwrap_or_else(|error| panic!("{whose}, {name}: {error}"));
        let there = |text: &str| {
            let bare = text.trim_end_matches(" in Archive");
            texts.iter().filter(|read| **read == expected(bare)).count()
        };
        for (text, _) in truth.present.iter().filter(|(_, mailbox)| **mailbox == name) {
            assert_eq!(there(text), 1, "{whose}: acknowledged '{text}' in {name}: {texts:?}");
        }
        for (text, _) in truth.absent.iter().filter(|(_, mailbox)| **mailbox == name && refused_too) {
            assert_eq!(there(text), 0, "{whose}: '{text}' must not be in {name}: {texts:?}");
        }
        assert!(texts.iter().all(|text| text.ends_with("\r\n") && text.contains("body of")), "{texts:?}");
    }
}

fn calls_of_a_life() -> u64 {
    let root = in_memory();
    let files = Faulty::new(Fault::None, 1, 0);
    live(&store(root.path(), files.clone(), &[]));
    files.calls.load(Ordering::Relaxed)
}

#[test]
fn one_failed_call_anywhere_never_breaks_an_answer() {
    let calls = calls_of_a_life();
    assert!(calls > 60, "the sweep covers {calls} calls");
    for fault in [Fault::None, Fault::Short, Fault::Errno(libc::EIO), Fault::Errno(libc::ENOSPC)] {
        for nth in 1..=calls {
            let root = in_memory();
            let store_now = store(root.path(), Faulty::new(fault, nth, nth), &[]);
            let truth = live(&store_now);
            let harmless = matches!(fault, Fault::None | Fault::Short);
            assert!(!harmless || truth.present.len() == 3, "{fault:?} at call {nth} refused something");
            judge(&truth, &store_now, &format!("{fault:?} at call {nth}, same process"), true);
            let later = store(root.path(), Arc::new(Disk), &[]);
            judge(&truth, &later, &format!("{fault:?} at call {nth}, next process"), true);
        }
    }
}

#[test]
fn calls_failing_from_one_on_never_lose_an_acknowledged_message() {
    for fault in [Fault::Errno(libc::EIO), Fault::Errno(libc::ENOSPC), Fault::Short] {
        for first in 1..=calls_of_a_life() {
            let root = in_memory();
            let truth = live(&store(root.path(), Faulty::new(fault, first, u64::MAX), &[]));
            let later = store(root.path(), Arc::new(Disk), &[]);
            judge(&truth, &later, &format!("{fault:?} from call {first} on"), false);
        }
    }
}

/// Fails calls `first..first + length` of a move and says where its message is then: for this process, and for the next.
fn whereabouts(first: u64, length: u64) -> (Option<io::Error>, [usize; 2], [usize; 2]) {
    let root = in_memory();
    let files = Faulty::new(Fault::Errno(libc::EIO), u64::MAX / 2 + first, u64::MAX / 2 + first + length - 1);
    let now = store(root.path(), files.clone(), &[]);
    let (inbox, archive) = (now.mailbox("user1", "INBOX"), now.mailbox("user1", "Archive"));
    let uid = now.deliver("user1", "INBOX", &message("x"), None, None).unwrap().uid.unwrap();
    archive.view().unwrap();
    files.calls.store(u64::MAX / 2, Ordering::Relaxed);
    let failed = inbox.move_to(&[uid], &archive).map_or_else(Some, |moved| moved.failed);
    files.calls.store(0, Ordering::Relaxed);
    let count = |store: &Store| ["INBOX", "Archive"].map(|name| read_back(store, name).unwrap().len());
    let next = count(&store(root.path(), Arc::new(Disk), &[]));
    (failed, count(&now), next)
}

#[test]
fn a_move_that_fails_at_any_call_and_cannot_be_undone_leaves_its_message_somewhere() {
    let mut doubted = 0;
    for length in 1..=12 {
        for first in 1..=20 {
            let (failed, now, next) = whereabouts(first, length);
            let whose = format!("EIO for {length} calls from {first}: {failed:?}, {now:?}, then {next:?}");
            match failed {
                None => assert_eq!((now, next), ([0, 1], [0, 1]), "{whose}"),
                Some(error) if is_in_doubt(&error) => {
                    doubted += 1;
                    assert!(next.iter().sum::<usize>() > 0 && now.iter().sum::<usize>() > 0, "{whose}");
                }
                Some(_) => assert_eq!((now, next), ([1, 0], [1, 0]), "{whose}"),
            }
        }
    }
    assert!(doubted > 10, "only {doubted} moves got stuck");
}

#[test]
fn a_storage_that_heals_shows_nothing_refused() {
    for first in 1..=calls_of_a_life() {
        let root = in_memory();
        let files = Faulty::new(Fault::Errno(libc::EIO), first, first + 12);
        let store = store(root.path(), files.clone(), &[]);
        let truth = live(&store);
        files.calls.store(1_000_000, Ordering::Relaxed);
        judge(&truth, &store, &format!("EIO for 13 calls from {first}"), true);
    }
}

#[test]
fn uids_ascend_and_survive_expunge_and_restart() {
    let root = in_memory();
    let deliver =
        |store: &Store| store.deliver("user1", "INBOX", &message("x"), None, None).unwrap().uid.unwrap();
    let first = store(root.path(), Arc::new(Disk), &[]);
    assert_eq!((deliver(&first), deliver(&first)), (1, 2));
    assert!(first.mailbox("user1", "INBOX").expunge(2).unwrap());
    let validity = first.mailbox("user1", "INBOX").view().unwrap().validity;
    let second = store(root.path(), Arc::new(Disk), &[]);
    assert_eq!(deliver(&second), 3);
    assert_eq!(second.mailbox("user1", "INBOX").view().unwrap().validity, validity);
}

#[test]
fn a_damaged_or_unreadable_message_is_an_error_and_never_short() {
    let root = in_memory();
    let store_now = store(root.path(), Arc::new(Disk), &[]);
    store_now.deliver("user1", "INBOX", &message("x"), None, None).unwrap();
    let new = root.path().join("user1/Maildir/new");
    let file: PathBuf = std::fs::read_dir(&new).unwrap().next().unwrap().unwrap().path();
    File::options().write(true).open(&file).unwrap().set_len(5).unwrap();
    assert!(store_now.mailbox("user1", "INBOX").read(1).is_err());
}

mod defects {
    use super::*;

    fn with(defect: &str, count: usize, fault: Option<(Fault, u64)>) -> (usize, Vec<String>) {
        let root = in_memory();
        let (fault, nth) = fault.unwrap_or((Fault::None, 0));
        let store_now = store(root.path(), Faulty::new(fault, nth, nth), &[defect]);
        let delivered = (0..count)
            .map(|at| store_now.deliver("user1", "INBOX", &message(&format!("m{at}")), None, None).is_ok());
        let acknowledged = delivered.filter(|ok| *ok).count();
        (acknowledged, read_back(&store(root.path(), Arc::new(Disk), &[]), "INBOX").unwrap())
    }

    /// How many single faults make a server acknowledge what a reader then does not find whole.
    fn lies(defect: &str, fault: Fault) -> usize {
        let lie = |nth| {
            let (acknowledged, texts) = with(defect, 1, Some((fault, nth)));
            acknowledged == 1 && texts != [expected("m0")]
        };
        (1..60).filter(|nth| lie(*nth)).count()
    }

    #[test]
    fn lose_duplicate_misdeliver_and_flip() {
        assert_eq!(with("lose-one-in-n=3", 6, None).1.len(), 4);
        assert_eq!(with("duplicate=3", 6, None).1.len(), 8);
        assert_eq!(with("wrong-mailbox=3", 6, None).1.len(), 4);
        let flipped = with("flip-byte=3", 6, None).1;
        let whole: Vec<_> = (0..6).map(|at| expected(&format!("m{at}"))).collect();
        assert_eq!(flipped.iter().filter(|text| whole.contains(text)).count(), 4);
        assert_eq!(flipped.len(), 6);
    }

    #[test]
    fn ignored_errors_are_lies_and_the_honest_server_tells_none() {
        assert!(lies("ignore-write-error", Fault::Errno(libc::EIO)) > 0);
        assert!(lies("truncate-on-enospc", Fault::Errno(libc::ENOSPC)) > 0);
        assert_eq!(lies("truncate-on-enospc", Fault::Errno(libc::EIO)), 0);
        assert_eq!(lies("lose-one-in-n=1000", Fault::Errno(libc::EIO)), 0);
    }

    #[test]
    fn an_ignored_fsync_error_is_acknowledged() {
        let acknowledged = |defect| -> usize {
            (1..60).map(|nth| with(defect, 1, Some((Fault::Errno(libc::EIO), nth))).0).sum()
        };
        assert!(acknowledged("ignore-fsync-error") > acknowledged("lose-one-in-n=1000"));
    }

    #[test]
    fn acknowledging_before_writing_acknowledges_on_a_dead_storage() {
        let root = in_memory();
        let dead = Faulty::new(Fault::Errno(libc::EIO), 1, u64::MAX);
        let store_now = store(root.path(), dead, &[Defect::AckBeforeWrite.name()]);
        assert!(store_now.deliver("user1", "INBOX", &message("x"), None, None).is_ok());
    }

    #[test]
    fn a_uid_is_reused_and_an_expunged_message_returns() {
        let root = in_memory();
        let store_now = store(root.path(), Arc::new(Disk), &["reuse-uid"]);
        let deliver = || store_now.deliver("user1", "INBOX", &message("x"), None, None).unwrap().uid.unwrap();
        let last = (deliver(), deliver()).1;
        store_now.mailbox("user1", "INBOX").expunge(last).unwrap();
        assert_eq!(deliver(), last);

        let root = in_memory();
        let store_now = store(root.path(), Arc::new(Disk), &["resurrect-expunged"]);
        store_now.deliver("user1", "INBOX", &message("x"), None, None).unwrap();
        let inbox = store_now.mailbox("user1", "INBOX");
        assert!(inbox.expunge(1).unwrap() && inbox.view().unwrap().messages.is_empty());
        assert_eq!(inbox.open().unwrap().messages.len(), 1);
    }
}
