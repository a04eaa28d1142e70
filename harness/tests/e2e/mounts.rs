//! A mount of the user's own, until it ends: its commands, and what it does when something is used up.

use crate::clean_up::{expect_code, is_clean, wait_until};
use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let quiet = |seconds| percent(30, seconds);
    let tests: [Named; 10] = [
        ("after_a_power_cut_of_a_mount", quiet(2), after_a_power_cut_of_a_mount),
        ("a_cut_whose_record_has_no_place_cuts_nothing", quiet(2), a_cut_without_a_record),
        ("a_frozen_mount_loses_its_power_with_a_record", quiet(2), a_cut_while_frozen),
        ("a_cut_that_fails_leaves_a_dead_mount", quiet(2), a_cut_that_fails),
        ("a_mount_without_descriptors_serves_on", quiet(2), a_mount_without_descriptors),
        ("a_mount_is_told_however_long_the_path_of_its_socket", quiet(2), a_long_temporary_directory),
        ("a_write_may_ask_to_be_durable", quiet(2), a_write_that_asks),
        ("all_is_durable_if_somebody_says_so", quiet(2), all_durable),
        ("descriptors_that_are_idle_make_room", quiet(2), idle_descriptors),
        ("a_directory_that_cannot_be_made_is_not_there", quiet(2), no_descriptor_for_a_directory),
    ];
    group("mounts", fermoposta::testing::cannot_mount(), tests)
}

/// A mounted directory, this program's `mount` at it.
pub(crate) struct Mounted {
    pub(crate) place: tempfile::TempDir,
    pub(crate) child: Child,
    temporary: Option<PathBuf>,
}

impl Mounted {
    fn start() -> Result<Mounted, Failed> {
        Mounted::start_with(None, &["--persistence", "strict-posix"])
    }

    /// Its sockets lie in a directory of this name, or where all do.
    pub(crate) fn start_with(temporary: Option<&str>, options: &[&str]) -> Result<Mounted, Failed> {
        let place = tempfile::tempdir()?;
        let temporary = temporary.map(|name| place.path().join(name));
        for directory in ["backing", "mnt"].map(|name| place.path().join(name)).iter().chain(&temporary) {
            std::fs::create_dir(directory)?;
        }
        let child = begin(place.path(), temporary.as_deref(), options)?;
        let mut mounted = Mounted { child, place, temporary };
        mounted.is_up()?;
        Ok(mounted)
    }

    /// After its end: with what it left.
    pub(crate) fn start_again(&mut self, options: &[&str]) -> TestResult {
        self.child = begin(self.place.path(), self.temporary.as_deref(), options)?;
        self.is_up()
    }

    /// What it says when it cannot be mounted, and its exit code.
    pub(crate) fn refused(&mut self, options: &[&str]) -> Result<(i32, String), Failed> {
        self.child = begin(self.place.path(), self.temporary.as_deref(), options)?;
        let code = self.child.wait()?.code().unwrap_or(-1);
        Ok((code, std::fs::read_to_string(self.path("log"))?))
    }

    fn is_up(&mut self) -> TestResult {
        let log = self.path("log");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let child = &mut self.child;
        wait_until("the mount", || {
            said().contains("end with Ctrl-C") || child.try_wait().is_ok_and(|end| end.is_some())
        })?;
        match said().contains("end with Ctrl-C") {
            true => Ok(()),
            false => Err(said().into()),
        }
    }

