//! Ways that are done to the files of a run that was recorded.

use super::{ENVIRONMENT, UNKNOWN, USAGE, no_verdict};
use crate::group::{TestResult, percent};
use crate::stage::{HEALTHY, Run, fermoposta, said};
use fermoposta::testing::Test;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

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

static RECORDED: [Recorded; 27] = [
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
    recorded("trace_with_a_block_of_zeros", |run| zeros(run, TRACE), UNKNOWN, "when it was closed"),
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
        "without it nothing can be judged: put it back, or run again",
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
        USAGE,
        "it holds no plan.json; `fermoposta run` prints where it recorded",
    ),
    recorded(
        "plan_of_another_run",
        |run| of_another(run, "plan.json"),
        ENVIRONMENT,
        "is not the plan that was run",
    ),
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
        no_verdict(&fermoposta(place.path(), &[self.command, "run"])?, self.code, self.words)
    }
}

pub(super) fn tests() -> impl Iterator<Item = Test> {
    RECORDED.iter().map(|way| super::test(way.name, percent(20, 2), || way.is_not_fooled()))
}
