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
    let tests: [Named; 11] = [
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
    ];
    group("clean_up", fermoposta::testing::cannot_mount(), tests)
}

/// A scenario file in a directory of its own, run by this program.
pub(crate) struct Run {
    pub(crate) place: tempfile::TempDir,
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
    pub(crate) fn start(scenario: &str, extra: &[(&str, &str)]) -> Result<Run, Failed> {
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

    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        let run = std::fs::read_dir(self.place.path().join("runs")).ok()?.next()?.ok()?;
        Some(run.path().join(name))
    }

    pub(crate) fn signal(&self, signal: Signal) -> TestResult {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits for its end; exit code and what it said.
    pub(crate) fn end(mut self) -> Result<(Option<i32>, String, tempfile::TempDir), Failed> {
        let mut code = None;
        let mut ended =
            || self.child.try_wait().is_ok_and(|status| status.map(|status| code = status.code()).is_some());
        wait_until("the end of the run", &mut ended)?;
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

pub(crate) fn expect_code(code: Option<i32>, wanted: i32, said: &str) -> TestResult {
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
        ["14 parts of at least ", "old disk, ", "baseline-old-1 (part 1 of 14, ", "nothing is left running"]
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
pub(crate) fn recording_processes(run: &Run) -> Result<Vec<Pid>, Failed> {
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
