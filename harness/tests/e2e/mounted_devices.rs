//! `mount` with a real file system: the device lies in the backing directory, the kernel's file system at the mount point.

use crate::clean_up::{expect_code, is_clean, wait_until};
use crate::devices::{attached, lacking};
use crate::group::{Named, TestResult, group, percent};
use crate::mounts::Mounted;
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use std::fs::File;
use std::io::Write;
use std::path::Path;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for (filesystem, size) in [("ext4", "64MiB"), ("xfs", "300MiB"), ("btrfs", "128MiB")] {
        let cut = move || after_a_cut(filesystem, size);
        let test = Test::new(format!("mounted_devices::{filesystem}_loses_its_power"), percent(60, 4), cut);
        tests.push(test.lacking(lacking(filesystem)));
    }
    let on_ext4: [Named; 5] = [
        ("a_killed_mount_is_dead_and_can_be_mounted_again", percent(30, 3), killed),
        ("a_frozen_device_goes_on_when_it_is_healed", percent(30, 3), frozen),
        ("a_file_that_is_open_in_a_cut_keeps_nobody", percent(30, 5), open_in_a_cut),
        ("a_disk_that_is_mounted_over_it_stays", percent(30, 3), a_disk_over_it),
        ("what_cannot_be_mounted_so_is_refused", percent(30, 3), refused),
    ];
    tests.extend(group("mounted_devices", lacking("ext4"), on_ext4));
    tests
}

const EXT4: [&str; 2] = ["--persistence", "real-ext4"];

fn ext4() -> Result<Mounted, Failed> {
    Mounted::start_with(Some("t"), &[&EXT4[..], &["--size", "64MiB"]].concat())
}

/// What was flushed is there after a cut, what was not is gone; the device keeps what it holds from one mount to the next.
fn after_a_cut(filesystem: &str, size: &str) -> TestResult {
    let keeper = format!("real-{filesystem}");
    let mut mounted = Mounted::start_with(Some("t"), &["--persistence", &keeper, "--size", size])?;
    durable(&mounted, "synced")?;
    std::fs::write(mounted.path("mnt/not-synced"), "soon gone")?;
    let said = mounted.control(&["power-cut", "--mode", "drop-unsynced", "--record", "record"])?;
    let there = |mounted: &Mounted, name: &str| mounted.path("mnt").join(name).exists();
    if !there(&mounted, "synced") || there(&mounted, "not-synced") || !said.starts_with("power cut under ") {
        return Err(format!("the wrong file survived: {said}").into());
    }
    std::fs::write(mounted.path("mnt/again"), "the power is on")?;
    ends(&mut mounted)?;
    mounted.start_again(&["--persistence", &keeper])?;
    if !there(&mounted, "again") {
        return Err("what was written before a clean end is gone".into());
    }
    ends(&mut mounted)
}

/// Synced with its directory.
fn durable(mounted: &Mounted, name: &str) -> Result<File, Failed> {
    let file = File::create(mounted.path("mnt").join(name))?;
    file.sync_all()?;
    File::open(mounted.path("mnt"))?.sync_all()?;
    Ok(file)
}

/// At a signal, with nothing left.
fn ends(mounted: &mut Mounted) -> TestResult {
    kill(mounted.pid()?, Signal::SIGTERM)?;
    let code = mounted.child.wait()?.code();
    expect_code(code, 0, &std::fs::read_to_string(mounted.path("log"))?)?;
    nothing_left(mounted.place.path())
}

fn nothing_left(place: &Path) -> TestResult {
    is_clean(place)?;
    wait_until("the loop device to be detached", || attached(place).is_empty())
}

fn killed() -> TestResult {
    let mut mounted = ext4()?;
    durable(&mounted, "synced")?;
    mounted.child.kill()?;
    mounted.child.wait()?;
    let written = || File::create(mounted.path("mnt/f")).and_then(|file| file.sync_all());
    wait_until("an error of what has no device any more", || written().is_err())?;
    umount2(&mounted.path("mnt"), MntFlags::empty())?;
    mounted.start_again(&EXT4)?;
    if !mounted.path("mnt/synced").exists() {
        return Err("what was durable is gone".into());
    }
    ends(&mut mounted)
}

fn frozen() -> TestResult {
    let mut mounted = ext4()?;
    mounted.control(&["freeze"])?;
    let file = mounted.path("mnt/f");
    let waiting = std::thread::spawn(move || -> std::io::Result<()> {
        let mut file = File::create(file)?;
        file.write_all(b"mail")?;
        file.sync_all()
    });
    let parked = |count: bool| {
        let status = mounted.control(&["status"]).unwrap_or_default();
        status.contains("\"parked\"") && status.contains("\"parked\": 0") != count
    };
    wait_until("a call of the device that is frozen", || parked(true))?;
    if waiting.is_finished() {
        return Err("an fsync ended on a device that is frozen".into());
    }
    mounted.control(&["heal"])?;
    wait_until("the fsync to end", || waiting.is_finished())?;
    waiting.join().map_err(|_| "the writer panicked")??;
    ends(&mut mounted)
}

/// It gets errors, and the mount point has the file system that the cut left.
fn open_in_a_cut() -> TestResult {
    let mut mounted = ext4()?;
    let mut open = durable(&mounted, "open")?;
    mounted.control(&["power-cut"])?;
    if open.write_all(b"mail").and_then(|()| open.sync_all()).is_ok() {
        return Err("a file of before the cut was synced after it".into());
    }
    std::fs::write(mounted.path("mnt/open"), "the power is on")?;
    drop(open);
    ends(&mut mounted)
}

fn a_disk_over_it() -> TestResult {
    let mut mounted = ext4()?;
    let mnt = mounted.path("mnt");
    mount(Some("tmpfs"), &mnt, Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    std::fs::write(mnt.join("somebody's"), "")?;
    kill(mounted.pid()?, Signal::SIGTERM)?;
    let code = mounted.child.wait()?.code();
    let (there, log) = (mnt.join("somebody's").exists(), std::fs::read_to_string(mounted.path("log"))?);
    umount2(&mnt, MntFlags::empty())?;
    umount2(&mnt, MntFlags::empty())?;
    expect_code(code, 0, &log)?;
    match there && log.contains("something else is mounted over it") {
        true => nothing_left(mounted.place.path()),
        false => Err(format!("a disk that was mounted over it: still there: {there}\n{log}").into()),
    }
}

fn refused() -> TestResult {
    let mut mounted = ext4()?;
    ends(&mut mounted)?;
    let with = |options: &[&'static str]| [&EXT4[..], options].concat();
    for (options, code, why) in [
        (with(&["--size", "32MiB"]), 64, "`--size` is of a device that is made"),
        (with(&["--page-cache"]), 64, "leave them out"),
        (vec!["--persistence", "real-xfs"], 70, "cannot be mounted"),
        (with(&["--scenario", "eio-on-write"]), 70, "strikes the calls on files"),
    ] {
        let (was, said) = mounted.refused(&options)?;
        if was != code || !said.contains(why) {
            return Err(format!("{options:?}: {was}, {said}").into());
        }
        nothing_left(mounted.place.path())?;
    }
    std::fs::remove_file(mounted.path("backing/device"))?;
    let (code, said) = mounted.refused(&with(&["--size", "1MiB"]))?;
    match code == 64 && said.contains("too few for ext4") && !mounted.path("backing/device").exists() {
        true => nothing_left(mounted.place.path()),
        false => Err(format!("{code}: {said}").into()),
    }
}
