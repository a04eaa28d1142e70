//! `mount` and `ctl`: the fault file system alone, beneath anything, with a control socket.
//!
//! The socket lies in a private directory of the user's, under a name made from the mount point, so that `ctl`
//! needs no more than the mount point, and never touches the mount itself (it may be frozen).

use crate::exit::Exit;
use crate::plan::{StepAction, StepPlan};
use crate::run::storage::engine;
use crate::scenario::{self, Overrides};
use anyhow::{Context, Result, anyhow, bail, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::control::{Command, Reply};
use fuse_fs::engine::Engine;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::parking::Thaw;
use fuse_fs::recorder::TraceSink;
use fuse_fs::trace::TraceOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What `mount` was asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Directory whose content is shown.
    pub backing: PathBuf,
    /// Where.
    pub mountpoint: PathBuf,
    /// Scenario with the faults.
    pub scenario: Option<PathBuf>,
    /// Which storage of it.
    pub storage: Option<String>,
    /// Seed.
    pub seed: u64,
    /// Trace file.
    pub trace: Option<PathBuf>,
    /// Let the kernel cache pages.
    pub page_cache: bool,
}

struct Mounted {
    engine: Arc<Engine>,
    mount: Mount,
    trace: Option<TraceSink>,
}

/// Mounts until SIGINT, SIGTERM or an unmount from outside.
pub fn run(request: &Request) -> Result<Exit> {
    let Some((rules, steps)) = faults(request)? else { return Ok(Exit::Usage) };
    crate::machine::stop::install()?;
    let listener = listen(&request.mountpoint)?;
    let guard = guard(&request.mountpoint)?;
    let engine = engine(rules, request.seed)?;
    let trace =
        request.trace.as_deref().map(|file| TraceSink::file(file, TraceOptions::default())).transpose()?;
    let options = MountOptions { page_cache: request.page_cache, ..MountOptions::default() };
    let mount = Mount::new(&request.backing, &request.mountpoint, options, engine.clone(), trace.clone())?;
    let origin = Nanos::now();
    engine.start(origin);
    anstream::eprintln!(
        "mounted {} at {}; end with Ctrl-C",
        request.backing.display(),
        request.mountpoint.display()
    );
    let mounted = Mounted { engine, mount, trace };
    let served = serve(&mounted, &listener, &steps, origin);
    finish(mounted, request, guard)?;
    served.map(|()| Exit::Valid)
}

fn finish(mounted: Mounted, request: &Request, mut guard: Child) -> Result<()> {
    release(&mounted, None, Thaw::Continue)?;
    mounted.mount.unmount()?;
    guard.kill()?;
    guard.wait()?;
    let _ = std::fs::remove_file(socket_path(&request.mountpoint)?);
    let lost = mounted.trace.map(|trace| trace.finish()).transpose()?.map_or(0, |summary| summary.lost);
    if lost > 0 {
        anstream::eprintln!("warning: the trace lost {lost} calls");
    }
    Ok(())
}

type Faults = (Vec<fuse_fs::rule::Rule>, Vec<StepPlan>);

fn faults(request: &Request) -> Result<Option<Faults>> {
    let Some(file) = &request.scenario else { return Ok(Some((Vec::new(), Vec::new()))) };
    let overrides = Overrides { seed: request.seed, ..Overrides::default() };
    let mut plan = match scenario::load(file, &overrides) {
        Ok(plan) => plan,
        Err(problems) => {
            anstream::eprintln!("{:?}", miette::Report::new(problems));
            return Ok(None);
        }
    };
    let names = plan.storages.keys().cloned().collect::<Vec<_>>().join(", ");
    let name = request.storage.clone().unwrap_or_else(|| plan.target.storage.clone());
    let storage = plan.storages.remove(&name);
    let storage = storage.ok_or_else(|| {
        anyhow!("the scenario has no storage {name}; it has {names}; name one with --storage")
    })?;
    Ok(Some((storage.rules, plan.steps)))
}

