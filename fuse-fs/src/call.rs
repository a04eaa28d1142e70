//! One file-system request, as rules and traces see it.

use crate::clock::Nanos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// A file-system operation, named after the system call that causes it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[repr(u8)]
pub enum Op {
    /// Name to inode; precedes most path-based calls.
    Lookup,
    /// `stat`, `fstat`.
    Getattr,
    /// `truncate`, `ftruncate`, and `open` with `O_TRUNC`.
    Truncate,
    /// `chmod`, `fchmod`.
    Chmod,
    /// `chown`, `fchown`.
    Chown,
    /// `utimensat`, `futimens`.
    Utimens,
    /// `readlink`.
    Readlink,
    /// `mknod`: FIFOs, sockets, devices, regular files by that call.
    Mknod,
    /// `mkdir`.
    Mkdir,
    /// `unlink`.
    Unlink,
    /// `rmdir`.
    Rmdir,
    /// `symlink`.
    Symlink,
    /// `rename`, `renameat2`.
    Rename,
    /// `link`.
    Link,
    /// `open` of an existing file.
    Open,
    /// `open` with `O_CREAT` of a new file.
    Create,
    /// `read`, `pread`.
    Read,
    /// `write`, `pwrite`.
    Write,
    /// `close`: the call whose error the closing process sees.
    Flush,
    /// The last reference to an open file went away; no error reaches anybody.
    Release,
    /// `fsync`, `fdatasync` of a file.
    Fsync,
    /// `opendir`.
    Opendir,
    /// `getdents`.
    Readdir,
    /// `closedir`.
    Releasedir,
    /// `fsync`, `fdatasync` of a directory.
    Fsyncdir,
    /// `statfs`.
    Statfs,
    /// `setxattr`.
    Setxattr,
    /// `getxattr`.
    Getxattr,
    /// `listxattr`.
    Listxattr,
    /// `removexattr`.
    Removexattr,
    /// `fallocate`; of a device `discard`.
    #[strum(to_string = "fallocate", serialize = "discard")]
    Fallocate,
    /// `lseek` with `SEEK_HOLE` or `SEEK_DATA`.
    Lseek,
    /// `copy_file_range`.
    CopyFileRange,
}

impl Op {
    /// Whether a call of this kind changes something.
    pub fn changes(self) -> bool {
        match self {
            Op::Truncate
            | Op::Chmod
            | Op::Chown
            | Op::Utimens
            | Op::Mknod
            | Op::Mkdir
            | Op::Unlink
            | Op::Rmdir
            | Op::Symlink
            | Op::Rename
            | Op::Link
            | Op::Create
            | Op::Write
            | Op::Setxattr
            | Op::Removexattr
            | Op::Fallocate
            | Op::CopyFileRange => true,
            Op::Lookup
            | Op::Getattr
            | Op::Readlink
            | Op::Open
            | Op::Read
            | Op::Flush
            | Op::Release
            | Op::Fsync
            | Op::Fsyncdir
            | Op::Opendir
            | Op::Readdir
            | Op::Releasedir
            | Op::Statfs
            | Op::Getxattr
            | Op::Listxattr
            | Op::Lseek => false,
        }
    }

    /// Whether a call of this kind makes changes durable.
    pub fn makes_durable(self) -> bool {
        matches!(self, Op::Fsync | Op::Fsyncdir)
    }
}

/// What kind of file a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A FIFO, socket or device.
    Special,
}

/// Parts of a file.
pub type Parts = SmallVec<[Range<u64>; 2]>;

/// What a selector may ask about a call beyond its fixed fields. The answers cost something, so
/// they are asked for only by rules that need them.
pub trait Subject {
    /// Path relative to the storage's root, without a leading slash; the root itself is empty.
    /// For a call that names an entry of a directory, the path of that entry. An open file that
    /// was unlinked keeps the last name it had.
    fn path(&self) -> Cow<'_, Path>;
    /// The destination of rename and link.
    fn new_path(&self) -> Option<Cow<'_, Path>>;
    /// Kind of the file, `None` if it does not exist (yet).
    fn kind(&self) -> Option<FileKind>;
    /// Size of the file in bytes before the call, `None` if it does not exist (yet).
    fn size(&self) -> Option<u64>;
    /// The parts of this range of the file, ascending, for which the storage holds no space yet: holes, and what lies beyond its
    /// end.
    fn unbacked(&self, range: Range<u64>) -> Parts {
        let from = self.size().unwrap_or(range.start).max(range.start);
        Parts::from_iter((from < range.end).then_some(from..range.end))
    }
    /// Bytes of space that the call gives back by taking what the file holds.
    fn given_back(&self) -> u64 {
        0
    }
    /// The calling thread's name (`/proc/PID/comm`), `None` if it is gone.
    fn command(&self) -> Option<Cow<'_, str>>;
    /// Inode number of the file, `None` if it does not exist (yet).
    fn ino(&self) -> Option<u64> {
        None
    }
    /// How long the file has been neither written nor renamed nor otherwise changed.
    fn age(&self) -> Option<Duration> {
        None
    }
    /// Whether the directory that is read holds an entry of which this is true; asked of kind and age.
    fn holds(&self, _wanted: &mut dyn FnMut(FileKind, Duration) -> bool) -> bool {
        false
    }
    /// When the handle that the call is on was opened.
    fn opened(&self) -> Option<Nanos> {
        None
    }
    /// Whether the file is remembered as it was before its last change.
    fn has_earlier_version(&self) -> bool {
        false
    }
}

/// One file-system request.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// What is asked.
    pub op: Op,
    /// Byte offset for read, write, fallocate, lseek, copy-file-range; new size for truncate.
    pub offset: u64,
    /// Byte count for read, write, fallocate, copy-file-range; else 0.
    pub len: u64,
    /// Caller's process id in the file system's PID namespace; 0 if it lives outside or is the kernel.
    pub pid: u32,
    /// Caller's effective user id.
    pub uid: u32,
    /// Flags of the open file (`O_*`), for calls on one; else 0.
    pub open_flags: i32,
    /// What costs something to find out.
    pub subject: &'a dyn Subject,
}
