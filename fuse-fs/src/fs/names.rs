//! Names: creating, removing, renaming and linking directory entries.

use super::attributes::{chmod, chown};
use super::fs::Fs;
use super::handles::FileHandle;
use super::request::{Caller, Outcome};
use super::tracked::kind_of;
use crate::durability::effect::NodeKind;
use crate::durability::permit;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat, mknodat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Flags of `open` that stay the kernel's business or would break positioned I/O on the backing file.
const STRIPPED: i32 = libc::O_APPEND
    | libc::O_DIRECT
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_NOCTTY
    | libc::O_NOFOLLOW
    | libc::O_NONBLOCK;

fn backing_flags(flags: i32) -> OFlag {
    OFlag::from_bits_truncate(flags & !STRIPPED) | OFlag::O_CLOEXEC
}

const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// A call that fails makes nothing.
fn take_back(directory: &OwnedFd, name: &OsStr, is_directory: bool) {
    let flags = if is_directory { UnlinkatFlags::RemoveDir } else { UnlinkatFlags::NoRemoveDir };
    if let Err(error) = unlinkat(directory, name, flags) {
        tracing::warn!(?name, %error, "what a call made that failed afterwards stays");
    }
}

impl Fs {
    pub(super) fn open(&self, ino: u64, flags: i32) -> Outcome<u64> {
        let fd = self.table.fd(ino)?;
        let wanted = self.opened_flags(flags);
        let opened = match self.reopen_to_read(&fd, wanted, flags) {
            // Only the owner may ask for no access times; for the caller the kernel has checked that.
            Err(Errno::EPERM) if wanted.contains(OFlag::O_NOATIME) => {
                self.reopen_to_read(&fd, wanted - OFlag::O_NOATIME, flags)?
            }
            other => other?,
        };
        Ok(self.insert_file(opened, ino, flags))
    }

    fn insert_file(&self, fd: OwnedFd, ino: u64, flags: i32) -> u64 {
        let heard = self.volatile().map_or(0, |volatile| volatile.errors_at_open(ino));
        self.files.insert(FileHandle { fd, ino, flags, errors: heard.into() })
    }

    /// Whoever may only write it is none that reads it: the model is.
    fn reopen_to_read(&self, fd: &OwnedFd, wanted: OFlag, flags: i32) -> Outcome<OwnedFd> {
        let widened = wanted & OFlag::O_ACCMODE != backing_flags(flags) & OFlag::O_ACCMODE;
        match widened {
            true => permit::permitted(fd, 0o400, || self.reopen(fd, wanted)),
            false => self.reopen(fd, wanted),
        }
    }

    /// What a durability model puts aside must be read first, also through a descriptor that is for writing only.
    fn opened_flags(&self, flags: i32) -> OFlag {
        let wanted = backing_flags(flags);
        let writes_only = flags & libc::O_ACCMODE == libc::O_WRONLY;
        if writes_only && self.volatile().is_some() {
            return (wanted - OFlag::O_WRONLY) | OFlag::O_RDWR;
        }
        wanted
    }

    pub(super) fn create(
        &self,
        parent: u64,
        name: &OsStr,
        mode: u32,
        flags: i32,
        caller: &Caller,
    ) -> Outcome<(FileStat, u64)> {
        let work = || self.create_through(parent, name, mode, flags, caller);
        let made = |(stat, _, new): &(FileStat, u64, bool)| new.then_some((stat.st_ino, NodeKind::File));
        self.track_new(caller, (parent, name), work, made).map(|(stat, handle, _)| (stat, handle))
    }

