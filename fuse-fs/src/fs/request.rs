//! Requests and answers, free of any wire format. Borrowed while a call is served at once, owned while it is
//! parked.

use nix::errno::Errno;

use super::listing::Listing;
use crate::call::Op;
use nix::sys::stat::FileStat;
use std::borrow::Cow;
use std::ffi::OsStr;

type Name<'a> = Cow<'a, OsStr>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pid: u32,
    /// Ordinal of the call in the trace; 0 without a trace.
    pub(crate) seq: u64,
}

/// A time to set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TimeSet {
    Keep,
    Now,
    At { seconds: i64, nanoseconds: u32 },
}

/// What `setattr` changes; several at once are possible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) atime: TimeSet,
    pub(crate) mtime: TimeSet,
}

/// How durable a call is before it is answered: by a flag of the open file, or of this one call (`pwritev2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteSync {
    /// As by fdatasync.
    Data,
    /// As by fsync.
    Full,
}

impl WriteSync {
    /// Of flags as `open` has them.
    pub(crate) fn of(flags: i32) -> Option<WriteSync> {
        match flags & libc::O_SYNC {
            0 => None,
            libc::O_SYNC => Some(WriteSync::Full),
            _ => Some(WriteSync::Data),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Request<'a> {
    Lookup { parent: u64, name: Name<'a> },
    Getattr { ino: u64, handle: Option<u64> },
    Setattr { ino: u64, handle: Option<u64>, change: Change },
    Readlink { ino: u64 },
    Mknod { parent: u64, name: Name<'a>, mode: u32, device: u32 },
    Mkdir { parent: u64, name: Name<'a>, mode: u32 },
    Unlink { parent: u64, name: Name<'a> },
    Rmdir { parent: u64, name: Name<'a> },
    Symlink { parent: u64, name: Name<'a>, target: Name<'a> },
    Rename { parent: u64, name: Name<'a>, new_parent: u64, new_name: Name<'a>, flags: u32 },
    Link { ino: u64, parent: u64, name: Name<'a> },
    Open { ino: u64, flags: i32 },
    Create { parent: u64, name: Name<'a>, mode: u32, flags: i32 },
    Read { handle: u64, offset: u64, len: u32 },
    Write { handle: u64, offset: u64, data: Cow<'a, [u8]>, clear_setid: bool, sync: Option<WriteSync> },
    Flush { handle: u64 },
    Release { handle: u64 },
    Fsync { handle: u64, data_only: bool },
    Opendir { ino: u64 },
    Readdir { handle: u64, offset: u64 },
    Releasedir { handle: u64 },
    Fsyncdir { handle: u64 },
    Statfs { ino: u64 },
    Setxattr { ino: u64, name: Name<'a>, value: Cow<'a, [u8]>, flags: i32 },
    Getxattr { ino: u64, name: Name<'a>, size: u32 },
    Listxattr { ino: u64, size: u32 },
    Removexattr { ino: u64, name: Name<'a> },
    Fallocate { handle: u64, offset: u64, len: u64, mode: i32 },
    Lseek { handle: u64, offset: i64, whence: i32 },
    CopyFileRange { from: u64, from_offset: u64, to: u64, to_offset: u64, len: u64 },
}

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    Entry(FileStat),
    Attributes(FileStat),
    Data(Vec<u8>),
    Opened(u64),
    Created(FileStat, u64),
    Written(u64),
    Offset(i64),
    Statfs(libc::statvfs),
    XattrSize(u32),
    Listing(Listing),
}

impl Answer {
    /// Bytes moved, for counters and traces.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Answer::Data(data) => data.len() as u64,
            Answer::Written(n) => *n,
            Answer::Done
            | Answer::Entry(_)
            | Answer::Attributes(_)
            | Answer::Opened(_)
            | Answer::Created(..)
            | Answer::Offset(_)
            | Answer::Statfs(_)
            | Answer::XattrSize(_)
            | Answer::Listing(_) => 0,
        }
    }

    /// The inode the answer names, if any.
    pub(crate) fn ino(&self) -> Option<u64> {
        match self {
            Answer::Entry(stat) | Answer::Attributes(stat) | Answer::Created(stat, _) => Some(stat.st_ino),
            _ => None,
        }
    }
}

impl Change {
    fn op(&self) -> Op {
        if self.size.is_some() {
            Op::Truncate
        } else if self.uid.is_some() || self.gid.is_some() {
            Op::Chown
        } else if self.mode.is_some() {
            Op::Chmod
        } else {
            Op::Utimens
        }
    }
}

impl Request<'_> {
    /// The operation, as rules name it. A `setattr` of several things counts as its weightiest.
    pub(crate) fn op(&self) -> Op {
        match self {
            Request::Lookup { .. } => Op::Lookup,
            Request::Getattr { .. } => Op::Getattr,
            Request::Setattr { change, .. } => change.op(),
            Request::Readlink { .. } => Op::Readlink,
            Request::Mknod { .. } => Op::Mknod,
            Request::Mkdir { .. } => Op::Mkdir,
            Request::Unlink { .. } => Op::Unlink,
            Request::Rmdir { .. } => Op::Rmdir,
            Request::Symlink { .. } => Op::Symlink,
            Request::Rename { .. } => Op::Rename,
            Request::Link { .. } => Op::Link,
            Request::Open { .. } => Op::Open,
            Request::Create { .. } => Op::Create,
            Request::Read { .. } => Op::Read,
            Request::Write { .. } => Op::Write,
            Request::Flush { .. } => Op::Flush,
            Request::Release { .. } => Op::Release,
            Request::Fsync { .. } => Op::Fsync,
            Request::Opendir { .. } => Op::Opendir,
            Request::Readdir { .. } => Op::Readdir,
            Request::Releasedir { .. } => Op::Releasedir,
            Request::Fsyncdir { .. } => Op::Fsyncdir,
            Request::Statfs { .. } => Op::Statfs,
            Request::Setxattr { .. } => Op::Setxattr,
            Request::Getxattr { .. } => Op::Getxattr,
            Request::Listxattr { .. } => Op::Listxattr,
            Request::Removexattr { .. } => Op::Removexattr,
            Request::Fallocate { .. } => Op::Fallocate,
            Request::Lseek { .. } => Op::Lseek,
            Request::CopyFileRange { .. } => Op::CopyFileRange,
        }
    }

    /// Offset and length, as rules and traces see them.
    pub(crate) fn extent(&self) -> (u64, u64) {
        match self {
            Request::Setattr { change, .. } => (change.size.unwrap_or(0), 0),
            Request::Read { offset, len, .. } => (*offset, u64::from(*len)),
            Request::Write { offset, data, .. } => (*offset, data.len() as u64),
            Request::Fallocate { offset, len, .. } => (*offset, *len),
            Request::Lseek { offset, .. } => (u64::try_from(*offset).unwrap_or(0), 0),
            Request::CopyFileRange { to_offset, len, .. } => (*to_offset, *len),
            _ => (0, 0),
        }
    }

    /// The entry of a directory that the request names.
    pub(crate) fn entry(&self) -> Option<(u64, &OsStr)> {
        match self {
            Request::Lookup { parent, name }
            | Request::Mknod { parent, name, .. }
            | Request::Mkdir { parent, name, .. }
            | Request::Unlink { parent, name }
            | Request::Rmdir { parent, name }
            | Request::Symlink { parent, name, .. }
            | Request::Rename { parent, name, .. }
            | Request::Create { parent, name, .. } => Some((*parent, name)),
            _ => None,
        }
    }

    /// The destination of rename and link.
    pub(crate) fn destination(&self) -> Option<(u64, &OsStr)> {
        match self {
            Request::Rename { new_parent, new_name, .. } => Some((*new_parent, new_name)),
            Request::Link { parent, name, .. } => Some((*parent, name)),
            _ => None,
        }
    }

    /// The inode itself, for requests that name one.
    pub(crate) fn inode(&self) -> Option<u64> {
        match self {
            Request::Getattr { ino, .. }
            | Request::Setattr { ino, .. }
            | Request::Readlink { ino }
            | Request::Link { ino, .. }
            | Request::Open { ino, .. }
            | Request::Opendir { ino }
            | Request::Statfs { ino }
            | Request::Setxattr { ino, .. }
            | Request::Getxattr { ino, .. }
            | Request::Listxattr { ino, .. }
            | Request::Removexattr { ino, .. } => Some(*ino),
            _ => None,
        }
    }

    /// The open file, for requests on one; of two, the one that changes.
    pub(crate) fn file_handle(&self) -> Option<u64> {
        match self {
            Request::Read { handle, .. }
            | Request::Write { handle, .. }
            | Request::Flush { handle }
            | Request::Release { handle }
            | Request::Fsync { handle, .. }
            | Request::Fallocate { handle, .. }
            | Request::Lseek { handle, .. }
            | Request::CopyFileRange { to: handle, .. } => Some(*handle),
            Request::Getattr { handle, .. } | Request::Setattr { handle, .. } => *handle,
            _ => None,
        }
    }

    /// The open directory, for requests on one.
    pub(crate) fn directory_handle(&self) -> Option<u64> {
        match self {
            Request::Readdir { handle, .. }
            | Request::Releasedir { handle }
            | Request::Fsyncdir { handle } => Some(*handle),
            _ => None,
        }
    }

    /// The same request with its data copied, to outlive the kernel's buffer.
    pub(crate) fn into_owned(self) -> Request<'static> {
        use self::Request as R;
        let own = |n: Name<'_>| -> Name<'static> { Cow::Owned(n.into_owned()) };
        match self {
            R::Lookup { parent, name } => R::Lookup { parent, name: own(name) },
            R::Getattr { ino, handle } => R::Getattr { ino, handle },
            R::Setattr { ino, handle, change } => R::Setattr { ino, handle, change },
            R::Readlink { ino } => R::Readlink { ino },
            R::Mknod { parent, name, mode, device } => R::Mknod { parent, name: own(name), mode, device },
            R::Mkdir { parent, name, mode } => R::Mkdir { parent, name: own(name), mode },
            R::Unlink { parent, name } => R::Unlink { parent, name: own(name) },
            R::Rmdir { parent, name } => R::Rmdir { parent, name: own(name) },
            R::Symlink { parent, name, target } => {
                R::Symlink { parent, name: own(name), target: own(target) }
            }
            R::Rename { parent, name, new_parent, new_name, flags } => {
                R::Rename { parent, name: own(name), new_parent, new_name: own(new_name), flags }
            }
            R::Link { ino, parent, name } => R::Link { ino, parent, name: own(name) },
            R::Open { ino, flags } => R::Open { ino, flags },
            R::Create { parent, name, mode, flags } => R::Create { parent, name: own(name), mode, flags },
            R::Read { handle, offset, len } => R::Read { handle, offset, len },
            R::Write { handle, offset, data, clear_setid, sync } => {
                R::Write { handle, offset, data: Cow::Owned(data.into_owned()), clear_setid, sync }
            }
            R::Flush { handle } => R::Flush { handle },
            R::Release { handle } => R::Release { handle },
            R::Fsync { handle, data_only } => R::Fsync { handle, data_only },
            R::Opendir { ino } => R::Opendir { ino },
            R::Readdir { handle, offset } => R::Readdir { handle, offset },
            R::Releasedir { handle } => R::Releasedir { handle },
            R::Fsyncdir { handle } => R::Fsyncdir { handle },
            R::Statfs { ino } => R::Statfs { ino },
            R::Setxattr { ino, name, value, flags } => {
                R::Setxattr { ino, name: own(name), value: Cow::Owned(value.into_owned()), flags }
            }
            R::Getxattr { ino, name, size } => R::Getxattr { ino, name: own(name), size },
            R::Listxattr { ino, size } => R::Listxattr { ino, size },
            R::Removexattr { ino, name } => R::Removexattr { ino, name: own(name) },
            R::Fallocate { handle, offset, len, mode } => R::Fallocate { handle, offset, len, mode },
            R::Lseek { handle, offset, whence } => R::Lseek { handle, offset, whence },
            R::CopyFileRange { from, from_offset, to, to_offset, len } => {
                R::CopyFileRange { from, from_offset, to, to_offset, len }
            }
        }
    }
}

/// What a request comes to.
pub(crate) type Outcome<T> = Result<T, Errno>;
