//! A migration that is killed at any moment leaves every user's mail where it is said to be.

use crate::group::{TestResult, percent};
use fermoposta::testing::Test;
use fermoposta::testing::inside::{Whereabouts, nobody, of_run, read_user, table};
use libtest_mimic::Failed;
use record::history::Attempt;
use record::history::token::RunToken;
use record::ledger::Ledger;
use record::plan::server::Layout;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that is awaited takes longer.
const LIMIT: Duration = Duration::from_secs(60);

const SCENARIO: &str = r#"
name = "killed-migration"
why = "The harness dies while users move from one storage to another."
[storage.old]
[storage.new]
[target]
storage = "old"
[front-door]
[[cohort]]
name = "everybody"
users = 12
[workload]
duration = "60s"
rate = "40/s"
mix = { deliver = 1 }
retries = 3
[[step]]
at = "500ms"
do.migrate = { to = "new", at-once = 2, every = "100ms" }
[expect]
no-faults = true
"#;

/// When the harness is killed: after so many events of that state.
const MOMENTS: [(&str, usize); 6] =
    [("copying", 1), ("held", 1), ("switched", 1), ("copying", 7), ("held", 8), ("switched", 10)];

pub(crate) fn tests() -> Vec<Test> {
    let rsync = Command::new("rsync").arg("--version").output().is_err();
    let missing = fermoposta::testing::cannot_mount()
        .or_else(|| rsync.then(|| "rsync is not installed; `apt-get install rsync`".to_owned()));
    let test = |(state, count)| {
        let name = format!("migration::killed_after_{count}_{state}");
        Test::new(name, percent(50, 8), move || killed(state, count)).lacking(missing.clone())
    };
    MOMENTS.into_iter().map(test).collect()
}

fn killed(state: &str, count: usize) -> TestResult {
    let place = tempfile::tempdir()?;
    let mut child = start(place.path())?;
    let wanted = format!("\"state\":\"{state}\"");
    wait_until(&format!("{count} users to be {state}"), || {
        let history = history(place.path()).and_then(|path| std::fs::read_to_string(path).ok());
        history.is_some_and(|text| text.matches(&wanted).count() >= count)
    })?;
    child.kill()?;
    child.wait()?;
    let needle = place.path().display().to_string();
    wait_until("every process of the run to be gone", || !runs_anywhere(&needle))?;
    let run = history(place.path()).and_then(|path| path.parent().map(Path::to_owned));
    everything_is_there(&run.ok_or("the run left no directory")?)
}

fn start(place: &Path) -> Result<Child, Failed> {
    let file = place.join("scenario.toml");
    std::fs::write(&file, SCENARIO)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .env("FERMOPOSTA_SELF", "1")
        .arg("run")
        .arg(&file)
        .args(["--seed", "1", "--runs"])
        .arg(place.join("runs"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

fn history(place: &Path) -> Option<PathBuf> {
    let run = std::fs::read_dir(place.join("runs")).ok()?.next()?.ok()?;
    Some(run.path().join("history.jsonl"))
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) -> TestResult {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        if Instant::now() >= deadline {
            return Err(format!("waited {} s for {what}", LIMIT.as_secs()).into());
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Ok(())
}

/// A process names `needle` on its command line.
fn runs_anywhere(needle: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned()).any(|line| line.contains(needle))
}

/// Every user is somewhere, both copies of everybody can be read, and all acknowledged mail is where its user is.
fn everything_is_there(run: &Path) -> TestResult {
    let ledger = Ledger::read(BufReader::new(std::fs::File::open(run.join("history.jsonl"))?))?;
    let token: RunToken = ledger.run.parse()?;
    let layout = Layout::Maildir { path: "{user}/Maildir".to_owned() };
    let all = of_run(run).map_err(|error| Failed::from(format!("{error:#}")))?;
    if all.len() != 12 || table(&all).lines().count() != 13 {
        return Err(format!("{} users are accounted for, and not 12", all.len()).into());
    }
    for one in &all {
        let Whereabouts { user, storage, directory, .. } = one;
        let root = directory.parent().ok_or("a user's directory is below another")?;
        let found = read_user(root, &layout, user, token, &mut nobody);
        if !found.complete {
            return Err(format!("{user} on {storage} cannot be read: {:?}", found.error).into());
        }
        let copies: BTreeMap<Attempt, _> = found
            .copies
            .iter()
            .filter(|copy| !copy.unfinished)
            .filter_map(|c| Some((c.attempt?, c.digest)))
            .collect();
        for op in ledger.ops.iter().filter(|op| op.kind.stores() && op.certain()) {
            let own = ledger.user_name(ledger.user_of(op.place)) == *user;
            let carried = Attempt { message: op.carries.unwrap_or(op.attempt.message), ..op.attempt };
            if own && copies.get(&carried) != Some(&op.digest) {
                let token = ledger.token(op.attempt);
                return Err(
                    format!("{token} of {user}, who is {} on {storage}, is not there", one.state).into()
                );
            }
        }
        readable_elsewhere(run, storage, user, &layout, token)?;
    }
    Ok(())
}

/// The copy that is not served, if there is one, is a tree that can be read.
fn readable_elsewhere(run: &Path, storage: &str, user: &str, layout: &Layout, token: RunToken) -> TestResult {
    let other = if storage == "old" { "new" } else { "old" };
    let root = run.join("storage").join(other).join("mail");
    if root.join(user).is_dir() {
        let found = read_user(&root, layout, user, token, &mut nobody);
        if !found.complete {
            return Err(format!("the copy of {user} on {other} cannot be read: {:?}", found.error).into());
        }
    }
    Ok(())
}
