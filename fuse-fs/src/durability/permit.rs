//! What a mode forbids even its owner and the model needs all the same, where this process is not root: to read what may only be
//! written, to list and to move a directory.

use super::places::through;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use parking_lot::ReentrantMutex;
use std::fs::{File, Permissions, ReadDir};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Held while a mode is other than it should be, and by whoever changes modes.
pub(crate) static MODES: ReentrantMutex<()> = ReentrantMutex::new(());

/// Does `work`; where it is forbidden, once more while the owner of `fd` has these permissions.
pub(crate) fn permitted<T>(fd: &OwnedFd, bits: u32, work: impl Fn() -> nix::Result<T>) -> nix::Result<T> {
    match work() {
        Err(Errno::EACCES) => {}
        other => return other,
    }
    let _alone = MODES.lock();
    let mode = fstat(fd)?.st_mode & 0o7777;
    let set = |mode| std::fs::set_permissions(through(fd), Permissions::from_mode(mode));
    // Of somebody else's it cannot be changed.
    set(mode | bits).map_err(|_| Errno::EACCES)?;
    let outcome = work();
    if let Err(error) = set(mode) {
        tracing::error!(%error, "a mode stays other than it was");
    }
    outcome
}

fn at(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

fn of_io<T>(done: io::Result<T>) -> nix::Result<T> {
    done.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// Opens a file for reading.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    Ok(permitted(&at(path)?, 0o400, || of_io(File::open(path)))?)
}

/// Lists a directory.
pub(crate) fn list(path: &Path) -> io::Result<ReadDir> {
    Ok(permitted(&at(path)?, 0o500, || of_io(std::fs::read_dir(path)))?)
}
