//! Commands that this program gives itself.

use crate::exit::Exit;
use crate::machine::confine::Confinement;
use crate::machine::{confine, process, tool};
use anyhow::Result;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The recording process. Its failures go into the run directory, where the outer process finds them.
pub(crate) fn inner(directory: &Path, quiet: bool) -> Result<Exit> {
    match crate::run::inner::record(directory, quiet) {
        Ok(()) => Ok(Exit::Valid),
        // Who told it knows.
        Err(error) if error.is::<crate::run::ending::ToldToEnd>() => Ok(Exit::Interrupted),
        Err(error) => {
            let path = record::directory::RunDirectory::existing(directory).failure();
            let said = std::fs::write(path, format!("{error:#}\n"));
            // As when the namespaces are not ready: the run directory is still as read-only as the machine.
            said.unwrap_or_else(|_| anstream::eprintln!("error: {error:#}"));
            Ok(Exit::Environment)
        }
    }
}

pub(crate) fn target_init(view: &str, argv: &[String], starts: u32) -> Result<Exit> {
    let code = process::target_init(view, argv, starts)?;
    std::process::exit(code)
}

pub(crate) fn inside(pid: u32, argv: &[String]) -> Result<Exit> {
    let code = tool::run_inside(pid, argv)?;
    std::process::exit(code)
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
