//! The mail server's processes: prepare, start, wait until it greets, stop, kill, notice that it died.
//!
//! Ready means the protocol's greeting was read from every port, not that a port is open.

use super::definition::{Definition, Kind, Rendered};
use crate::machine::process::{Launch, ProcessTree};
use fuse_fs::clock::Nanos;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

/// What can go wrong with a mail server that is none of its findings.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A command of its definition could not be run.
    #[error("{server}: cannot run `{command}`: {error}")]
    Command {
        /// Target.
        server: String,
        /// Command line.
        command: String,
        /// Why.
        error: io::Error,
    },
    /// A command of its definition failed.
    #[error("{server}: `{command}` ended with {status}; its output is in {log}")]
    CommandFailed {
        /// Target.
        server: String,
        /// Command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Log file.
        log: PathBuf,
    },
    /// It ended before it greeted.
    #[error("{server} ended before it greeted ({status}); {log}")]
    EndedEarly {
        /// Target.
        server: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// It did not greet in time.
    #[error("{server} did not greet on {what}; {log}")]
    NotReady {
        /// Target.
        server: String,
        /// Service, address, how long was waited, what happened last.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// Its files could not be written.
    #[error("cannot write {path}: {error}")]
    Prepare {
        /// File or directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A mail server with its rendered definition.
pub struct Target {
    definition: Definition,
    rendered: Rendered,
    work: PathBuf,
    tree: Option<ProcessTree>,
    /// A `command` server was started and not stopped or killed since.
    started: bool,
    /// How often it was started.
    starts: u32,
    /// The tree was killed; its end is no finding.
    killed: bool,
    /// The `kill` command of a `command` server, while it runs.
    killer: Option<Child>,
}

impl Target {
    /// Writes configuration files and directories below `work`.
    pub fn prepare(definition: Definition, rendered: Rendered, work: &Path) -> Result<Target, TargetError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |error| TargetError::Prepare { path, error }
        };
        std::fs::create_dir_all(work).map_err(fail(work))?;
        for directory in &rendered.directories {
            let path = work.join(directory);
            std::fs::create_dir_all(&path).map_err(fail(&path))?;
        }
        for (name, content) in &rendered.files {
            let path = work.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(work)).map_err(fail(&path))?;
            std::fs::write(&path, content).map_err(fail(&path))?;
        }
        Ok(Target {
            definition,
            rendered,
            work: work.to_owned(),
            tree: None,
            started: false,
            starts: 0,
            killed: false,
            killer: None,
        })
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.work.join("output.log")
    }

    /// Starts it and waits until every service greets.
    pub async fn start(&mut self) -> Result<(), TargetError> {
        match self.definition.kind {
            Kind::Spawned => self.tree = Some(self.spawn()?),
            Kind::Command => self.run(&self.rendered.start)?,
        }
        (self.started, self.killed) = (true, false);
        self.starts += 1;
        self.ready().await
    }

    fn spawn(&self) -> Result<ProcessTree, TargetError> {
        let launch = Launch {
            argv: self.rendered.start.clone(),
            environment: self.rendered.environment.clone(),
            directory: self.work.clone(),
            starts: self.starts,
        };
        let log = self.open_log().map_err(|error| TargetError::Prepare { path: self.log(), error })?;
        ProcessTree::spawn(&launch, log).map_err(|error| self.cannot_run(&self.rendered.start, error))
    }

    fn open_log(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.log())
    }

    /// Runs one of the definition's commands to its end, output into the log.
    fn run(&self, argv: &[String]) -> Result<(), TargetError> {
        let Some(mut child) = self.begin(argv)? else { return Ok(()) };
        let status = child.wait().map_err(|error| self.cannot_run(argv, error))?;
        self.succeeded(argv, status)
    }

    /// Starts one of the definition's commands, output into the log; nothing if it is empty.
    fn begin(&self, argv: &[String]) -> Result<Option<Child>, TargetError> {
        let Some((program, arguments)) = argv.split_first() else { return Ok(None) };
        let log = self.open_log().map_err(|error| TargetError::Prepare { path: self.log(), error })?;
        let duplicate = log.try_clone().map_err(|error| TargetError::Prepare { path: self.log(), error })?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&self.rendered.environment).current_dir(&self.work);
        command.stdin(std::process::Stdio::null()).stdout(duplicate).stderr(log);
        command.spawn().map(Some).map_err(|error| self.cannot_run(argv, error))
    }

    fn succeeded(&self, argv: &[String], status: ExitStatus) -> Result<(), TargetError> {
        if status.success() {
            return Ok(());
        }
        let server = self.definition.name.clone();
        Err(TargetError::CommandFailed { server, command: argv.join(" "), status, log: self.log() })
    }

    fn cannot_run(&self, argv: &[String], error: io::Error) -> TargetError {
        TargetError::Command { server: self.definition.name.clone(), command: argv.join(" "), error }
    }

    /// Services and their addresses.
    pub fn services(&self) -> Vec<(&'static str, String)> {
        let listen = &self.rendered.listen;
        [("lmtp", &listen.lmtp), ("smtp", &listen.smtp), ("imap", &listen.imap)]
            .into_iter()
            .filter_map(|(name, address)| address.clone().map(|address| (name, address)))
            .collect()
    }

    async fn ready(&mut self) -> Result<(), TargetError> {
        let deadline = Instant::now() + self.definition.ready_within.0;
        for (service, address) in self.services() {
            self.wait_for_greeting(service, &address, deadline).await?;
        }
        Ok(())
    }

    async fn wait_for_greeting(
        &mut self,
        service: &'static str,
        address: &str,
        deadline: Instant,
    ) -> Result<(), TargetError> {
        let mut tick = interval(Duration::from_millis(10));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = "never asked".to_owned();
        while Instant::now() < deadline {
            tick.tick().await;
            if let Some(status) = self.ended() {
                return Err(self.ended_early(&status));
            }
            match timeout_at(deadline, greeting(service, address)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = "no greeting".to_owned(),
            }
        }
        let limit = self.definition.ready_within;
        let what = format!("{service} ({address}) within {limit}: {last}");
        Err(TargetError::NotReady { server: self.definition.name.clone(), what, log: tail(&self.log()) })
    }

    fn ended_early(&self, status: &str) -> TargetError {
        let (server, status) = (self.definition.name.clone(), status.to_owned());
        TargetError::EndedEarly { server, status, log: tail(&self.log()) }
    }

    /// It runs, as far as the harness can know.
    pub fn running(&self) -> bool {
        match self.definition.kind {
            Kind::Spawned => self.tree.is_some(),
            Kind::Command => self.started,
        }
    }

    /// How it ended by itself, if it has; afterwards it counts as not running.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.tree.as_mut()?.ended().ok()??;
        self.tree = None;
        (!self.killed).then(|| status.to_string())
    }

    /// Stops it in its own way; if it does not end in time it is killed. True if it ended by itself.
    pub fn stop(&mut self) -> Result<bool, TargetError> {
        self.started = false;
        if self.definition.kind == Kind::Command {
            return self.run(&self.rendered.stop).map(|()| true);
        }
        let Some(mut tree) = self.tree.take() else { return Ok(true) };
        let limit = self.definition.stop_within.0;
        let ended = tree
            .terminate()
            .and_then(|()| tree.wait(limit))
            .map_err(|e| self.cannot_run(&["stop".into()], e))?;
        if ended.is_none() {
            self.tree = Some(tree);
            self.kill(limit)?;
        }
        Ok(ended.is_some())
    }

    /// Kills it and everything it started, as a power failure would, and waits until all of it is gone. A process
    /// inside a call that the storage holds back stays until that call is answered: then this is `false`.
    pub fn kill(&mut self, limit: Duration) -> Result<bool, TargetError> {
        self.begin_kill(Duration::ZERO)?;
        self.wait_gone(limit)
    }

    /// Kills it and waits, at most `limit`, until nothing of it will run another instruction: afterwards it cannot
    /// answer anybody, whatever becomes of the calls it waits in. A `command` server is killed by its own command.
    pub fn begin_kill(&mut self, limit: Duration) -> Result<(), TargetError> {
        self.started = false;
        if self.definition.kind == Kind::Command {
            self.killer = self.begin(&self.rendered.kill)?;
            return self.killer_ended(limit).map(|_| ());
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(()) };
        self.killed = true;
        let doomed = tree.kill().and_then(|()| tree.wait_until_doomed(limit));
        doomed.map(|_| ()).map_err(|error| self.cannot_kill(error))
    }

    /// Waits until everything that [`Target::begin_kill`] killed is gone, at most `limit`; whether it is.
    pub fn wait_gone(&mut self, limit: Duration) -> Result<bool, TargetError> {
        if self.definition.kind == Kind::Command {
            return self.killer_ended(limit);
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(true) };
        let gone = tree.wait(limit).map_err(|error| self.cannot_kill(error))?.is_some();
        if gone {
            self.tree = None;
        }
        Ok(gone)
    }

    /// Waits for the `kill` command, at most `limit`; whether it is done.
    fn killer_ended(&mut self, limit: Duration) -> Result<bool, TargetError> {
        let Some(mut killer) = self.killer.take() else { return Ok(true) };
        let argv = self.rendered.kill.clone();
        let deadline = std::time::Instant::now() + limit;
        loop {
            if let Some(status) = killer.try_wait().map_err(|error| self.cannot_run(&argv, error))? {
                return self.succeeded(&argv, status).map(|()| true);
            }
            if std::time::Instant::now() >= deadline {
                self.killer = Some(killer);
                return Ok(false);
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn cannot_kill(&self, error: io::Error) -> TargetError {
        TargetError::Command { server: self.definition.name.clone(), command: "kill".to_owned(), error }
    }

    /// Runs the offline check, if the definition has one. `Some(false)`: the store is not consistent.
    pub fn check(&self) -> Result<Option<bool>, TargetError> {
        if self.rendered.check.is_empty() {
            return Ok(None);
        }
        match self.run(&self.rendered.check) {
            Ok(()) => Ok(Some(true)),
            Err(TargetError::CommandFailed { .. }) => Ok(Some(false)),
            Err(other) => Err(other),
        }
    }

    /// Whether the rebuild of its index needs the running server; `None` when it declares no rebuild.
    pub fn rebuild_needs_server(&self) -> Option<bool> {
        self.rendered.rebuild.as_ref().map(|rebuild| rebuild.running)
    }

    /// Rebuilds its index, for each of `users` if the command is about one.
    pub fn rebuild(&self, users: &[String]) -> Result<(), TargetError> {
        let Some(rebuild) = &self.rendered.rebuild else { return Ok(()) };
        rebuild.commands(users).iter().try_for_each(|command| self.run(command))
    }

    /// The first line of what its version command prints.
    pub fn version(&self) -> Option<String> {
        let (program, arguments) = self.rendered.version.split_first()?;
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
    }
}

/// Reads a greeting: `220` for LMTP and SMTP, `* OK` for IMAP. One try, at most 2 s.
pub async fn greeting(service: &str, address: &str) -> io::Result<()> {
    let wanted: &[u8] = if service == "imap" { b"* OK" } else { b"220" };
    let read = async {
        let mut stream = TcpStream::connect(address).await?;
        let mut got = Vec::new();
        while got.len() < wanted.len() {
            if stream.read_buf(&mut got).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "connection closed without a greeting",
                ));
            }
        }
        if got.starts_with(wanted) { Ok(()) } else { Err(io::Error::other("the greeting is not a welcome")) }
    };
    timeout(Duration::from_secs(2), read).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The last lines of a log, made inert.
fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned();
    let lines: Vec<String> = text.lines().map(reports::inert::inert).collect();
    if lines.is_empty() {
        return format!("{} is empty", log.display());
    }
    format!("the end of {}:\n{}", log.display(), lines[lines.len().saturating_sub(8)..].join("\n"))
}

/// When something happened to the target, for the history.
pub fn event(what: crate::history::TargetEvent, detail: Option<String>) -> crate::history::Event {
    crate::history::Event::Target { at: Nanos::now(), what, detail }
}
