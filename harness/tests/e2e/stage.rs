//! What runs of the end-to-end tests are made of: scenarios, targets that begin the built-in server in other ways, and disks;
//! and what they say.

use crate::group::TestResult;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) const HEALTHY: &str = r#"
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

/// As short as can be.
pub(crate) const SOUND: &str = r#"
name = "sound"
why  = "Nothing fails."

[workload]
duration = "500ms"
rate     = "30/s"
users    = 2

[expect]
no-faults = true
"#;

pub(crate) const MOVES: &str = r#"
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

/// The built-in server, with its own command line and what else is written before.
pub(crate) fn server(start: &str, more: &str) -> String {
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

pub(crate) const START: &str = r#"["{exe}", "__reference-server", "--store", "{store}", "--password", "{password}",
    "--lmtp", "127.0.0.1:{port.lmtp}", "--imap", "127.0.0.1:{port.imap}"]"#;

/// A server that keeps its mail beside its logs.
pub(crate) fn elsewhere() -> String {
    server(&START.replace("{store}", "{work}/mail"), r#"prepare = [["mkdir", "{work}/mail"]]"#)
}

/// A run on such a stage.
pub(crate) struct Run<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) target: Option<String>,
    pub(crate) seed: &'a str,
    pub(crate) more: &'a [&'a str],
    /// What is done before, in the directory where the run is started, in a mount namespace of its own.
    pub(crate) before: &'a str,
}

impl<'a> Run<'a> {
    pub(crate) fn of(scenario: &'a str) -> Run<'a> {
        Run { scenario, target: None, seed: "1", more: &[], before: "" }
    }

    pub(crate) fn at(target: String) -> Run<'a> {
        Run { target: Some(target), ..Run::of(HEALTHY) }
    }

    pub(crate) fn on_disk(before: &'a str) -> Run<'a> {
        Run { before, more: &["--storage-dir", "disk"], ..Run::of(HEALTHY) }
    }

    pub(crate) fn start(&self, place: &Path) -> io::Result<Output> {
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

pub(crate) fn fermoposta(place: &Path, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null()).current_dir(place);
    command.args(arguments).output()
}

/// All that was said, on lines as long as it takes.
pub(crate) fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ended with this code, and said each of these things.
pub(crate) fn ends(output: &Output, code: i32, words: &[&str]) -> TestResult {
    let said = said(output);
    if output.status.code() != Some(code) {
        return Err(format!("it ended with {}, not with {code}:\n{said}", output.status).into());
    }
    match words.iter().find(|word| !said.contains(**word)) {
        Some(word) => Err(format!("`{word}` is not said:\n{said}").into()),
        None => Ok(()),
    }
}
