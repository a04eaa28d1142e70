//! `mount` and `ctl`: the fault file system alone, beneath anything, with a control socket.
//!
//! The socket lies in a private directory of the user's, under a name made from the mount point, so that `ctl`
//! needs no more than the mount point, and never touches the mount itself (it may be frozen).

use super::disk::Disk;
use super::mounted::{Mounted, execute, release};
use super::places::Places;
use super::socket::{answer, listen, private_directory};
use crate::exit::{Exit, Misplaced};
use crate::machine::contents::{self, Sought};
use crate::machine::sectors;
use crate::run::storage::{durability, engine, leave_durable};
use crate::scenario;
use crate::scenario::overrides::Overrides;
use anyhow::{Context, Result, anyhow, bail, ensure};
use fuse_fs::clock::Nanos;
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::mount::MountOptions;
use fuse_fs::mount::control::Command;
use fuse_fs::mount::parking::Thaw;
use fuse_fs::mount::recorder::TraceSink;
use fuse_fs::mount::trace::TraceOptions;
use fuse_fs::rules::effects::Effect;
use fuse_fs::units::Bytes;
use record::plan::device::{DEVICE_FILE, OnDevice, Sector};
use record::plan::keeper::Keeper;
use record::plan::step::{StepAction, StepPlan};
use record::plan::{DEFAULT_MEMORY, StoragePlan};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What `mount` was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Directory whose content is shown.
    pub backing: PathBuf,
    pub mountpoint: PathBuf,
    /// Scenario with the faults.
    pub scenario: Option<PathBuf>,
    /// Which storage of it.
    pub storage: Option<String>,
    pub seed: u64,
    pub trace: Option<PathBuf>,
    /// Let the kernel cache pages.
    pub page_cache: bool,
    /// What survives a power cut, or the real file system that shows it.
    pub persistence: Option<Keeper>,
    /// Of a device that is made.
    pub size: Option<Bytes>,
    /// Nothing stays mounted if this process is killed.
    pub unmount_if_killed: bool,
}

/// Mounts until SIGINT, SIGTERM or an unmount from outside.
pub(crate) fn run(request: &Request) -> Result<Exit> {
    crate::cli::commands::say_which(request.scenario.as_slice());
    let Some(Asked { mut storage, on, steps }) = asked(request)? else { return Ok(Exit::Usage) };
    let places = Places::of(request)?;
    let needs_model = on.is_some() || needs_model(request, &storage, &steps);
    let _kept = places.keep(needs_model)?;
    let disk = on.map(|on| disk(on, &mut storage, &places, request)).transpose()?;
    let (disk, sought) = disk.map_or((None, Vec::new()), |(disk, sought)| (Some(disk), sought));
    crate::machine::stop::install()?;
    let listener = listen(&places.mountpoint)?;
    let guard = request.unmount_if_killed.then(|| guard(&places.mountpoint)).transpose()?;
    let spill = tempfile::Builder::new().prefix("spill-").tempdir_in(private_directory()?)?;
    let model = || durability(&places.backing, spill.path(), &storage);
    let durability = needs_model.then(model).transpose()?;
    if let (Some(model), Some(Sector::Of4096)) = (&durability, disk.as_ref().map(Disk::sector)) {
        model.keep_pages_whole();
    }
    let trace =
        request.trace.as_deref().map(|file| TraceSink::file(file, TraceOptions::default())).transpose()?;
    let mut mounted = Mounted {
        backing: request.backing.clone(),
        mountpoint: request.mountpoint.clone(),
        disk,
        sought,
        options: MountOptions { page_cache: request.page_cache, durability, ..MountOptions::default() },
        engine: engine(storage.rules, request.seed)?,
        trace,
        mount: None,
        seed: request.seed,
        cuts: 0,
        lost: None,
    };
    mounted.mount_again()?;
    let armed = mounted.sought.iter().filter(|sought| !sought.disarmed);
    armed.for_each(|sought| {
        mounted.place(&sought.rule).unwrap_or_else(|error| crate::exit::tell!("warning: {error:#}"))
    });
    let origin = Nanos::now();
    mounted.engine.start(origin);
    crate::exit::tell!("{}", greeting(&mounted));
    let served = serve(&mut mounted, &listener.socket, &steps, origin);
    finish(mounted, guard)?;
    served.map(|()| Exit::Valid)
}

