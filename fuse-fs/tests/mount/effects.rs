//! Effects of rules on a real mount: that they fire, and what a program sees.

use crate::fixture::{Bench, wait_for};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::{FsEvent, Line, TraceOptions};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::Decide;
use fuse_fs::rules::engine::Engine;
use fuse_fs::rules::rule::Rule;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_lost_write_reads_as_before_and_as_zeros_beyond", lost_write),
    ("a_misdirected_write_lands_elsewhere", misdirected),
    ("a_misdirected_write_beyond_the_end_is_lost", misdirected_beyond),
    ("a_transient_flip_shows_once", flip_once),
    ("damage_at_rest_is_the_same_in_pieces_and_until_rewritten", rot),
    ("a_flip_at_rest_is_not_flipped_back", rot_again),
    ("a_bad_sector_fails_until_rewritten", bad_sector),
    ("a_bad_sector_survives_a_new_mount_and_not_its_rule", bad_sector_remounted),
    ("a_stale_read_shows_the_file_before_its_last_change", stale_read),
    ("a_stale_read_knows_truncations", stale_truncate),
    ("a_stale_read_knows_any_change", stale_any),
    ("files_vanish_and_return", vanish),
    ("everything_below_a_mailbox_vanishes", vanish_everything),
    ("cold_files_go_when_somebody_comes_upon_them", cold_deletion),
    ("a_read_only_storage_reads", read_only),
    ("old_handles_are_stale_and_new_ones_are_not", stale_handle),
    ("a_full_thin_pool_queues_new_blocks_and_overwrites", thin_pool),
    ("a_hole_needs_space_on_a_full_storage", full_hole),
    ("a_healed_thin_pool_carries_out_what_waited", thin_pool_grown),
    ("a_path_fails_over", failover),
    ("a_path_that_does_not_come_back_fails", failover_fails),
    ("a_flapping_storage_is_down_and_up", flapping),
];

const RULE: &str = "r";

/// A mount with one rule, and its engine.
fn ruled(rule: &str) -> (Bench, Arc<Engine>) {
    let rule: Rule = toml::from_str(&format!("name = \"{RULE}\"\n{rule}")).expect(rule);
    let engine = Arc::new(Engine::new(vec![rule], 3, Some(Nanos::now())).expect("no problems"));
    (Bench::deciding(engine.clone()), engine)
}

fn fired(engine: &Engine) -> u64 {
    engine.stats()[0].fired
}

fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

fn open(path: std::path::PathBuf) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| b'a' + (i % 26) as u8).collect()
}

fn lost_write() {
    let (bench, engine) = ruled("effect.lost-write = {}");
    fs::write(bench.beneath("f"), "old!").unwrap();
    let file = open(bench.at("f"));
    assert_eq!(file.write_at(b"new", 0).unwrap(), 3);
    assert_eq!(file.write_at(b"more", 4).unwrap(), 4);
    file.sync_all().unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"old!\0\0\0\0");
    assert_eq!(fired(&engine), 2);
}

fn misdirected() {
    let (bench, engine) = ruled("effect.misdirected-write = { by = 4096 }");
    fs::write(bench.beneath("f"), bytes(10_000)).unwrap();
    assert_eq!(open(bench.at("f")).write_at(&[b'!'; 100], 50).unwrap(), 100);
    let mut expected = bytes(10_000);
    expected[4146..4246].fill(b'!');
    assert_eq!(fs::read(bench.at("f")).unwrap(), expected);
    assert_eq!(fired(&engine), 1);
}

fn misdirected_beyond() {
    let (bench, _) = ruled("effect.misdirected-write = {}");
    let file = open(bench.at("f"));
    assert_eq!(file.write_at(&bytes(10_000), 0).unwrap(), 10_000);
    let read = fs::read(bench.at("f")).unwrap();
    assert_eq!(read.len(), 10_000, "as long as the writer believes");
    assert!(read[..8192].iter().all(|b| *b == 0));
    assert_eq!(read[8192..], bytes(10_000)[..1808], "what falls into the file");
}

fn flip_once() {
    let (bench, engine) = ruled("when.nth = 2\neffect.corrupt-read = { bits = 3 }");
    fs::write(bench.beneath("f"), bytes(10_000)).unwrap();
    let (file, mut buffer) = (open(bench.at("f")), vec![0; 10_000]);
    let mut damaged = || {
        file.read_exact_at(&mut buffer, 0).unwrap();
        buffer.iter().zip(bytes(10_000)).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
    };
    assert_eq!([damaged(), damaged(), damaged()], [0, 3, 0]);
    assert_eq!(fired(&engine), 1);
    assert_eq!(fs::read(bench.beneath("f")).unwrap(), bytes(10_000));
}

