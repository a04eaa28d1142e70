//! One mail server's processes: prepare, start, wait until it greets, stop, kill, notice that it died.
//!
//! Ready means the protocol's greeting was read from every port, not that a port is open.

mod ending;

use super::doorway::Doorway;
use super::error::TargetError;
use super::leash::Leash;
use super::services::{Services, greeting};
use super::underway::{Underway, patiently};
use super::view::failed;
use super::witness::Witness;
use super::{logs, services, view};
use crate::machine::process::{Launch, Output, ProcessTree, wait};
use crate::machine::view::View;
use crate::server::logs::LOG;
use crate::server::stage::Stage;
use crate::tls::endpoint::Endpoint;
use crate::tls::stream::why_insecure;
use record::plan::server::render::{Rendered, Vars};
use record::plan::server::{Definition, Rebuild, ServerKind};
use std::fs::{File, OpenOptions};
use std::io;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// A `kill` command that has not ended is waited for before the next start.
const LAST_KILL: Duration = Duration::from_secs(10);

/// What was killed may wait for a call of the storage: it is not waited for any longer.
const LAST_CALL: Duration = Duration::from_secs(2);

/// A command of a definition that takes longer is given up.
const LONGEST_COMMAND: Duration = Duration::from_secs(600);

/// A mail server with its rendered definition.
pub(crate) struct Server {
    definition: Definition,
    rendered: Rendered,
    services: Services,
    work: PathBuf,
    /// What it sees of the machine.
    view: View,
    /// The commands before the first start were run.
    prepared: bool,
    tree: Option<ProcessTree>,
    /// A `command` server was started and not stopped or killed since.
    started: bool,
    /// The start command of a `command` server has ended well since it was last ended.
    whole: bool,
    /// How often it was started.
    starts: u32,
    /// The tree was killed; its end is no finding.
    killed: bool,
    /// The `kill` command of a `command` server, while it runs.
    killer: Option<Underway>,
    /// Of an `external` one that is being killed: who saw it before.
    witness: Option<Witness>,
}