/// The real file system on a device that lies in the backing directory, and what faults name by what lies in it.
fn disk(
    on: OnDevice,
    storage: &mut StoragePlan,
    places: &Places,
    request: &Request,
) -> Result<(Disk, Vec<Arc<Sought>>)> {
    if request.unmount_if_killed || request.page_cache {
        let why = "`--unmount-if-killed` and `--page-cache` are of a mount without a real file system: this one stays, dead, if this \
                   process is killed, and the kernel caches its pages anyhow; leave them out";
        return Err(Misplaced(why.to_owned()).into());
    }
    let (filesystem, cache) = (on.filesystem, storage.cache.unwrap_or_default());
    let disk = Disk::new((on, cache), (&places.backing, &places.mountpoint), request.size)?;
    sectors::locate(&mut storage.rules, filesystem, &places.backing.join(DEVICE_FILE))?;
    Ok((disk, contents::take_out(&mut storage.rules)?))
}

/// What is mounted, and what of it is not as elsewhere.
fn greeting(mounted: &Mounted) -> String {
    let (backing, at) = (mounted.backing.display(), mounted.mountpoint.display());
    match &mounted.disk {
        Some(disk) => format!(
            "mounted {} at {at}, on the device {backing}/{DEVICE_FILE}; end with Ctrl-C\n\
             a fault that holds up this device holds up every `sync` of this machine, until it is healed",
            disk.filesystem()
        ),
        None if mounted.options.durability.is_some() => {
            format!("mounted {backing} at {at}; end with Ctrl-C\n{}", unheard(&mounted.mountpoint))
        }
        None => format!("mounted {backing} at {at}; end with Ctrl-C"),
    }
}

/// What the kernel answers by itself.
fn unheard(mountpoint: &Path) -> String {
    let at = mountpoint.display();
    format!(
        "`sync`, syncfs and sync_file_range succeed and make nothing durable here: the kernel does not pass them on; \
         `fermoposta ctl {at} make-durable` does what they would"
    )
}

fn finish(mut mounted: Mounted, guard: Option<Child>) -> Result<()> {
    release(&mounted, None, Thaw::Continue)?;
    if let Some(disk) = &mut mounted.disk {
        disk.unmount();
    }
    let lost = mounted.lost.is_some();
    match mounted.mount {
        Some(mount) if lost => mount.leave(),
        Some(mount) => mount.unmount()?,
        None => {}
    }
    if let Some(mut disk) = mounted.disk.take() {
        disk.ended();
    }
    if let (Some(volatile), false) = (&mounted.options.durability, lost) {
        leave_durable(volatile, &mounted.backing);
    }
    if let Some(mut guard) = guard {
        guard.kill()?;
        guard.wait()?;
    }
    let lost = mounted.trace.map(|trace| trace.finish()).transpose()?.map_or(0, |summary| summary.lost);
    if lost > 0 {
        crate::exit::tell!("warning: the trace lost {lost} calls");
    }
    match mounted.options.durability.as_ref().and_then(|volatile| volatile.trouble()) {
        Some(trouble) => bail!("{trouble}"),
        None => Ok(()),
    }
}

/// What is to be served.
struct Asked {
    storage: StoragePlan,
    /// The real file system on it, if it is a device.
    on: Option<OnDevice>,
    steps: Vec<StepPlan>,
}

