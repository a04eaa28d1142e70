//! A stage that fools: ways in which what is around a healthy mail server could make a run look like proof, or the server look
//! guilty. Of no way may come VALID or INVALID, and each is answered with words that lead out of it.
//!
//! Some ways are done to the files of a run that was recorded, which is then judged anew; some to the disk, the ports, the mail
//! server's set-up or the scenario of a run. `set_up` has those that come to light before the traffic.

use crate::group::{TestResult, percent};
use fermoposta::testing::{Needs, Test};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::{fs, io};
use tempfile::TempDir;

const INVALID: i32 = 1;
const UNKNOWN: i32 = 2;
const USAGE: i32 = 64;
const ENVIRONMENT: i32 = 70;

const HEALTHY: &str = r#"
name = "healthy"
why = "Nothing goes wrong."
[storage.mail]
[workload]
duration = "1s"
rate = "20/s"
users = 3
[expect]
no-faults = true
"#;

/// Something done to a recorded run, and what `fermoposta COMMAND RUN` says of it then.
struct Recorded {
    name: &'static str,
    done: fn(&Path) -> io::Result<()>,
    command: &'static str,
    code: i32,
    words: &'static str,
}

const fn recorded(
    name: &'static str,
    done: fn(&Path) -> io::Result<()>,
    code: i32,
    words: &'static str,
) -> Recorded {
    Recorded { name, done, command: "analyze", code, words }
}

const TRACE: &str = "trace-mail.jsonl";
const HISTORY: &str = "history.jsonl";