    pub(crate) fn pid(&self) -> Result<Pid, Failed> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }

    /// At a signal, with nothing left.
    pub(crate) fn end(&mut self) -> TestResult {
        kill(self.pid()?, Signal::SIGTERM)?;
        expect_code(self.child.wait()?.code(), 0, "the mount's end")?;
        is_clean(self.place.path())
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    pub(crate) fn control(&self, arguments: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").args(["ctl", "mnt"]).args(arguments);
        if let Some(temporary) = &self.temporary {
            command.env("TMPDIR", temporary);
        }
        let output = command.current_dir(self.place.path()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        Err(Failed::from(format!("{said}{}", String::from_utf8_lossy(&output.stderr))))
    }
}

fn begin(place: &Path, temporary: Option<&Path>, options: &[&str]) -> Result<Child, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").arg("mount").args(["backing", "mnt"]).current_dir(place);
    command.args(options).stdin(Stdio::null()).stderr(File::create(place.join("log"))?);
    if let Some(temporary) = temporary {
        command.env("TMPDIR", temporary);
    }
    Ok(command.spawn()?)
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = nix::mount::umount2(&self.path("mnt"), nix::mount::MntFlags::MNT_DETACH);
    }
}

/// What was synced with its directory is there after the cut, what was not is gone, and the mount can be used again.
fn after_a_power_cut_of_a_mount() -> TestResult {
    let mut mounted = Mounted::start()?;
    let synced = std::fs::File::create(mounted.path("mnt/synced"))?;
    synced.sync_all()?;
    std::fs::File::open(mounted.path("mnt"))?.sync_all()?;
    std::fs::write(mounted.path("mnt/not-synced"), "soon gone")?;
    drop(synced);
    let said =
        mounted.control(&["power-cut", "--mode", "drop-unsynced", "--seed", "1", "--record", "record"])?;
    if !said.starts_with("power cut under strict-posix (drop-unsynced): 2 effects pending, 0 kept, 2 dropped")
    {
        return Err(Failed::from(said));
    }
    let there = |name: &str| mounted.path("mnt").join(name).exists();
    if !there("synced") || there("not-synced") || !mounted.path("record/choice.json").exists() {
        return Err(Failed::from("the wrong file survived, or there is no record"));
    }
    std::fs::write(mounted.path("mnt/again"), "the power is on")?;
    kill(Pid::from_raw(i32::try_from(mounted.child.id())?), Signal::SIGTERM)?;
    expect_code(mounted.child.wait()?.code(), 0, "the mount's end")?;
    if mounted.path(".limbo-backing").exists() {
        return Err(Failed::from("a directory was left beside the backing one"));
    }
    is_clean(mounted.place.path())
}

fn a_cut_without_a_record() -> TestResult {
    let mut mounted = Mounted::start()?;
    std::fs::write(mounted.path("mnt/not-synced"), "still there")?;
    std::fs::write(mounted.path("file"), "")?;
    for (record, why) in [
        ("file/record", "cannot be made"),
        ("mnt/record", "lies on the storage"),
        ("backing/record", "lies on"),
    ] {
        let cut = mounted.control(&["power-cut", "--mode", "drop-unsynced", "--record", record]);
        let said = cut.err().and_then(|failed| failed.message().map(str::to_owned)).unwrap_or_default();
        if !said.contains("nothing was cut: ") || !said.contains(why) {
            return Err(Failed::from(format!("{record}: {said}")));
        }
    }
    if !mounted.path("mnt/not-synced").exists() || mounted.path("backing/record").exists() {
        return Err(Failed::from("the power was cut all the same, or something was made on the storage"));
    }
    kill(Pid::from_raw(i32::try_from(mounted.child.id())?), Signal::SIGTERM)?;
    expect_code(mounted.child.wait()?.code(), 0, "the mount's end")
}

fn a_cut_while_frozen() -> TestResult {
    let mut mounted = Mounted::start()?;
    std::os::unix::fs::symlink("mnt/deep", mounted.path("link"))?;
    mounted.control(&["freeze"])?;
    let refused = mounted.control(&["power-cut", "--record", "link/record"]);
    let said = refused.err().and_then(|failed| failed.message().map(str::to_owned)).unwrap_or_default();
    if !said.contains("link/record lies on the storage that loses its power") {
        return Err(Failed::from(said));
    }
    mounted.control(&["power-cut", "--record", "record"])?;
    mounted.control(&["heal"])?;
    std::fs::write(mounted.path("mnt/again"), "the power is on")?;
    mounted.end()
}