fn rot() {
    for how in ["flip", "zeros", "garbage"] {
        let (bench, engine) =
            ruled(&format!("when.nth = 1\neffect.corrupt-read = {{ how = \"{how}\", sticky = true }}"));
        fs::write(bench.beneath("f"), bytes(10_000)).unwrap();
        let before = fs::metadata(bench.beneath("f")).unwrap();
        let file = open(bench.at("f"));
        let mut whole = vec![0; 10_000];
        file.read_exact_at(&mut whole, 0).unwrap();
        assert_ne!(whole, bytes(10_000), "{how}");
        engine.disarm(RULE, Nanos::now()).unwrap();
        let mut pieces = vec![0; 10_000];
        pieces.chunks_mut(777).enumerate().for_each(|(n, p)| file.read_exact_at(p, n as u64 * 777).unwrap());
        assert_eq!(whole, pieces, "{how}");
        let after = fs::metadata(bench.at("f")).unwrap();
        assert_eq!((before.modified().unwrap(), before.len()), (after.modified().unwrap(), after.len()));
        file.write_all_at(&bytes(10_000), 0).unwrap();
        assert_eq!(fs::read(bench.at("f")).unwrap(), bytes(10_000), "{how}: rewritten");
        assert_eq!(fired(&engine), 1);
    }
}

fn rot_again() {
    let (bench, engine) = ruled("effect.corrupt-read = { bits = 5, sticky = true }");
    fs::write(bench.beneath("f"), bytes(4096)).unwrap();
    let (file, mut first, mut again) = (open(bench.at("f")), [0; 4096], [0; 4096]);
    file.read_exact_at(&mut first, 0).unwrap();
    for _ in 0..3 {
        file.read_exact_at(&mut again, 0).unwrap();
        assert_eq!(first, again);
    }
    assert_eq!(fired(&engine), 4);
    file.write_all_at(&bytes(4096), 0).unwrap();
    file.read_exact_at(&mut again, 0).unwrap();
    assert_eq!(first, again, "rewritten, the block rots the same way");
}

fn bad_sector() {
    let (bench, engine) =
        ruled("where.range = { from = 4096, to = 8192 }\nwhen.nth = 1\neffect.bad-sector = {}");
    fs::write(bench.beneath("f"), bytes(10_000)).unwrap();
    let (file, mut one) = (open(bench.at("f")), [0; 1]);
    for _ in 0..2 {
        assert_eq!(errno(file.read_at(&mut one, 5000)), libc::EIO);
        assert_eq!(errno(file.read_at(&mut [0; 10_000], 0)), libc::EIO, "a read that touches it");
    }
    assert_eq!((file.read_at(&mut one, 4095).unwrap(), file.read_at(&mut one, 8192).unwrap()), (1, 1));
    file.write_all_at(&[b'!'; 4096], 4096).unwrap();
    file.read_exact_at(&mut [0; 10_000], 0).unwrap();
    assert_eq!(fired(&engine), 1);
    assert_eq!(fs::read(bench.at("f")).unwrap()[4096..8192], [b'!'; 4096]);
}

fn bad_sector_remounted() {
    let (mut bench, engine) = ruled("when.nth = 1\neffect.bad-sector = {}");
    fs::write(bench.beneath("f"), "x").unwrap();
    assert_eq!(errno(fs::read(bench.at("f"))), libc::EIO);
    bench.mount.take().unwrap().unmount().unwrap();
    bench.mount = Some(
        Mount::new(&bench.beneath(""), &bench.at(""), MountOptions::default(), engine.clone(), None).unwrap(),
    );
    assert_eq!(errno(fs::read(bench.at("f"))), libc::EIO);
    engine.disarm(RULE, Nanos::now()).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"x");
    assert!(engine.lies().is_idle());
}

fn stale_read() {
    let (bench, engine) = ruled("when.disarmed = true\neffect.stale-read = {}");
    let file = open(bench.at("f"));
    file.write_all_at(b"first ", 0).unwrap();
    file.write_all_at(b"second", 6).unwrap();
    file.write_all_at(b"SECOND and third", 6).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"first SECOND and third");
    engine.arm(RULE, Nanos::now()).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"first second");
    assert_eq!(fs::metadata(bench.at("f")).unwrap().len(), 12);
    let mut middle = [0; 20];
    assert_eq!(file.read_at(&mut middle, 4).unwrap(), 8);
    assert_eq!(&middle[..8], b"t second");
    assert!(fired(&engine) >= 3);
    engine.disarm(RULE, Nanos::now()).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"first SECOND and third");
}

