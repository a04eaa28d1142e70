//! Commands that this program gives itself.

use crate::exit::Exit;
use crate::machine::confine::Confinement;
use crate::machine::{confine, process, survivor, tool};
use anyhow::{Result, anyhow};
use std::any::Any;
use std::io::Read;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// The recording process. Its failures go into the run directory, where the outer process finds them.
pub(crate) fn inner(directory: &Path, quiet: bool) -> Result<Exit> {
    let recorded = catch_unwind(|| crate::run::inner::record(directory, quiet));
    match recorded.unwrap_or_else(|panic| Err(anyhow!(words_of(&*panic)))) {
        Ok(()) => Ok(Exit::Valid),
        // Who told it knows.
        Err(error) if error.is::<crate::run::ending::ToldToEnd>() => Ok(Exit::Interrupted),
        Err(error) => {
            let run = record::directory::RunDirectory::existing(directory);
            // The outer process says it too, if it finds it. When the namespaces are not ready the run directory is still as
            // read-only as the machine.
            if run.fail(&format!("{error:#}")).is_err() {
                crate::exit::tell!("error: {error:#}");
            }
            Ok(Exit::Environment)
        }
    }
}

/// A panic is a mistake of this program; where it happened it has said itself.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked");
    format!("this program failed: {said}; please report it with the run directory")
}

pub(crate) fn target_init(view: &str, argv: &[String], starts: u32) -> Result<Exit> {
    let code = process::target_init(view, argv, starts)?;
    std::process::exit(code)
}

pub(crate) fn inside(pid: u32, argv: &[String]) -> Result<Exit> {
    let code = tool::run_inside(pid, argv)?;
    std::process::exit(code)
}

pub(crate) fn survive(parent: i32) -> Result<Exit> {
    survivor::survive(parent).map(|()| Exit::Valid)
}

pub(crate) fn ask(argv: &[String]) -> Result<Exit> {
    let code = crate::machine::ask::answer(argv)?;
    std::process::exit(code)
}

/// Unmounts what process `of` mounted when standard input ends: that process holds the other end.
pub(crate) fn guard_mounts(run: Option<&Path>, of: u32, mountpoints: &[PathBuf]) -> Result<Exit> {
    // Ctrl-C reaches the whole process group; the guard must outlive the one it guards.
    nix::unistd::setsid().ok();
    if let Some(run) = run {
        return crate::run::guard::stand(run, of, mountpoints).map(|()| Exit::Valid);
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for mountpoint in mountpoints {
        fuse_fs::mount::detach_of(of, mountpoint)?;
    }
    Ok(Exit::Valid)
}

pub(crate) fn try_mount() -> Result<Exit> {
    confine::settle(Confinement::Namespaces, &[])?;
    let place = tempfile::tempdir()?;
    let (backing, mountpoint) = (place.path().join("backing"), place.path().join("mnt"));
    std::fs::create_dir(&backing)?;
    std::fs::create_dir(&mountpoint)?;
    let mount = fuse_fs::mount::Mount::new(
        &backing,
        &mountpoint,
        fuse_fs::mount::MountOptions::default(),
        std::sync::Arc::new(fuse_fs::rules::decide::NoFaults),
        None,
    )?;
    mount.unmount()?;
    Ok(Exit::Valid)
}
