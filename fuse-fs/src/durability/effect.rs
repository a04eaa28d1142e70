//! Effects: what the calls since the last sync did, each with its place in one order.

use crate::clock::Nanos;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Place of an effect in its storage's order, from 1; 0 is before all of them.
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
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) directory: Arc<str>,
}

impl Place {
    /// Path below the storage's root, lossily UTF-8.
    pub(crate) fn path(&self) -> String {
        let name = String::from_utf8_lossy(&self.key.name);
        if self.directory.is_empty() { name.into_owned() } else { format!("{}/{name}", self.directory) }
    }
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Create {
        place: Place,
        ino: Ino,
        kind: NodeKind,
    },
    Link {
        place: Place,
        ino: Ino,
    },
    Unlink {
        place: Place,
        ino: Ino,
        directory: bool,
    },
    Rename {
        from: Place,
        to: Place,
        ino: Ino,
        replaced: Option<Ino>,
        directory: bool,
    },
    Exchange {
        a: Place,
        a_ino: Ino,
        b: Place,
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
    pub(crate) kind: Kind,
    /// Parts of it that are not durable: names apart, content and attributes one each.
    pub(crate) open: u8,
}

impl Kind {
    /// The names it changes: each with its new inode.
    pub(crate) fn names(&self) -> smallvec::SmallVec<[(&Place, Option<Ino>); 2]> {
        use smallvec::smallvec;
        match self {
            Kind::Create { place, ino, .. } | Kind::Link { place, ino } => smallvec![(place, Some(*ino))],
            Kind::Unlink { place, .. } => smallvec![(place, None)],
            Kind::Rename { from, to, ino, .. } => smallvec![(from, None), (to, Some(*ino))],
            Kind::Exchange { a, a_ino, b, b_ino } => smallvec![(a, Some(*b_ino)), (b, Some(*a_ino))],
            _ => smallvec![],
        }
    }

    /// The directory that it removes.
    pub(crate) fn removes_directory(&self) -> Option<Ino> {
        match self {
            Kind::Unlink { ino, directory: true, .. } => Some(*ino),
            Kind::Rename { replaced, directory: true, .. } => *replaced,
            _ => None,
        }
    }

    /// Directories to which it moves something.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Ino> {
        let (a, b) = match self {
            Kind::Rename { to, .. } => (Some(to.key.dir), None),
            Kind::Exchange { a, b, .. } => (Some(a.key.dir), Some(b.key.dir)),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// Whether it may move a directory to another one.
    pub(crate) fn moves_directory(&self) -> bool {
        match self {
            Kind::Rename { from, to, directory, .. } => *directory && from.key.dir != to.key.dir,
            Kind::Exchange { a, b, .. } => a.key.dir != b.key.dir,
            _ => false,
        }
    }

    /// The inode it is on.
    pub(crate) fn ino(&self) -> Ino {
        match self {
            Kind::Create { ino, .. }
            | Kind::Link { ino, .. }
            | Kind::Unlink { ino, .. }
            | Kind::Rename { ino, .. }
            | Kind::Exchange { a_ino: ino, .. }
            | Kind::Write { ino, .. }
            | Kind::Truncate { ino, .. }
            | Kind::Allocate { ino, .. }
            | Kind::Mode { ino }
            | Kind::Owner { ino }
            | Kind::Times { ino }
            | Kind::Xattr { ino } => *ino,
        }
    }

    /// As `EffectLine::kind` names it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Kind::Create { kind: NodeKind::Directory, .. } => "mkdir",
            Kind::Create { .. } => "create",
            Kind::Link { .. } => "link",
            Kind::Unlink { directory: true, .. } => "rmdir",
            Kind::Unlink { .. } => "unlink",
            Kind::Rename { .. } => "rename",
            Kind::Exchange { .. } => "exchange",
            Kind::Write { .. } => "write",
            Kind::Truncate { .. } => "truncate",
            Kind::Allocate { .. } => "allocate",
            Kind::Mode { .. } => "chmod",
            Kind::Owner { .. } => "chown",
            Kind::Times { .. } => "utimens",
            Kind::Xattr { .. } => "xattr",
        }
    }

    /// Offset and length, or size.
    pub(crate) fn extent(&self) -> (u64, u64) {
        match self {
            Kind::Write { offset, len, .. } | Kind::Allocate { offset, len, .. } => (*offset, *len),
            Kind::Truncate { size, .. } => (*size, 0),
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
