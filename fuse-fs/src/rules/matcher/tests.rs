//! Compiled selectors against a predicate written the slow way.

use super::*;
use crate::call::{FileKind, Subject};
use crate::rules::rule::{ByteRange, Holds, SizeRange};
use crate::units::Bytes;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct File {
    path: String,
    new_path: Option<String>,
    kind: Option<FileKind>,
    size: Option<u64>,
    command: String,
}

impl Subject for File {
    fn path(&self) -> Cow<'_, Path> {
        Cow::Borrowed(Path::new(&self.path))
    }
    fn new_path(&self) -> Option<Cow<'_, Path>> {
        self.new_path.as_deref().map(|p| Cow::Borrowed(Path::new(p)))
    }
    fn kind(&self) -> Option<FileKind> {
        self.kind
    }
    fn size(&self) -> Option<u64> {
        self.size
    }
    fn command(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.command))
    }
}

fn rule(selector: Selector) -> Rule {
    let effect = crate::rules::effects::Effect::Freeze(Default::default());
    Rule { name: "r".to_owned(), selector, trigger: Default::default(), effect, for_good: false }
}

/// The compiled answer of each selector, all in one list.
fn compiled(selectors: &[Selector], call: &Call<'_>) -> Vec<bool> {
    let globs = Globs::new(selectors.iter()).expect("good globs");
    let mut facts = Facts::new(call, &globs);
    let one = |(slot, s): (usize, &Selector)| Conditions::new(&rule(s.clone()), 1).hold(slot, &mut facts);
    selectors.iter().enumerate().map(one).collect()
}

fn takes(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|p| glob(p).expect("good").compile_matcher().is_match(path))
}

/// The conjunction, one condition after another.
fn naive(s: &Selector, call: &Call<'_>, file: &File) -> bool {
    let path = |p: &str| (s.path.is_empty() || takes(&s.path, p)) && !takes(&s.not_path, p);
    let sized = |r: Option<SizeRange>, n: Option<u64>| match (r, n) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(r), Some(n)) => (r.min.0..=r.max.map_or(u64::MAX, |m| m.0)).contains(&n),
    };
    let touched = |r: ByteRange| {
        (call.offset..call.offset + call.len).any(|b| b >= r.from.0 && r.to.is_none_or(|t| b < t.0))
    };
    (path(&file.path) || file.new_path.as_deref().is_some_and(path))
        && (s.uid.is_empty() || s.uid.contains(&call.uid))
        && (s.pid.is_empty() || s.pid.contains(&call.pid))
        && (s.kind.is_empty() || file.kind.is_some_and(|k| s.kind.contains(&k)))
        && (s.command.is_empty() || takes(&s.command, &file.command))
        && sized(s.size, file.size)
        && sized(s.length, Some(call.len))
        && s.range.is_none_or(touched)
        && (s.holds.is_empty() || s.sectors.ranges().iter().any(|held| touched(bytes(held))))
}

fn bytes(held: &Range<u64>) -> ByteRange {
    ByteRange { from: Bytes(held.start), to: Some(Bytes(held.end)) }
}

fn list<T: Clone + std::fmt::Debug + 'static>(of: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![2 => Just(vec![]), 1 => prop::sample::subsequence(of.to_vec(), 1..=2.min(of.len()))]
}

fn globs() -> impl Strategy<Value = Vec<String>> {
    list(&["**/tmp/**", "user1/**", "*/cur/*", "**/*.log", "user?/tmp/a"])
        .prop_map(|l| l.into_iter().map(str::to_owned).collect())
}

fn paths() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "user1", "user1/tmp/a", "user2/cur/x.log", "user2/tmp/b/c", "log"])
        .prop_map(str::to_owned)
}

fn range() -> impl Strategy<Value = Option<(u64, Option<u64>)>> {
    prop::option::of(
        (0u64..20, prop::option::of(1u64..20)).prop_map(|(from, more)| (from, more.map(|n| from + n))),
    )
}

prop_compose! {
    fn selectors()(
        path in globs(), not_path in globs(), uid in list(&[0u32, 1, 2]), pid in list(&[1u32, 2]),
        kind in list(&[FileKind::File, FileKind::Directory]), command in list(&["imap*", "lmtp"]),
        range in range(), length in range(), size in range(), holds in list(&[Holds::Journal]),
        sectors in prop::collection::vec((0u64..20, 1u64..5), 0..3),
    ) -> Selector {
        let sizes = |r: Option<(u64, Option<u64>)>| r.map(|(min, max)| SizeRange { min: Bytes(min), max: max.map(Bytes) });
        Selector {
            path, not_path, uid, pid, kind, length: sizes(length), size: sizes(size),
            holds, sectors: sectors.into_iter().map(|(from, more)| from..from + more).collect(),
            command: command.into_iter().map(str::to_owned).collect(),
            range: range.map(|(from, to)| ByteRange { from: Bytes(from), to: to.map(Bytes) }),
            ..Selector::default()
        }
    }
}

