//! However a run ends, nothing stays mounted and no process stays behind.

use crate::group::{Named, TestResult, group, percent};
use crate::reason::says_why;
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn tests() -> Vec<Test> {
    let quiet = |seconds| percent(30, seconds);
    let tests: [Named; 17] = [
        ("after_success", quiet(10), after_success),
        ("after_a_server_that_never_greets", quiet(5), after_a_server_that_never_greets),
        ("after_sigint", quiet(4), || after_signal(Signal::SIGINT)),
        ("after_sigterm", quiet(4), || after_signal(Signal::SIGTERM)),
        ("after_sigint_of_a_rehearsal", quiet(5), after_sigint_of_a_rehearsal),
        ("after_kill_9_of_the_harness", quiet(4), || after_signal(Signal::SIGKILL)),
        ("after_kill_9_of_the_recording_process", quiet(4), after_kill_9_of_the_recording_process),
        ("after_a_panic_of_the_recording_process", quiet(4), after_a_panic_of_the_recording_process),
        ("after_kill_9_of_a_target_while_the_storage_is_frozen", quiet(15), after_kill_9_while_frozen),
        ("after_kill_9_of_the_harness_in_a_power_cut", quiet(4), after_kill_9_in_a_power_cut),
        ("after_a_power_cut_while_the_storage_is_frozen", quiet(15), after_a_power_cut_while_frozen),
        ("after_a_power_cut_of_a_mount", quiet(2), after_a_power_cut_of_a_mount),
        ("a_cut_whose_record_has_no_place_cuts_nothing", quiet(2), a_cut_without_a_record),
        ("a_frozen_mount_loses_its_power_with_a_record", quiet(2), a_cut_while_frozen),
        ("a_cut_that_fails_leaves_a_dead_mount", quiet(2), a_cut_that_fails),
        ("a_mount_without_descriptors_serves_on", quiet(2), a_mount_without_descriptors),
        ("a_mount_is_told_however_long_the_path_of_its_socket", quiet(2), a_long_temporary_directory),
    ];
    group("clean_up", fermoposta::testing::cannot_mount(), tests)
}

/// A scenario file in a directory of its own, run by this program.
struct Run {
    place: tempfile::TempDir,
    child: Child,
}

const QUIET: &str = r#"
name = "clean-up"
why = "A run that is ended in every way there is."
[storage.mail]
[target]
server = "reference"
storage = "mail"
[workload]
duration = "4s"
rate = "20/s"
users = 3
timeout = "2s"
[expect]
no-faults = true
"#;

/// The same, with traffic that lasts until it is ended, however late this machine looks.
fn endless() -> String {
    QUIET.replace("\"4s\"", "\"600s\"")
}

const FROZEN: &str = r#"
name = "killed-while-frozen"
why = "A killed mail server that waits for a frozen storage cannot die before the storage answers."
[storage.mail]
[target]
server = "reference"
storage = "mail"
[workload]
duration = "5s"
rate = "20/s"
users = 3
timeout = "1s"
[[fault]]
name = "frozen"
when = { after = "1s" }
effect.freeze = {}
[[step]]
at = "2s"
do.kill-target = {}
[expect]
recover-within = "20s"
"#;

/// Power cuts one after another, so that whoever kills at any time kills amid one.
const CUT: &str = r#"
name = "cut"
why = "The harness dies while the power is off."
[storage.mail]
[target]
server = "reference"
storage = "mail"
[workload]
duration = "20s"
rate = "20/s"
users = 3
timeout = "1s"
[[step]]
at = "500ms"
every = "100ms"
times = 100
do.power-cut = {}
"#;

/// What a run says on standard output and standard error.
const SAID: &str = "said.txt";

impl Run {
    fn start(scenario: &str, extra: &[(&str, &str)]) -> Result<Run, Failed> {
        let place = tempfile::tempdir()?;
        let file = place.path().join("scenario.toml");
        std::fs::write(&file, scenario)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .env("FERMOPOSTA_SELF", "1")
            .arg("run")
            .arg(&file)
            .args(["--seed", "1", "--runs"])
            .arg(place.path().join("runs"));
        command.envs(extra.iter().copied());
        Run::spawn(place, command)
    }

    /// What it says goes into a file: a pipe that nobody reads would hold the run up when it is full.
    fn spawn(place: tempfile::TempDir, mut command: Command) -> Result<Run, Failed> {
        let said = File::create(place.path().join(SAID))?;
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        Ok(Run { child: command.spawn()?, place })
    }

