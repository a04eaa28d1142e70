//! Decisions are acted on as documented; waiting calls hold up nobody else; nothing stays mounted.

use crate::fixture::{Bench, Script, is_mounted, wait_for};
use fuse_fs::call::{Call, Op};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::Mount;
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::{FsEvent, Line, TraceOptions};
use fuse_fs::rules::decide::NoFaults;
use fuse_fs::rules::decision::{Action, Decision, Firing, RuleId, TornReport};
use std::fs;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_failure_reaches_the_caller_and_does_nothing", fail),
    ("short_reads_and_writes", short),
    ("torn_write_reported_as_success_has_its_full_size", torn),
    ("statfs_tells_what_it_is_told", statfs),
    ("a_delay_holds_up_only_its_own_call", delay),
    ("freeze_then_heal", freeze_heal),
    ("ten_thousand_parked_calls_hold_no_thread", ten_thousand),
    ("dropping_a_frozen_mount_leaves_nothing_mounted", drop_frozen),
    ("dropping_a_mount_with_open_files_leaves_nothing_mounted", drop_open),
    ("aborting_answers_everybody", abort),
    ("unmounting_ends_while_another_mount_namespace_holds_a_copy", unmount_with_a_copy_elsewhere),
    ("what_is_cut_off_stays_mounted_and_covers_what_lies_beneath", cut_off),
    ("the_trace_tells_what_happened", trace),
];

const RULE: RuleId = RuleId(3);

fn act(action: Action) -> Decision {
    let firings = [Firing { rule: RULE, nth: 1, matched: 1 }].into_iter().collect();
    Decision { action, firings, ..Decision::proceed() }
}

fn freeze_frozen(call: &Call<'_>) -> Decision {
    let frozen = call.subject.path().starts_with("frozen");
    Decision { freeze: frozen.then_some(RULE), ..Decision::proceed() }
}

fn fail() {
    let bench = Bench::deciding(Arc::new(Script(&[Op::Fsync, Op::Rename], |call: &Call<'_>| {
        act(Action::Fail(if call.op == Op::Fsync { libc::EIO } else { libc::ENOSPC }))
    })));
    let file = File::create(bench.at("a")).unwrap();
    assert_eq!(file.sync_all().unwrap_err().raw_os_error(), Some(libc::EIO));
    assert_eq!(fs::rename(bench.at("a"), bench.at("b")).unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    assert!(bench.beneath("a").exists() && !bench.beneath("b").exists());
}

fn short() {
    let bench =
        Bench::deciding(Arc::new(Script(&[Op::Read, Op::Write], |_: &Call<'_>| act(Action::Short(3)))));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(bench.at("f")).unwrap();
    assert_eq!(file.write_at(b"abcdef", 0).unwrap(), 3);
    file.write_at(b"defg", 3).unwrap();
    assert_eq!(fs::read(bench.beneath("f")).unwrap(), b"abcdef");
    assert_eq!(file.read_at(&mut [0; 6], 0).unwrap(), 3);
}

fn torn() {
    let decide = Script(&[Op::Write], |call: &Call<'_>| {
        let report = match call.offset {
            0 => TornReport::Success,
            100 => TornReport::Short,
            _ => TornReport::Error(libc::EIO),
        };
        act(Action::Torn { kept: [(0, 2), (4, 6)].into_iter().collect(), report })
    });
    let bench = Bench::deciding(Arc::new(decide));
    let file = File::create(bench.at("f")).unwrap();
    assert_eq!(file.write_at(b"abcdefgh", 0).unwrap(), 8);
    assert_eq!(fs::read(bench.beneath("f")).unwrap(), b"ab\0\0ef\0\0");
    assert_eq!(file.write_at(b"abcdefgh", 100).unwrap(), 2);
    assert_eq!(file.write_at(b"abcdefgh", 200).unwrap_err().raw_os_error(), Some(libc::EIO));
}

fn statfs() {
    let told = Action::Statfs { free_bytes: Some(1 << 20), free_inodes: Some(5) };
    let bench = Bench::deciding(Arc::new(Script(&[Op::Statfs], move |_: &Call<'_>| act(told.clone()))));
    let space = nix::sys::statvfs::statvfs(&bench.at("")).unwrap();
    assert_eq!(space.blocks_available() * space.fragment_size(), 1 << 20);
    assert_eq!(space.files_available(), 5);
}

fn delay() {
    // A machine that does nothing for so long would let the slow call end first.
    let delays = [1, 5, 25].map(Duration::from_secs);
    assert!(delays.into_iter().any(fast_is_first), "the fast call waited for the slow one");
}

/// Whether a call that is not delayed has its answer before one that came earlier and is.
fn fast_is_first(delay: Duration) -> bool {
    let decide = Script(&[Op::Fsync], move |call: &Call<'_>| {
        let slow = call.subject.path().ends_with("slow");
        Decision { delay: if slow { delay } else { Duration::ZERO }, ..Decision::proceed() }
    });
    let bench = Bench::deciding(Arc::new(decide));
    let slow = File::create(bench.at("slow")).unwrap();
    let fast = File::create(bench.at("fast")).unwrap();
    let (slow_ended, started) = (AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            slow.sync_all().unwrap();
            slow_ended.store(true, Ordering::SeqCst);
        });
        wait_for("the slow call is parked", || {
            bench.mount().parked(None) == 1 || slow_ended.load(Ordering::SeqCst)
        });
        fast.sync_all().unwrap();
        let first = !slow_ended.load(Ordering::SeqCst);
        waiting.join().unwrap();
        assert!(started.elapsed() >= delay);
        first
    })
}

fn freeze_heal() {
    let bench = Bench::deciding(Arc::new(Script(&[Op::Write], freeze_frozen)));
    let file = File::create(bench.at("frozen")).unwrap();
    for (outcome, expected) in [(Thaw::Continue, None), (Thaw::Fail(libc::EIO), Some(libc::EIO))] {
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| file.write_at(b"x", 0));
            wait_for("the write is parked", || bench.mount().parked(Some(RULE)) == 1);
            fs::write(bench.at("other"), "y").unwrap();
            assert_eq!(bench.mount().heal(Some(RULE), outcome), 1);
            assert_eq!(writer.join().unwrap().err().and_then(|e| e.raw_os_error()), expected);
        });
    }
}

