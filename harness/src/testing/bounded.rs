//! A child with a bound: a test whose program hangs must fail, and say what the program said.

use libtest_mimic::Failed;
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether the child has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Runs a program to its end; kills it when `limit` is over.
pub(super) fn output(command: &mut Command, limit: Duration) -> Result<Output, Failed> {
    // Files: a pipe that nobody reads would hold the program up when it is full.
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    let ended = end(&mut command.spawn()?, limit)?;
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

fn end(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::park_timeout(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
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
        let failed = output(&mut hangs, Duration::from_secs(1)).unwrap_err();
        let said = failed.message().unwrap();
        assert!(said.contains("after 1 s and was killed") && said.contains("waiting for nobody"), "{said}");
    }

    #[test]
    fn more_than_a_pipe_holds_is_read() {
        let mut talks = Command::new("sh");
        talks.args(["-c", "head -c 300000 /dev/zero; echo no >&2; exit 3"]);
        let output = output(&mut talks, Duration::from_secs(600)).unwrap();
        assert_eq!((output.stdout.len(), output.status.code()), (300_000, Some(3)));
        assert_eq!(output.stderr, b"no\n");
    }
}
