//! Attributes of inodes: get, set, link targets, space.

use super::fs::Fs;
use super::request::{Caller, Change, Outcome, TimeSet};
use crate::rules::decision::Action;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::ftruncate;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

impl Fs {
    pub(super) fn getattr(&self, ino: u64, handle: Option<u64>) -> Outcome<FileStat> {
        match handle {
            Some(handle) => self.seen(fstat(&self.files.get(handle)?.fd)?),
            None => self.stat_inode(ino),
        }
    }

    pub(super) fn setattr(
        &self,
        ino: u64,
        handle: Option<u64>,
        change: &Change,
        caller: &Caller,
    ) -> Outcome<FileStat> {
        match self.volatile() {
            Some(volatile) => self.setattr_tracked(volatile, caller, ino, handle, change),
            None => self.setattr_through(ino, handle, change),
        }
    }

    pub(super) fn setattr_through(
        &self,
        ino: u64,
        handle: Option<u64>,
        change: &Change,
    ) -> Outcome<FileStat> {
        let fd = self.table.fd(ino)?;
        if change.uid.is_some() || change.gid.is_some() {
            chown(&fd, change.uid, change.gid)?;
        }
        // Size before mode: a truncation clears set-id bits that the same request may set.
        if let Some(size) = change.size {
            self.truncate(&fd, handle, size)?;
        }
        if let Some(mode) = change.mode {
            chmod(&fd, mode)?;
        }
        set_times(&fd, change.atime, change.mtime)?;
        self.seen(fstat(&*fd)?)
    }

    fn truncate(&self, fd: &OwnedFd, handle: Option<u64>, size: u64) -> Outcome<()> {
        let size = i64::try_from(size).map_err(|_| Errno::EFBIG)?;
        match handle {
            Some(handle) => ftruncate(&self.files.get(handle)?.fd, size),
            None => ftruncate(self.reopen(fd, OFlag::O_WRONLY | OFlag::O_NONBLOCK)?, size),
        }
    }

    pub(super) fn readlink(&self, ino: u64) -> Outcome<Vec<u8>> {
        Ok(readlinkat(&*self.table.fd(ino)?, "")?.into_vec())
    }

    pub(super) fn statfs(&self, ino: u64, action: &Action) -> Outcome<libc::statvfs> {
        let fd = self.table.fd(ino)?;
        // SAFETY: an all-zero statvfs is a valid value of this plain structure.
        let mut space: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open, the pointer is to a structure that lives across the call.
        Errno::result(unsafe { libc::fstatvfs(fd.as_raw_fd(), &raw mut space) })?;
        if let Action::Statfs { free_bytes, free_inodes } = action {
            if let Some(bytes) = free_bytes {
                let blocks = bytes / space.f_frsize.max(1);
                space.f_bfree = blocks;
                space.f_bavail = blocks;
                space.f_blocks = space.f_blocks.max(blocks);
            }
            if let Some(inodes) = free_inodes {
                space.f_ffree = *inodes;
                space.f_favail = *inodes;
                space.f_files = space.f_files.max(*inodes);
            }
        }
        Ok(space)
    }
}

/// Changes the owner of any inode through an `O_PATH` descriptor.
pub(crate) fn chown(fd: &OwnedFd, uid: Option<u32>, gid: Option<u32>) -> Outcome<()> {
    let (uid, gid) = (uid.unwrap_or(u32::MAX), gid.unwrap_or(u32::MAX));
    // SAFETY: the descriptor is open and the path is an empty NUL-terminated string.
    let result = unsafe { libc::fchownat(fd.as_raw_fd(), c"".as_ptr(), uid, gid, libc::AT_EMPTY_PATH) };
    Errno::result(result).map(drop)
}

/// Changes the mode of any inode but a symbolic link through an `O_PATH` descriptor.
pub(crate) fn chmod(fd: &OwnedFd, mode: u32) -> Outcome<()> {
    let path = Fs::proc_path(fd);
    // SAFETY: the path is NUL-terminated and lives across the call.
    let result = unsafe { libc::chmod(path.as_ptr(), mode & 0o7777) };
    Errno::result(result).map(drop)
}

fn timespec(time: TimeSet) -> libc::timespec {
    match time {
        TimeSet::Keep => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT },
        TimeSet::Now => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW },
        TimeSet::At { seconds, nanoseconds } => {
            libc::timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds) }
        }
    }
}

pub(crate) fn set_times(fd: &OwnedFd, atime: TimeSet, mtime: TimeSet) -> Outcome<()> {
    if matches!((atime, mtime), (TimeSet::Keep, TimeSet::Keep)) {
        return Ok(());
    }
    let times = [timespec(atime), timespec(mtime)];
    // SAFETY: the descriptor is open, the path is an empty NUL-terminated string, `times` holds two entries.
    let result =
        unsafe { libc::utimensat(fd.as_raw_fd(), c"".as_ptr(), times.as_ptr(), libc::AT_EMPTY_PATH) };
    Errno::result(result).map(drop)
}
