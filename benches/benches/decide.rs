//! Cost of asking the engine about a call that no rule strikes.

use criterion::{Criterion, criterion_group, criterion_main};
use fuse_fs::call::{Call, FileKind, Op, Subject};
use fuse_fs::clock::Nanos;
use fuse_fs::rules::decide::Decide;
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::effects::errno::Errno;
use fuse_fs::rules::engine::Engine;
use fuse_fs::rules::ops::OpSelector;
use fuse_fs::rules::rule::{Rule, Selector, Trigger};
use std::borrow::Cow;
use std::hint::black_box;
use std::path::{Path, PathBuf};

/// A file whose path is put together for each call, as the file system does it.
struct Message;

impl Subject for Message {
    fn path(&self) -> Cow<'_, Path> {
        let mut path = String::with_capacity(64);
        for part in black_box(["user17", "/Maildir", "/tmp", "/1763900000.M1P2.host"]) {
            path.push_str(part);
        }
        Cow::Owned(PathBuf::from(path))
    }
    fn new_path(&self) -> Option<Cow<'_, Path>> {
        None
    }
    fn kind(&self) -> Option<FileKind> {
        Some(FileKind::File)
    }
    fn size(&self) -> Option<u64> {
        Some(4096)
    }
    fn command(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("lmtp"))
    }
}

fn rule(n: usize, selector: Selector) -> Rule {
    Rule {
        name: format!("rule-{n}"),
        selector,
        trigger: Trigger::default(),
        effect: Effect::Errno(Errno { code: "EIO".to_owned() }),
        for_good: false,
    }
}

fn on_writes() -> Selector {
    Selector { op: vec![OpSelector::One(Op::Write)], ..Selector::default() }
}

fn paths(globs: impl Iterator<Item = String>) -> Vec<Selector> {
    globs.map(|glob| Selector { path: vec![glob], ..on_writes() }).collect()
}

fn measure(c: &mut Criterion, name: &str, selectors: Vec<Selector>) {
    let rules = selectors.into_iter().enumerate().map(|(n, selector)| rule(n, selector)).collect();
    let engine = Engine::new(rules, 1, Some(Nanos(0))).unwrap_or_else(|problems| panic!("{problems:?}"));
    let call = Call { op: Op::Write, offset: 0, len: 4096, pid: 1, uid: 0, open_flags: 0, subject: &Message };
    assert!(engine.decide(&call, Nanos(1)).firings.is_empty(), "{name}: the rules must not match");
    c.bench_function(name, |b| b.iter(|| black_box(engine.decide(black_box(&call), Nanos(1)))));
}

fn decide(c: &mut Criterion) {
    measure(c, "decide/no rule", vec![]);
    measure(c, "decide/100 rules by user", paths((100..200).map(|n| format!("user{n}/**"))));
    let folders = paths((100..200).map(|n| format!("user{n}/**/tmp/*")));
    measure(c, "decide/100 rules by user and folder", folders);
    measure(c, "decide/100 rules anywhere", paths((0..100).map(|n| format!("**/folder{n}/**"))));
    let commands = (0..100).map(|n| Selector { command: vec![format!("imap{n}*")], ..on_writes() });
    measure(c, "decide/100 rules by command", commands.collect());
    let kinds = (0..100).map(|_| Selector { kind: vec![FileKind::Directory], ..on_writes() });
    measure(c, "decide/100 rules by kind", kinds.collect());
    let others = (0..100).map(|_| Selector { op: vec![OpSelector::One(Op::Read)], ..Selector::default() });
    measure(c, "decide/100 rules of another operation", others.collect());
}

criterion_group!(benches, decide);
criterion_main!(benches);