fn stale_truncate() {
    let (bench, engine) = ruled("where.op = \"read\"\nwhen.disarmed = true\neffect.stale-read = {}");
    fs::write(bench.beneath("untouched"), "x").unwrap();
    let file = open(bench.at("f"));
    file.write_all_at(&bytes(10_000), 0).unwrap();
    file.set_len(5).unwrap();
    engine.arm(RULE, Nanos::now()).unwrap();
    let mut all = Vec::new();
    (&file).read_to_end(&mut all).unwrap();
    assert_eq!(all, bytes(10_000));
    let before = fired(&engine);
    assert_eq!(fs::read(bench.at("untouched")).unwrap(), b"x");
    assert_eq!(fired(&engine), before, "a file that did not change is left alone");
}

/// After each of many changes the file is remembered as it was before it.
fn stale_any() {
    let (bench, engine) = ruled("where.op = \"read\"\nwhen.disarmed = true\neffect.stale-read = {}");
    let file = open(bench.at("f"));
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut before, mut content) = (Vec::new(), Vec::new());
    for round in 0..300u32 {
        let (at, len) = (random.random_range(0..6000usize), random.random_range(1..6000usize));
        before.clone_from(&content);
        if random.random_range(0..3) == 0 {
            content.resize(at, 0);
            file.set_len(at as u64).unwrap();
        } else {
            content.resize(content.len().max(at + len), 0);
            content[at..at + len].fill(round as u8);
            file.write_all_at(&vec![round as u8; len], at as u64).unwrap();
        }
        engine.arm(RULE, Nanos::now()).unwrap();
        assert!(fs::read(bench.at("f")).unwrap() == before, "round {round}");
        engine.disarm(RULE, Nanos::now()).unwrap();
        assert!(fs::read(bench.at("f")).unwrap() == content, "round {round}");
    }
    assert!(fired(&engine) > 300);
}

fn names(path: std::path::PathBuf) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn vanish() {
    let (bench, engine) = ruled("where = { share = { fraction = 0.5 } }\neffect.vanish = {}");
    for user in 0..20 {
        fs::create_dir_all(bench.beneath(&format!("u{user}/new"))).unwrap();
        fs::write(bench.beneath(&format!("u{user}/new/m")), "mail").unwrap();
    }
    let seen = |user: &usize| fs::read(bench.at(&format!("u{user}/new/m")));
    let (there, gone): (Vec<usize>, Vec<usize>) = (0..20).partition(|user| seen(user).is_ok());
    assert!(there.len() > 3 && gone.len() > 3, "{there:?} {gone:?}");
    for user in &gone {
        assert_eq!(errno(seen(user)), libc::ENOENT);
        assert_eq!(names(bench.at(&format!("u{user}"))), ["new"], "the directory stays");
        assert!(names(bench.at(&format!("u{user}/new"))).is_empty());
        let anew = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(bench.at(&format!("u{user}/new/m")));
        assert_eq!(errno(anew), libc::EEXIST);
    }
    assert!(fired(&engine) > 0);
    engine.disarm(RULE, Nanos::now()).unwrap();
    assert!((0..20).all(|user| seen(&user).unwrap() == b"mail"));
    assert!(gone.iter().all(|user| names(bench.at(&format!("u{user}/new"))) == ["m"]));
}

fn vanish_everything() {
    let (bench, engine) =
        ruled("where.share = { fraction = 1.0 }\neffect.vanish = { hide = \"everything\" }");
    fs::create_dir_all(bench.beneath("u/new")).unwrap();
    assert_eq!(names(bench.at("")), ["u"]);
    assert!(names(bench.at("u")).is_empty());
    assert_eq!(errno(fs::metadata(bench.at("u/new"))), libc::ENOENT);
    assert_eq!(errno(fs::create_dir(bench.at("u/new"))), libc::EEXIST);
    assert!(fired(&engine) >= 2);
}