prop_compose! {
    fn files()(
        path in paths(), new_path in prop::option::of(paths()), size in prop::option::of(0u64..40),
        kind in prop::option::of(prop::sample::select(vec![FileKind::File, FileKind::Directory])),
        command in prop::sample::select(vec!["imap", "imap-login", "lmtp"]),
    ) -> File {
        File { path, new_path, kind, size, command: command.to_owned() }
    }
}

proptest! {
    #[test]
    fn a_compiled_selector_is_the_conjunction_of_its_conditions(
        selectors in prop::collection::vec(selectors(), 1..6), file in files(),
        (offset, len, pid, uid) in (0u64..30, 0u64..30, 1u32..3, 0u32..3),
    ) {
        let call = Call { op: Op::Write, offset, len, pid, uid, open_flags: 0, subject: &file };
        let expected: Vec<bool> = selectors.iter().map(|s| naive(s, &call, &file)).collect();
        prop_assert_eq!(compiled(&selectors, &call), expected);
    }
}

fn file(path: &str) -> File {
    File { path: path.to_owned(), new_path: None, kind: None, size: None, command: String::new() }
}

#[test]
fn open_flags_hold_together_and_only_on_open_files() {
    let holds = |names: &[&str], op, open_flags| {
        let file = file("f");
        let call = Call { op, offset: 0, len: 1, pid: 1, uid: 1, open_flags, subject: &file };
        let open_flags = names.iter().map(|n| (*n).to_owned()).collect();
        compiled(&[Selector { open_flags, ..Selector::default() }], &call)[0]
    };
    assert!(holds(&["O_APPEND", "O_WRONLY"], Op::Write, libc::O_APPEND | libc::O_WRONLY | libc::O_SYNC));
    assert!(!holds(&["O_APPEND", "O_WRONLY"], Op::Write, libc::O_APPEND | libc::O_RDWR));
    assert!(!holds(&["O_SYNC"], Op::Write, libc::O_DSYNC), "O_DSYNC is half of O_SYNC");
    assert!(holds(&["O_RDONLY"], Op::Read, 0));
    assert!(!holds(&["O_RDONLY"], Op::Mkdir, 0));
}

#[test]
fn a_share_takes_about_its_fraction_whole_mailboxes_and_the_same_ones_for_each_rule() {
    let share = Share { fraction: 0.3, depth: 1 };
    let taken = |user: u32, rest: &str| share.takes(Path::new(&format!("user{user}{rest}")), 5);
    let count = (0..2000).filter(|u| taken(*u, "/Maildir/new/x")).count();
    assert!((500..700).contains(&count), "{count} of 2000 for a share of 0.3");
    assert!((0..100).all(|u| taken(u, "/Maildir/new/x") == taken(u, "/Maildir/cur") && taken(u, "") == taken(u, "/y")));
    assert!(!share.takes(Path::new(""), 5), "the root is no mailbox");
    assert!(Share { fraction: 1.0, depth: 2 }.takes(Path::new("a/b"), 5));
    assert!(!Share { fraction: 1.0, depth: 2 }.takes(Path::new("a"), 5));
}

/// A file that counts how often somebody asks who calls.
struct Counted(File, std::cell::Cell<u32>);

impl Subject for Counted {
    fn path(&self) -> Cow<'_, Path> {
        self.0.path()
    }
    fn new_path(&self) -> Option<Cow<'_, Path>> {
        self.0.new_path()
    }
    fn kind(&self) -> Option<FileKind> {
        self.0.kind()
    }
    fn size(&self) -> Option<u64> {
        self.0.size()
    }
    fn command(&self) -> Option<Cow<'_, str>> {
        self.1.set(self.1.get() + 1);
        self.0.command()
    }
}

#[test]
fn who_calls_is_asked_once_however_many_rules_want_to_know() {
    let subject = Counted(File { command: "imap".to_owned(), ..file("f") }, 0.into());
    let call = Call { op: Op::Write, offset: 0, len: 1, pid: 1, uid: 1, open_flags: 0, subject: &subject };
    let by = |glob: &str| Selector { command: vec![glob.to_owned()], ..Selector::default() };
    assert_eq!(compiled(&[by("lmtp"), by("im*"), by("imap"), by("pop3")], &call), [false, true, true, false]);
    assert_eq!(subject.1.get(), 1);
    compiled(&[Selector::default()], &call);
    assert_eq!(subject.1.get(), 1, "nobody wanted to know");
}