static RECORDED: [Recorded; 29] = [
    recorded(
        "trace_removed",
        |run| fs::remove_file(run.join(TRACE)),
        UNKNOWN,
        "trace-mail.jsonl is not there",
    ),
    recorded("trace_empty", |run| fs::write(run.join(TRACE), ""), UNKNOWN, "trace-mail.jsonl is empty"),
    recorded(
        "trace_without_its_first_line",
        |run| lines(run, TRACE, |all| drop(all.remove(0))),
        UNKNOWN,
        "when it was closed",
    ),
    recorded(
        "trace_without_its_last_line",
        |run| lines(run, TRACE, |all| drop(all.pop())),
        UNKNOWN,
        "no closing record",
    ),
    recorded(
        "trace_without_its_second_half",
        |run| lines(run, TRACE, |all| all.truncate(all.len() / 2)),
        UNKNOWN,
        "no closing record",
    ),
    recorded(
        "trace_without_a_line",
        |run| lines(run, TRACE, |all| drop(all.remove(20))),
        UNKNOWN,
        "when it was closed",
    ),
    recorded(
        "trace_in_another_order",
        |run| lines(run, TRACE, |all| all.swap(20, 40)),
        UNKNOWN,
        "was changed after it was closed",
    ),
    recorded(
        "trace_twice",
        |run| lines(run, TRACE, |all| all.extend(all.clone())),
        UNKNOWN,
        "was changed after it was closed",
    ),
    recorded("trace_torn", |run| torn(run, TRACE), UNKNOWN, "no closing record"),
    recorded("trace_with_a_block_of_zeros", |run| zeros(run, TRACE), UNKNOWN, "trace-mail.jsonl"),
    recorded(
        "trace_of_another_run",
        |run| of_another(run, TRACE),
        UNKNOWN,
        "is the trace of another run or storage",
    ),
    recorded(
        "history_removed",
        |run| fs::remove_file(run.join(HISTORY)),
        ENVIRONMENT,
        "is this the directory of a run?",
    ),
    recorded("history_empty", |run| fs::write(run.join(HISTORY), ""), ENVIRONMENT, "the run never began"),
    recorded(
        "history_without_its_first_line",
        |run| lines(run, HISTORY, |all| drop(all.remove(0))),
        ENVIRONMENT,
        "does not begin",
    ),
    recorded(
        "history_without_its_last_line",
        |run| lines(run, HISTORY, |all| drop(all.pop())),
        UNKNOWN,
        "the history is cut short",
    ),
    recorded(
        "history_without_its_second_half",
        |run| lines(run, HISTORY, |all| all.truncate(all.len() / 2)),
        UNKNOWN,
        "could not be looked for",
    ),
    recorded("history_torn", |run| torn(run, HISTORY), UNKNOWN, "could not be looked for"),
    recorded("history_with_a_block_of_zeros", |run| zeros(run, HISTORY), ENVIRONMENT, "makes no sense"),
    recorded(
        "history_twice",
        |run| lines(run, HISTORY, |all| all.extend(all.clone())),
        ENVIRONMENT,
        "was changed after it was recorded",
    ),
    recorded(
        "history_in_another_order",
        |run| lines(run, HISTORY, |all| all.swap(10, 30)),
        ENVIRONMENT,
        "was changed after it was recorded",
    ),
    recorded(
        "history_without_an_acknowledgement",
        |run| without(run, "\"event\":\"complete\""),
        ENVIRONMENT,
        "was changed after it was recorded",
    ),
    recorded(
        "history_without_a_reading_of_the_disk",
        |run| without(run, "\"event\":\"disk\""),
        ENVIRONMENT,
        "was changed after it was recorded",
    ),
    recorded(
        "history_without_the_start_of_the_server",
        |run| without(run, "\"event\":\"target\""),
        ENVIRONMENT,
        "was changed after it was recorded",
    ),
    recorded(
        "history_of_another_run",
        |run| of_another(run, HISTORY),
        ENVIRONMENT,
        "is not the plan that was run",
    ),
    recorded(
        "plan_edited",
        |run| edited(run, "plan.json", "\"users\": 3", "\"users\": 2"),
        ENVIRONMENT,
        "is not the plan that was run",
    ),
    recorded(
        "plan_removed",
        |run| fs::remove_file(run.join("plan.json")),
        ENVIRONMENT,
        "is this the directory of a run?",
    ),
    recorded(
        "plan_of_another_run",
        |run| of_another(run, "plan.json"),
        ENVIRONMENT,
        "is not the plan that was run",
    ),
    Recorded {
        name: "report_edited",
        done: |run| edited(run, "report.json", "\"lost\": 0", "\"lost\": 1"),
        command: "report",
        code: USAGE,
        words: "it was edited",
    },
    Recorded {
        name: "report_removed",
        done: |run| fs::remove_file(run.join("report.json")),
        command: "report",
        code: USAGE,
        words: "fermoposta analyze",
    },
];

fn lines(run: &Path, file: &str, change: impl FnOnce(&mut Vec<String>)) -> io::Result<()> {
    let text = fs::read_to_string(run.join(file))?;
    let mut all: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    change(&mut all);
    fs::write(run.join(file), all.concat())
}

/// The third line that holds `mark` is gone.
fn without(run: &Path, mark: &str) -> io::Result<()> {
    lines(run, HISTORY, |all| {
        let at =
            all.iter().enumerate().filter(|(_, line)| line.contains(mark)).map(|(at, _)| at).take(3).last();
        drop(all.remove(at.expect("such a line is there")));
    })
}

fn torn(run: &Path, file: &str) -> io::Result<()> {
    let bytes = fs::read(run.join(file))?;
    let middle = bytes.len() / 2;
    let end = middle + usize::from(bytes[middle] == b'\n');
    fs::write(run.join(file), &bytes[..end])
}

/// As a file system without ordering leaves a block after a power cut.
fn zeros(run: &Path, file: &str) -> io::Result<()> {
    let mut bytes = fs::read(run.join(file))?;
    bytes[4096..8192].fill(0);
    fs::write(run.join(file), bytes)
}

fn edited(run: &Path, file: &str, from: &str, to: &str) -> io::Result<()> {
    let text = fs::read_to_string(run.join(file))?;
    assert!(text.contains(from), "{file} holds {from}");
    fs::write(run.join(file), text.replacen(from, to, 1))
}