fn own_threads() -> usize {
    let comm = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.unwrap().path().join("comm"));
    let ours = |name: String| ["parking", "fuse", "fuser"].iter().any(|p| name.starts_with(p));
    fs::read_dir("/proc/self/task").unwrap().filter_map(|t| comm(t).ok()).filter(|n| ours(n.clone())).count()
}

fn median_of_writes(file: &File) -> Duration {
    let mut times: Vec<_> = (0..501)
        .map(|_| {
            let started = Instant::now();
            file.write_all_at(&[1; 4096], 0).unwrap();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[250]
}

fn ten_thousand() {
    let bench = Bench::deciding(Arc::new(Script(&[Op::Read, Op::Write], freeze_frozen)));
    fs::write(bench.beneath("frozen"), "x").unwrap();
    let (frozen, other) = (File::open(bench.at("frozen")).unwrap(), File::create(bench.at("other")).unwrap());
    let (quiet, threads) = (median_of_writes(&other), own_threads());
    std::thread::scope(|scope| {
        for _ in 0..10_000 {
            let read = || assert_eq!(frozen.read_at(&mut [0; 1], 0).unwrap(), 1);
            std::thread::Builder::new().stack_size(32 << 10).spawn_scoped(scope, read).unwrap();
        }
        wait_for("10,000 calls are parked", || bench.mount().parked(Some(RULE)) == 10_000);
        // A busy machine disturbs a measurement now and then; parked calls that took time would disturb every one.
        let as_fast = |busy: &Duration| *busy < quiet * 5 + Duration::from_millis(1);
        let mut measured = (0..10).map(|_| median_of_writes(&other));
        let (fast, busy_threads) = (measured.any(|busy| as_fast(&busy)), own_threads());
        // Healed before anything is asserted: a failed assertion would wait for ten thousand frozen readers.
        assert_eq!(bench.mount().heal(None, Thaw::Continue), 10_000);
        assert_eq!(busy_threads, threads);
        assert!(
            fast,
            "a write takes {quiet:?} without parked calls, and more than five times that with them"
        );
    });
    assert_eq!(bench.mount().parked(None), 0);
}

fn drop_frozen() {
    let mut bench = Bench::deciding(Arc::new(Script(&[Op::Write], freeze_frozen)));
    let file = File::create(bench.at("frozen")).unwrap();
    let writer = std::thread::spawn(move || file.write_at(b"x", 0));
    wait_for("the write is parked", || bench.mount().parked(None) == 1);
    let place = bench.mount().mountpoint().to_owned();
    drop(bench.mount.take());
    assert!(writer.join().unwrap().is_err());
    assert!(!is_mounted(&place));
}

fn drop_open() {
    let mut bench = Bench::new();
    let place = bench.mount().mountpoint().to_owned();
    let file = File::create(bench.at("f")).unwrap();
    bench.mount.take().unwrap().unmount().unwrap();
    assert!(!is_mounted(&place));
    assert!(file.write_at(b"x", 0).is_err());
}

fn abort() {
    let mut bench = Bench::deciding(Arc::new(Script(&[Op::Write], freeze_frozen)));
    let file = File::create(bench.at("frozen")).unwrap();
    let writer = std::thread::spawn(move || file.write_at(b"x", 0));
    wait_for("the write is parked", || bench.mount().parked(None) == 1);
    let place = bench.mount().mountpoint().to_owned();
    bench.mount.take().unwrap().abort().unwrap();
    assert!(writer.join().unwrap().is_err());
    assert!(!is_mounted(&place));
}

fn unmount_with_a_copy_elsewhere() {
    let mut bench = Bench::new();
    let mut command = std::process::Command::new("sleep");
    // SAFETY: the closure makes two system calls in the forked child.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
            let private = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
            Ok(nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?)
        });
    }
    // It has its copy of every mount once `spawn` returns.
    let mut holder = command.arg("600").spawn().unwrap();
    let place = bench.mount().mountpoint().to_owned();
    let (ended, end) = std::sync::mpsc::channel();
    let mount = bench.mount.take().unwrap();
    std::thread::spawn(move || ended.send(mount.unmount().is_ok()));
    let end = end.recv_timeout(Duration::from_secs(60));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(end, Ok(true));
    assert!(!is_mounted(&place));
}

