//! A directory tree copied as it is: owners, modes, times and hard links stay. Contents are shared with the original
//! where the file system can (reflink), else copied. Extended attributes are not copied. Of sockets and pipes the names
//! are made: what used them has ended.

use nix::sys::stat::{Mode, SFlag, mknod};
use std::collections::HashMap;
use std::fs::{File, FileTimes, Metadata, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Copies the directory `from` to the new directory `to`.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    Copying::default().directory(from, to)
}

/// The same of a tree that others change meanwhile: what went away before it was copied is left out, and counted.
pub(crate) fn copy_living_tree(from: &Path, to: &Path) -> io::Result<u64> {
    let mut copying = Copying { living: true, ..Copying::default() };
    copying.directory(from, to)?;
    Ok(copying.gone)
}

#[derive(Default)]
struct Copying {
    /// First copy of each file that has several names, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
    living: bool,
    gone: u64,
}

impl Copying {
    fn directory(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            match self.entry(&from, &to) {
                Err(error) if self.living && error.kind() == io::ErrorKind::NotFound && is_gone(&from) => {
                    self.gone += 1;
                }
                done => done?,
            }
        }
        // Last: what was made in it has changed its time.
        attributes(&File::open(to)?, &fs::metadata(from)?)
    }

    fn entry(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let meta = fs::symlink_metadata(from)?;
        if meta.is_dir() {
            self.directory(from, to)
        } else if meta.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            lchown(to, Some(meta.uid()), Some(meta.gid()))
        } else if meta.is_file() {
            self.file(from, to, &meta)
        } else {
            special(from, to, &meta)
        }
    }

    fn file(&mut self, from: &Path, to: &Path, meta: &Metadata) -> io::Result<()> {
        let inode = (meta.dev(), meta.ino());
        if let Some(first) = self.linked.get(&inode).filter(|_| meta.nlink() > 1) {
            return fs::hard_link(first, to);
        }
        let mut source = opened(from)?;
        let mut copy = File::create_new(to)?;
        // SAFETY: both descriptors are open; FICLONE takes the second one by value.
        let shared = unsafe { libc::ioctl(copy.as_raw_fd(), libc::FICLONE, source.as_raw_fd()) } == 0;
        if !shared {
            io::copy(&mut source, &mut copy)?;
        }
        if meta.nlink() > 1 {
            self.linked.insert(inode, to.to_owned());
        }
        attributes(&copy, meta)
    }
}

/// Without a trace in its access time where that is allowed. What was put there since it was looked at is not followed, and
/// does not hold us up.
fn opened(path: &Path) -> io::Result<File> {
    let with = |flags| File::options().read(true).custom_flags(flags).open(path);
    let plain = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match with(plain | libc::O_NOATIME) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => with(plain),
        opened => opened,
    }
}

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A mail server's queue holds sockets and pipes between its processes; a device has no place in a mail store.
fn special(from: &Path, to: &Path, meta: &Metadata) -> io::Result<()> {
    let kind = SFlag::from_bits_truncate(meta.mode() & libc::S_IFMT);
    if kind != SFlag::S_IFIFO && kind != SFlag::S_IFSOCK {
        return Err(io::Error::other(format!("{} is a device", from.display())));
    }
    mknod(to, kind, Mode::empty(), 0)?;
    lchown(to, Some(meta.uid()), Some(meta.gid()))?;
    fs::set_permissions(to, Permissions::from_mode(meta.mode() & 0o7777))
}

/// Gives an open copy its owner, mode and times. A change of owner may take bits of the mode, so that comes first.
fn attributes(copy: &File, meta: &Metadata) -> io::Result<()> {
    fchown(copy, Some(meta.uid()), Some(meta.gid()))?;
    copy.set_permissions(Permissions::from_mode(meta.mode() & 0o7777))?;
    copy.set_times(FileTimes::new().set_accessed(meta.accessed()?).set_modified(meta.modified()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, SystemTime};

    #[test]
    fn links_modes_times_sockets_and_pipes_stay() {
        let place = tempfile::tempdir().expect("a directory");
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir_all(from.join("a")).expect("made");
        fs::write(from.join("a/one"), "text").expect("written");
        fs::set_permissions(from.join("a/one"), Permissions::from_mode(0o640)).expect("set");
        fs::hard_link(from.join("a/one"), from.join("two")).expect("linked");
        symlink("a/one", from.join("three")).expect("linked");
        let socket = UnixListener::bind(from.join("four")).expect("bound");
        mknod(&from.join("five"), SFlag::S_IFIFO, Mode::S_IRUSR, 0).expect("made");
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        File::open(from.join("a")).and_then(|f| f.set_modified(long_ago)).expect("set");
        let read = || fs::metadata(from.join("a/one")).and_then(|m| m.accessed()).unwrap();
        let before = read();
        copy_tree(&from, &to).expect("copied");
        assert_eq!(read(), before);
        let (one, two) = (fs::metadata(to.join("a/one")).unwrap(), fs::metadata(to.join("two")).unwrap());
        assert_eq!((one.ino(), one.mode() & 0o7777), (two.ino(), 0o640));
        assert_eq!(fs::read_to_string(to.join("three")).unwrap(), "text");
        assert_eq!(fs::metadata(to.join("a")).and_then(|m| m.modified()).unwrap(), long_ago);
        drop(socket);
        assert!(fs::metadata(to.join("four")).unwrap().file_type().is_socket());
        let five = fs::metadata(to.join("five")).unwrap();
        assert_eq!((five.file_type().is_fifo(), five.mode() & 0o7777), (true, 0o400));
        assert_ne!(one.ino(), fs::metadata(from.join("two")).unwrap().ino());
    }

    #[test]
    fn what_goes_away_while_it_is_copied_is_counted_and_what_cannot_be_read_is_an_error() {
        let place = tempfile::tempdir().expect("a directory");
        let from = place.path().join("from");
        fs::create_dir(&from).expect("made");
        fs::write(from.join("stays"), "").expect("written");
        let mut copying = Copying { living: true, ..Copying::default() };
        let gone = copying.entry(&from.join("gone"), &place.path().join("copy"));
        assert!(
            gone.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) && is_gone(&from.join("gone"))
        );
        assert_eq!(copy_living_tree(&from, &place.path().join("to")).expect("copied"), 0);
        assert!(copy_living_tree(&from, &place.path().join("no/such")).is_err());
    }
}