    /// Returns once there is `text` in the history of its only run.
    fn wait_for(&self, text: &str) -> TestResult {
        let history = || {
            self.file("history.jsonl").and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
        };
        wait_until(&format!("`{text}` in the history"), || history().contains(text)).map_err(|failed| {
            let (said, history) = (self.said(), history());
            let last: Vec<&str> = history.lines().rev().take(20).collect();
            let failed = failed.message().unwrap_or_default().to_owned();
            Failed::from(format!(
                "{failed}; the run said:\n{said}\nlast in the history, backwards:\n{}",
                last.join("\n")
            ))
        })
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.place.path().join(SAID)).unwrap_or_default()
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        let run = std::fs::read_dir(self.place.path().join("runs")).ok()?.next()?.ok()?;
        Some(run.path().join(name))
    }

    fn signal(&self, signal: Signal) -> TestResult {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits for its end; exit code and what it said.
    fn end(mut self) -> Result<(Option<i32>, String, tempfile::TempDir), Failed> {
        let code = self.child.wait()?.code();
        Ok((code, self.said(), self.place))
    }
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) -> TestResult {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if condition() {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Err(Failed::from(format!("waited a minute for {what}")))
}

/// No process names `place`, no mount lies in it.
pub(crate) fn is_clean(place: &Path) -> TestResult {
    let name = place.display().to_string();
    wait_until(&format!("the processes of {name} to be gone"), || processes_naming(&name).is_empty())?;
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    if mounts.contains(&name) {
        return Err(Failed::from(format!("still mounted:\n{mounts}")));
    }
    Ok(())
}

/// Command lines of living processes that name `text`.
fn processes_naming(text: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let lines = entries.flatten().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(text)).collect()
}

fn expect_code(code: Option<i32>, wanted: i32, said: &str) -> TestResult {
    if code == Some(wanted) {
        Ok(())
    } else {
        Err(Failed::from(format!("exit {code:?} instead of {wanted}:\n{said}")))
    }
}

fn after_success() -> TestResult {
    let (code, said, place) = Run::start(QUIET, &[])?.end()?;
    expect_code(code, 0, &said)?;
    is_clean(place.path())
}

fn after_a_server_that_never_greets() -> TestResult {
    let target = r#"
name = "mute"
about = "Never says a word"
kind = "spawned"
start = ["sleep", "600"]
ready-within = "1s"
listen = { lmtp = "127.0.0.1:{port.lmtp}", imap = "127.0.0.1:{port.imap}" }
layout.maildir = { path = "{user}/Maildir" }
"#;
    let place = tempfile::tempdir()?;
    let file = place.path().join("mute.toml");
    std::fs::write(&file, target)?;
    let scenario = QUIET.replace("\"reference\"", &format!("{:?}", file.display().to_string()));
    let (code, said, run) = Run::start(&scenario, &[])?.end()?;
    says_why(code, &said, run.path(), "did not greet on lmtp")?;
    is_clean(run.path())
}

fn after_signal(signal: Signal) -> TestResult {
    let run = Run::start(&endless(), &[])?;
    run.wait_for("\"traffic\"")?;
    run.signal(signal)?;
    let (code, said, place) = run.end()?;
    if signal != Signal::SIGKILL {
        expect_code(code, 130, &said)?;
    }
    is_clean(place.path())
}

/// In the middle of a part, whose progress is shown.
fn after_sigint_of_a_rehearsal() -> TestResult {
    let place = tempfile::tempdir()?;
    let [old, new, runs] = ["old", "new", "runs"].map(|name| place.path().join(name));
    std::fs::create_dir(&old)?;
    std::fs::create_dir(&new)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args(["rehearse", "--users", "2", "--messages", "1"]);
    command.arg("--source").arg(&old).arg("--destination").arg(&new).arg("--runs").arg(&runs);
    let run = Run::spawn(place, command)?;
    wait_until("the traffic of the first part", || run.said().contains(" s  traffic, "))?;
    run.signal(Signal::SIGINT)?;
    let (code, said, place) = run.end()?;
    expect_code(code, 130, &said)?;
    for word in
        ["12 parts of at least ", "old disk, ", "baseline-old-1 (part 1 of 12, ", "nothing is left running"]
    {
        if !said.contains(word) {
            return Err(Failed::from(format!("`{word}` is not said:\n{said}")));
        }
    }
    is_clean(place.path())
}

fn after_kill_9_of_the_recording_process() -> TestResult {
    let run = Run::start(&endless(), &[])?;
    run.wait_for("\"traffic\"")?;
    for pid in recording_processes(&run)? {
        kill(pid, Signal::SIGKILL)?;
    }
    let (code, said, place) = run.end()?;
    says_why(code, &said, place.path(), "the recording process ended unexpectedly")?;
    is_clean(place.path())
}

/// The processes started as `__run` on this run's directory: the keeper and the recording process.
fn recording_processes(run: &Run) -> Result<Vec<Pid>, Failed> {
    let place = run.place.path().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let pid = entry.file_name().to_string_lossy().parse::<i32>();
        if let Ok(pid) = pid
            && line.contains("__run\0")
            && line.contains(&place)
        {
            found.push(Pid::from_raw(pid));
        }
    }
    if found.is_empty() { Err(Failed::from("no recording process was found")) } else { Ok(found) }
}

fn after_a_panic_of_the_recording_process() -> TestResult {
    let (code, said, place) = Run::start(QUIET, &[("FERMOPOSTA_PANIC_IN", "traffic")])?.end()?;
    says_why(code, &said, place.path(), "asked to panic in phase traffic")?;
    is_clean(place.path())
}