/// The trace of what happens on a mount with one rule.
fn traced(rule: &str, what: impl FnOnce(&std::path::Path, &std::path::Path)) -> Vec<FsEvent> {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [backing, place, logs] = &folders;
    let rule: Rule = toml::from_str(&format!("name = \"{RULE}\"\n{rule}")).expect(rule);
    let engine = Arc::new(Engine::new(vec![rule], 3, Some(Nanos::now())).expect("no problems"));
    let file = logs.path().join("trace.jsonl");
    let sink = TraceSink::file(&file, TraceOptions::default()).unwrap();
    let mount =
        Mount::new(backing.path(), place.path(), Default::default(), engine, Some(sink.clone())).unwrap();
    what(place.path(), backing.path());
    mount.unmount().unwrap();
    sink.finish().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    text.lines().filter_map(|line| Line::parse(line.as_bytes()).unwrap().event()).collect()
}

fn cold_deletion() {
    // A machine that does nothing for so long lets warm files become cold.
    let in_time = [2, 10, 50].map(Duration::from_secs).into_iter().any(cold_files_go);
    assert!(in_time, "this machine reads no file within 50 s");
}

/// False if the machine was too slow to read what was warm.
fn cold_files_go(older_than: Duration) -> bool {
    let mut in_time = true;
    let rule = format!("effect.cold-deletion = {{ older-than = \"{}s\" }}", older_than.as_secs());
    let events = traced(&rule, |mount, beneath| {
        let begun = Instant::now();
        for name in ["by-name", "by-listing-1", "by-listing-2"] {
            fs::write(beneath.join(name), "x").unwrap();
        }
        fs::create_dir(beneath.join("directory")).unwrap();
        let warm = fs::read(mount.join("by-name"));
        in_time = begun.elapsed() < older_than;
        if !in_time {
            return;
        }
        assert_eq!(warm.unwrap(), b"x", "still warm");
        let written = Instant::now();
        wait_for("the files are cold", || written.elapsed() > older_than + Duration::from_millis(50));
        let begun = Instant::now();
        fs::write(beneath.join("warm"), "x").unwrap();
        let (cold, listed) = (fs::read(mount.join("by-name")), names(mount.to_owned()));
        in_time = begun.elapsed() < older_than;
        if in_time {
            assert_eq!(errno(cold), libc::ENOENT);
            assert_eq!(listed, ["directory", "warm"]);
            assert_eq!(names(beneath.to_owned()), ["directory", "warm"]);
        }
    });
    if in_time {
        cold_files_are_unlinked(&events);
    }
    in_time
}

fn cold_files_are_unlinked(events: &[FsEvent]) {
    let unlinks: Vec<_> = events.iter().filter(|e| e.op == Op::Unlink).collect();
    let mut paths: Vec<_> = unlinks.iter().map(|e| e.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["by-listing-1", "by-listing-2", "by-name"]);
    assert!(unlinks.iter().all(|e| e.pid == 0 && !e.fired.is_empty() && e.ino > 1), "{unlinks:?}");
    assert!(
        events.iter().all(|e| e.op == Op::Unlink || e.fired.is_empty()),
        "the firing stands with its file"
    );
}

fn read_only() {
    let (bench, engine) = ruled("when.disarmed = true\neffect.read-only = {}");
    fs::write(bench.at("f"), "x").unwrap();
    let mut writer = open(bench.at("f"));
    engine.arm(RULE, Nanos::now()).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"x");
    for refused in [
        writer.write(b"y").map(drop),
        writer.sync_all(),
        writer.set_len(0),
        File::create(bench.at("new")).map(drop),
        OpenOptions::new().append(true).open(bench.at("f")).map(drop),
        fs::rename(bench.at("f"), bench.at("g")),
        fs::remove_file(bench.at("f")),
        fs::create_dir(bench.at("d")),
        fs::hard_link(bench.at("f"), bench.at("l")),
    ] {
        assert_eq!(errno(refused), libc::EROFS);
    }
    assert_eq!(fired(&engine), 9);
    assert_eq!(names(bench.beneath("")), ["f"]);
}

fn stale_handle() {
    let (bench, engine) = ruled("when.disarmed = true\neffect.stale-handle = {}");
    fs::write(bench.beneath("f"), "x").unwrap();
    let old = open(bench.at("f"));
    engine.arm(RULE, Nanos::now()).unwrap();
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"x");
    assert_eq!(errno(old.read_at(&mut [0; 1], 0)), libc::ESTALE);
    assert_eq!(errno(old.write_at(b"y", 0)), libc::ESTALE);
    assert_eq!(errno(old.sync_all()), libc::ESTALE);
    let new = open(bench.at("f"));
    assert_eq!(new.write_at(b"z", 0).unwrap(), 1);
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"z");
    assert!(fired(&engine) >= 3);
}

