//! A command of the user's that cannot change a directory of the machine, whatever it does: it sees it read-only.

use super::attributes::{read_only_tree_at, writable_tree_at};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Whether this process may make such commands.
pub(crate) fn possible() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The command, once started, sees everything below `kept` read-only, but for what lies in `own`.
///
/// # Errors
/// A path cannot be told to the kernel.
pub(crate) fn keep(command: &mut Command, kept: &Path, own: &[&Path]) -> io::Result<()> {
    let path = |path: &Path| CString::new(path.as_os_str().as_bytes());
    let (kept, here) = (path(kept)?, path(&std::env::current_dir()?)?);
    let own = own.iter().map(|own| path(own)).collect::<Result<Vec<CString>, _>>()?;
    // SAFETY: the closure makes system calls in the forked child and takes no memory.
    unsafe { command.pre_exec(move || read_only(&kept, &own, &here)) };
    Ok(())
}

fn read_only(kept: &CStr, own: &[CString], here: &CStr) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&CStr>, c"/", None::<&CStr>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&CStr>)?;
    bind(kept)?;
    own.iter().try_for_each(|own| bind(own))?;
    read_only_tree_at(kept)?;
    own.iter().try_for_each(|own| writable_tree_at(own))?;
    // Where it stands is beneath the new mounts, until it goes there anew.
    Ok(nix::unistd::chdir(here)?)
}

fn bind(path: &CStr) -> io::Result<()> {
    Ok(mount(Some(path), path, None::<&CStr>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&CStr>)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_cannot_be_changed_and_what_is_own_can() {
        if !possible() {
            return;
        }
        let place = tempfile::tempdir().expect("a directory");
        let (kept, own) = (place.path().join("store"), place.path().join("store/own"));
        std::fs::create_dir_all(&own).expect("made");
        let mut command = Command::new("sh");
        command.args(["-c", "echo x > \"$1/own/mine\"; echo x > \"$1/theirs\"", "sh"]).arg(&kept);
        keep(&mut command, &kept, &[&own]).expect("it can be said");
        let out = command.output().expect("a shell");
        assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!((own.join("mine").exists(), kept.join("theirs").exists()), (true, false));
    }
}
