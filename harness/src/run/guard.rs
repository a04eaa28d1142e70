//! In the host's namespaces no kernel rule cleans up after a `kill -9`: another process does. It ends a mail server that may
//! still run, and then unmounts.

use crate::server::leash;
use anyhow::{Context, Result, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use record::directory::RunDirectory;
use record::plan::Plan;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take: two commands of the mail server's.
const LIMIT: Duration = Duration::from_secs(60);

/// Starts it; it is at its post when this returns.
pub(crate) fn start(plan: &Plan, directory: &RunDirectory) -> Result<Child> {
    // No run on the machine has devices.
    let mountpoints = plan.storages.keys().map(|name| directory.mountpoint(name));
    let mut command = Command::new("/proc/self/exe");
    command.env("FERMOPOSTA_SELF", "1").arg("__guard-mounts").arg("--run").arg(directory.path());
    command.arg("--of").arg(std::process::id().to_string());
    command.args(mountpoints).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start the process that cleans up after a crash")?;
    let mut ready = [0];
    let out = child.stdout.as_mut().context("it has an output")?;
    ensure!(out.read(&mut ready)? == 1, "the process that cleans up after a crash ended early");
    Ok(child)
}

/// The guard itself: waits until process `of`, which holds its standard input, is gone.
pub(crate) fn stand(run: &Path, of: u32, mountpoints: &[PathBuf]) -> Result<()> {
    let directory = RunDirectory::existing(run);
    let post = File::create(directory.guard())?;
    let _at_its_post = Flock::lock(post, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error)?;
    std::io::stdout().write_all(b"!")?;
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    if let Err(error) = leash::end(&directory.target(), &|| ()) {
        let said = left_mounted(&format!("{error:#}"), mountpoints);
        crate::exit::tell!("error: {said}");
        directory.fail(&said)?;
        return Ok(());
    }
    mountpoints.iter().try_for_each(|mountpoint| Ok(fuse_fs::mount::detach_of(of, mountpoint)?))
}

/// Waits until the guard of a run that ended has left its post.
pub(crate) fn wait(run: &RunDirectory) -> Result<()> {
    let Ok(mut post) = File::open(run.guard()) else { return Ok(()) };
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        match Flock::lock(post, FlockArg::LockExclusiveNonblock) {
            Ok(_) => return Ok(()),
            Err((file, _)) => post = file,
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    bail!("the process that cleans up after {} is still at work after {LIMIT:?}", run.path().display())
}

/// Why storages are still mounted, and the way out.
pub(crate) fn left_mounted(why: &str, mountpoints: &[PathBuf]) -> String {
    let commands = mountpoints.iter().map(|path| format!("`umount {}`", path.display()));
    let commands = commands.collect::<Vec<_>>().join(" and ");
    format!(
        "{why}; its storage stays mounted, dead, so that nothing is written into the directory beneath: end the mail \
         server, then {commands}"
    )
}
