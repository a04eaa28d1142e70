//! Storages on real file systems: what a run leaves behind, what a cut's record is worth, and that the defects are found there too.
//! The scenarios in `scenarios/device` are tests of their own.

use crate::clean_up::{Run, is_clean, recording_processes, wait_until};
use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::{Needs, Test};
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use reports::kit::verdict::Verdict;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    let cuts: [Named; 6] = [
        ("a_rule_cuts_the_power_at_a_call_of_the_device", percent(60, 20), || a_rule_cuts("device", "write")),
        ("a_rule_cuts_the_power_at_a_call_of_the_mail_server", percent(60, 20), || {
            a_rule_cuts("file", "rename")
        }),
        ("a_cut_meets_what_no_flush_had_followed", percent(60, 20), a_cut_of_the_kernels_memory),
        ("a_sweep_cuts_models_and_the_real_one_side_by_side", percent(40, 15), swept),
        ("a_device_that_fails_is_told_of_in_the_kernels_words", percent(60, 15), failing_device),
        ("a_store_that_lies_on_a_device_is_not_begun_with", percent(40, 15), no_store_of_a_device),
    ];
    tests.extend(group("devices", lacking("ext4"), cuts));
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
pub(crate) fn lacking(filesystem: &str) -> Option<String> {
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

/// Storage and device lose their power together, and mail goes on afterwards.
fn a_rule_cuts(level: &str, op: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    let file = place.path().join("cut.toml");
    std::fs::write(&file, CUT_BY_RULE.replace("LEVEL", level).replace("OP", op))?;
    let run = fermoposta::testing::run(&file, &[])?;
    let said = |words: &str| run.report.timeline.iter().any(|moment| moment.what.contains(words));
    let (cut, again) =
        (said("power cut of mail-device under real-ext4"), run.report.messages.acknowledged > 20);
    // Nothing may have been pending: then it proves nothing, and that is said.
    let decided = matches!(run.code, 0 | 2) && run.report.messages.lost == 0;
    if cut && again && decided { Ok(()) } else { Err(run.failed()) }
}

/// A disk without a cache has lost nothing when the power goes at an fsync. What the file was written with was in the kernel's memory:
/// for certain only where one operation at a time is under way, so that nobody else's flush follows it.
fn a_cut_of_the_kernels_memory() -> TestResult {
    let place = tempfile::tempdir()?;
    let file = place.path().join("cut.toml");
    let at_an_fsync = CUT_BY_RULE.replace("LEVEL", "file").replace("OP", "fsync");
    let at_an_fsync = at_an_fsync.replace("users = 4\n", "users = 4\nin-flight = 1\n");
    std::fs::write(&file, at_an_fsync.replace("256 MiB\"", "256 MiB\", cache = \"none\""))?;
    let run = fermoposta::testing::run(&file, &[])?;
    let cut = run.report.timeline.iter().find(|moment| moment.what.contains("power cut of mail-device"));
    let met = |words: &str| cut.is_some_and(|moment| moment.what.contains(words));
    let counted = met("0 effects pending") && met("changes above it that no flush had followed");
    if run.code == 0 && counted { Ok(()) } else { Err(run.failed()) }
}

/// The answer comes before the message is written: of that nothing survives, here and there.
fn swept() -> TestResult {
    for keeper in ["ext4-ordered", "real-ext4"] {
        let place = tempfile::tempdir()?;
        let case = format!("lmtp.later.answer.cut-{keeper}");
        let mut command = this_program();
        command.args(["sweep", "reference", "--defect", "no-fsync", "--repeat", "0", "--case", &case]);
        let ran = command.arg("--dir").arg(place.path().join("s")).output()?;
        let said = String::from_utf8_lossy(&ran.stdout);
        if ran.status.code() != Some(1) || !said.contains("acknowledged-durable") {
            return Err(failed(&format!("{keeper}: {:?}\n{said}", ran.status), &ran.stderr));
        }
    }
    Ok(())
}

/// The file system makes itself read-only between the rename of a delivery and its sync: what cannot be taken back was refused.
fn failing_device() -> TestResult {
    let place = tempfile::tempdir()?;
    let file = place.path().join("fails.toml");
    let ext4 = std::fs::read_to_string("../scenarios/device/disk-fails.toml")?;
    std::fs::write(&file, ext4.replace("ext4\"", "btrfs\""))?;
    let run = fermoposta::testing::run(&file, &["--seed", "1"])?;
    let warned = run.report.warnings.iter().any(|warning| warning.contains("made itself read-only"));
    let kernel = run.report.timeline.iter().any(|moment| moment.who == "kernel");
    // Who may not read the kernel's log is told by the table of mounts.
    let told = warned && kernel;
    if run.code == 0 && told { Ok(()) } else { Err(run.failed()) }
}

fn no_store_of_a_device() -> TestResult {
    let place = tempfile::tempdir()?;
    let (file, runs) = (place.path().join("none.toml"), place.path().join("runs"));
    std::fs::write(&file, ON_A_DEVICE)?;
    let run = |options: &[&str]| {
        this_program().arg("run").arg(&file).args(["--seed", "1", "--runs"]).arg(&runs).args(options).output()
    };
    let first = run(&[])?;
    let kept = only(&runs).ok_or_else(|| failed("no run directory", &first.stderr))?;
    let second = run(&["--store", &kept.display().to_string()])?;
    let said = String::from_utf8_lossy(&second.stderr);
    match second.status.code() == Some(64) && said.contains("kept storage mail on a device") {
        true => Ok(()),
        false => Err(failed(&format!("{:?}", second.status), &second.stderr)),
    }
}

const ON_A_DEVICE: &str = r#"
name = "on-a-device"
why = "A store that lies in the image of a device."
[storage.mail]
on = { filesystem = "ext4", size = "64 MiB" }
[workload]
duration = "1s"
users = 1
[expect]
no-faults = true
"#;

const CUT_BY_RULE: &str = r#"
name = "cut-by-a-rule"
why = "The power goes at a call of the kernel on the device, or of the mail server on the file system."
[storage.mail]
on = { filesystem = "ext4", size = "256 MiB" }
[workload]
duration = "5s"
rate = "40/s"
users = 4
timeout = "3s"
[[fault]]
name = "power"
level = "LEVEL"
where = { op = "OP" }
when = { nth = 60 }
effect.power-cut = {}
[expect]
recover-within = "15s"
"#;

#[derive(Clone, Copy)]
enum Victim {
    Harness,
    Recorder,
}

/// While the device answers nothing, and a mail server waits for it.
fn after_kill_9(victim: Victim) -> TestResult {
    let run = Run::start(&std::fs::read_to_string("../scenarios/device/disk-freezes.toml")?, &[])?;
    let trace = || std::fs::read_to_string(run.file("trace-mail-device.jsonl")?).ok();
    let frozen = || trace().is_some_and(|text| text.contains("silence"));
    wait_until("a call of the device that is frozen", frozen)?;
    let devices = attached(run.place.path());
    if devices.is_empty() {
        return Err("no loop device belongs to the run: this test looks at nothing".into());
    }
    match victim {
        Victim::Harness => run.signal(Signal::SIGKILL)?,
        Victim::Recorder => {
            recording_processes(&run)?.into_iter().try_for_each(|pid| kill(pid, Signal::SIGKILL))?
        }
    }
    let (_, _, place) = run.end()?;
    is_clean(place.path())?;
    let is_held = |device: &PathBuf| file_of(device).is_some_and(|file| is_of(&file, place.path()));
    wait_until("the run's loop device to be detached", || !devices.iter().any(is_held))?;
    let mut sync = Command::new("sync").spawn()?;
    let synced = wait_until("this machine's `sync`", || sync.try_wait().is_ok_and(|ended| ended.is_some()));
    sync.kill()?;
    sync.wait()?;
    synced
}

pub(crate) fn this_program() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.env("FERMOPOSTA_SELF", "1");
    command
}

fn only(runs: &Path) -> Option<PathBuf> {
    std::fs::read_dir(runs).ok()?.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.is_dir())
}

/// Loop devices whose files lie below `place`.
pub(crate) fn attached(place: &Path) -> Vec<PathBuf> {
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().filter_map(Result::ok);
    let own = |device: &PathBuf| file_of(device).is_some_and(|file| is_of(&file, place));
    devices.map(|entry| entry.path()).filter(own).collect()
}

fn file_of(device: &Path) -> Option<PathBuf> {
    let file = std::fs::read_to_string(device.join("loop/backing_file")).ok()?;
    Some(PathBuf::from(file.trim_end()))
}

/// Whose mount is gone is shown by its path below that.
fn is_of(file: &Path, place: &Path) -> bool {
    file.starts_with(place) || file == Path::new("/device")
}

pub(crate) fn failed(what: &str, stderr: &[u8]) -> Failed {
    format!("{what}\n{}", String::from_utf8_lossy(stderr)).into()
}
