//! A backing directory and its limbo, opened: where inodes are, and small changes by directory and name.

use super::effect::Ino;
use super::permit;
use crate::inode::ROOT;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, open, openat, renameat2};
use nix::sys::stat::{FileStat, Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

/// Opens a directory to work below it.
pub(crate) fn directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|error| {
        io::Error::new(io::Error::from(error).kind(), format!("{}: {error}", path.display()))
    })
}

/// What has no name any more but may get it back after a cut: files by hard link, directories whole, by inode number.
#[derive(Debug)]
pub(crate) struct Limbo {
    path: PathBuf,
    fd: OwnedFd,
}

impl Limbo {
    /// The limbo at `path`, made if missing, emptied if not: it holds only what an earlier one left.
    pub(crate) fn new(path: &Path, backing: &Path) -> io::Result<Limbo> {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt};
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_left(path)?,
            made => made?,
        }
        if std::fs::metadata(path)?.dev() != std::fs::metadata(backing)?.dev() {
            return Err(io::Error::other(format!(
                "{} must lie on the same file system as {}",
                path.display(),
                backing.display()
            )));
        }
        let limbo = Limbo { path: path.to_owned(), fd: directory(path)? };
        limbo.clear()?;
        Ok(limbo)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves an entry here.
    pub(crate) fn take(&self, from: &OwnedFd, name: &OsStr, ino: Ino) -> nix::Result<()> {
        moved((from, name), (&self.fd, OsStr::new(&ino.to_string())))
    }

    /// Keeps a file that is about to lose its name.
    pub(crate) fn keep(&self, from: &OwnedFd, name: &OsStr, ino: Ino) -> nix::Result<()> {
        linkat(from, name, &self.fd, ino.to_string().as_str(), AtFlags::empty())
    }

    /// Gives a file a name again and stays with it.
    pub(crate) fn name_file(&self, ino: Ino, to: &OwnedFd, name: &OsStr) -> nix::Result<()> {
        linkat(&self.fd, ino.to_string().as_str(), to, name, AtFlags::empty())
    }

    /// Puts a directory back.
    pub(crate) fn put_back(&self, ino: Ino, to: &OwnedFd, name: &OsStr) -> nix::Result<()> {
        moved((&self.fd, OsStr::new(&ino.to_string())), (to, name))
    }

    /// Lets one go.
    pub(crate) fn drop_one(&self, ino: Ino) -> nix::Result<()> {
        let name = ino.to_string();
        match unlinkat(&self.fd, name.as_str(), UnlinkatFlags::NoRemoveDir) {
            Err(Errno::EISDIR | Errno::EPERM) => unlinkat(&self.fd, name.as_str(), UnlinkatFlags::RemoveDir),
            other => other,
        }
    }

    /// What is here.
    pub(crate) fn inodes(&self) -> io::Result<HashSet<Ino>> {
        let mut all = HashSet::new();
        for entry in std::fs::read_dir(&self.path)? {
            all.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Ino>().ok()));
        }
        Ok(all)
    }

    /// Lets everything go.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A directory that moves is changed itself.
fn moved(from: (&OwnedFd, &OsStr), to: (&OwnedFd, &OsStr)) -> nix::Result<()> {
    let entry = openat(from.0, from.1, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    permit::permitted(&entry, 0o200, || renameat2(from.0, from.1, to.0, to.1, RenameFlags::RENAME_NOREPLACE))
}

/// Whatever is in a limbo is removed, so that nothing else may be taken for one: neither what a link leads to, nor a directory of
/// somebody else's, nor one that holds anything under another name than an inode's number.
fn is_left(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = |what: &str| {
        let message = format!("{} {what}, and is needed empty; move it away", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    };
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return refused("is no directory");
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refused("belongs to somebody else");
    }
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if name.to_str().is_none_or(|name| name.parse::<Ino>().is_err()) {
            return refused(&format!("holds {}", name.to_string_lossy()));
        }
    }
    Ok(())
}

/// The numbers by which the kernel saw the inodes below a directory.
pub(crate) enum Numbers {
    /// As they are, but for the root's.
    Own { root: Ino },
    /// The tree was rebuilt: its numbers to those of the original.
    Rebuilt(HashMap<Ino, Ino>),
}

impl Numbers {
    pub(crate) fn of(backing: &Path) -> io::Result<Numbers> {
        use std::os::unix::fs::MetadataExt;
        Ok(Numbers::Own { root: std::fs::metadata(backing)?.ino() })
    }

    pub(crate) fn seen(&self, ino: Ino) -> Ino {
        match self {
            Numbers::Own { root } if ino == *root => ROOT,
            Numbers::Own { .. } => ino,
            Numbers::Rebuilt(numbers) => numbers.get(&ino).copied().unwrap_or(0),
        }
    }
}

/// Walks everything below `top`: `each` gets the inode as the kernel saw it, the path, and whether it is a directory.
pub(crate) fn walk(
    top: &Path,
    numbers: &Numbers,
    each: &mut dyn FnMut(Ino, &Path, bool) -> io::Result<()>,
) -> io::Result<()> {
    for entry in permit::list(top)? {
        let entry = entry?;
        let (path, directory) = (entry.path(), entry.file_type()?.is_dir());
        each(numbers.seen(entry.ino()), &path, directory)?;
        if directory {
            walk(&path, numbers, each)?;
        }
    }
    Ok(())
}

pub(crate) fn stat(directory: &OwnedFd, name: &OsStr) -> nix::Result<FileStat> {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// A path for an open descriptor, for calls that take no `O_PATH` descriptor.
pub(crate) fn through(fd: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the limbo at `place/limbo`, without the place.
    fn refused(place: &Path) -> String {
        let error = Limbo::new(&place.join("limbo"), place).expect_err("it is somebody else's").to_string();
        error.replace(&place.display().to_string(), "")
    }

    #[test]
    fn what_is_no_limbo_is_not_emptied() {
        let place = tempfile::tempdir().expect("a directory");
        let (limbo, other) = (place.path().join("limbo"), place.path().join("other"));
        std::fs::create_dir(&other).expect("made");
        std::fs::write(other.join("mail"), "precious").expect("written");
        std::os::unix::fs::symlink(&other, &limbo).expect("linked");
        insta::assert_snapshot!(refused(place.path()), @"/limbo is no directory, and is needed empty; move it away");
        std::fs::remove_file(&limbo).expect("removed");
        std::fs::rename(&other, &limbo).expect("renamed");
        insta::assert_snapshot!(refused(place.path()), @"/limbo holds mail, and is needed empty; move it away");
        assert!(limbo.join("mail").exists());
    }

    #[test]
    fn what_an_earlier_one_left_goes() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(place.path().join("limbo/4711/cur")).expect("made");
        let limbo = Limbo::new(&place.path().join("limbo"), place.path()).expect("only an inode is in it");
        assert_eq!(limbo.inodes().expect("it can be read"), HashSet::new());
    }
}
