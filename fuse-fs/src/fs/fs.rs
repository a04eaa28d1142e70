//! The pass-through itself: each request done on the backing directory. Knows nothing of FUSE's wire format,
//! of rules or of traces.
//!
//! No lock is held across a call into the backing directory.

use super::counted::Counted;
use super::request::Outcome;

use super::handles::{DirHandle, FileHandle, Handles};
use super::request::{Answer, Caller, Request};

use crate::durability::cut::CutMode;
use crate::durability::plug::Plug;
use crate::durability::write_log::{Told, WriteLog};
use crate::durability::{Powered, Volatile};
use crate::inode::{InodeTable, ROOT};
use crate::rules::decision::Action;
use crate::rules::lies::Lies;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use std::cell::Cell;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

/// One backing directory and what the kernel knows of it.
#[derive(Debug)]
pub(crate) struct Fs {
    pub(crate) table: InodeTable,
    pub(crate) files: Handles<FileHandle>,
    pub(crate) directories: Handles<DirHandle>,
    /// What a power cut would lose.
    volatile: Option<Attached>,
    /// The power, where the disk beneath keeps account of what is durable.
    plug: Option<Arc<Plug>>,
    pub(super) counted: Counted,
    /// What a device without a model was told.
    write_log: Option<Arc<WriteLog>>,
    /// What was lied about.
    pub(crate) lies: Arc<Lies>,
    /// `/proc/self/fd`: the way from an `O_PATH` descriptor to one that reads and writes.
    descriptors: OwnedFd,
}

/// A durability model, and how many cuts it had seen when this file system began.
#[derive(Debug)]
struct Attached {
    model: Arc<Volatile>,
    generation: u64,
}

/// Whether a call may change anything.
pub(crate) enum Power<'a> {
    /// There is no power to go.
    None,
    /// It is on as long as this is held.
    On(Powered<'a>),
    /// It is off: the call never completes.
    Off,
}

thread_local! {
    static OWN_UMASK: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread a umask of its own, 0: the caller's was applied by the kernel already.
fn clear_umask() {
    OWN_UMASK.with(|done| {
        if !done.replace(true) && nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).is_ok() {
            nix::sys::stat::umask(Mode::empty());
        }
    });
}

impl Fs {
    /// A file system over `root`, keeping about `descriptors` inode descriptors open.
    pub(crate) fn new(
        root: OwnedFd,
        descriptors: usize,
        (volatile, plug): (Option<Arc<Volatile>>, Option<Arc<Plug>>),
        counted: Counted,
        lies: Arc<Lies>,
    ) -> Outcome<Fs> {
        let proc = nix::fcntl::open(
            "/proc/self/fd",
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        lies.forget_versions();
        Ok(Fs {
            table: InodeTable::new(root, descriptors)?,
            files: Handles::default(),
            directories: Handles::default(),
            volatile: volatile.map(|model| Attached { generation: model.generation(), model }),
            plug,
            counted,
            write_log: None,
            lies,
            descriptors: proc,
        })
    }

    /// It notes what it is told to write.
    pub(crate) fn noting(self, write_log: Option<Arc<WriteLog>>) -> Fs {
        Fs { write_log, ..self }
    }

    pub(super) fn note(&self, told: impl FnOnce() -> Told) {
        if let Some(log) = &self.write_log {
            log.note(told());
        }
    }

    /// How much was noted, for the flush that begins now.
    pub(super) fn noted(&self) -> usize {
        self.write_log.as_ref().map_or(0, |log| log.len())
    }

    /// The durability model, if there is one.
    pub(crate) fn volatile(&self) -> Option<&Volatile> {
        self.volatile.as_ref().map(|attached| &*attached.model)
    }

    /// The power of the storage, for one call.
    pub(crate) fn power(&self) -> Power<'_> {
        if self.unplugged() {
            return Power::Off;
        }
        let Some(Attached { model, generation }) = &self.volatile else { return Power::None };
        model.powered(*generation).map_or(Power::Off, Power::On)
    }

    /// The power went without waiting for calls under way: they are not answered.
    pub(crate) fn unplugged(&self) -> bool {
        self.plug.as_ref().is_some_and(|plug| plug.is_off())
    }

    /// There is power that can go.
    pub(crate) fn has_power(&self) -> bool {
        self.volatile.is_some() || self.plug.is_some()
    }

    /// Turns the power off because a rule said so.
    pub(crate) fn ask_for_cut(&self, mode: CutMode) {
        if let Some(volatile) = self.volatile() {
            volatile.ask_for_cut(mode);
        }
        if let Some(plug) = &self.plug {
            plug.ask_for_cut(mode);
        }
    }

    /// Does one request. `action` changes reads, writes and `statfs` only; failing is the caller's business, lies
    /// were told before.
    pub(crate) fn carry_out(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        action: &Action,
    ) -> Outcome<Answer> {
        let outcome = self.attempt(request, caller, action);
        let full = matches!(outcome, Err(Errno::ENOSPC | Errno::EDQUOT));
        match self.volatile().filter(|_| full) {
            Some(volatile) if volatile.make_room() => self.attempt(request, caller, action),
            _ => outcome,
        }
    }