fn after_kill_9_while_frozen() -> TestResult {
    let run = Run::start(FROZEN, &[])?;
    let (code, said, place) = run.end()?;
    if !matches!(code, Some(0 | 2)) {
        return Err(Failed::from(format!(
            "exit {code:?}; a correct server was blamed, or the run failed:\n{said}"
        )));
    }
    is_clean(place.path())
}

fn after_kill_9_in_a_power_cut() -> TestResult {
    let run = Run::start(CUT, &[])?;
    run.wait_for("the power went")?;
    run.signal(Signal::SIGKILL)?;
    let (_, _, place) = run.end()?;
    is_clean(place.path())
}

/// Calls that a frozen storage holds back do not hold up the power cut, and end with it. If they did, they would each time;
/// a machine that is busy does now and then.
fn after_a_power_cut_while_frozen() -> TestResult {
    cut_while_frozen().or_else(|_| cut_while_frozen()).or_else(|_| cut_while_frozen())
}

fn cut_while_frozen() -> TestResult {
    let run = Run::start(&FROZEN.replace("do.kill-target = {}", "do.power-cut = {}"), &[])?;
    run.wait_for("\"event\":\"cut\"")?;
    let history = std::fs::read_to_string(run.file("history.jsonl").unwrap_or_default())?;
    let cut: serde_json::Value = history
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|event: &serde_json::Value| event["event"] == "cut")
        .ok_or("the cut is in the history")?;
    let took = cut["back"].as_u64().zip(cut["at"].as_u64()).map(|(back, at)| back - at);
    if took.is_none_or(|nanos| nanos > 2_000_000_000) {
        return Err(Failed::from(format!("the power was off for long: {cut}")));
    }
    let (code, said, place) = run.end()?;
    if !matches!(code, Some(0 | 2)) {
        return Err(Failed::from(format!("exit {code:?}; the run failed:\n{said}")));
    }
    is_clean(place.path())
}

/// A mounted directory, this program's `mount` at it.
struct Mounted {
    place: tempfile::TempDir,
    child: Child,
    temporary: Option<PathBuf>,
}

impl Mounted {
    fn start() -> Result<Mounted, Failed> {
        Mounted::start_with(None)
    }

    /// Its sockets lie in a directory of this name, or where all do.
    fn start_with(temporary: Option<&str>) -> Result<Mounted, Failed> {
        let place = tempfile::tempdir()?;
        let temporary = temporary.map(|name| place.path().join(name));
        for directory in ["backing", "mnt"].map(|name| place.path().join(name)).iter().chain(&temporary) {
            std::fs::create_dir(directory)?;
        }
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").arg("mount").args(["backing", "mnt"]).current_dir(place.path());
        command.args(["--persistence", "strict-posix"]).stdin(Stdio::null());
        command.stderr(File::create(place.path().join("log"))?);
        if let Some(temporary) = &temporary {
            command.env("TMPDIR", temporary);
        }
        let mounted = Mounted { child: command.spawn()?, place, temporary };
        wait_until("the mount", || mounted.is_mounted())?;
        Ok(mounted)
    }

    fn is_mounted(&self) -> bool {
        let mnt = self.path("mnt").display().to_string();
        std::fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| mounts.contains(&mnt))
    }

    fn path(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    fn control(&self, arguments: &[&str]) -> Result<String, Failed> {
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

impl Drop for Mounted {
    fn drop(&mut self) {
        // Ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    mounted.control(&["freeze"])?;
    mounted.control(&["power-cut", "--record", "record"])?;
    mounted.control(&["heal"])?;
    std::fs::write(mounted.path("mnt/again"), "the power is on")?;
    kill(Pid::from_raw(i32::try_from(mounted.child.id())?), Signal::SIGTERM)?;
    expect_code(mounted.child.wait()?.code(), 0, "the mount's end")?;
    is_clean(mounted.place.path())
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
    let pid = Pid::from_raw(i32::try_from(mounted.child.id())?);
    let free = (0..).find(|n| !Path::new(&format!("/proc/{pid}/fd/{n}")).exists()).unwrap_or(0);
    limit_descriptors(pid, free, 4096)?;
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
    kill(pid, Signal::SIGTERM)?;
    expect_code(mounted.child.wait()?.code(), 0, "the mount's end")?;
    is_clean(mounted.place.path())
}

fn limit_descriptors(pid: Pid, soft: u64, hard: u64) -> TestResult {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the limit is plain data that outlives the call, and nothing is asked for.
    let set =
        unsafe { libc::prlimit(pid.as_raw(), libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().into()) }
}

fn a_long_temporary_directory() -> TestResult {
    let mut mounted = Mounted::start_with(Some(&"l".repeat(120)))?;
    let said = mounted.control(&["status"])?;
    if !said.contains("counters") {
        return Err(Failed::from(said));
    }
    kill(Pid::from_raw(i32::try_from(mounted.child.id())?), Signal::SIGTERM)?;
    expect_code(mounted.child.wait()?.code(), 0, "the mount's end")?;
    is_clean(mounted.place.path())
}
