//! Faults of a device that name files: on a real file system they strike the sectors of those files, and of no other.

use crate::devices::{failed, lacking, this_program};
use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::{ScenarioRun, Test};
use reports::kit::verdict::Verdict;
use reports::run::Fault;

pub(crate) fn tests() -> Vec<Test> {
    let ext4: [Named; 3] = [
        (
            "a_lie_about_the_sectors_of_one_users_mail_is_found_in_that_mail_only",
            percent(40, 10),
            one_user_of_ext4,
        ),
        ("a_fault_that_finds_no_sectors_proves_nothing", percent(40, 10), nowhere),
        ("a_rehearsal_goes_from_one_real_file_system_to_another", percent(30, 25), rehearsed),
    ];
    let xfs: [Named; 1] =
        [("a_bad_sector_of_xfs_is_under_the_mail_of_one_user_only", percent(40, 10), one_user_of_xfs)];
    group("sectors", lacking("ext4"), ext4).into_iter().chain(group("sectors", lacking("xfs"), xfs)).collect()
}

/// What it struck, and in whose files.
fn fault<'a>(run: &'a ScenarioRun, name: &str) -> Option<&'a Fault> {
    run.report.faults.iter().find(|fault| fault.name == name && fault.storage == "mail-device")
}

fn struck_only(fault: &Fault, within: &str) -> bool {
    fault.fired > 0
        && !fault.struck.is_empty()
        && fault.struck.iter().all(|(_, path, _)| path.starts_with(within))
}

fn said(run: &ScenarioRun, words: &str) -> bool {
    run.report.timeline.iter().any(|moment| moment.what.contains(words))
}

fn ran(text: &str) -> Result<ScenarioRun, libtest_mimic::Failed> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("sectors.toml");
    std::fs::write(&file, text)?;
    fermoposta::testing::run(&file, &[])
}

/// The server checks nothing, so what it reads from there it serves.
fn one_user_of_ext4() -> TestResult {
    let run = ran(ROTTEN)?;
    let found = run.report.properties.iter().find(|property| property.name == "lie-noticed");
    let accused =
        found.filter(|found| found.verdict == Verdict::Invalid).map_or(&[][..], |found| &found.anomalies);
    let its_own = !accused.is_empty()
        && accused.iter().all(|one| one.place.as_deref().is_some_and(|place| place.starts_with("user1")));
    let struck = fault(&run, "rotten").is_some_and(|fault| struck_only(fault, "user1/"));
    if run.code == 1 && its_own && struck && said(&run, "rotten is on the sectors of") {
        Ok(())
    } else {
        Err(run.failed())
    }
}

const ROTTEN: &str = r#"
name = "rotten"
why = "The sectors of one user's mail come back with a bit turned over."
[storage.mail]
on = { filesystem = "ext4", size = "64 MiB" }
[workload]
duration = "3s"
rate = "60/s"
users = 3
mix = { deliver = 30, fetch = 70 }
sizes.fixed = { size = "32 KiB" }
[[fault]]
name = "rotten"
level = "device"
where = { op = "read", holds = "data", path = "user1/**/{new,cur}/*" }
when.disarmed = true
effect.corrupt-read = { how = "flip" }
[[step]]
at = "1500ms"
do.arm = { fault = "rotten" }
"#;

/// From the beginning on, so it is under the mail of the warm-up. Names in directories are found too, and need not be read again.
fn one_user_of_xfs() -> TestResult {
    let run = ran(BAD)?;
    let struck = fault(&run, "bad").is_some_and(|fault| struck_only(fault, "user1/"));
    let names = said(&run, "names is on the sectors of")
        && unproved(&run, "the device was not asked for the sectors of");
    let kept = run.report.messages.lost == 0;
    if run.code == 2 && struck && names && kept { Ok(()) } else { Err(run.failed()) }
}

const BAD: &str = r#"
name = "bad"
why = "The sectors of one user's mail cannot be read any more."
[storage.mail]
on = { filesystem = "xfs", size = "300 MiB" }
[workload]
duration = "3s"
rate = "60/s"
users = 3
mix = { deliver = 60, fetch = 40 }
[[fault]]
name = "bad"
level = "device"
where = { op = "read", holds = "data", path = "user1/**/{new,cur}/*" }
effect.errno = { code = "EIO" }
[[fault]]
name = "names"
level = "device"
where = { op = "read", holds = "directory", path = "**/{new,cur}" }
when.disarmed = true
effect.latency = { fixed = "1ms" }
[[step]]
at = "2500ms"
do.arm = { fault = "names" }
"#;

/// One of two finds nothing. The other is on the names of the mail, which are read again after a power cut.
fn nowhere() -> TestResult {
    let run = ran(NOWHERE)?;
    let read = fault(&run, "names").is_some_and(|fault| struck_only(fault, "user"));
    let nowhere = said(&run, "nobody found no sectors")
        && unproved(&run, "fault `nobody` never fired: when it was armed, it found no sectors");
    if run.code == 2 && read && nowhere { Ok(()) } else { Err(run.failed()) }
}

fn unproved(run: &ScenarioRun, words: &str) -> bool {
    let coverage = run.report.properties.iter().find(|property| property.name == "coverage");
    coverage.is_some_and(|coverage| coverage.verdict == Verdict::Unknown && coverage.sentence.contains(words))
}

const NOWHERE: &str = r#"
name = "nowhere"
why = "Nobody has mail under that name, so there are no sectors of it."
[storage.mail]
on = { filesystem = "ext4", size = "64 MiB" }
[workload]
duration = "3s"
rate = "30/s"
users = 2
[[fault]]
name = "nobody"
level = "device"
where = { op = "read", holds = "data", path = "nobody/**" }
effect.errno = { code = "EIO" }
[[fault]]
name = "names"
level = "device"
where = { op = "read", holds = "directory", path = "**/{new,cur}" }
when.disarmed = true
effect.latency = { fixed = "1ms" }
[[step]]
at = "1s"
do.arm = { fault = "names" }
[[step]]
at = "1500ms"
do.power-cut = {}
[expect]
recover-within = "15s"
"#;

/// Everybody moves, and the devices lie on the disks that were named.
fn rehearsed() -> TestResult {
    let place = tempfile::tempdir()?;
    let [old, new, runs] = ["old", "new", "runs"].map(|name| place.path().join(name));
    [&old, &new].into_iter().try_for_each(std::fs::create_dir)?;
    let mut command = this_program();
    command.args(["rehearse", "--parts", "migration", "--users", "2", "--messages", "1", "--rate", "10/s"]);
    command.args(["--persistence", "real-ext4", "--source"]).arg(&old).arg("--destination").arg(&new);
    let ran = command.arg("--runs").arg(&runs).output()?;
    let device = |storage: &str| format!("{storage}/rehearse-reference-1/migration/{storage}-device/device");
    let lies_there = ["old", "new"].iter().all(|storage| place.path().join(device(storage)).is_file());
    match ran.status.code() == Some(0) && lies_there {
        true => Ok(()),
        false => {
            Err(failed(&format!("{:?}\n{}", ran.status, String::from_utf8_lossy(&ran.stdout)), &ran.stderr))
        }
    }
}