/// What was removed and comes back with the cut is gone: somebody emptied the directory that keeps it.
fn a_cut_that_fails() -> TestResult {
    let mut mounted = Mounted::start()?;
    std::fs::File::create(mounted.path("mnt/synced"))?.sync_all()?;
    std::fs::File::open(mounted.path("mnt"))?.sync_all()?;
    std::fs::remove_file(mounted.path("mnt/synced"))?;
    std::fs::remove_dir_all(mounted.path(".limbo-backing"))?;
    let cut = mounted.control(&["power-cut", "--mode", "drop-unsynced"]);
    let said = cut.err().and_then(|failed| failed.message().map(str::to_owned)).unwrap_or_default();
    if !said.contains("the power cut failed: ") || !said.contains("umount mnt") {
        return Err(Failed::from(said));
    }
    expect_code(mounted.child.wait()?.code(), 70, "the mount's end")?;
    let written = std::fs::write(mounted.path("mnt/late"), "x").map_err(|error| error.raw_os_error());
    nix::mount::umount2(&mounted.path("mnt"), nix::mount::MntFlags::MNT_DETACH)?;
    if written != Err(Some(libc::ENOTCONN)) || mounted.path("mnt/late").exists() {
        return Err(Failed::from(format!("a write into the dead mount: {written:?}")));
    }
    is_clean(mounted.place.path())
}

/// No command is heard while no descriptor is left; the storage has nothing to do with that, and then they are.
fn a_mount_without_descriptors() -> TestResult {
    let mut mounted = Mounted::start()?;
    let pid = mounted.pid()?;
    limit_descriptors(pid, first_free(pid), 4096)?;
    let deaf = || {
        std::fs::read_to_string(mounted.path("log")).is_ok_and(|log| log.contains("commands cannot be heard"))
    };
    let heard: TestResult = std::thread::scope(|scope| {
        let status = scope.spawn(|| mounted.control(&["status"]));
        let unheard = wait_until("a command that is not heard", deaf);
        let refused = File::create_new(mounted.path("mnt/f")).map_err(|error| error.raw_os_error());
        limit_descriptors(pid, 4096, 4096)?;
        status.join().map_err(|_| "the command panicked")??;
        match refused {
            Err(Some(libc::ENFILE)) => unheard,
            other => Err(format!("a file made without descriptors: {other:?}").into()),
        }
    });
    heard?;
    File::create_new(mounted.path("mnt/f"))?;
    mounted.end()
}

/// Files that are known keep descriptors of their own, and whoever opened one was told that there were too many open files.
fn idle_descriptors() -> TestResult {
    let mut mounted = Mounted::start()?;
    let names = || (0..200).map(|n| format!("mnt/f{n}"));
    names().try_for_each(|name| std::fs::write(mounted.path(&name), "x"))?;
    names().try_for_each(|name| std::fs::metadata(mounted.path(&name)).map(drop))?;
    let pid = mounted.pid()?;
    limit_descriptors(pid, first_free(pid), 4096)?;
    let open: Result<Vec<File>, _> = names().take(20).map(|name| File::open(mounted.path(&name))).collect();
    limit_descriptors(pid, 4096, 4096)?;
    drop(open?);
    mounted.end()
}

/// It was made, and its maker was told that it was not.
fn no_descriptor_for_a_directory() -> TestResult {
    let mut mounted = Mounted::start()?;
    let names = || (0..200).map(|n| format!("mnt/f{n}"));
    names().try_for_each(|name| std::fs::write(mounted.path(&name), "x"))?;
    let pid = mounted.pid()?;
    limit_descriptors(pid, first_free(pid), 4096)?;
    let open: Vec<File> = names().map_while(|name| File::open(mounted.path(&name)).ok()).collect();
    let refused = (0..ATTEMPTS).find_map(|n| is_refused(&mounted, pid, n).transpose());
    limit_descriptors(pid, 4096, 4096)?;
    refused.ok_or("no directory was ever refused for want of a descriptor")??;
    drop(open);
    std::fs::create_dir(mounted.path("mnt/d"))?;
    mounted.end()
}