fn of_another(run: &Path, file: &str) -> io::Result<()> {
    fs::copy(base("2").map_err(io::Error::other)?.join(file), run.join(file)).map(drop)
}

/// A healthy run of this seed, recorded once.
fn base(seed: &str) -> Result<PathBuf, String> {
    static BASES: [OnceLock<Result<TempDir, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let made = BASES[usize::from(seed != "1")].get_or_init(|| {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let output =
            Run { seed, ..Run::of(HEALTHY) }.start(place.path()).map_err(|error| error.to_string())?;
        match output.status.code() {
            Some(0) => Ok(place),
            _ => Err(format!("the healthy run itself is not valid:\n{}", said(&output))),
        }
    });
    let place = made.as_ref().map_err(Clone::clone)?.path().join("runs");
    let run = fs::read_dir(place).map_err(|error| error.to_string())?.next();
    run.and_then(Result::ok).map(|run| run.path()).ok_or_else(|| "there is no run directory".to_owned())
}

impl Recorded {
    fn is_not_fooled(&self) -> TestResult {
        let place = tempfile::tempdir()?;
        let run = place.path().join("run");
        let copied = Command::new("cp").arg("-a").arg(base("1")?).arg(&run).status()?;
        assert!(copied.success());
        (self.done)(&run)?;
        ends(&fermoposta(place.path(), &[self.command, "run"])?, &[self.code], self.words)
    }
}

/// The built-in server, with its own command line and what else is written before.
fn server(start: &str, more: &str) -> String {
    format!(
        r#"
name = "mine"
about = "The built-in server, on a stage of its own"
kind = "spawned"
ready-within = "5s"
start = {start}
listen = {{ lmtp = "127.0.0.1:{{port.lmtp}}", imap = "127.0.0.1:{{port.imap}}" }}
layout.maildir = {{ path = "{{user}}/Maildir" }}
{more}
"#
    )
}

const START: &str = r#"["{exe}", "__reference-server", "--store", "{store}", "--password", "{password}",
    "--lmtp", "127.0.0.1:{port.lmtp}", "--imap", "127.0.0.1:{port.imap}"]"#;

/// Keeps its mail beside its logs.
const ELSEWHERE: &str = r#"["{exe}", "__reference-server", "--store", "{work}/mail", "--password", "{password}",
    "--lmtp", "127.0.0.1:{port.lmtp}", "--imap", "127.0.0.1:{port.imap}"]"#;

const MADE: &str = r#"prepare = [["mkdir", "{work}/mail"]]"#;

/// A run on such a stage.
struct Run<'a> {
    scenario: &'a str,
    target: Option<String>,
    seed: &'a str,
    more: &'a [&'a str],
    /// What is done before, in the directory where the run is started, in a mount namespace of its own.
    before: &'a str,
}

impl<'a> Run<'a> {
    fn of(scenario: &'a str) -> Run<'a> {
        Run { scenario, target: None, seed: "1", more: &[], before: "" }
    }

    fn at(target: String) -> Run<'a> {
        Run { target: Some(target), ..Run::of(HEALTHY) }
    }

    fn on_disk(before: &'a str) -> Run<'a> {
        Run { before, more: &["--storage-dir", "disk"], ..Run::of(HEALTHY) }
    }

    fn start(&self, place: &Path) -> io::Result<Output> {
        fs::write(place.join("scenario.toml"), self.scenario)?;
        let mut arguments = vec!["run", "scenario.toml", "--runs", "runs", "--seed", self.seed];
        if let Some(target) = &self.target {
            fs::write(place.join("mine.toml"), target)?;
            arguments.extend(["--target", "mine.toml"]);
        }
        arguments.extend(self.more);
        let mut command = match self.before {
            "" => Command::new(std::env::current_exe()?),
            before => namespaced(before)?,
        };
        command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null()).current_dir(place);
        command.args(arguments).output()
    }
}

