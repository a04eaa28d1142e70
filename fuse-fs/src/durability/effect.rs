//! Effects: what the calls since the last sync did, each with its place in one order.

use crate::clock::Nanos;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// DirEntry of an effect in its storage's order, from 1; 0 is before all of them.
pub(crate) type OpId = u64;

/// An inode by the number the kernel sees.
pub(crate) type Ino = u64;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) dir: Ino,
    pub(crate) name: Box<[u8]>,
}

impl Key {
    pub(crate) fn new(dir: Ino, name: &[u8]) -> Key {
        Key { dir, name: name.into() }
    }
}

/// A time as `stat` gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: i64,
}

/// What kind of inode, as far as the model cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NodeKind {
    File,
    Directory,
    Other,
}

/// A name with the path of its directory at the time, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirEntry {
    pub(crate) key: Key,
    pub(crate) directory: Arc<str>,
}

impl DirEntry {
    /// Path below the storage's root, lossily UTF-8.
    pub(crate) fn path(&self) -> String {
        let name = String::from_utf8_lossy(&self.key.name);
        if self.directory.is_empty() { name.into_owned() } else { format!("{}/{name}", self.directory) }
    }
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mutation {
    Create {
        place: DirEntry,
        ino: Ino,
        kind: NodeKind,
    },
    Link {
        place: DirEntry,
        ino: Ino,
    },
    Unlink {
        place: DirEntry,
        ino: Ino,
        directory: bool,
    },
    Rename {
        from: DirEntry,
        to: DirEntry,
        ino: Ino,
        replaced: Option<Ino>,
        directory: bool,
    },
    Exchange {
        a: DirEntry,
        a_ino: Ino,
        b: DirEntry,
        b_ino: Ino,
    },
    Write {
        ino: Ino,
        offset: u64,
        len: u64,
    },
    Truncate {
        ino: Ino,
        size: u64,
    },
    /// Preallocation, or a range that reads as zeros from now on.
    Allocate {
        ino: Ino,
        offset: u64,
        len: u64,
    },
    Mode {
        ino: Ino,
    },
    Owner {
        ino: Ino,
    },
    Times {
        ino: Ino,
    },
    Xattr {
        ino: Ino,
    },
}

/// One effect that is not durable as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Op {
    /// Ordinal of the call in the storage's trace.
    pub(crate) call: u64,
    pub(crate) at: Nanos,
    pub(crate) wall: Time,
    pub(crate) kind: Mutation,
    /// Parts of it that are not durable: names apart, content and attributes one each.
    pub(crate) open: u8,
}

impl Mutation {
    /// The names it changes: each with its new inode.
    pub(crate) fn names(&self) -> smallvec::SmallVec<[(&DirEntry, Option<Ino>); 2]> {
        use smallvec::smallvec;
        match self {
            Mutation::Create { place, ino, .. } | Mutation::Link { place, ino } => {
                smallvec![(place, Some(*ino))]
            }
            Mutation::Unlink { place, .. } => smallvec![(place, None)],
            Mutation::Rename { from, to, ino, .. } => smallvec![(from, None), (to, Some(*ino))],
            Mutation::Exchange { a, a_ino, b, b_ino } => smallvec![(a, Some(*b_ino)), (b, Some(*a_ino))],
            _ => smallvec![],
        }
    }

    /// The directory that it removes.
    pub(crate) fn removes_directory(&self) -> Option<Ino> {
        match self {
            Mutation::Unlink { ino, directory: true, .. } => Some(*ino),
            Mutation::Rename { replaced, directory: true, .. } => *replaced,
            _ => None,
        }
    }

    /// Directories to which it moves something.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Ino> {
        let (a, b) = match self {
            Mutation::Rename { to, .. } => (Some(to.key.dir), None),
            Mutation::Exchange { a, b, .. } => (Some(a.key.dir), Some(b.key.dir)),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// Whether it may move a directory to another one.
    pub(crate) fn moves_directory(&self) -> bool {
        match self {
            Mutation::Rename { from, to, directory, .. } => *directory && from.key.dir != to.key.dir,
            Mutation::Exchange { a, b, .. } => a.key.dir != b.key.dir,
            _ => false,
        }
    }

    /// The inode it is on.
    pub(crate) fn ino(&self) -> Ino {
        match self {
            Mutation::Create { ino, .. }
            | Mutation::Link { ino, .. }
            | Mutation::Unlink { ino, .. }
            | Mutation::Rename { ino, .. }
            | Mutation::Exchange { a_ino: ino, .. }
            | Mutation::Write { ino, .. }
            | Mutation::Truncate { ino, .. }
            | Mutation::Allocate { ino, .. }
            | Mutation::Mode { ino }
            | Mutation::Owner { ino }
            | Mutation::Times { ino }
            | Mutation::Xattr { ino } => *ino,
        }
    }

    /// As `EffectLine::kind` names it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Mutation::Create { kind: NodeKind::Directory, .. } => "mkdir",
            Mutation::Create { .. } => "create",
            Mutation::Link { .. } => "link",
            Mutation::Unlink { directory: true, .. } => "rmdir",
            Mutation::Unlink { .. } => "unlink",
            Mutation::Rename { .. } => "rename",
            Mutation::Exchange { .. } => "exchange",
            Mutation::Write { .. } => "write",
            Mutation::Truncate { .. } => "truncate",
            Mutation::Allocate { .. } => "allocate",
            Mutation::Mode { .. } => "chmod",
            Mutation::Owner { .. } => "chown",
            Mutation::Times { .. } => "utimens",
            Mutation::Xattr { .. } => "xattr",
        }
    }

    /// Offset and length, or size.
    pub(crate) fn extent(&self) -> (u64, u64) {
        match self {
            Mutation::Write { offset, len, .. } | Mutation::Allocate { offset, len, .. } => (*offset, *len),
            Mutation::Truncate { size, .. } => (*size, 0),
            _ => (0, 0),
        }
    }
}

/// A sync call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// fsync, or fdatasync if `data_only`. `parent`: a directory that holds a name of the file, if known.
    File { ino: Ino, data_only: bool, parent: Option<Ino> },
    /// fsync or fdatasync of a directory.
    Directory { ino: Ino },
    /// syncfs.
    Everything,
}
