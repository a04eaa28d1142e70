//! One mail server's processes: prepare, start, wait until it greets, stop, kill, notice that it died.
//!
//! Ready means the protocol's greeting was read from every port, not that a port is open.

use super::definition::{Definition, Kind, Rebuild};
use super::doorway::Doorway;
use super::logs;
use super::render::Rendered;
use super::view::{self, failed};
use crate::machine::process::{Launch, Output, ProcessTree, wait};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

/// A command of a definition that takes longer is given up.
const LONGEST_COMMAND: Duration = Duration::from_secs(600);

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
    /// A command of its definition did not end in time.
    #[error("{server}: `{command}` did not end within {} s; its output is in {log}", limit.as_secs())]
    CommandTooSlow {
        /// Target.
        server: String,
        /// Command line.
        command: String,
        /// How long was waited.
        limit: Duration,
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
    /// Somebody else is at its address.
    #[error(
        "{server} was not started: somebody else answers at {address}, where its {service} is to be: {who}. Stop that, or \
         give the target another address. If it is {server} itself, its `stop` or `kill` does not end it"
    )]
    PortTaken {
        /// Target.
        server: String,
        /// Service.
        service: &'static str,
        /// Where.
        address: String,
        /// Process and command line.
        who: String,
    },
    /// It is not it who greets.
    #[error(
        "{service} ({address}) of {server} is answered by {who}, which was there before it was started: this is not the \
         mail server under test. Stop it, or give the target another address"
    )]
    Stranger {
        /// Target.
        server: String,
        /// Service.
        service: &'static str,
        /// Where.
        address: String,
        /// Process and command line.
        who: String,
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

impl TargetError {
    /// Somebody else is where the mail server should be: this says nothing of it.
    pub fn is_of_somebody_else(&self) -> bool {
        matches!(self, TargetError::PortTaken { .. } | TargetError::Stranger { .. })
    }
}

/// A mail server with its rendered definition.
pub struct Server {
    definition: Definition,
    rendered: Rendered,
    work: PathBuf,
    /// The commands before the first start were run.
    prepared: bool,
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

impl Server {
    /// Writes configuration files and directories below `work`. Its packages are unpacked in `root`, or the machine's
    /// own are used.
    pub fn prepare(
        definition: Definition,
        rendered: Rendered,
        root: Option<&Path>,
        work: &Path,
    ) -> Result<Server, TargetError> {
        std::fs::create_dir_all(work).map_err(failed(work))?;
        let view = view::write(&definition, &rendered, root, work)?;
        let server = Server {
            definition,
            rendered,
            work: work.to_owned(),
            prepared: false,
            tree: None,
            started: false,
            starts: 0,
            killed: false,
            killer: None,
        };
        let file = server.view();
        let text = serde_json::to_vec_pretty(&view).map_err(io::Error::from);
        text.and_then(|text| std::fs::write(&file, text)).map_err(failed(&file))?;
        Ok(server)
    }

    /// What it sees of the machine, for its init.
    fn view(&self) -> PathBuf {
        self.work.join("view.json")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// What it logged last, for whoever must find out what is wrong with it.
    pub(super) fn last_words(&self) -> String {
        logs::last_words(&self.work)
    }

    /// Where its output goes.
    fn log(&self) -> PathBuf {
        self.work.join("output.log")
    }

    /// Starts it and waits until every service greets.
    pub async fn start(&mut self) -> Result<(), TargetError> {
        if !self.prepared {
            let limit = self.definition.ready_within.0;
            self.rendered.prepare.iter().try_for_each(|argv| self.run(argv, limit))?;
            self.prepared = true;
        }
        let services = self.services();
        let doorway = match self.definition.kind {
            Kind::Spawned => None,
            Kind::Command => Some(Doorway::closed(self.name(), &services).await?),
        };
        match self.definition.kind {
            Kind::Spawned => self.tree = Some(self.spawn(&self.rendered.start, self.output()?)?),
            Kind::Command => self.run(&self.rendered.start, LONGEST_COMMAND)?,
        }
        (self.started, self.killed) = (true, false);
        self.starts += 1;
        self.ready().await?;
        doorway.map_or(Ok(()), |doorway| doorway.entered(self.name(), &services))
    }

    fn launch(&self, argv: &[String]) -> Launch {
        Launch {
            argv: argv.to_vec(),
            environment: self.rendered.environment.clone(),
            directory: self.work.clone(),
            view: self.view(),
            starts: self.starts,
        }
    }

    fn spawn(&self, argv: &[String], output: Output) -> Result<ProcessTree, TargetError> {
        ProcessTree::spawn(&self.launch(argv), output).map_err(|error| self.cannot_run(argv, error))
    }

    fn open_log(&self) -> Result<File, TargetError> {
        let log = self.log();
        OpenOptions::new().create(true).append(true).open(&log).map_err(failed(&log))
    }

    /// Both outputs into the log.
    fn output(&self) -> Result<Output, TargetError> {
        Output::both(self.open_log()?).map_err(failed(&self.log()))
    }

    /// Runs one of the definition's commands to its end, output into the log.
    fn run(&self, argv: &[String], limit: Duration) -> Result<(), TargetError> {
        self.run_with(argv, self.output()?, limit)
    }

    /// The command that lists its queue.
    pub(super) fn queue_list(&self) -> Option<&[String]> {
        self.rendered.queue.as_ref().map(|queue| queue.list.as_slice())
    }

    /// Starts the `migrate` command for one user, where the server is.
    pub(super) fn begin_migration(
        &self,
        user: &str,
        from: &Path,
        to: &Path,
        log: File,
    ) -> Result<Child, TargetError> {
        let (from, to) = (from.display().to_string(), to.display().to_string());
        let fill = |text: &String| text.replace("{user}", user).replace("{from}", &from).replace("{to}", &to);
        let argv: Vec<String> = self.rendered.migrate.iter().map(fill).collect();
        let cannot = |error| self.cannot_run(&argv, error);
        let output = Output::both(log).map_err(cannot)?;
        match &self.tree {
            Some(tree) if !argv.is_empty() => tree.spawn_inside(&self.launch(&argv), output).map_err(cannot),
            None if !argv.is_empty() && self.definition.kind == Kind::Command => self.begin(&argv, output),
            Some(_) | None => Err(cannot(io::Error::other("the mail server does not run"))),
        }
    }

    /// Runs `argv` where the server is, or would be if it ran, and returns what it printed. It must end with 0 within
    /// `limit`; what it complains of goes into the log.
    pub fn run_tool(&self, argv: &[String], limit: Duration) -> Result<String, TargetError> {
        let cannot = |error| self.cannot_run(argv, error);
        let mut printed = tempfile::tempfile().map_err(cannot)?;
        let output = Output { out: printed.try_clone().map_err(cannot)?, errors: self.open_log()? };
        self.run_with(argv, output, limit)?;
        whole(&mut printed).map_err(cannot)
    }

    fn run_with(&self, argv: &[String], output: Output, limit: Duration) -> Result<(), TargetError> {
        if argv.is_empty() {
            return Ok(());
        }
        let cannot = |error| self.cannot_run(argv, error);
        let status = match (&self.tree, self.definition.kind) {
            (Some(tree), _) => {
                let mut child = tree.spawn_inside(&self.launch(argv), output).map_err(cannot)?;
                wait_or_kill(&mut child, limit).map_err(cannot)?
            }
            (None, Kind::Spawned) => self.spawn(argv, output)?.wait(limit).map_err(cannot)?,
            (None, Kind::Command) => wait_or_kill(&mut self.begin(argv, output)?, limit).map_err(cannot)?,
        };
        match status {
            Some(status) => self.succeeded(argv, status),
            None => {
                let (server, command) = (self.definition.name.clone(), argv.join(" "));
                Err(TargetError::CommandTooSlow { server, command, limit, log: self.log() })
            }
        }
    }

    /// Starts one of a `command` target's commands.
    fn begin(&self, argv: &[String], output: Output) -> Result<Child, TargetError> {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).envs(&self.rendered.environment).current_dir(&self.work);
        command.stdin(std::process::Stdio::null()).stdout(output.out).stderr(output.errors);
        command.spawn().map_err(|error| self.cannot_run(argv, error))
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
            return self.run(&self.rendered.stop, LONGEST_COMMAND).map(|()| true);
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

    /// Kills it and everything it started and waits until all of it is gone, at most `limit`; whether it is.
    fn kill(&mut self, limit: Duration) -> Result<bool, TargetError> {
        self.send_kill()?;
        self.wait_gone(limit)
    }

    /// Kills it and everything it started and does not wait. A `command` server is killed by its own command.
    pub fn send_kill(&mut self) -> Result<(), TargetError> {
        self.started = false;
        if self.definition.kind == Kind::Command {
            self.killer = Some(self.begin(&self.rendered.kill, self.output()?)?);
            return Ok(());
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(()) };
        self.killed = true;
        tree.kill().map_err(|error| self.cannot_kill(error))
    }

    /// After [`Server::send_kill`]: waits, at most `limit`, until nothing of it will run another instruction.
    pub fn wait_doomed(&mut self, limit: Duration) -> Result<(), TargetError> {
        if self.definition.kind == Kind::Command {
            return self.killer_ended(limit).map(|_| ());
        }
        let Some(tree) = self.tree.as_mut() else { return Ok(()) };
        tree.wait_until_doomed(limit).map(|_| ()).map_err(|error| self.cannot_kill(error))
    }

    /// Waits until everything that [`Server::send_kill`] killed is gone, at most `limit`; whether it is.
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
        match wait(&mut killer, limit).map_err(|error| self.cannot_run(&argv, error))? {
            Some(status) => self.succeeded(&argv, status).map(|()| true),
            None => {
                self.killer = Some(killer);
                Ok(false)
            }
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
        match self.run(&self.rendered.check, LONGEST_COMMAND) {
            Ok(()) => Ok(Some(true)),
            Err(TargetError::CommandFailed { .. }) => Ok(Some(false)),
            Err(other) => Err(other),
        }
    }

    /// How its index is rebuilt.
    pub fn rebuild(&self) -> Option<&Rebuild> {
        self.rendered.rebuild.as_ref()
    }

    /// Runs a rebuild's command for each of `users` if it is about one.
    pub fn run_rebuild(&self, rebuild: &Rebuild, users: &[String]) -> Result<(), TargetError> {
        rebuild.commands(users).iter().try_for_each(|command| self.run(command, LONGEST_COMMAND))
    }

    /// The first line of what its version command prints.
    pub fn version(&self) -> Option<String> {
        if self.rendered.version.is_empty() {
            return None;
        }
        let mut said = tempfile::tempfile().ok()?;
        let output = Output::both(said.try_clone().ok()?).ok()?;
        // Some say it as a complaint, and end with an error.
        let _ = self.run_with(&self.rendered.version, output, self.definition.ready_within.0);
        Some(whole(&mut said).ok()?.lines().next()?.trim().to_owned())
    }
}

/// What was written into `file`.
fn whole(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits for `child`, at most `limit`; then it is killed and there is no status.
fn wait_or_kill(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let ended = wait(child, limit)?;
    if ended.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(ended)
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
