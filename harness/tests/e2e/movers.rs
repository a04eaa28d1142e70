//! Movers, from the command line: one that deletes at the source what is not durable at the destination is found, one that is
//! careful is clean and known to be, and one that moves nothing proves nothing.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::verdict::Verdict;
use reports::movers::{Fate, Movers};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 2] = [
        ("the_careless_is_found_and_the_careful_is_clean", percent(60, 10), careless_and_careful),
        ("from_imap_a_message_is_at_the_source_until_it_is_expunged", percent(60, 10), from_imap),
    ];
    group("movers", fermoposta::testing::cannot_mount(), tests)
}

/// Straight into `new`, and nothing synced.
const CARELESS: &str =
    r#"for message in source/new/*; do cp "$message" "{store}/Maildir/new/" && rm "$message"; done"#;

/// What is deleted was synced before, and so was its name.
const CAREFUL: &str = r#"cd "{store}/Maildir"; for message in "{work}"/source/new/*; do name=${message##*/}
cp "$message" "tmp/$name" && sync "tmp/$name" && mv "tmp/$name" new/ && sync new && rm "$message"; done"#;

fn mover(place: &Path, name: &str, source: &str, script: &str) -> Result<PathBuf, Failed> {
    let file = place.join(format!("{name}.toml"));
    let text = format!(
        "name = '{name}'\nabout = 'a test'\nsource = '{source}'\nstart = ['sh', '-euc', '''{script}''']\n\
         environment = {{ HOME = '{{store}}/home' }}\n"
    );
    fs::write(&file, text)?;
    Ok(file)
}

fn put(movers: &[PathBuf], options: &[&str]) -> Result<(Option<i32>, Movers), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").arg("movers").args(movers).args(options).arg("--json");
    let output = command.stdin(Stdio::null()).output()?;
    let result = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), result))
}

fn ensure(so: bool, what: &str, of: &Movers) -> TestResult {
    if so { Ok(()) } else { Err(format!("{what}: {of:#?}").into()) }
}

fn careless_and_careful() -> TestResult {
    let place = tempfile::tempdir()?;
    let careless = mover(place.path(), "careless", "maildir", CARELESS)?;
    let all = [
        careless.clone(),
        mover(place.path(), "careful", "maildir", CAREFUL)?,
        mover(place.path(), "idle", "maildir", "true # {store}")?,
    ];
    let strict = ["--persistence", "strict-posix", "--messages", "1"];
    let (code, found) = put(&all, &[&strict[..], &["--draws", "0"]].concat())?;
    let verdicts: Vec<Verdict> = found.rows.iter().map(|row| row.verdict).collect();
    ensure(verdicts == [Verdict::Invalid, Verdict::Valid, Verdict::Unknown], "each as it is", &found)?;
    ensure(code == Some(1), "the worst decides", &found)?;
    let [careless_row, careful, idle] = &found.rows[..] else { return Err("three rows".into()) };
    ensure(
        (careless_row.content_not_synced, careless_row.name_not_synced) == (Some(1), Some(1)),
        "nothing was synced",
        &found,
    )?;
    ensure(
        careful.met > 0 && (careful.content_not_synced, careful.name_not_synced) == (Some(0), Some(0)),
        "all was synced",
        &found,
    )?;
    ensure(idle.open == 1 && found.open[0].why.contains("moved 0 of 1"), "it moved nothing", &found)?;
    let end = found.bad.iter().find(|bad| bad.case == "end.drop-unsynced");
    ensure(
        end.is_some_and(|end| end.fate == Fate::Lost && end.mover == "careless"),
        "lost at the end",
        &found,
    )?;
    let (code, again) = put(&[careless], &[&strict[..], &["--case", "end.drop-unsynced"]].concat())?;
    let same = again.bad.first().map(|bad| &bad.messages) == end.map(|end| &end.messages);
    ensure(code == Some(1) && same, "the one case again shows the same", &again)
}

/// Fetches what there is by hand, and expunges all of it.
const BY_HAND: &str = r#"exec 3<>/dev/tcp/127.0.0.1/{port.imap}
say() { printf "%s\r\n" "$1" >&3; }
read -r line <&3
say "a LOGIN {users} {password}"; read -r line <&3
say "b SELECT INBOX"; while read -r line <&3; do case $line in b*) break;; esac; done
say "c FETCH 1 BODY[]"; read -r line <&3
case $line in *"{"*) ;; *) exit 0;; esac
size=${line##*\{}; size=${size%%\}*}
head -c "$size" <&3 > "{store}/Maildir/new/fetched"
while read -r line <&3; do case $line in c*) break;; esac; done
say "d STORE 1 +FLAGS (\\Deleted)"; while read -r line <&3; do case $line in d*) break;; esac; done
say "e EXPUNGE"; while read -r line <&3; do case $line in e*) break;; esac; done"#;

fn from_imap() -> TestResult {
    let place = tempfile::tempdir()?;
    let by_hand = mover(place.path(), "by-hand", "imap", BY_HAND)?;
    let text = fs::read_to_string(&by_hand)?.replace("'sh', '-euc'", "'bash', '-c'");
    fs::write(&by_hand, text)?;
    let options = ["--persistence", "ext4-ordered", "--messages", "1", "--draws", "0"];
    let (code, found) = put(&[by_hand], &options)?;
    ensure(code == Some(1) && found.open.is_empty(), "its file is never synced", &found)?;
    let cases: Vec<&str> = found.bad.iter().map(|bad| bad.case.as_str()).collect();
    ensure(cases == ["end.drop-unsynced"], "until the end the message is at the source", &found)
}
