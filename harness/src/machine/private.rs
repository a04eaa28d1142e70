//! Directories of the machine that programs write to wherever they run. In a run each is another one, in memory.

use super::binds::bind;
use super::binds::empty_directory;
use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::collections::BTreeSet;
use std::fs::{DirEntry, File, Permissions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Directories that a mail server finds empty, but for what it needs: nothing of the machine can be reached by them.
pub(super) const OF_SERVERS: [&str; 3] = ["/dev", "/run", "/var/spool"];

/// No more entries of a directory for temporary files are shown; the newest are.
const MOST_SHOWN: usize = 4096;

/// Devices that programs need.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// For everything in a run: directories for temporary files. They show what the machine's hold, but for sockets and pipes.
pub(super) fn temporary() -> Result<()> {
    let named = [PathBuf::from("/tmp"), "/var/tmp".into(), std::env::temp_dir()];
    let found = named.iter().filter_map(|path| path.canonicalize().ok());
    // What TMPDIR names by mistake is left as it is: a file, or everything that there is.
    let found: BTreeSet<PathBuf> = found.filter(|path| path.is_dir() && path.parent().is_some()).collect();
    found.iter().try_for_each(|directory| {
        copy(directory).with_context(|| format!("{} cannot be made the run's own", directory.display()))
    })
}

/// For a mail server, in its mount namespace.
pub(super) fn of_a_server() -> Result<()> {
    devices().context("the mail server's /dev cannot be made")?;
    runtime().context("the mail server's /run cannot be made")?;
    let spool = Path::new("/var/spool");
    match spool.is_dir() {
        true => empty_directory(spool, &fs::metadata(spool)?),
        false => Ok(()),
    }
}

/// The directory as it is now, whatever is laid over it.
pub(super) struct Held(OwnedFd);

impl Held {
    pub(super) fn hold(path: &Path) -> io::Result<Held> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Held(open(path, flags, Mode::empty())?))
    }

    /// A path that leads there.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }
}

fn copy(directory: &Path) -> Result<()> {
    let old = Held::hold(directory)?;
    let entries = newest(fs::read_dir(old.path())?.collect::<io::Result<Vec<_>>>()?);
    empty_directory(directory, &fs::metadata(old.path())?)?;
    for entry in entries {
        let (from, to) = (old.path().join(entry.file_name()), directory.join(entry.file_name()));
        // Others remove what is theirs at any time.
        if let Err(error) = show(&entry, &from, &to) {
            tracing::debug!(entry = %to.display(), %error, "not shown in the run");
        }
    }
    Ok(())
}

fn newest(mut entries: Vec<DirEntry>) -> Vec<DirEntry> {
    if entries.len() > MOST_SHOWN {
        entries.sort_by_cached_key(|entry| entry.metadata().and_then(|found| found.modified()).ok());
        entries.drain(..entries.len() - MOST_SHOWN);
    }
    entries
}

fn show(entry: &DirEntry, from: &Path, to: &Path) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
    } else if kind.is_file() {
        File::create(to)?;
    } else {
        return Ok(());
    }
    Ok(bind(from, to)?)
}

/// No disk, no terminal, no memory of the kernel's; and nobody can change those that there are.
fn devices() -> Result<()> {
    let (at, old) = (Path::new("/dev"), Held::hold(Path::new("/dev"))?);
    empty_directory(at, &fs::metadata(old.path())?)?;
    for device in DEVICES {
        let from = old.path().join(device);
        if from.exists() {
            File::create(at.join(device))?;
            bind(&from, &at.join(device))?;
        }
    }
    for (name, leads_to) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{leads_to}"), at.join(name))?;
    }
    open_to_all(&at.join("shm"))
}

/// Empty but for links: some systems find their programs by them.
fn runtime() -> Result<()> {
    let at = Path::new("/run");
    if !at.is_dir() {
        return Ok(());
    }
    let old = Held::hold(at)?;
    let links: Vec<DirEntry> = fs::read_dir(old.path())?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .collect();
    empty_directory(at, &fs::metadata(old.path())?)?;
    for link in links {
        let name = link.file_name();
        symlink(fs::read_link(old.path().join(&name))?, at.join(&name))?;
    }
    open_to_all(&at.join("lock"))
}

/// A directory in which everybody may make what only they may remove.
fn open_to_all(directory: &Path) -> Result<()> {
    if fs::symlink_metadata(directory).is_err() {
        fs::create_dir(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o1777))?;
    }
    Ok(())
}
