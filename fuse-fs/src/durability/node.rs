//! One inode with something that is not durable: attributes, content, and what sync calls need to know of it.

use super::effect::{DirEntry, Ino, Key, NodeKind, OpId, Time};
use super::file::Data;
use super::track::Track;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// An inode that changed since it was durable as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// The effect that made it; 0 if it is older than the model.
    pub(crate) created: OpId,
    /// A name of it, for people.
    pub(crate) place: Option<DirEntry>,
    pub(crate) mode: Option<Track<u32>>,
    pub(crate) owner: Option<Track<(u32, u32)>>,
    /// Modification time, explicit or by a change of content or entries.
    pub(crate) mtime: Option<Track<Time>>,
    #[serde(with = "super::pairs")]
    pub(crate) xattrs: BTreeMap<Box<[u8]>, Track<Option<Vec<u8>>>>,
    pub(crate) data: Option<Box<Data>>,
    /// Last effect of any kind on it; on anything but the times of its content; on its size or blocks.
    pub(crate) any: OpId,
    pub(crate) core: OpId,
    pub(crate) size: OpId,
    pub(crate) log: Log,
    /// Syncs that were answered with success and did nothing, or that failed: the last of each.
    pub(crate) lost_sync: OpId,
    pub(crate) failed_sync: OpId,
}

/// What the log of `btrfs` needs to know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Log {
    /// It was logged when this was the last effect; 0: never.
    pub(crate) logged: OpId,
    /// An inode that was not logged was renamed out of this directory, not logged itself.
    pub(crate) bled: OpId,
    /// A directory moved into or out of it, or it is one that moved, or its name was exchanged across directories.
    pub(crate) moved: OpId,
    /// A rename gave its name to another.
    pub(crate) replaced: OpId,
    /// Entries that it gained or lost since the last commit.
    pub(crate) keys: SmallVec<[Key; 2]>,
    /// Directories that held a name of it at the last commit, as far as known.
    pub(crate) parents: SmallVec<[Ino; 1]>,
}

impl Log {
    /// A commit of everything up to `upto` begins the log anew; `is_pending` says which entries changed since.
    pub(crate) fn committed(&mut self, upto: OpId, is_pending: impl Fn(&Key) -> bool) {
        for last in [&mut self.logged, &mut self.bled, &mut self.moved, &mut self.replaced] {
            *last = if *last > upto { *last } else { 0 };
        }
        self.keys.retain(|key| is_pending(key));
        if self.keys.is_empty() {
            self.parents.clear();
        }
    }
}

impl Node {
    pub(crate) fn new(kind: NodeKind, created: OpId, place: Option<DirEntry>) -> Node {
        Node {
            kind,
            created,
            place,
            mode: None,
            owner: None,
            mtime: None,
            xattrs: BTreeMap::new(),
            data: None,
            any: 0,
            core: 0,
            size: 0,
            log: Log::default(),
            lost_sync: 0,
            failed_sync: 0,
        }
    }

    /// Makes attributes up to `op` durable; `done` gets the effects.
    pub(crate) fn fold_attributes(&mut self, op: OpId, done: &mut Vec<OpId>) {
        fold(&mut self.mode, op, done);
        fold(&mut self.owner, op, done);
        fold(&mut self.mtime, op, done);
        self.xattrs.retain(|_, track| {
            track.fold(op, |id, _| done.push(id));
            !track.pending.is_empty()
        });
    }

    /// Whether any attribute or content is not durable.
    pub(crate) fn is_pending(&self) -> bool {
        let attributes = self.mode.is_some() || self.owner.is_some() || self.mtime.is_some();
        attributes || !self.xattrs.is_empty() || self.data.as_ref().is_some_and(|data| !data.is_clean())
    }

    /// The modification time changed by a change of content or entries; changes within one tick of the kernel's
    /// clock, 4 ms, are one.
    pub(crate) fn modified(&mut self, op: OpId, before: Option<Time>, now: Time) {
        const TICK_NS: i64 = 4_000_000;
        let track = match (&mut self.mtime, before) {
            (Some(track), _) => track,
            (none, Some(before)) => none.insert(Track::new(before)),
            (None, None) => return,
        };
        match track.pending.last() {
            Some((_, last))
                if last.seconds == now.seconds && now.nanoseconds - last.nanoseconds < TICK_NS => {}
            _ => track.push(op, now),
        }
    }
}

fn fold<T: Clone>(track: &mut Option<Track<T>>, op: OpId, done: &mut Vec<OpId>) {
    if let Some(some) = track {
        some.fold(op, |id, _| done.push(id));
        if some.pending.is_empty() {
            *track = None;
        }
    }
}
