//! Real power cuts of a stand-in: a device of ours beneath the kernel's ext4 where this machine allows it, and else a process that is killed,
//! which loses nothing and shows what the ledger makes of it.

use crate::group::{TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::cuts::{Cuts, Trial};
use reports::kit::verdict::Verdict;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn tests() -> Vec<Test> {
    let root = crate::devices::lacking("ext4");
    let mut tests = group(
        "device_cuts",
        root,
        [
            ("an_honest_device_loses_nothing", percent(100, 40), honest),
            ("a_device_that_lies_is_found", percent(100, 40), lying),
            ("a_full_disk_is_told_and_changes_no_count", percent(20, 10), full),
        ],
    );
    tests.extend(group(
        "device_cuts",
        None,
        [
            ("what_is_gone_after_a_cut_is_found_by_name", percent(50, 15), gone),
            ("a_cut_that_does_not_happen_is_not_counted", percent(20, 10), no_cut),
            ("a_ledger_that_is_killed_goes_on_without_a_wrong_count", percent(20, 75), killed_ledger),
            ("a_stranger_writes_nothing_into_the_ledger", percent(20, 5), stranger),
            ("a_directory_without_its_mark_is_not_believed", percent(20, 10), unmounted),
        ],
    ));
    tests
}

fn stand_in(kind: &str, cuts: &str, seed: &str) -> Result<(Option<i32>, Cuts), Failed> {
    let place = tempfile::tempdir()?;
    let mut command = Command::new("../.ci/device-stand-in");
    command.env("FERMOPOSTA_SELF", "1").env("FERMOPOSTA", std::env::current_exe()?);
    command.env("LEDGER_OPTIONS", format!("--json --work-from 200ms --work-to 700ms --seed {seed}"));
    command.arg("series").arg(place.path()).args([cuts, kind]).stdin(Stdio::null());
    understood(&command.output()?)
}

fn understood(output: &Output) -> Result<(Option<i32>, Cuts), Failed> {
    let cuts = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), cuts))
}

fn check(holds: bool, seen: &impl std::fmt::Debug) -> TestResult {
    if holds { Ok(()) } else { Err(format!("{seen:#?}").into()) }
}

/// With none of ten the limit is one minus the tenth root of 0.05.
fn honest() -> TestResult {
    let (code, cuts) = stand_in("honest", "10", "1")?;
    let of = &cuts.numbers;
    let limit = (of.at_most - 0.258_865_555_1).abs() < 1e-6;
    check(
        code == Some(0) && (of.counted, of.bad, of.lost) == (10, 0, 0) && limit && of.acknowledged > 20,
        &(code, &cuts),
    )
}

/// It may also lose its whole file system, which proves nothing; one of three shows it.
fn lying() -> TestResult {
    let mut seen = Vec::new();
    for seed in ["1", "2", "3"] {
        let (code, cuts) = stand_in("lying", "10", seed)?;
        if code == Some(1) && cuts.verdict == Verdict::Invalid && cuts.numbers.bad > 0 {
            return Ok(());
        }
        seen.push((code, cuts));
    }
    check(false, &seen)
}

/// A directory and a process instead of a machine.
struct Machine {
    place: TempDir,
    port: u16,
}

impl Machine {
    fn new() -> Result<Machine, Failed> {
        let place = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::create_dir(place.path().join("disk"))?;
        fs::write(place.path().join("token"), "a token for a test of mine\n")?;
        let at = place.path().display();
        let writer = format!(
            "FERMOPOSTA_SELF=1 exec setsid '{}' device writer {at}/disk --ledger 127.0.0.1:{port} --token-file {at}/token --boot-id {at}/boot >>{at}/log 2>&1",
            std::env::current_exe()?.display()
        );
        let restore =
            format!("cat /proc/sys/kernel/random/uuid >{at}/boot\n({writer}) &\necho $! >{at}/pid\n");
        let cut = format!(
            "pid=$(cat {at}/pid); kill -9 \"$pid\"; while kill -0 \"$pid\" 2>/dev/null; do :; done\n"
        );
        for (name, text) in [("restore", restore), ("cut", cut)] {
            fs::write(place.path().join(name), text)?;
        }
        Ok(Machine { place, port })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn shell(&self, name: &str) -> String {
        format!("sh {}", self.path(name).display())
    }

    fn switch_on(&self) -> TestResult {
        let switched = Command::new("sh").arg(self.path("restore")).stdin(Stdio::null()).status()?;
        check(switched.success(), &switched)
    }

    fn ledger(&self, cuts: &str, cut: &str, restore: &str, back_within: &str) -> Result<Command, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").args(["device", "ledger"]).arg(self.path("ledger"));
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.arg("--token-file").arg(self.path("token")).args([
            "--cuts",
            cuts,
            "--cut",
            cut,
            "--restore",
            restore,
        ]);
        command.args(["--json", "--work-from", "50ms", "--work-to", "200ms", "--gone-within", "100ms"]);
        command
            .args(["--return-within", back_within])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    fn judged(&self) -> Result<Cuts, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env("FERMOPOSTA_SELF", "1").args(["device", "report", "--json"]).arg(self.path("ledger"));
        understood(&command.output()?).map(|(_, cuts)| cuts)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("sh").arg(self.path("cut")).stderr(Stdio::null()).status();
    }
}

