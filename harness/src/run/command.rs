//! A command of the operator's, at a step: cut a real power line, take a snapshot of the disk beneath.
//!
//! It runs as the harness does and sees the files that the harness sees, the mounted storages included; not the mail server's
//! processes. Its output goes into the run directory. One that takes longer than [`LIMIT`] is killed.

use anyhow::{Context, Result, bail};
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Where the output of commands goes, below the run directory.
const LOG: &str = "commands.log";

/// Runs `argv` to its end, with the run directory in `FERMOPOSTA_RUN`.
///
/// # Errors
/// It cannot be started, takes too long, or says that it failed.
pub(crate) async fn run(argv: &[String], directory: &Path) -> Result<()> {
    let (program, arguments) = argv.split_first().context("no command is named")?;
    let log = OpenOptions::new().create(true).append(true).open(directory.join(LOG))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("FERMOPOSTA_RUN", directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let Ok(ended) = tokio::time::timeout(LIMIT, child.wait()).await else {
        bail!("{program} took longer than {} s and was killed", LIMIT.as_secs());
    };
    let status = ended?;
    if !status.success() {
        bail!("{program} failed ({status}); its output is in {LOG} in the run directory");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(script: &str) -> (Result<()>, String) {
        let place = tempfile::tempdir().expect("a directory");
        let argv = ["sh", "-c", script].map(str::to_owned);
        let ended = run(&argv, place.path()).await;
        (ended, std::fs::read_to_string(place.path().join(LOG)).expect("the log"))
    }

    #[tokio::test]
    async fn output_is_kept_and_a_failure_is_said() {
        let (ended, log) = said("echo out; echo error >&2; test -d \"$FERMOPOSTA_RUN\"").await;
        ended.expect("it ends well");
        assert_eq!(log, "out\nerror\n");
        let (ended, _) = said("exit 3").await;
        let message = ended.expect_err("it fails").to_string();
        assert_eq!(message, "sh failed (exit status: 3); its output is in commands.log in the run directory");
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let place = tempfile::tempdir().expect("a directory");
        let error = run(&["/no/such/program".to_owned()], place.path()).await.expect_err("it is not there");
        assert_eq!(error.to_string(), "cannot run /no/such/program");
        assert!(run(&[], place.path()).await.is_err());
    }
}
