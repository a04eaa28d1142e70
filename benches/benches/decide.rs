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
        None
    }
}

fn rule(n: usize, glob: String) -> Rule {
    Rule {
        name: format!("rule-{n}"),
        selector: Selector { op: vec![OpSelector::One(Op::Write)], path: vec![glob], ..Selector::default() },
        trigger: Trigger::default(),
        effect: Effect::Errno(Errno { code: "EIO".to_owned() }),
        for_good: false,
    }
}

fn measure(c: &mut Criterion, name: &str, globs: Vec<String>) {
    let rules = globs.into_iter().enumerate().map(|(n, glob)| rule(n, glob)).collect();
    let engine = Engine::new(rules, 1, Some(Nanos(0))).unwrap_or_else(|problems| panic!("{problems:?}"));
    let call = Call { op: Op::Write, offset: 0, len: 4096, pid: 1, uid: 0, open_flags: 0, subject: &Message };
    assert!(engine.decide(&call, Nanos(1)).firings.is_empty(), "{name}: the rules must not match");
    c.bench_function(name, |b| b.iter(|| black_box(engine.decide(black_box(&call), Nanos(1)))));
}

fn decide(c: &mut Criterion) {
    measure(c, "decide/no rule", vec![]);
    measure(c, "decide/100 rules by user", (100..200).map(|n| format!("user{n}/**")).collect());
    measure(
        c,
        "decide/100 rules by user and folder",
        (100..200).map(|n| format!("user{n}/**/tmp/*")).collect(),
    );
    measure(c, "decide/100 rules anywhere", (0..100).map(|n| format!("**/folder{n}/**")).collect());
}

criterion_group!(benches, decide);
criterion_main!(benches);