/// What the scenario says of the storage, with its steps.
fn asked(request: &Request) -> Result<Option<Asked>> {
    let Some(file) = &request.scenario else { return Ok(Some(plain(request.persistence))) };
    let overrides =
        Overrides { seed: request.seed, persistence: request.persistence, ..Overrides::default() };
    let mut plan = match scenario::load(file, &overrides) {
        Ok(plan) => plan,
        Err(problems) => {
            crate::exit::tell!("{}", problems.shown());
            return Ok(None);
        }
    };
    let names: Vec<&str> = plan
        .storages
        .iter()
        .filter(|(_, storage)| storage.cache.is_none())
        .map(|(name, _)| &**name)
        .collect();
    let name = request.storage.clone().unwrap_or_else(|| plan.target.storage.clone());
    ensure!(
        names.contains(&&*name),
        "the scenario has no storage {name}; it has {}; name one with --storage",
        names.join(", ")
    );
    let Some(storage) = plan.storages.remove(&name) else { return Ok(None) };
    let Some(on) = storage.on.clone() else {
        return Ok(Some(Asked { storage, on: None, steps: plan.steps }));
    };
    let of_calls: Vec<&str> = storage.rules.iter().map(|rule| &*rule.name).collect();
    ensure!(
        of_calls.is_empty(),
        "storage {name} would be on a device, and {} strikes the calls on files: mount the device without the scenario, and a \
         directory on it with the scenario and `--persistence NAME` of a model",
        of_calls.join(", ")
    );
    let device = plan.storages.remove(&on.device);
    Ok(device.map(|storage| Asked { storage, on: Some(on), steps: plan.steps }))
}

/// Without a scenario.
fn plain(keeper: Option<Keeper>) -> Asked {
    match keeper {
        Some(Keeper::Real(filesystem)) => {
            let (on, storage) = scenario::devices::plain(filesystem);
            Asked { storage, on: Some(on), steps: Vec::new() }
        }
        Some(Keeper::Model(profile)) => model(profile),
        None => model(Profile::default()),
    }
}

fn model(profile: Profile) -> Asked {
    let persistence = Persistence { profile, ..Persistence::default() };
    let storage = StoragePlan { persistence, memory: DEFAULT_MEMORY, ..StoragePlan::default() };
    Asked { storage, on: None, steps: Vec::new() }
}

/// Whether anything can happen that takes what is not durable. Else a backing directory without room beside it,
/// such as the mount point of a disk, may be used.
fn needs_model(request: &Request, storage: &StoragePlan, steps: &[StepPlan]) -> bool {
    let by_rule = storage.rules.iter().any(|rule| {
        matches!(rule.effect, Effect::PowerCut(_) | Effect::FsyncFailure(_) | Effect::LostFsync(_))
    });
    let by_step = steps.iter().any(|step| {
        matches!(
            step.action,
            StepAction::PowerCut { .. } | StepAction::MakeDurable { .. } | StepAction::Evict { .. }
        )
    });
    request.persistence.is_some() || by_rule || by_step
}

/// A process that unmounts when this one is gone, however it ended. Programs write beneath then.
fn guard(mountpoint: &Path) -> Result<Child> {
    let mut command = std::process::Command::new("/proc/self/exe");
    command.env("FERMOPOSTA_SELF", "1").arg("__guard-mounts").arg("--of").arg(std::process::id().to_string());
    command.arg(mountpoint).stdin(Stdio::piped());
    command.spawn().context("cannot start the process that cleans up after a crash")
}