    /// The third value says whether the file is new.
    fn create_through(
        &self,
        parent: u64,
        name: &OsStr,
        mode: u32,
        flags: i32,
        caller: &Caller,
    ) -> Outcome<(FileStat, u64, bool)> {
        let directory = self.directory(parent)?;
        let new = self.opened_flags(flags) | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        match self.table.opened(|| openat(&*directory, name, new, Mode::from_bits_truncate(mode))) {
            Ok(fd) => {
                let stat = self.give_to(&directory, name, &fd, mode, caller)?;
                self.table.remember(stat.st_ino, parent, name);
                let ino = stat.st_ino;
                Ok((stat, self.insert_file(fd, ino, flags), true))
            }
            Err(Errno::EEXIST) if flags & libc::O_EXCL == 0 => {
                let stat = self.lookup(parent, name)?;
                let handle = self.open(stat.st_ino, flags);
                if handle.is_err() {
                    self.forget(stat.st_ino, 1);
                }
                handle.map(|handle| (stat, handle, false))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the caller the owner of what was just created; removes it again if that fails.
    fn give_to(
        &self,
        directory: &OwnedFd,
        name: &OsStr,
        fd: &OwnedFd,
        mode: u32,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        self.try_give_to(directory, fd, mode, caller).inspect_err(|_| {
            let is_directory = fstat(fd).is_ok_and(|s| s.st_mode & libc::S_IFMT == libc::S_IFDIR);
            take_back(directory, name, is_directory);
        })
    }

    fn try_give_to(
        &self,
        directory: &OwnedFd,
        fd: &OwnedFd,
        mode: u32,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        let stat = fstat(fd)?;
        let uid = (stat.st_uid != caller.uid).then_some(caller.uid);
        let gid = match stat.st_gid != caller.gid {
            true if fstat(directory)?.st_mode & libc::S_ISGID == 0 => Some(caller.gid),
            _ => None,
        };
        if uid.is_none() && gid.is_none() {
            return self.seen(stat);
        }
        chown(fd, uid, gid)?;
        let is_link = stat.st_mode & libc::S_IFMT == libc::S_IFLNK;
        if !is_link && (mode | stat.st_mode) & SET_ID != 0 {
            chmod(fd, stat.st_mode | (mode & SET_ID))?;
        }
        self.seen(fstat(fd)?)
    }

    /// Ends the creation of an entry that is not an open file; removes it again if that fails.
    fn enter(
        &self,
        directory: &OwnedFd,
        parent: u64,
        name: &OsStr,
        mode: u32,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = self.table.opened(|| openat(directory, name, flags, Mode::empty())).inspect_err(|_| {
            let is_directory =
                self.stat_entry(directory, name).is_ok_and(|stat| kind_of(&stat) == NodeKind::Directory);
            take_back(directory, name, is_directory);
        })?;
        let stat = self.give_to(directory, name, &fd, mode, caller)?;
        self.table.remember(stat.st_ino, parent, name);
        Ok(stat)
    }

    pub(super) fn mknod(
        &self,
        parent: u64,
        name: &OsStr,
        mode: u32,
        device: u32,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        let directory = self.directory(parent)?;
        let kind = SFlag::from_bits_truncate(mode & libc::S_IFMT);
        let permissions = Mode::from_bits_truncate(mode & 0o7777);
        let work = || {
            mknodat(&*directory, name, kind, permissions, decode_device(device))?;
            self.enter(&directory, parent, name, mode & 0o7777, caller)
        };
        self.track_new(caller, (parent, name), work, |stat| Some((stat.st_ino, kind_of(stat))))
    }

    pub(super) fn mkdir(&self, parent: u64, name: &OsStr, mode: u32, caller: &Caller) -> Outcome<FileStat> {
        let directory = self.directory(parent)?;
        let work = || {
            mkdirat(&*directory, name, Mode::from_bits_truncate(mode & 0o7777))?;
            self.enter(&directory, parent, name, mode & libc::S_ISVTX, caller)
        };
        self.track_new(caller, (parent, name), work, |stat| Some((stat.st_ino, kind_of(stat))))
    }

    pub(super) fn symlink(
        &self,
        parent: u64,
        name: &OsStr,
        target: &OsStr,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        let directory = self.directory(parent)?;
        let work = || {
            symlinkat(target, &*directory, name)?;
            self.enter(&directory, parent, name, 0, caller)
        };
        self.track_new(caller, (parent, name), work, |stat| Some((stat.st_ino, kind_of(stat))))
    }

    pub(super) fn link(&self, ino: u64, parent: u64, name: &OsStr, caller: &Caller) -> Outcome<FileStat> {
        match self.volatile() {
            Some(volatile) => self.link_tracked(volatile, caller, ino, (parent, name)),
            None => self.link_through(ino, parent, name),
        }
    }

    pub(super) fn link_through(&self, ino: u64, parent: u64, name: &OsStr) -> Outcome<FileStat> {
        let fd = self.table.fd(ino)?;
        let directory = self.directory(parent)?;
        let path = Fs::proc_path(&fd);
        linkat(nix::fcntl::AT_FDCWD, path.as_c_str(), &*directory, name, AtFlags::AT_SYMLINK_FOLLOW)?;
        let stat = self.seen(fstat(&*fd)?)?;
        self.table.remember(stat.st_ino, parent, name);
        Ok(stat)
    }

    /// A known inode about to lose the name `parent`/`name`, with a descriptor that keeps it.
    pub(super) fn about_to_lose(&self, directory: &OwnedFd, name: &OsStr) -> Option<(u64, Arc<OwnedFd>)> {
        self.keep_known(self.seen(self.stat_entry(directory, name).ok()?).ok()?.st_ino)
    }

    /// A descriptor that keeps an inode which the kernel knows.
    pub(super) fn keep_known(&self, ino: u64) -> Option<(u64, Arc<OwnedFd>)> {
        if !self.table.knows(ino) {
            return None;
        }
        self.table.fd(ino).ok().map(|fd| (ino, fd))
    }

    pub(super) fn unlink(&self, parent: u64, name: &OsStr, directory: bool, caller: &Caller) -> Outcome<()> {
        if let Some(volatile) = self.volatile() {
            return self.unlink_tracked(volatile, caller, (parent, name), directory);
        }
        let holder = self.directory(parent)?;
        let known = self.about_to_lose(&holder, name);
        let flags = if directory { UnlinkatFlags::RemoveDir } else { UnlinkatFlags::NoRemoveDir };
        unlinkat(&*holder, name, flags)?;
        if let Some((ino, fd)) = known {
            self.table.name_gone(ino, parent, name, fd);
        }
        Ok(())
    }

    pub(super) fn rename(
        &self,
        (parent, name): (u64, &OsStr),
        (new_parent, new_name): (u64, &OsStr),
        flags: u32,
        caller: &Caller,
    ) -> Outcome<()> {
        match self.volatile() {
            Some(volatile) => {
                self.rename_tracked(volatile, caller, (parent, name), (new_parent, new_name), flags)
            }
            None => self.rename_through((parent, name), (new_parent, new_name), flags),
        }
    }

    fn rename_through(&self, from: (u64, &OsStr), to: (u64, &OsStr), flags: u32) -> Outcome<()> {
        let holders = (self.directory(from.0)?, self.directory(to.0)?);
        let (from, to) = (Entry::new(from, &holders.0), Entry::new(to, &holders.1));
        self.rename_known(&from, &to, flags, &self.entries_of_rename(&from, &to)?)
    }

    /// What a rename finds under both names.
    pub(super) fn entries_of_rename(&self, from: &Entry<'_>, to: &Entry<'_>) -> Outcome<Renamed> {
        let moved = self.seen(self.stat_entry(from.holder, from.name)?)?;
        let replaced = self.stat_entry(to.holder, to.name).ok();
        Ok(Renamed { moved, replaced: replaced.map(|stat| self.seen(stat)).transpose()? })
    }

    pub(super) fn rename_known(
        &self,
        from: &Entry<'_>,
        to: &Entry<'_>,
        flags: u32,
        entries: &Renamed,
    ) -> Outcome<()> {
        let moved = entries.moved.st_ino;
        let replaced = entries.replaced.as_ref().and_then(|stat| self.keep_known(stat.st_ino));
        renameat2(from.holder, from.name, to.holder, to.name, RenameFlags::from_bits_retain(flags))?;
        // Two links of one file: the call did nothing.
        if replaced.as_ref().is_some_and(|(ino, _)| *ino == moved) {
            return Ok(());
        }
        self.table.renamed(moved, to.parent, to.name);
        match replaced {
            Some((ino, _)) if flags & libc::RENAME_EXCHANGE != 0 => {
                self.table.renamed(ino, from.parent, from.name);
            }
            Some((ino, fd)) => self.table.name_gone(ino, to.parent, to.name, fd),
            None => {}
        }
        Ok(())
    }
}

/// One end of a rename: a name, and the directory that holds it.
pub(super) struct Entry<'a> {
    pub(super) parent: u64,
    pub(super) name: &'a OsStr,
    pub(super) holder: &'a OwnedFd,
}

impl<'a> Entry<'a> {
    pub(super) fn new((parent, name): (u64, &'a OsStr), holder: &'a OwnedFd) -> Entry<'a> {
        Entry { parent, name, holder }
    }
}

/// What stands under the two names of a rename before it, with the numbers that the kernel sees.
pub(super) struct Renamed {
    pub(super) moved: FileStat,
    pub(super) replaced: Option<FileStat>,
}

impl Renamed {
    /// A file moves to a name that is free.
    pub(super) fn only_moves(&self) -> bool {
        self.replaced.is_none() && kind_of(&self.moved) != NodeKind::Directory
    }
}

/// The kernel sends device numbers in its own 32-bit form.
fn decode_device(device: u32) -> libc::dev_t {
    let major = (device & 0xfff00) >> 8;
    let minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    libc::makedev(major, minor)
}