    fn attempt(&self, request: &Request<'_>, caller: &Caller, action: &Action) -> Outcome<Answer> {
        use super::request::Request as R;
        clear_umask();
        match request {
            R::Lookup { parent, name } => self.lookup(*parent, name).map(Answer::Entry),
            R::Getattr { ino, handle } => self.getattr(*ino, *handle).map(Answer::Attributes),
            R::Setattr { ino, handle, change } => {
                self.setattr(*ino, *handle, change, caller).map(Answer::Attributes)
            }
            R::Readlink { ino } => self.readlink(*ino).map(Answer::Data),
            R::Mknod { parent, name, mode, device } => {
                self.mknod(*parent, name, *mode, *device, caller).map(Answer::Entry)
            }
            R::Mkdir { parent, name, mode } => self.mkdir(*parent, name, *mode, caller).map(Answer::Entry),
            R::Unlink { parent, name } => self.unlink(*parent, name, false, caller).map(|()| Answer::Done),
            R::Rmdir { parent, name } => self.unlink(*parent, name, true, caller).map(|()| Answer::Done),
            R::Symlink { parent, name, target } => {
                self.symlink(*parent, name, target, caller).map(Answer::Entry)
            }
            R::Rename { parent, name, new_parent, new_name, flags } => {
                self.rename((*parent, name), (*new_parent, new_name), *flags, caller).map(|()| Answer::Done)
            }
            R::Link { ino, parent, name } => self.link(*ino, *parent, name, caller).map(Answer::Entry),
            R::Open { ino, flags } => self.open(*ino, *flags).map(Answer::Opened),
            R::Create { parent, name, mode, flags } => {
                self.create(*parent, name, *mode, *flags, caller).map(|(stat, fh)| Answer::Created(stat, fh))
            }
            R::Read { handle, offset, len } => self.read(*handle, *offset, *len, action).map(Answer::Data),
            R::Write { handle, offset, data, clear_setid, sync } => {
                self.write(*handle, (*offset, data), *clear_setid, *sync, caller, action).map(Answer::Written)
            }
            R::Flush { .. } => Ok(Answer::Done),
            R::Release { handle } => self.release(*handle).map(|()| Answer::Done),
            R::Fsync { handle, data_only } => {
                self.fsync(*handle, *data_only, caller, action).map(|()| Answer::Done)
            }
            R::Opendir { ino } => self.opendir(*ino).map(Answer::Opened),
            R::Readdir { handle, offset } => self.readdir(*handle, *offset).map(Answer::Listing),
            R::Releasedir { handle } => self.directories.remove(*handle).map(|_| Answer::Done),
            R::Fsyncdir { handle } => self.fsyncdir(*handle, caller, action).map(|()| Answer::Done),
            R::Statfs { ino } => self.statfs(*ino, action).map(Answer::Statfs),
            R::Setxattr { ino, name, value, flags } => {
                self.setxattr(*ino, name, value, *flags, caller).map(|()| Answer::Done)
            }
            R::Getxattr { ino, name, size } => self.getxattr(*ino, name, *size),
            R::Listxattr { ino, size } => self.listxattr(*ino, *size),
            R::Removexattr { ino, name } => self.removexattr(*ino, name, caller).map(|()| Answer::Done),
            R::Fallocate { handle, offset, len, mode } => {
                self.fallocate(*handle, (*offset, *len), *mode, caller).map(|()| Answer::Done)
            }
            R::Lseek { handle, offset, whence } => self.lseek(*handle, *offset, *whence).map(Answer::Offset),
            R::CopyFileRange { from, from_offset, to, to_offset, len } => self
                .copy_file_range((*from, *from_offset), (*to, *to_offset), *len, caller)
                .map(Answer::Written),
        }
    }

    /// Opens the inode behind an `O_PATH` descriptor again, with access.
    pub(crate) fn reopen(&self, fd: &OwnedFd, flags: OFlag) -> Outcome<OwnedFd> {
        let name = fd.as_raw_fd().to_string();
        let open = || openat(&self.descriptors, name.as_str(), flags | OFlag::O_CLOEXEC, Mode::empty());
        self.table.opened(open)
    }

    /// Path of a descriptor below `/proc`, for calls that take no `O_PATH` descriptor.
    pub(crate) fn proc_path(fd: &OwnedFd) -> CString {
        CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("digits hold no NUL")
    }

    pub(crate) fn stat_entry(&self, directory: &OwnedFd, name: &OsStr) -> Outcome<FileStat> {
        fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// Attributes of an inode as the kernel must see them.
    pub(crate) fn stat_inode(&self, ino: u64) -> Outcome<FileStat> {
        let fd = self.table.fd(ino)?;
        self.seen(fstat(&*fd)?)
    }

    /// The same attributes with the inode number that the kernel sees.
    pub(crate) fn seen(&self, mut stat: FileStat) -> Outcome<FileStat> {
        stat.st_ino = self.table.number(&stat)?;
        if let Some(volatile) = self.volatile() {
            stat.st_nlink = volatile.links(stat.st_ino, stat.st_nlink);
        }
        Ok(stat)
    }

    /// Descriptor of the directory that holds an entry.
    pub(crate) fn directory(&self, ino: u64) -> Outcome<Arc<OwnedFd>> {
        self.table.fd(ino)
    }
}

/// Whether a name may stand in a request: the kernel never sends these, a broken client of the device might.
fn is_special(name: &OsStr) -> bool {
    name.is_empty() || name == "." || name == ".."
}

impl Fs {
    pub(crate) fn lookup(&self, parent: u64, name: &OsStr) -> Outcome<FileStat> {
        if is_special(name) {
            return Err(Errno::EINVAL);
        }
        let directory = self.directory(parent)?;
        let stat = self.seen(self.stat_entry(&directory, name)?)?;
        self.table.remember(stat.st_ino, parent, name);
        Ok(stat)
    }

    pub(crate) fn forget(&self, ino: u64, count: u64) {
        if ino != ROOT {
            self.table.forget(ino, count);
        }
    }
}