/// Mounts that end with the run.
fn namespaced(before: &str) -> io::Result<Command> {
    let mut command = Command::new("unshare");
    let script = format!("{before} && exec \"$0\" \"$@\"");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", &script]);
    command.arg(std::env::current_exe()?);
    Ok(command)
}

fn fermoposta(place: &Path, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null()).current_dir(place);
    command.args(arguments).output()
}

/// All that was said, on lines as long as it takes.
fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As it should be: no verdict about the mail server, and the way out.
fn ends(output: &Output, codes: &[i32], words: &str) -> TestResult {
    let (code, said) = (output.status.code().unwrap_or(-1), said(output));
    assert!(!codes.contains(&0) && !codes.contains(&INVALID));
    if !codes.contains(&code) {
        return Err(format!("it ended with {code}, not with {codes:?}:\n{said}").into());
    }
    if !said.contains(words) {
        return Err(format!("`{words}` is not said:\n{said}").into());
    }
    Ok(())
}

/// A run, how it may end, and what is said of it.
struct Staged {
    name: &'static str,
    run: fn() -> Run<'static>,
    codes: &'static [i32],
    words: &'static str,
}

const SILENT_START: &str = r#"["/bin/true"]"#;
const LISTENS_NOWHERE: &str = r#"["/bin/sleep", "60"]"#;

const NEVER_STRIKES: &str = r#"
name = "never"
why = "The fault waits for a file that is never there."
[storage.mail]
[[fault]]
name = "eio"
where = { path = "nothing/like/this" }
effect.errno = { code = "EIO" }
[workload]
duration = "1s"
rate = "20/s"
users = 3
"#;

const STRIKES_ANOTHER_DISK: &str = r#"
name = "another"
why = "The fault strikes a disk that holds no mail."
[storage.mail]
[storage.other]
[target]
storage = "mail"
[[fault]]
name = "eio"
storage = "other"
effect.errno = { code = "EIO" }
[workload]
duration = "1s"
rate = "20/s"
users = 3
"#;

const NOBODY_WRITES: &str = r#"
name = "silent"
why = "There is no mail at all."
[storage.mail]
[workload]
duration = "1s"
rate = "20/s"
users = 3
mix = { deliver = 1, fetch = 99 }
[expect]
no-faults = true
acknowledged = 500
"#;

const MUCH: &str = r#"
name = "much"
why = "More mail than the disk holds."
[storage.mail]
[workload]
duration = "3s"
rate = "100/s"
users = 3
mix = { deliver = 1 }
[expect]
no-faults = true
"#;

const MOVES: &str = r#"
name = "moves"
why = "Users move from one storage to another."
[storage.old]
[storage.new]
[target]
storage = "old"
[front-door]
[[cohort]]
name = "all"
users = 3
[workload]
duration = "60s"
until-steps-done = true
rate = "20/s"
[[step]]
at = "500ms"
do.migrate = { to = "new", tool = "cp", passes = 0 }
[expect]
no-faults = true
"#;