/// The control socket of a mount point. Only the parent directory is looked at: the mount may be frozen.
fn socket_path(mountpoint: &Path) -> Result<PathBuf> {
    let name = mountpoint.file_name().ok_or_else(|| anyhow!("{} has no name", mountpoint.display()))?;
    let parent = mountpoint.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().with_context(|| format!("cannot find {}", parent.display()))?;
    let digest = blake3::hash(parent.join(name).as_os_str().as_encoded_bytes()).to_hex();
    Ok(private_directory()?.join(format!("{}.sock", &digest[..16])))
}

fn private_directory() -> Result<PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    let directory = std::env::temp_dir().join(format!("fermoposta-{uid}"));
    match std::fs::DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", directory.display())),
    }
    let owner = std::fs::symlink_metadata(&directory)?;
    ensure!(
        owner.is_dir() && owner.uid() == uid,
        "{} belongs to somebody else; remove it",
        directory.display()
    );
    Ok(directory)
}

fn listen(mountpoint: &Path) -> Result<UnixListener> {
    let path = socket_path(mountpoint)?;
    if UnixStream::connect(&path).is_ok() {
        bail!("a fault file system is mounted at {} already", mountpoint.display());
    }
    // Nobody answers on it: it was left by one that was killed.
    let _ = std::fs::remove_file(&path);
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A process that unmounts when this one is gone, however it ended.
fn guard(mountpoint: &Path) -> Result<Child> {
    let mut command = std::process::Command::new("/proc/self/exe");
    command.env("FERMOPOSTA_SELF", "1").arg("__guard-mounts").arg(mountpoint).stdin(Stdio::piped());
    command.spawn().context("cannot start the process that cleans up after a crash")
}

/// Serves control connections and steps until a signal or an unmount from outside.
fn serve(mounted: &Mounted, listener: &UnixListener, steps: &[StepPlan], origin: Nanos) -> Result<()> {
    let mut due: Vec<&StepPlan> = steps.iter().collect();
    while !crate::machine::stop::requested() && mounted.mount.is_mounted() {
        carry_out_due(mounted, &mut due, origin);
        wait_readable(listener, Duration::from_millis(100))?;
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = answer(mounted, stream) {
                    tracing::warn!("control connection: {error:#}");
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_readable(listener: &UnixListener, limit: Duration) -> Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::try_from(limit)?) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn carry_out_due(mounted: &Mounted, due: &mut Vec<&StepPlan>, origin: Nanos) {
    let now = Nanos::now();
    due.retain(|step| {
        let first = |rule: &str| mounted.engine.stats().into_iter().find(|s| s.name == rule)?.first;
        let at = match &step.after_fired {
            Some((rule, delay)) => first(rule).map(|fired| fired + delay.0),
            None => step.at.map(|at| origin + at.0),
        };
        let is_due = at.is_some_and(|at| at <= now);
        if is_due {
            step_action(mounted, &step.action);
        }
        !is_due
    });
}

/// Steps about the mail server mean nothing here.
fn step_action(mounted: &Mounted, action: &StepAction) {
    let command = match action {
        StepAction::Heal { fault, fail_with, .. } => {
            Command::Heal { fault: fault.clone(), fail_with: fail_with.clone() }
        }
        StepAction::Arm { fault } => Command::Arm { fault: fault.clone() },
        StepAction::Disarm { fault } => Command::Disarm { fault: fault.clone() },
        StepAction::KillTarget {}
        | StepAction::StopTarget {}
        | StepAction::StartTarget {}
        | StepAction::Inspect {}
        | StepAction::PowerCut { .. }
        | StepAction::MakeDurable { .. }
        | StepAction::RollBack { .. }
        | StepAction::Evict { .. }
        | StepAction::Phase { .. } => return,
    };
    if let Err(error) = execute(mounted, &command) {
        tracing::warn!("step: {error:#}");
    }
}

fn answer(mounted: &Mounted, stream: UnixStream) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut line = String::new();
    BufReader::new(std::io::Read::take(&stream, 1 << 20)).read_line(&mut line)?;
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => execute(mounted, &command)
            .unwrap_or_else(|error| Reply::Refused { message: format!("{error:#}") }),
        Err(error) => Reply::Refused { message: error.to_string() },
    };
    let mut stream = stream;
    writeln!(stream, "{}", serde_json::to_string(&reply)?)?;
    Ok(())
}

fn execute(mounted: &Mounted, command: &Command) -> Result<Reply> {
    let engine = &mounted.engine;
    let now = Nanos::now();
    match command {
        Command::Arm { fault } => {
            engine.arm(fault, now).map(|_| done(vec![fault.clone()], 0)).map_err(Into::into)
        }
        Command::Disarm { fault } => {
            engine.disarm(fault, now).map(|_| done(vec![fault.clone()], 0)).map_err(Into::into)
        }
        Command::Heal { fault, fail_with } => heal(mounted, fault.as_deref(), fail_with.as_deref()),
        Command::Freeze { path } => freeze(mounted, path),
        Command::Status => {
            let parked = mounted.mount.parked(None) as u64;
            Ok(Reply::Status { rules: engine.stats(), counters: engine.counters(), parked })
        }
    }
}

fn heal(mounted: &Mounted, fault: Option<&str>, fail_with: Option<&str>) -> Result<Reply> {
    let thaw = match fail_with {
        None => Thaw::Continue,
        Some(code) => Thaw::Fail(fuse_fs::errno::number(code).ok_or_else(|| anyhow!("{code} is no errno"))?),
    };
    release(mounted, fault, thaw)
}

fn release(mounted: &Mounted, fault: Option<&str>, thaw: Thaw) -> Result<Reply> {
    let rules = mounted.engine.heal(fault, Nanos::now())?;
    let released = rules.iter().map(|rule| mounted.mount.heal(Some(*rule), thaw) as u64).sum();
    let names = mounted.engine.stats().into_iter().map(|rule| rule.name);
    Ok(done(names.filter(|name| fault.is_none_or(|fault| fault == name)).collect(), released))
}

fn done(rules: Vec<String>, released: u64) -> Reply {
    Reply::Done { rules, released }
}

/// A freeze of the operator's own, under a name nobody else has.
fn freeze(mounted: &Mounted, paths: &[String]) -> Result<Reply> {
    let name = format!("ctl-freeze-{}", mounted.engine.stats().len());
    let table = toml::toml! { effect.freeze = {} };
    let mut rule: fuse_fs::rule::Rule = {
        let mut table = table;
        table.insert("name".to_owned(), toml::Value::String(name.clone()));
        table.try_into()?
    };
    rule.selector.path = paths.to_vec();
    let problems = |problems: Vec<fuse_fs::problems::Problem>| {
        anyhow!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    mounted.engine.add_rule(rule, Nanos::now()).map_err(problems)?;
    Ok(done(vec![name], 0))
}

/// Sends one command to a mounted fault file system and prints the answer.
pub fn control(mountpoint: &Path, command: &Command) -> Result<Exit> {
    let path = socket_path(mountpoint)?;
    let mut stream = UnixStream::connect(&path)
        .with_context(|| format!("no fault file system of yours is mounted at {}", mountpoint.display()))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    writeln!(stream, "{}", serde_json::to_string(command)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).context("the fault file system did not answer")?;
    match serde_json::from_str(&line)? {
        Reply::Done { rules, released } => {
            anstream::println!(
                "done: {}; {released} calls released",
                if rules.is_empty() { "no fault".to_owned() } else { rules.join(", ") }
            );
        }
        Reply::Refused { message } => bail!("{message}"),
        status @ Reply::Status { .. } => anstream::println!("{}", serde_json::to_string_pretty(&status)?),
    }
    Ok(Exit::Valid)
}