impl Server {
    /// Writes its configuration files and directories.
    pub(crate) fn prepare(
        definition: Definition,
        rendered: Rendered,
        stage: Stage<'_>,
    ) -> Result<Server, TargetError> {
        let work = stage.work;
        std::fs::create_dir_all(work).map_err(failed(work))?;
        let view = view::write(&definition, &rendered, stage)?;
        let services = services::of(&definition, &rendered.listen)?;
        Ok(Server {
            definition,
            rendered,
            services,
            work: work.to_owned(),
            view,
            prepared: false,
            tree: None,
            started: false,
            whole: false,
            starts: 0,
            killed: false,
            killer: None,
            witness: None,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    /// What it logged last, for whoever must find out what is wrong with it.
    pub(super) fn last_words(&self) -> String {
        logs::last_words(&self.work)
    }

    /// Where its output goes.
    fn log(&self) -> PathBuf {
        self.work.join(LOG)
    }

    /// Starts it and waits until every service greets.
    pub(crate) async fn start(&mut self) -> Result<(), TargetError> {
        self.last_kill_ends().await?;
        if !self.prepared {
            for argv in &self.rendered.prepare {
                self.run_patiently(argv, self.definition.ready_within.0).await?;
            }
            self.prepared = true;
        }
        let services = self.services.clone();
        let doorway = match self.definition.kind {
            ServerKind::Spawned | ServerKind::External => None,
            ServerKind::Command => Some(Doorway::closed(self.name(), &services).await?),
        };
        match self.definition.kind {
            ServerKind::Spawned => self.tree = Some(self.spawn(&self.rendered.start, self.output()?)?),
            ServerKind::Command => {
                self.hold(false)?;
                self.run_patiently(&self.rendered.start, LONGEST_COMMAND).await?;
                self.hold(true)?;
            }
            ServerKind::External => {
                self.start_unless_there().await?;
                self.whole = true;
            }
        }
        (self.started, self.killed) = (true, false);
        self.starts += 1;
        self.ready().await?;
        doorway.map_or(Ok(()), |doorway| doorway.entered(self.name(), &services))
    }

    /// One that greets already is left as it is.
    async fn start_unless_there(&self) -> Result<(), TargetError> {
        for (service, endpoint) in &self.services {
            match greeting(service, endpoint).await {
                Ok(()) => {}
                Err(error) if why_insecure(&error).is_some() => {
                    return Err(self.insecure(service, endpoint, &error));
                }
                Err(_) => return self.run_patiently(&self.rendered.start, LONGEST_COMMAND).await,
            }
        }
        Ok(())
    }

    /// Writes down how it is ended if nobody else does.
    fn hold(&mut self, started: bool) -> Result<(), TargetError> {
        let leash = Leash {
            server: self.definition.name.clone(),
            kill: self.rendered.kill.clone(),
            stop: self.rendered.stop.clone(),
            environment: self.rendered.environment.clone(),
            addresses: self.addresses(),
            started,
        };
        self.whole = started;
        leash.hold(&self.work).map_err(failed(&self.work))
    }

    fn addresses(&self) -> Vec<String> {
        self.services.iter().map(|(_, endpoint)| endpoint.address().to_owned()).collect()
    }

    /// A `kill` command that is late would kill the server that is started next.
    async fn last_kill_ends(&mut self) -> Result<(), TargetError> {
        let Some(killer) = &mut self.killer else { return Ok(()) };
        let ended = patiently(LAST_KILL, || killer.ended()).await;
        match ended.map_err(|error| self.cannot_run(&self.rendered.kill, error))? {
            Some(_) => self.killer_ended(Duration::ZERO).map(|_| ()),
            None => Err(self.too_slow(&self.rendered.kill, LAST_KILL)),
        }
    }

    /// Runs one of the definition's commands to its end, output into the log. Given up meanwhile, it is killed.
    async fn run_patiently(&self, argv: &[String], limit: Duration) -> Result<(), TargetError> {
        if argv.is_empty() {
            return Ok(());
        }
        let output = self.output()?;
        let ended = match self.definition.kind {
            ServerKind::Spawned => {
                let mut tree = self.spawn(argv, output)?;
                patiently(limit, || tree.ended()).await
            }
            ServerKind::Command | ServerKind::External => {
                let mut underway = self.begin(argv, output)?;
                patiently(limit, || underway.ended()).await
            }
        };
        self.in_time(argv, ended.map_err(|error| self.cannot_run(argv, error))?, limit)
    }

    fn in_time(
        &self,
        argv: &[String],
        ended: Option<ExitStatus>,
        limit: Duration,
    ) -> Result<(), TargetError> {
        ended.map_or_else(|| Err(self.too_slow(argv, limit)), |status| self.succeeded(argv, status))
    }

    fn too_slow(&self, argv: &[String], limit: Duration) -> TargetError {
        let (server, command) = (self.definition.name.clone(), argv.join(" "));
        TargetError::CommandTooSlow { server, command, limit, log: self.log() }
    }

    fn launch(&self, argv: &[String]) -> Launch {
        Launch {
            argv: argv.to_vec(),
            environment: self.rendered.environment.clone(),
            directory: self.work.clone(),
            view: self.view.clone(),
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
        let seen = |path| self.view.shown.seen(path).display().to_string();
        let (from, to) = (seen(from), seen(to));
        let vars = [("user", user.to_owned()), ("from", from), ("to", to)];
        let vars = Vars(vars.map(|(name, value)| (name.to_owned(), value)).into());
        let argv = vars.fill_command(&self.rendered.migrate);
        let cannot = |error| self.cannot_run(&argv, error);
        let output = Output::both(log).map_err(cannot)?;
        match &self.tree {
            Some(tree) if !argv.is_empty() => tree.spawn_inside(&self.launch(&argv), output).map_err(cannot),
            None if !argv.is_empty() && self.definition.kind == ServerKind::Command => {
                self.on_the_machine(&argv, output).spawn().map_err(cannot)
            }
            Some(_) | None => Err(cannot(io::Error::other("the mail server does not run"))),
        }
    }

    /// Runs `argv` where the server is, or would be if it ran, and returns what it printed. It must end with 0 within
    /// `limit`; what it complains of goes into the log.
    pub(crate) fn run_tool(&self, argv: &[String], limit: Duration) -> Result<String, TargetError> {
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
            (None, ServerKind::Spawned) => self.spawn(argv, output)?.wait(limit).map_err(cannot)?,
            (None, ServerKind::Command | ServerKind::External) => {
                self.begin(argv, output)?.wait(limit).map_err(cannot)?
            }
        };
        self.in_time(argv, status, limit)
    }

    /// Starts one of a `command` target's commands.
    fn begin(&self, argv: &[String], output: Output) -> Result<Underway, TargetError> {
        let mut command = self.on_the_machine(argv, output);
        Underway::begin(&mut command).map_err(|error| self.cannot_run(argv, error))
    }

    fn on_the_machine(&self, argv: &[String], output: Output) -> Command {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).envs(&self.rendered.environment).current_dir(&self.work);
        command.stdin(std::process::Stdio::null()).stdout(output.out).stderr(output.errors);
        command
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

    /// Services, and where they are.
    pub(crate) fn services(&self) -> Services {
        self.services.clone()
    }

    async fn ready(&mut self) -> Result<(), TargetError> {
        let deadline = Instant::now() + self.definition.ready_within.0;
        for (service, endpoint) in self.services() {
            self.wait_for_greeting(service, &endpoint, deadline).await?;
        }
        Ok(())
    }

    async fn wait_for_greeting(
        &mut self,
        service: &'static str,
        endpoint: &Endpoint,
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
            match timeout_at(deadline, greeting(service, endpoint)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if why_insecure(&error).is_some() => {
                    return Err(self.insecure(service, endpoint, &error));
                }
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = "no greeting".to_owned(),
            }
        }
        let limit = self.definition.ready_within;
        let address = endpoint.address();
        let what = format!("{service} ({address}) within {limit}: {last}");
        Err(TargetError::NotReady { server: self.definition.name.clone(), what, log: tail(&self.log()) })
    }

    /// No other try would do better.
    fn insecure(&self, service: &'static str, endpoint: &Endpoint, error: &io::Error) -> TargetError {
        let (server, address) = (self.definition.name.clone(), endpoint.address().to_owned());
        let why = why_insecure(error).unwrap_or_else(|| error.to_string());
        TargetError::Insecure { server, service, address, why }
    }

    fn ended_early(&self, status: &str) -> TargetError {
        let (server, status) = (self.definition.name.clone(), status.to_owned());
        TargetError::EndedEarly { server, status, log: tail(&self.log()) }
    }

    /// It runs, as far as the harness can know.
    pub(crate) fn running(&self) -> bool {
        match self.definition.kind {
            ServerKind::Spawned => self.tree.is_some(),
            ServerKind::Command | ServerKind::External => self.started,
        }
    }

    /// How it ended by itself, if it has; afterwards it counts as not running.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.tree.as_mut()?.ended().ok()??;
        self.tree = None;
        (!self.killed).then(|| status.to_string())
    }

    /// The harness did not start its processes, and its own commands alone can end them.
    pub(crate) fn is_on_the_machine(&self) -> bool {
        match self.definition.kind {
            ServerKind::Spawned => false,
            ServerKind::Command | ServerKind::External => true,
        }
    }

    /// It was there before the run and stays after it.
    pub(crate) fn stays(&self) -> bool {
        self.definition.kind == ServerKind::External
    }

    /// The definition says how it is started.
    pub(crate) fn can_be_started(&self) -> bool {
        !self.rendered.start.is_empty()
    }

    /// Runs the offline check, if the definition has one. `Some(false)`: the store is not consistent.
    pub(crate) fn check(&self) -> Result<Option<bool>, TargetError> {
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
    pub(crate) fn rebuild(&self) -> Option<&Rebuild> {
        self.rendered.rebuild.as_ref()
    }

    /// Runs a rebuild's command for each of `users` if it is about one.
    pub(crate) fn run_rebuild(&self, rebuild: &Rebuild, users: &[String]) -> Result<(), TargetError> {
        rebuild.commands(users).iter().try_for_each(|command| self.run(command, LONGEST_COMMAND))
    }

    /// The first line of what its version command prints.
    pub(crate) fn version(&self) -> Option<String> {
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
        wait(child, LAST_CALL)?;
    }
    Ok(ended)
}

/// The last lines of a log, made inert.
fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned();
    let lines: Vec<String> = text.lines().map(reports::kit::inert::inert).collect();
    if lines.is_empty() {
        return format!("{} is empty", log.display());
    }
    format!("the end of {}:\n{}", log.display(), lines[lines.len().saturating_sub(8)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::grounds::Shown;
    use crate::server::running::{Role, Target};

    #[test]
    fn a_kill_command_that_is_late_is_called_that() {
        let place = tempfile::tempdir().expect("a directory");
        let text = "name = 'own'\nabout = 't'\nkind = 'command'\nstart = ['true']\nstop = ['true']\n\
            kill = ['sleep', '600']\nlayout.opaque = {}\nlisten = {}\n";
        let definition: Definition = toml::from_str(text).expect("a definition");
        let rendered = definition.render(&Vars::default());
        let stage = Stage { work: place.path(), root: None, shown: &Shown::default(), sealed: &[] };
        let server = Server::prepare(definition, rendered, stage).expect("prepared");
        let mut target = Target::of(vec![(Role::Main, server)]);
        assert!(!target.kill(Duration::from_millis(20)).expect("begun"));
        let said =
            target.lingers(Duration::from_secs(10)).replace(&place.path().display().to_string(), "DIR");
        insta::assert_snapshot!(said, @"own: `sleep 600` did not end within 10 s; its output is in DIR/output.log; it must end the server at once");
    }
}
