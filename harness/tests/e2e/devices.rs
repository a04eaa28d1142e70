//! Storages on real file systems: what a run leaves behind, what a cut's record is worth, and that the defects are found there too.
//! The scenarios in `scenarios/device` are tests of their own.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::{Needs, Test};
use libtest_mimic::Failed;
use reports::kit::verdict::Verdict;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const FILESYSTEMS: [&str; 3] = ["ext4", "xfs", "btrfs"];

/// Seeded defects of durability that are found in a few cuts. On ext4 and XFS an fsync of any file makes names durable that were never
/// asked for, so a server that never asks is found by chance only.
fn defects(filesystem: &str) -> &'static [&'static str] {
    match filesystem {
        "btrfs" => &["no-fsync", "no-directory-fsync", "ack-before-fsync"],
        _ => &["no-fsync", "ack-before-fsync"],
    }
}

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for filesystem in FILESYSTEMS {
        let missing = lacking(filesystem);
        for &defect in defects(filesystem) {
            let needs = Needs::of_scenario(&scenario(filesystem));
            let found = move || finds(filesystem, defect);
            tests.push(
                Test::new(format!("devices::{filesystem}_finds_{defect}"), needs, found)
                    .lacking(missing.clone()),
            );
        }
        let rebuilt = move || a_cut_is_rebuilt(filesystem);
        tests.push(
            Test::new(format!("devices::a_cut_of_{filesystem}_is_rebuilt"), percent(60, 20), rebuilt)
                .lacking(missing),
        );
    }
    let killed: [Named; 2] = [
        ("after_kill_9_of_the_harness_nothing_is_left", percent(30, 15), || after_kill_9(Victim::Harness)),
        ("after_kill_9_of_the_recording_process_nothing_is_left", percent(30, 15), || {
            after_kill_9(Victim::Recorder)
        }),
    ];
    tests.extend(group("devices", lacking("xfs"), killed));
    tests
}

/// As a scenario file of the user's is asked: whether it can run here.
fn lacking(filesystem: &str) -> Option<String> {
    fermoposta::testing::cannot_mount()
        .or_else(|| fermoposta::testing::cannot_run_scenario(&scenario(filesystem)))
}

fn scenario(filesystem: &str) -> PathBuf {
    Path::new("../scenarios/device").join(format!("real-{filesystem}-power-cuts.toml"))
}

/// Nothing was kept that was not flushed, so that few cuts suffice.
fn finds(filesystem: &str, defect: &str) -> TestResult {
    let mut last = None;
    for seed in ["1", "2", "3"] {
        let options = ["--defect", defect, "--target", "reference", "--seed", seed];
        let run = fermoposta::testing::run(&scenario(filesystem), &options)?;
        let lost = run.report.properties.iter().find(|p| p.name == "acknowledged-durable");
        if run.code == 1 && lost.is_some_and(|p| p.verdict == Verdict::Invalid) {
            return Ok(());
        }
        last = Some(run);
    }
    let said = last.and_then(|run| run.failed().message().map(str::to_owned)).unwrap_or_default();
    Err(Failed::from(format!(
        "{defect} was not found on {filesystem} in three runs of four power cuts:\n{said}"
    )))
}

fn a_cut_is_rebuilt(filesystem: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    let runs = place.path().join("runs");
    let mut command = this_program();
    command.arg("run").arg(scenario(filesystem)).args(["--seed", "1", "--runs"]).arg(&runs);
    let ran = command.output()?;
    let run = only(&runs).ok_or_else(|| failed("no run directory", &ran.stderr))?;
    let replayed = this_program().arg("replay").arg(&run).output()?;
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
    match replayed.status.success() && said.matches("same").count() >= 4 {
        true => Ok(()),
        false => Err(failed(&format!("not rebuilt:\n{said}"), &replayed.stderr)),
    }
}

#[derive(Clone, Copy)]
enum Victim {
    Harness,
    Recorder,
}

/// While the device answers nothing, and a mail server waits for it.
fn after_kill_9(victim: Victim) -> TestResult {
    let place = tempfile::tempdir()?;
    let runs = place.path().join("runs");
    let mut command = this_program();
    command
        .arg("run")
        .arg("../scenarios/device/disk-freezes.toml")
        .args(["--seed", "1", "--runs"])
        .arg(&runs);
    let mut harness =
        Ended(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let trace = || std::fs::read_to_string(only(&runs)?.join("trace-mail-device.jsonl")).ok();
    wait_until("a call of the device that is frozen", || {
        trace().is_some_and(|text| text.contains("silence"))
    })?;
    let attached = attached(place.path());
    if attached.is_empty() {
        return Err("no loop device belongs to the run: this test looks at nothing".into());
    }
    match victim {
        Victim::Harness => harness.0.kill()?,
        Victim::Recorder => kill_recorder(&runs)?,
    }
    wait_until("the end of the harness", || harness.0.try_wait().is_ok_and(|ended| ended.is_some()))?;
    wait_until("the end of the run's processes", || processes(place.path()).is_empty())?;
    wait_until("the run's loop device to be detached", || self::attached(place.path()).is_empty())?;
    let mut sync = Ended(Command::new("sync").spawn()?);
    wait_until("this machine's `sync`", || sync.0.try_wait().is_ok_and(|ended| ended.is_some()))
}

/// A child that is not left running.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill_recorder(runs: &Path) -> TestResult {
    let run = only(runs).ok_or("there is no run directory")?;
    let recording = |pid: &u32| command_line(*pid).starts_with(b"/proc/self/exe\0__run\0");
    let pid = processes(&run).into_iter().filter(recording).max().ok_or("nobody records the run")?;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
    Ok(nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL)?)
}

fn this_program() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.env("FERMOPOSTA_SELF", "1");
    command
}

fn only(runs: &Path) -> Option<PathBuf> {
    std::fs::read_dir(runs).ok()?.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.is_dir())
}

/// Loop devices whose files lie below `place`.
fn attached(place: &Path) -> Vec<PathBuf> {
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().filter_map(Result::ok);
    let file = |device: &PathBuf| std::fs::read_to_string(device.join("loop/backing_file")).ok();
    let own =
        |device: &PathBuf| file(device).is_some_and(|file| Path::new(file.trim_end()).starts_with(place));
    devices.map(|entry| entry.path()).filter(own).collect()
}

fn command_line(pid: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Processes that name `place` in their command line.
fn processes(place: &Path) -> Vec<u32> {
    let named = place.as_os_str().as_encoded_bytes().to_vec();
    let all = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| command_line(*pid).windows(named.len()).any(|part| part == named)).collect()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> TestResult {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > deadline {
            return Err(format!("waited for {what} for {PATIENCE:?}").into());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}

fn failed(what: &str, stderr: &[u8]) -> Failed {
    format!("{what}\n{}", String::from_utf8_lossy(stderr)).into()
}