/// A descriptor that a call of the mount had for a moment is free again for the next one: then a directory is made.
const ATTEMPTS: u32 = 100;

/// Makes a directory with no descriptor left, if none has come free: `None` if one had.
fn is_refused(mounted: &Mounted, pid: Pid, n: u32) -> Result<Option<()>, Failed> {
    limit_descriptors(pid, first_free(pid), 4096)?;
    let made = std::fs::create_dir(mounted.path(&format!("mnt/d{n}"))).map_err(|error| error.raw_os_error());
    let there = mounted.path(&format!("backing/d{n}")).exists();
    match (made, there) {
        (Err(Some(libc::ENFILE)), false) => Ok(Some(())),
        (Ok(()), true) => Ok(None),
        (made, there) => Err(format!("{made:?}, there: {there}").into()),
    }
}

/// The lowest that is not in use: none is left if it is the limit.
fn first_free(pid: Pid) -> u64 {
    (0..).find(|n| !Path::new(&format!("/proc/{pid}/fd/{n}")).exists()).unwrap_or(0)
}

fn limit_descriptors(pid: Pid, soft: u64, hard: u64) -> TestResult {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the limit is plain data that outlives the call, and nothing is asked for.
    let set =
        unsafe { libc::prlimit(pid.as_raw(), libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().into()) }
}

fn a_long_temporary_directory() -> TestResult {
    let mut mounted = Mounted::start_with(Some(&"l".repeat(120)), &["--persistence", "strict-posix"])?;
    let said = mounted.control(&["status"])?;
    if !said.contains("counters") {
        return Err(Failed::from(said));
    }
    mounted.end()
}

/// By `pwritev2`: no fsync follows from the kernel.
fn a_write_that_asks() -> TestResult {
    use std::os::fd::AsRawFd;
    let mut mounted = Mounted::start()?;
    let file = File::create(mounted.path("mnt/f"))?;
    mounted.control(&["make-durable"])?;
    for (offset, flags) in [(0, libc::RWF_DSYNC), (5, libc::RWF_SYNC), (10, 0)] {
        let part = libc::iovec { iov_base: c"mail\n".as_ptr().cast_mut().cast(), iov_len: 5 };
        // SAFETY: one part, whose bytes are static and only read.
        let written = unsafe { libc::pwritev2(file.as_raw_fd(), &raw const part, 1, offset, flags) };
        if written != 5 {
            return Err(std::io::Error::last_os_error().into());
        }
    }
    drop(file);
    mounted.control(&["power-cut", "--mode", "drop-unsynced"])?;
    let left = std::fs::read_to_string(mounted.path("mnt/f"))?;
    if left != "mail\nmail\n" {
        return Err(Failed::from(format!("{left:?} is left")));
    }
    mounted.end()
}

fn all_durable() -> TestResult {
    let mut mounted = Mounted::start()?;
    std::fs::write(mounted.path("mnt/f"), "mail")?;
    let said = mounted.control(&["make-durable"])?;
    mounted.control(&["power-cut", "--mode", "drop-unsynced"])?;
    let left = std::fs::read_to_string(mounted.path("mnt/f"))?;
    let log = std::fs::read_to_string(mounted.path("log"))?;
    if (said.as_str(), left.as_str()) != ("everything so far is durable\n", "mail")
        || !log.contains("`fermoposta ctl mnt make-durable` does what they would")
    {
        return Err(Failed::from(format!("{said}{left}\n{log}")));
    }
    mounted.end()
}