fn thin_pool() {
    let (bench, engine) = ruled("effect.thin-pool-full = { bytes = 10, queue = \"200ms\" }");
    let file = open(bench.at("f"));
    file.write_all_at(&[1; 10], 0).unwrap();
    let started = Instant::now();
    assert_eq!(errno(file.write_at(&[2; 5], 8)), libc::ENOSPC);
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(file.write_at(&[3; 10], 0).unwrap(), 10, "an overwrite");
    assert_eq!(fs::read(bench.at("f")).unwrap(), [3; 10]);
    let space = nix::sys::statvfs::statvfs(&bench.at("f")).unwrap();
    assert!(space.blocks_available() > 0, "the file system knows nothing of its pool");
    assert_eq!(fired(&engine), 1);
}

fn full_hole() {
    let (bench, engine) = ruled("effect.no-space = { bytes = 4096 }");
    // What was there before the storage was full.
    let sparse = open(bench.beneath("f"));
    sparse.set_len(1 << 20).unwrap();
    sparse.write_all_at(&[1; 8192], 0).unwrap();
    let file = open(bench.at("f"));
    assert_eq!(file.write_at(&[2; 8192], 0).unwrap(), 8192, "an overwrite");
    assert_eq!(file.write_at(&[3; 8192], 4096).unwrap(), 8192, "half of it into the hole");
    assert_eq!(errno(file.write_at(b"x", 65_536)), libc::ENOSPC);
    let allocated = nix::fcntl::fallocate(&file, nix::fcntl::FallocateFlags::empty(), 65_536, 1);
    assert_eq!(allocated, Err(nix::errno::Errno::ENOSPC));
    assert_eq!(fired(&engine), 2);
    use nix::fcntl::FallocateFlags;
    let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    nix::fcntl::fallocate(&file, punch, 0, 4096).unwrap();
    nix::fcntl::fallocate(&file, punch, 0, 4096).expect("a hole gives nothing back");
    assert_eq!(file.write_at(&[4; 8192], 65_536).unwrap(), 4096, "what was punched");
    assert_eq!(errno(file.write_at(b"x", 131_072)), libc::ENOSPC);
}

fn thin_pool_grown() {
    let (bench, engine) = ruled("effect.thin-pool-full = {}");
    let file = open(bench.at("f"));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| file.write_at(&[1; 10], 0));
        wait_for("the write waits", || bench.mount().parked(None) == 1);
        for rule in engine.heal(None, Nanos::now()).unwrap() {
            bench.mount().heal(Some(rule), fuse_fs::mount::parking::Thaw::Continue);
        }
        assert_eq!(writer.join().unwrap().unwrap(), 10);
    });
}

fn failover() {
    let (bench, engine) = ruled("where.path = \"f\"\neffect.path-failover = { outage = \"300ms\" }");
    fs::write(bench.beneath("f"), "x").unwrap();
    let started = Instant::now();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read(bench.at("f")));
        assert!(!bench.at("other").exists(), "another file is served meanwhile");
        assert_eq!(reader.join().unwrap().unwrap(), b"x");
    });
    assert!(started.elapsed() >= Duration::from_millis(300));
    let again = fired(&engine);
    assert_eq!(fs::read(bench.at("f")).unwrap(), b"x");
    assert_eq!(fired(&engine), again, "the outage is over");
}

fn failover_fails() {
    let (bench, _) =
        ruled("where.path = \"f\"\neffect.path-failover = { outage = \"200ms\", then = { fail = \"EIO\" } }");
    let started = Instant::now();
    assert_eq!(errno(fs::metadata(bench.at("f"))), libc::EIO);
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(errno(fs::metadata(bench.at("f"))), libc::EIO);
}

fn flapping() {
    let (bench, engine) =
        ruled("effect.flapping = { down = \"150ms\", up = \"150ms\", code = \"ENOTCONN\" }");
    fs::write(bench.beneath("f"), "x").unwrap();
    let is_up = || match fs::read(bench.at("f")) {
        Ok(read) => read == b"x",
        Err(error) => error.raw_os_error() != Some(libc::ENOTCONN),
    };
    let mut phases = vec![is_up()];
    wait_for("it is down, up, down and up", || {
        let now = is_up();
        if phases.last() != Some(&now) {
            phases.push(now);
        }
        phases.len() >= 4
    });
    assert_eq!(phases, [false, true, false, true]);
    assert!(fired(&engine) > 1);
    assert!(fs::metadata(bench.beneath("f")).unwrap().ino() > 0);
}
