//! A child with a bound: a test whose program hangs must fail, and say what the program said.

use libtest_mimic::Failed;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether the child has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How often a test says that it is still running, and what its program said last.
const WORD: Duration = Duration::from_secs(30);

/// Runs a program to its end; kills it when `limit` is over. Meanwhile it says for `what` how far it is.
pub(super) fn output(command: &mut Command, what: &str, limit: Duration) -> Result<Output, Failed> {
    // Files: a pipe that nobody reads would hold the program up when it is full.
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let mut words = Words { what, every: WORD, said: 0, err: &err };
    let ended = end(&mut command.spawn()?, limit, |elapsed| {
        if let Some(word) = words.after(elapsed) {
            eprintln!("{word}");
        }
    })?;
    let (stdout, stderr) = (all(out)?, all(err)?);
    match ended {
        Some(status) => Ok(Output { status, stdout, stderr }),
        None => {
            let (limit, said) = (limit.as_secs(), String::from_utf8_lossy(&stderr).into_owned());
            Err(format!("it had not ended after {limit} s and was killed; until then it said:\n{said}")
                .into())
        }
    }
}

fn end(
    child: &mut Child,
    limit: Duration,
    mut meanwhile: impl FnMut(Duration),
) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        meanwhile(begun.elapsed());
        std::thread::park_timeout(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// What a test says while its program runs.
struct Words<'a> {
    what: &'a str,
    every: Duration,
    /// Times that a word was said.
    said: u32,
    err: &'a File,
}

impl Words<'_> {
    /// The word that is due after `elapsed`, if one is.
    fn after(&mut self, elapsed: Duration) -> Option<String> {
        if elapsed < self.every * (self.said + 1) {
            return None;
        }
        self.said += 1;
        let last = last_line(self.err).unwrap_or_else(|| "it has said nothing yet".to_owned());
        Some(format!("{} has run for {} s; last: {last}", self.what, elapsed.as_secs()))
    }
}

/// Read where it stands, not where the program writes: both have one position.
fn last_line(file: &File) -> Option<String> {
    use std::os::unix::fs::FileExt;
    let length = file.metadata().ok()?.len();
    let mut end = vec![0; 1000];
    let read = file.read_at(&mut end, length.saturating_sub(1000)).ok()?;
    let end = String::from_utf8_lossy(&end[..read]).into_owned();
    let line = end.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(reports::kit::inert::inert(line.trim()).to_string())
}

fn all(mut file: File) -> std::io::Result<Vec<u8>> {
    use std::io::Seek;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_and_what_it_said_is_kept() {
        let mut hangs = Command::new("sh");
        hangs.args(["-c", "echo waiting for nobody >&2; exec sleep 600"]);
        let failed = output(&mut hangs, "it", Duration::from_secs(1)).unwrap_err();
        let said = failed.message().unwrap();
        assert!(said.contains("after 1 s and was killed") && said.contains("waiting for nobody"), "{said}");
    }

    #[test]
    fn more_than_a_pipe_holds_is_read() {
        let mut talks = Command::new("sh");
        talks.args(["-c", "head -c 300000 /dev/zero; echo no >&2; exit 3"]);
        let output = output(&mut talks, "it", Duration::from_secs(600)).unwrap();
        assert_eq!((output.stdout.len(), output.status.code()), (300_000, Some(3)));
        assert_eq!(output.stderr, b"no\n");
    }

    #[test]
    fn a_long_test_says_now_and_then_how_far_its_program_is() {
        use std::io::Write;
        let mut err = tempfile::tempfile().unwrap();
        let mut words = Words {
            what: "slow.toml",
            every: Duration::from_secs(30),
            said: 0,
            err: &err.try_clone().unwrap(),
        };
        let seconds = Duration::from_secs;
        assert_eq!(words.after(seconds(29)), None);
        insta::assert_snapshot!(words.after(seconds(31)).unwrap(), @"slow.toml has run for 31 s; last: it has said nothing yet");
        assert_eq!(words.after(seconds(32)), None);
        err.write_all(b"   0.0 s  traffic, 90 s left\n  40.0 s  recovery\n").unwrap();
        insta::assert_snapshot!(words.after(seconds(61)).unwrap(), @"slow.toml has run for 61 s; last: 40.0 s  recovery");
        err.write_all(b"more").unwrap();
        assert_eq!(last_line(&err).unwrap(), "more", "the position was left alone");
    }
}
