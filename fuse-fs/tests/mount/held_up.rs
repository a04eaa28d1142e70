//! A backing directory that does not answer: what is asked of it waits, everything else goes on. It is a mount itself, frozen.

use crate::fixture::{Bench, Script, wait_for};
use fuse_fs::call::Op;
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::{Decide, NoFaults};
use fuse_fs::rules::decision::{Decision, RuleId};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("calls_that_the_disk_holds_up_stop_no_others", others_go_on),
    ("delayed_calls_that_the_disk_holds_up_stop_no_others", delayed_ones_go_on),
    ("event_loops_in_reserve_take_no_memory_on_any_mount_of_a_process", little_memory),
    ("a_mount_ends_while_the_disk_holds_calls_up", it_ends),
];

const PATIENCE: Duration = Duration::from_secs(60);

/// More than there are event loops at work, on any machine that runs these tests, and fewer than there are in reserve.
const HELD_UP: usize = 24;

/// A mount whose backing directory is a mount that freezes every `truncate` of a file called `held-*`.
struct Stack {
    upper: Option<Mount>,
    at: TempDir,
    lower: Bench,
}

fn freezing() -> Arc<dyn Decide> {
    let freeze = |call: &fuse_fs::call::Call<'_>| {
        let held = call.subject.path().to_string_lossy().starts_with("held-");
        let freeze = held.then_some(RuleId(0));
        Decision { freeze, ..Decision::proceed() }
    };
    Arc::new(Script(&[Op::Truncate], freeze))
}

impl Stack {
    fn new(decide: Arc<dyn Decide>) -> Stack {
        let (lower, at) = (Bench::deciding(freezing()), tempfile::tempdir().unwrap());
        (0..HELD_UP).for_each(|n| fs::write(lower.beneath(&format!("held-{n}")), "x").unwrap());
        fs::write(lower.beneath("free"), "x").unwrap();
        let upper = Mount::new(&lower.at(""), at.path(), MountOptions::default(), decide, None).unwrap();
        Stack { upper: Some(upper), at, lower }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    /// Truncates every file that is held up, each on a thread of its own, until all wait beneath; what each comes to.
    fn hold_up(&self) -> Receiver<std::io::Result<()>> {
        let (send, outcomes) = channel();
        for n in 0..HELD_UP {
            let (path, send) = (self.at(&format!("held-{n}")), send.clone());
            std::thread::spawn(move || send.send(truncate(&path)).unwrap());
        }
        wait_for("every call waits beneath", || self.lower.mount().parked(None) == HELD_UP);
        outcomes
    }

    fn thaw(&self) {
        self.lower.mount().heal(None, Thaw::Continue);
    }
}

/// By its path, so that nothing but this call is on its way.
fn truncate(path: &Path) -> std::io::Result<()> {
    nix::unistd::truncate(path, 0).map_err(Into::into)
}

/// On a thread of its own: a mount that does not answer must fail the test, not hang it.
fn answered(path: PathBuf) -> bool {
    let (send, answer) = channel();
    std::thread::spawn(move || send.send(fs::write(path, "other").is_ok()));
    answer.recv_timeout(PATIENCE).unwrap_or(false)
}

fn all_end(outcomes: &Receiver<std::io::Result<()>>) {
    (0..HELD_UP).for_each(|_| outcomes.recv_timeout(PATIENCE).unwrap().unwrap());
}

fn others_go_on() {
    let stack = Stack::new(Arc::new(NoFaults));
    let outcomes = stack.hold_up();
    let goes_on = answered(stack.at("free"));
    stack.thaw();
    all_end(&outcomes);
    assert!(goes_on, "a call of another file was not answered while {HELD_UP} were held up");
    assert_eq!(fs::metadata(stack.lower.beneath("held-0")).unwrap().len(), 0);
}

fn delayed_ones_go_on() {
    let delay =
        |_: &fuse_fs::call::Call<'_>| Decision { delay: Duration::from_millis(1), ..Decision::proceed() };
    let stack = Stack::new(Arc::new(Script(&[Op::Truncate, Op::Write], delay)));
    let outcomes = stack.hold_up();
    let goes_on = answered(stack.at("free"));
    stack.thaw();
    all_end(&outcomes);
    assert!(goes_on, "a delayed call of another file was not answered while {HELD_UP} were held up");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The buffers of all loops together have a gibibyte.
fn little_memory() {
    drop(Bench::new());
    let before = resident_kib();
    let bench = Bench::new();
    fs::write(bench.at("f"), "x").unwrap();
    let more = resident_kib().saturating_sub(before);
    assert!(more < 128 << 10, "a second mount took {more} KiB");
}

fn it_ends() {
    let mut stack = Stack::new(Arc::new(NoFaults));
    let outcomes = stack.hold_up();
    let (upper, (send, ended)) = (stack.upper.take().unwrap(), channel());
    std::thread::spawn(move || send.send(upper.abort()).unwrap());
    let end = ended.recv_timeout(PATIENCE);
    // Who waited for the disk through the mount is told at once; the disk has not heard of it.
    let failed = (0..HELD_UP).filter(|_| outcomes.recv_timeout(PATIENCE).unwrap().is_err()).count();
    let parked = stack.lower.mount().parked(None);
    stack.thaw();
    let said = end.expect("the mount ends").unwrap_err().to_string();
    assert_eq!((failed, parked), (HELD_UP, HELD_UP));
    assert!(said.starts_with("the backing directory has not answered 24 of its calls"), "{said}");
}
