//! What ends a mail server of a `command` target that nobody has ended: its own commands, in a file from before its start
//! until it was stopped or killed. It outlives the recording process.

use super::logs::LOG;
use super::underway::Underway;
use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FILE: &str = "running.json";

/// A command that takes longer may wait for calls that the storage holds back.
const LIMIT: Duration = Duration::from_secs(10);

/// How a mail server is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leash {
    pub(super) server: String,
    pub(super) kill: Vec<String>,
    pub(super) stop: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// Where it listens.
    pub(super) addresses: Vec<String>,
    /// Its start command has ended well: it runs, or did.
    pub(super) started: bool,
}

impl Leash {
    /// The server in whose directory this is may run from now on.
    pub(super) fn hold(&self, work: &Path) -> std::io::Result<()> {
        std::fs::write(work.join(FILE), serde_json::to_string_pretty(self)?)
    }

    fn run(&self, argv: &[String], work: &Path, answer_calls: &dyn Fn()) -> Result<()> {
        let words = argv.join(" ");
        let (program, arguments) = argv.split_first().context("no command is named")?;
        let log = OpenOptions::new().create(true).append(true).open(work.join(LOG))?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&self.environment).current_dir(work).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let mut underway = Underway::begin(&mut command).with_context(|| format!("cannot run `{words}`"))?;
        let mut ended = underway.wait(LIMIT)?;
        if ended.is_none() {
            answer_calls();
            ended = underway.wait(LIMIT)?;
        }
        match ended {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`{words}` ended with {status}"),
            None => bail!("`{words}` did not end within {} s", 2 * LIMIT.as_secs()),
        }
    }
}

/// It was ended.
pub(super) fn let_go(work: &Path) {
    if let Err(error) = std::fs::remove_file(work.join(FILE))
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "the mail server will be ended twice");
    }
}

/// Ends the mail server whose directory is `work`, if it may still run: kills it, or else stops it. Before a command that
/// takes long is given up, `answer_calls` lets go of whoever waits for the storage.
///
/// # Errors
/// Neither succeeded: it may still run.
pub(crate) fn end(work: &Path, answer_calls: &dyn Fn()) -> Result<()> {
    let Some(leash) = read(&work.join(FILE))? else { return Ok(()) };
    let ended = leash.run(&leash.kill, work, answer_calls).or_else(|kill| {
        let stopped = leash.run(&leash.stop, work, answer_calls);
        stopped.map_err(|stop| anyhow!("{kill:#}; {stop:#}"))
    });
    match ended {
        // There was nothing to end: its start had only begun, or failed.
        Err(_) if !leash.started && nobody_answers(&leash.addresses) => {}
        ended => ended.with_context(|| {
            let log = work.join(LOG);
            format!(
                "{} could not be ended and may still run; its output is in {}",
                leash.server,
                log.display()
            )
        })?,
    }
    let_go(work);
    Ok(())
}

/// Nobody listens at any of these addresses.
pub(super) fn nobody_answers(addresses: &[String]) -> bool {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut all = addresses.iter().filter_map(|address| address.to_socket_addrs().ok()).flatten();
    !all.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

fn read(path: &PathBuf) -> Result<Option<Leash>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| format!("cannot read {}", path.display()))?,
    };
    serde_json::from_reader(file).map(Some).with_context(|| format!("{} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(kill: &str, stop: &str) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a directory");
        let argv = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
        let environment = [("WHOSE".to_owned(), "mine".to_owned())].into();
        let (server, kill, stop) = ("mine".to_owned(), argv(kill), argv(stop));
        let leash = Leash { server, kill, stop, environment, addresses: Vec::new(), started: true };
        leash.hold(place.path()).expect("written");
        place
    }

    #[test]
    fn what_may_run_is_ended_once() {
        let place = held("echo $WHOSE >> killed", "false");
        for _ in 0..2 {
            end(place.path(), &|| ()).expect("ended");
        }
        assert_eq!(std::fs::read_to_string(place.path().join("killed")).expect("killed"), "mine\n");
    }

    #[test]
    fn one_that_cannot_be_killed_is_stopped_and_one_that_cannot_be_stopped_is_named() {
        let place = held("exit 3", "touch stopped");
        end(place.path(), &|| ()).expect("stopped");
        assert!(place.path().join("stopped").exists());
        let place = held("exit 3", "exit 4");
        let said = format!("{:#}", end(place.path(), &|| ()).expect_err("it may run"));
        let said = said.replace(&place.path().display().to_string(), "DIR");
        insta::assert_snapshot!(said, @"mine could not be ended and may still run; its output is in DIR/output.log: `sh -c exit 3` ended with exit status: 3; `sh -c exit 4` ended with exit status: 4");
        assert!(place.path().join(FILE).exists());
    }

    #[test]
    fn one_that_only_began_to_start_need_not_be_there() {
        let (listener, place) =
            (std::net::TcpListener::bind("127.0.0.1:0").expect("a port"), held("exit 3", "exit 4"));
        let mut leash = read(&place.path().join(FILE)).expect("readable").expect("held");
        (leash.started, leash.addresses) = (false, vec![listener.local_addr().expect("bound").to_string()]);
        leash.hold(place.path()).expect("written");
        assert!(end(place.path(), &|| ()).is_err(), "somebody answers");
        drop(listener);
        end(place.path(), &|| ()).expect("nobody does");
        assert!(!place.path().join(FILE).exists());
    }
}