/// The power comes back without the oldest file that is kept and with one of zeros.
fn gone() -> TestResult {
    let machine = Machine::new()?;
    let new = machine.path("disk/maildir/new");
    let spoil = format!(
        "set -- $(ls {0} | sort -n); rm {0}/$1; truncate -s 0 {0}/$2; truncate -s 512 {0}/$2",
        new.display()
    );
    let restore = format!("{spoil}; {}", machine.shell("restore"));
    machine.switch_on()?;
    let output = machine.ledger("1", &machine.shell("cut"), &restore, "20s")?.output()?;
    let (code, cuts) = understood(&output)?;
    let mut what: Vec<&str> = cuts.losses.iter().map(|loss| loss.what.as_str()).collect();
    // The power may have come back twice.
    what.dedup();
    let named = what == ["it is not there", "zeros are in its place"];
    check(code == Some(1) && cuts.numbers.bad == 1 && named, &(code, &cuts))
}

fn no_cut() -> TestResult {
    let machine = Machine::new()?;
    machine.switch_on()?;
    let (code, cuts) = understood(&machine.ledger("3", "true", "true", "20s")?.output()?)?;
    let why = "the power did not go: the writer was heard on";
    let none = cuts.cuts.iter().all(|cut| cut.trial == Trial::NotCounted && cut.what == why);
    check(code == Some(2) && cuts.numbers.counted == 0 && cuts.cuts.len() == 5 && none, &(code, &cuts))
}

/// Killed whenever another cut stands in its ledger, and in the end the count is that of a ledger that never was.
fn killed_ledger() -> TestResult {
    const CUTS: usize = 6;
    let machine = Machine::new()?;
    machine.switch_on()?;
    for begun in 1..CUTS {
        let mut ledger =
            machine.ledger("6", &machine.shell("cut"), &machine.shell("restore"), "20s")?.spawn()?;
        await_lines(&machine.path("ledger/ledger.jsonl"), "\"cut-begun\"", begun, &mut ledger)?;
        ledger.kill()?;
        ledger.wait()?;
    }
    let output = machine.ledger("6", &machine.shell("cut"), &machine.shell("restore"), "20s")?.output()?;
    let (code, cuts) = understood(&output)?;
    let lines = fs::read_to_string(machine.path("ledger/ledger.jsonl"))?;
    let done = lines.lines().filter(|line| line.starts_with("{\"done\"")).count() as u64;
    let right = cuts.numbers.counted == 6 && cuts.numbers.lost == 0 && cuts.numbers.acknowledged == done;
    let told = cuts.notes.iter().any(|note| note.starts_with("The ledger was started again 5 times"));
    check(code == Some(0) && right && told, &(code, &cuts))
}

fn await_lines(path: &Path, what: &str, times: usize, process: &mut Child) -> TestResult {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        let lines = fs::read_to_string(path).unwrap_or_default();
        if lines.matches(what).count() >= times {
            return Ok(());
        }
        if let Some(status) = process.try_wait()? {
            let mut said = String::new();
            process.stderr.take().map(|mut errors| errors.read_to_string(&mut said)).transpose()?;
            return Err(
                format!("it ended with {status} before {what} was there {times} times: {said}").into()
            );
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Err(format!("{} does not hold {what} {times} times after {LIMIT:?}", path.display()).into())
}

/// Its writer has another token: the ledger waits in vain.
fn stranger() -> TestResult {
    let machine = Machine::new()?;
    fs::write(machine.path("other"), "quite another token than the ledger's\n")?;
    let own = fs::read_to_string(machine.path("restore"))?;
    let (token, other) = (machine.path("token"), machine.path("other"));
    fs::write(machine.path("restore"), own.replace(&*token.to_string_lossy(), &other.to_string_lossy()))?;
    machine.switch_on()?;
    let output = machine.ledger("1", "true", "true", "3s")?.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = fs::read_to_string(machine.path("ledger/ledger.jsonl"))?;
    check(said.contains("it has another token") && !lines.contains("\"hello\""), &said)
}

/// After the cut the directory is an empty one: that says nothing about the device.
fn unmounted() -> TestResult {
    let machine = Machine::new()?;
    let disk = machine.path("disk").display().to_string();
    let restore = format!("mv {disk} {disk}-away; mkdir {disk}; {}", machine.shell("restore"));
    machine.switch_on()?;
    let mut command = machine.ledger("1", &machine.shell("cut"), &restore, "20s")?;
    let mut ledger = command.process_group(0).spawn()?;
    await_lines(&machine.path("ledger/ledger.jsonl"), "\"not-verified\"", 1, &mut ledger)?;
    ledger.kill()?;
    ledger.wait()?;
    let cuts = machine.judged()?;
    let told = cuts.cuts.iter().any(|cut| cut.what.contains("has no mark of the series"));
    check(cuts.verdict == Verdict::Unknown && cuts.numbers.lost == 0 && told, &cuts)
}

/// On a file system of half a megabyte the slots alone do not fit.
fn full() -> TestResult {
    let machine = Machine::new()?;
    let disk = machine.path("disk").display().to_string();
    let at = machine.place.path().display();
    let ledger = format!(
        "'{0}' device ledger {at}/ledger --listen 127.0.0.1:{1} --token-file {at}/token --json --cuts 1 --keep 1000 \
         --cut 'sh {at}/cut' --restore 'sh {at}/restore' --work-from 500ms --work-to 1s",
        std::env::current_exe()?.display(),
        machine.port
    );
    let inside = format!(
        "mount -t tmpfs -o size=512k none {disk} && sh {at}/restore && {ledger}; code=$?; sh {at}/cut; exit $code"
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &inside])
        .env("FERMOPOSTA_SELF", "1")
        .output()?;
    let (code, cuts) = understood(&output)?;
    let told = cuts.notes.iter().any(|note| note.contains("No space left on device"));
    check(code == Some(0) && cuts.numbers.lost == 0 && cuts.numbers.failed > 0 && told, &(code, &cuts))
}