/// Serves control connections and steps until a signal or an unmount from outside.
fn serve(mounted: &mut Mounted, listener: &UnixListener, steps: &[StepPlan], origin: Nanos) -> Result<()> {
    // A power cut that a rule begins is noticed within milliseconds; steps and signals can wait longer.
    let pause = Duration::from_millis(if mounted.options.durability.is_some() { 2 } else { 100 });
    let mut due: Vec<&StepPlan> = steps.iter().collect();
    let mut deaf = false;
    let mut in_trouble = false;
    while !crate::machine::stop::requested() && mounted.is_mounted() && mounted.lost.is_none() {
        cut_if_asked(mounted)?;
        tell_trouble(mounted, &mut in_trouble);
        carry_out_due(mounted, &mut due, origin);
        wait_readable(listener, pause)?;
        match listener.accept() {
            Ok((stream, _)) => {
                deaf = false;
                if let Err(error) = answer(stream, |command| execute(mounted, command)) {
                    tracing::warn!("control connection: {error:#}");
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // As when no descriptor is left. Whoever uses the storage has nothing to do with it.
            Err(error) => {
                if !std::mem::replace(&mut deaf, true) {
                    tracing::warn!("commands cannot be heard: {error}");
                }
                std::thread::park_timeout(pause);
            }
        }
    }
    mounted.lost.clone().map_or(Ok(()), |why| Err(anyhow!(why)))
}

/// Once, as soon as it is known: whoever uses the mount sees an error of a storage that is well.
fn tell_trouble(mounted: &Mounted, told: &mut bool) {
    let trouble = mounted.options.durability.as_ref().and_then(|volatile| volatile.trouble());
    if let Some(trouble) = trouble.filter(|_| !*told) {
        *told = true;
        crate::exit::tell!("warning: {trouble}; make room there, or name another place with TMPDIR");
    }
}

/// A rule turned the power off: the rest is ours.
fn cut_if_asked(mounted: &mut Mounted) -> Result<()> {
    let asked = mounted.options.durability.as_ref().and_then(|volatile| volatile.asked());
    let Some(mode) = asked else { return Ok(()) };
    let report = mounted.power_cut(mode, None, None)?;
    crate::exit::tell!(
        "power cut under {}, seed {}",
        judge::summary::timeline::cut_in_words(&report),
        report.seed
    );
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

fn carry_out_due(mounted: &mut Mounted, due: &mut Vec<&StepPlan>, origin: Nanos) {
    let now = Nanos::now();
    due.retain(|step| {
        let is_due = is_due(mounted, step, origin, now);
        if is_due && let Err(error) = carry_out(mounted, &step.action) {
            tracing::warn!("step: {error:#}");
        }
        !is_due
    });
}

fn is_due(mounted: &Mounted, step: &StepPlan, origin: Nanos, now: Nanos) -> bool {
    if let Some(mark) = &step.at_counter {
        return mounted.engine.counters().get(mark.counter).is_some_and(|n| n >= mark.at);
    }
    let first = |rule: &str| mounted.engine.stats().into_iter().find(|s| s.name == rule)?.first;
    let at = match &step.after_fired {
        Some((rule, delay)) => first(rule).map(|fired| fired + delay.0),
        None => step.at.map(|at| origin + at.0),
    };
    at.is_some_and(|at| at <= now)
}

/// Steps about the mail server mean nothing here.
fn carry_out(mounted: &mut Mounted, action: &StepAction) -> Result<()> {
    let command = match action {
        StepAction::Heal { fault, fail_with, .. } => {
            Command::Heal { fault: fault.clone(), fail_with: fail_with.clone() }
        }
        StepAction::Arm { fault } => Command::Arm { fault: fault.clone() },
        StepAction::Disarm { fault } => Command::Disarm { fault: fault.clone() },
        StepAction::PowerCut { mode, .. } => Command::PowerCut { mode: *mode, seed: None, record: None },
        StepAction::MakeDurable { .. } => return mounted.make_durable(),
        StepAction::Evict { .. } => return Ok(mounted.volatile()?.evict()?),
        StepAction::RollBack { .. } => bail!("a mount cannot be rolled back; only a `run` does that"),
        StepAction::RunCommand { .. } => bail!("a mount runs no commands; only a `run` does"),
        StepAction::KillTarget {}
        | StepAction::StopTarget {}
        | StepAction::StartTarget {}
        | StepAction::Inspect {}
        | StepAction::FrontDoor(_)
        | StepAction::Migrate(_)
        | StepAction::PauseMigration {}
        | StepAction::ResumeMigration {}
        | StepAction::Phase { .. } => return Ok(()),
    };
    execute(mounted, &command).map(|_| ())
}