fn cut_off() {
    let mut bench = Bench::new();
    let place = bench.mount().mountpoint().to_owned();
    assert!(bench.mount().cut_off());
    let refused = |result: std::io::Result<()>| result.err().and_then(|error| error.raw_os_error());
    assert_eq!(refused(fs::write(bench.at("f"), "x")), Some(libc::ENOTCONN));
    bench.mount.take().unwrap().leave();
    assert!(is_mounted(&place));
    assert_eq!(refused(fs::write(bench.at("f"), "x")), Some(libc::ENOTCONN));
    assert!(!bench.beneath("f").exists());
    fuse_fs::mount::detach(&place).unwrap();
    assert!(!is_mounted(&place));
}

fn trace() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [backing, place, logs] = &folders;
    let file = logs.path().join("trace.jsonl");
    let options = TraceOptions { marker: Some(b"X-Mark: ".to_vec()), ..TraceOptions::default() };
    let sink = TraceSink::file(&file, options).unwrap();
    let before = Nanos::now();
    let mount =
        Mount::new(backing.path(), place.path(), Default::default(), Arc::new(NoFaults), Some(sink.clone()))
            .unwrap();
    fs::create_dir(place.path().join("d")).unwrap();
    fs::write(place.path().join("d/a"), "X-Mark: m1\r\nbody").unwrap();
    fs::rename(place.path().join("d/a"), place.path().join("b")).unwrap();
    let ino = std::os::unix::fs::MetadataExt::ino(&fs::metadata(place.path().join("b")).unwrap());
    mount.unmount().unwrap();
    let closed = sink.finish().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let lines = text.lines().map(|line| Line::parse(line.as_bytes()).unwrap());
    let events: Vec<FsEvent> = lines.filter_map(Line::event).collect();
    assert_eq!((events.len() as u64, closed.lost), (closed.lines, 0));
    let kinds: Vec<Op> = events.iter().map(|e| e.op).collect();
    assert_eq!(kinds, [Op::Mkdir, Op::Create, Op::Write, Op::Rename]);
    assert_eq!((events[2].mark.as_deref(), events[2].ino, events[2].done), (Some("m1"), ino, Some(16)));
    assert_eq!(
        (events[3].path.as_str(), events[3].new_path.as_deref(), events[3].ino),
        ("d/a", Some("b"), ino)
    );
    assert!(events.iter().all(|e| e.at >= before && e.end >= Some(e.at)));
    let own = fs::read_to_string("/proc/thread-self/comm").unwrap();
    assert!(events.iter().all(|e| e.command.as_deref() == Some(own.trim_end())), "{events:?}");
}