static STAGED: [Staged; 18] = [
    Staged {
        name: "store_elsewhere",
        run: || Run::at(server(ELSEWHERE, MADE)),
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "never seen on storage `mail`",
    },
    Staged {
        name: "store_of_one_user_behind_a_link",
        run: || {
            Run::at(server(
                START,
                "prepare = [[\"/bin/sh\", \"-c\", \"mkdir '{work}/out' && ln -s '{work}/out' '{store}/user2'\"]]",
            ))
        },
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "storage `mail`",
    },
    Staged {
        name: "store_laid_out_otherwise",
        run: || Run::at(server(START, "").replace("{user}/Maildir", "home/{user}/Mail")),
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "layout",
    },
    Staged {
        name: "migration_of_nothing",
        run: || Run { scenario: MOVES, ..Run::at(server(ELSEWHERE, MADE)) },
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "storage `old`",
    },
    Staged {
        name: "disk_that_is_not_there",
        run: || Run::on_disk(""),
        codes: &[USAGE],
        words: "it is not there",
    },
    Staged {
        name: "disk_that_is_a_file",
        run: || Run::on_disk("touch disk"),
        codes: &[USAGE],
        words: "--storage-dir disk",
    },
    Staged {
        name: "disk_that_is_no_disk",
        run: || Run { more: &["--storage-dir", "/proc"], ..Run::of(HEALTHY) },
        codes: &[USAGE, ENVIRONMENT],
        words: "/proc",
    },
    Staged {
        name: "disk_that_is_read_only",
        run: || Run::on_disk("mkdir disk && mount -t tmpfs -o ro none disk"),
        codes: &[USAGE, ENVIRONMENT],
        words: "disk",
    },
    Staged {
        name: "disk_that_is_full",
        run: || {
            Run::on_disk(
                "mkdir disk && mount -t tmpfs -o size=64k none disk && { dd if=/dev/zero of=disk/full 2>dd.out; true; }",
            )
        },
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "disk",
    },
    Staged {
        name: "disk_that_fills",
        run: || Run { scenario: MUCH, ..Run::on_disk("mkdir disk && mount -t tmpfs -o size=3m none disk") },
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "make room",
    },
    Staged {
        name: "disk_without_files_left",
        run: || Run::on_disk("mkdir disk && mount -t tmpfs -o nr_inodes=24 none disk"),
        codes: &[UNKNOWN, ENVIRONMENT],
        words: "make room",
    },
    Staged {
        name: "server_that_never_started",
        run: || Run::at(server(SILENT_START, "")),
        codes: &[ENVIRONMENT],
        words: "mine",
    },
    Staged {
        name: "server_that_listens_nowhere",
        run: || Run::at(server(LISTENS_NOWHERE, "")),
        codes: &[ENVIRONMENT],
        words: "did not greet on lmtp",
    },
    Staged {
        name: "server_that_refuses_one_user",
        run: || Run::at(server(START, "prepare = [[\"/bin/sh\", \"-c\", \": > '{store}/user2'\"]]")),
        codes: &[UNKNOWN],
        words: "user2",
    },
    Staged {
        name: "fault_that_never_strikes",
        run: || Run::of(NEVER_STRIKES),
        codes: &[UNKNOWN],
        words: "never fired",
    },
    Staged {
        name: "fault_of_another_disk",
        run: || Run::of(STRIKES_ANOTHER_DISK),
        codes: &[UNKNOWN],
        words: "never fired",
    },
    Staged {
        name: "nobody_writes",
        run: || Run::of(NOBODY_WRITES),
        codes: &[UNKNOWN],
        words: "500 are wanted",
    },
    Staged {
        name: "real_mail_that_is_none",
        run: || Run { before: "mkdir mail", more: &["--corpus", "mail"], ..Run::of(HEALTHY) },
        codes: &[USAGE, ENVIRONMENT],
        words: "has no message that can be sent",
    },
];

impl Staged {
    fn is_not_fooled(&self) -> TestResult {
        let place = tempfile::tempdir()?;
        ends(&(self.run)().start(place.path())?, self.codes, self.words)
    }
}

pub(crate) fn tests() -> Vec<Test> {
    let test = |name: &str, needs: Needs, body: Box<dyn FnOnce() -> TestResult + Send>| {
        Test::new(format!("hostile_stage::{name}"), needs, body).lacking(fermoposta::testing::cannot_mount())
    };
    let recorded =
        RECORDED.iter().map(|way| test(way.name, percent(20, 2), Box::new(|| way.is_not_fooled())));
    let staged = STAGED.iter().map(|way| test(way.name, percent(30, 6), Box::new(|| way.is_not_fooled())));
    recorded.chain(staged).collect()
}
