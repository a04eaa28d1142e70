//! The durability model of one storage: what is pending, in which order, and what is durable. Pure: no I/O, no clock.
//!
//! The backing directory always holds the newest state. The model holds what a cut needs to go back from it: for each
//! entry, attribute and page that changed, what is durable and what came since. `sync` says what a sync call makes
//! durable under each profile, `choice` what a cut may do to the rest.
//!
//! Invariants: effects are numbered in the order in which they happened, calls on one inode's content and calls on
//! names never overlap (the caller holds locks). An effect is in `ops` as long as a part of it is not durable.

use super::blocks::Blocks;
use super::effect::{DirEntry, Ino, Key, Mutation, NodeKind, Op, OpId, Time};
use super::file::{Data, Undo, up};
use super::names::Names;
use super::node::Node;
use super::profile::{Persistence, Profile};
use super::store::BlobId;
use super::versions::Spans;
use super::written_along::write_along;
use crate::clock::Nanos;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) persistence: Persistence,
    /// The last effect.
    pub(crate) last: OpId,
    /// Names, attributes and sizes up to here are durable, on profiles that commit all of them in order.
    pub(crate) committed: OpId,
    pub(crate) ops: Blocks<Op>,
    pub(crate) names: Names,
    #[serde(with = "super::pairs")]
    pub(crate) nodes: BTreeMap<Ino, Node>,
    /// Inodes with an effect since the last commit.
    pub(crate) touched: Vec<Ino>,
    /// Entries that the next call that writes the log of `btrfs` carries with it.
    pub(crate) lazy: Vec<(Key, OpId)>,
    /// Files whose size goes with that call too, if it is less than the one in the log.
    pub(crate) shortened: Vec<(Ino, OpId, u64)>,
    /// Whether the kernel may have written back and committed by itself; not so where measurements held it off.
    pub(crate) background_writeback: bool,
    /// Whether writeback that a call started may be under way when the next commit comes; not so where a disk in memory was measured.
    pub(crate) writeback_lasts: bool,
    /// A cut may leave a page half new: the disk's sectors are smaller than pages.
    pub(crate) tears: bool,
    /// Pieces put aside that need not be kept any more.
    #[serde(skip)]
    pub(crate) freed: Vec<BlobId>,
    #[serde(skip)]
    pub(crate) spans: Spans,
    /// Inodes without a name now or after any cut, and whether their content is dirty: who holds one open may write it
    /// and sync it, and a commit comes with that.
    dead: HashMap<Ino, bool>,
}

/// The call behind an effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Ordinal in the storage's trace.
    pub(crate) call: u64,
    pub(crate) at: Nanos,
    pub(crate) wall: Time,
}

/// What was put aside before a change of content.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    /// Writeback that had been started then: what a page held when later one was is not known.
    pub(crate) started: OpId,
    /// Whole old pages by index, ascending.
    pub(crate) pages: SmallVec<[(u64, BlobId); 2]>,
    /// What pages hold that changed before, by index; `None`: zeros.
    pub(crate) versions: Vec<(u64, Option<BlobId>)>,
    /// Under `ordered`: the old bytes as they were; `None` were zeros.
    pub(crate) pieces: SmallVec<[(u64, Option<BlobId>, u64); 1]>,
}

impl Captured {
    /// What was put aside of a page; `None`: it held zeros.
    pub(super) fn page(&self, index: u64) -> Option<BlobId> {
        self.pages.binary_search_by_key(&index, |kept| kept.0).ok().map(|at| self.pages[at].1)
    }

    pub(crate) fn blobs(&self) -> impl Iterator<Item = BlobId> {
        let (pages, pieces) = (self.pages.iter().map(|page| page.1), self.pieces.iter().filter_map(|p| p.1));
        pages.chain(pieces).chain(self.versions.iter().filter_map(|version| version.1))
    }
}

/// A change of content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Write {
        offset: u64,
        len: u64,
    },
    Truncate {
        size: u64,
    },
    /// `zeros`: the range reads as zeros from now on; else only blocks and size.
    Allocate {
        offset: u64,
        len: u64,
        size: u64,
        zeros: bool,
    },
}

impl Change {
    /// Bytes whose old content is lost.
    pub(crate) fn overwrites(self, size: u64) -> (u64, u64) {
        match self {
            Change::Write { offset, len } | Change::Allocate { offset, len, zeros: true, .. } => {
                (offset, offset.saturating_add(len))
            }
            Change::Truncate { size: to } => (to, size),
            Change::Allocate { zeros: false, .. } => (0, 0),
        }
    }
}

/// An attribute with its value before and after.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Mode(u32, u32),
    Owner((u32, u32), (u32, u32)),
    Mtime(Time, Time),
    Xattr(Box<[u8]>, Option<Vec<u8>>, Option<Vec<u8>>),
}

impl Model {
    pub(crate) fn new(persistence: Persistence) -> Model {
        Model {
            persistence,
            last: 0,
            committed: 0,
            ops: Blocks::default(),
            names: Names::default(),
            nodes: BTreeMap::new(),
            touched: Vec::new(),
            lazy: Vec::new(),
            shortened: Vec::new(),
            background_writeback: true,
            writeback_lasts: true,
            tears: true,
            freed: Vec::new(),
            spans: Spans::default(),
            dead: HashMap::new(),
        }
    }

    pub(crate) fn profile(&self) -> Profile {
        self.persistence.profile
    }

    /// Whether every change is undone by itself instead of page by page.
    pub(crate) fn undoes(&self) -> bool {
        self.profile() == Profile::Ordered
    }

    /// Whether the modification time before the next change is not known yet.
    pub(crate) fn needs_mtime(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_none_or(|node| node.mtime.is_none())
    }

    /// The size of a file of which both size and modification time are pending.
    pub(crate) fn known_size(&self, ino: Ino) -> Option<u64> {
        let node = self.nodes.get(&ino).filter(|node| node.mtime.is_some())?;
        node.data.as_ref().map(|data| data.size)
    }

    /// Ranges of a file of `size` bytes to put aside before `change`.
    pub(crate) fn to_capture(&self, ino: Ino, size: u64, change: Change) -> SmallVec<[(u64, u64); 2]> {
        let (from, to) = change.overwrites(size);
        match self.nodes.get(&ino).and_then(|node| node.data.as_ref()) {
            Some(data) => data.missing(from, to, self.undoes()),
            None if self.dead.contains_key(&ino) => SmallVec::new(),
            None => Data::of_old(size).missing(from, to, self.undoes()),
        }
    }

    /// Up to which effect writeback of a file was started.
    pub(crate) fn started(&self, ino: Ino) -> OpId {
        self.nodes.get(&ino).and_then(|node| node.data.as_ref()).map_or(0, |data| data.started)
    }

    fn begin(&mut self, stamp: Stamp, kind: Mutation, open: u8) -> OpId {
        self.last += 1;
        let op = Op { call: stamp.call, at: stamp.at, wall: stamp.wall, kind, open };
        self.ops.insert(self.last, op);
        if self.profile().data_is_durable_after().is_some() {
            self.spans.note(stamp.at, self.last);
        }
        self.last
    }

    /// Part of an effect became durable.
    pub(crate) fn done(&mut self, op: OpId) {
        self.ops.remove_if(op, |pending| {
            pending.open = pending.open.saturating_sub(1);
            pending.open == 0
        });
    }

    /// The node of an inode, made if need be; it is touched by the effect `op`.
    fn touch(&mut self, ino: Ino, op: OpId, kind: NodeKind, core: bool) -> &mut Node {
        let committed = self.committed;
        let node = self.nodes.entry(ino).or_insert_with(|| Node::new(kind, 0, None));
        if node.any <= committed {
            self.touched.push(ino);
        }
        node.any = op;
        if core {
            node.core = op;
        }
        node
    }

    /// Names changed. `mtimes` are the directories' modification times before, where they were not known.
    pub(crate) fn rename(&mut self, stamp: Stamp, kind: Mutation, mtimes: &[(Ino, Time)]) {
        let before = before(&kind);
        let names: SmallVec<[(DirEntry, Option<Ino>); 2]> =
            kind.names().into_iter().map(|(place, after)| (place.clone(), after)).collect();
        let op = self.begin(stamp, kind.clone(), names.len() as u8);
        if let Mutation::Create { place, ino, kind } = &kind {
            self.create(op, place, *ino, *kind);
        }
        self.log_rules(op, &kind);
        for ((place, after), before) in names.iter().zip(before) {
            self.note_entry(op, &place.key, before, *after);
            let mtime = mtimes.iter().find(|m| m.0 == place.key.dir).map(|m| m.1);
            let directory = self.touch(place.key.dir, op, NodeKind::Directory, true);
            directory.modified(op, mtime, stamp.wall);
            self.names.change(op, &place.key, before, *after);
            if let Some(ino) = after {
                self.nodes.entry(*ino).and_modify(|node| node.place = Some(place.clone()));
            }
        }
        if let Mutation::Rename { ino, replaced: Some(_), directory: false, .. } = &kind
            && matches!(self.profile(), Profile::Ext4Ordered | Profile::Btrfs)
        {
            self.start_writeback(*ino, op);
        }
    }

    fn create(&mut self, op: OpId, place: &DirEntry, ino: Ino, kind: NodeKind) {
        self.dead.remove(&ino);
        self.drop_node(ino);
        let mut node = Node::new(kind, op, Some(place.clone()));
        node.size = op;
        if kind == NodeKind::File {
            node.data = Some(Box::default());
        }
        self.nodes.insert(ino, node);
        self.touched.push(ino);
    }

    /// The inodes that an entry gains and loses.
    fn note_entry(&mut self, op: OpId, key: &Key, before: Option<Ino>, after: Option<Ino>) {
        let fresh = self.names.get(key).is_none();
        for ino in [before, after].into_iter().flatten() {
            let node = self.touch(ino, op, NodeKind::File, true);
            if !node.log.keys.contains(key) {
                node.log.keys.push(key.clone());
            }
            if fresh && before == Some(ino) && node.created == 0 && !node.log.parents.contains(&key.dir) {
                node.log.parents.push(key.dir);
            }
        }
    }

    /// Some directory holds a name of the inode.
    pub(crate) fn note_parent(&mut self, ino: Ino, parent: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino)
            && node.created == 0
            && !node.log.parents.contains(&parent)
        {
            node.log.parents.push(parent);
        }
    }

    /// Content changed: a file of `size` bytes before, modified at `mtime` before if that was not known.
    pub(crate) fn change(
        &mut self,
        stamp: Stamp,
        ino: Ino,
        place: Option<DirEntry>,
        (size, mtime): (u64, Option<Time>),
        change: Change,
        captured: Captured,
    ) {
        if let Some(dirty) = self.dead.get_mut(&ino) {
            *dirty = true;
            self.freed.extend(captured.blobs());
            return;
        }
        let kind = match change {
            Change::Write { offset, len } => Mutation::Write { ino, offset, len },
            Change::Truncate { size } => Mutation::Truncate { ino, size },
            Change::Allocate { offset, len, .. } => Mutation::Allocate { ino, offset, len },
        };
        if matches!(change, Change::Truncate { size: to } if to == size) && !self.settles_size(ino) {
            self.freed.extend(captured.blobs());
            return;
        }
        let op = self.begin(stamp, kind, 1);
        let (undoes, profile) = (self.undoes(), self.profile());
        let node = self.touch(ino, op, NodeKind::File, !matches!(change, Change::Write { .. }));
        node.modified(op, mtime, stamp.wall);
        node.place = node.place.take().or(place);
        let data = node.data.get_or_insert_with(|| Box::new(Data::of_old(size)));
        data.early_size = profile == Profile::Ext4Ordered;
        let resized = match change {
            Change::Write { offset, len } => offset + len > size,
            Change::Truncate { .. } | Change::Allocate { .. } => true,
        };
        let (mut replaced, mut freed) = (None, Vec::new());
        if undoes {
            data.undo.push(Undo { op, size, pieces: captured.pieces });
            data.size = match change {
                Change::Write { offset, len } => size.max(offset + len),
                Change::Truncate { size } | Change::Allocate { size, .. } => size,
            };
        } else {
            data.keep_versions(&captured.versions);
            replaced = apply(data, op, change, &captured);
            write_along(profile, data, op, size, change);
            freed = std::mem::take(&mut data.freed);
        }
        // Growth into new blocks touches the size only when it is written back.
        if resized && (undoes || data.grew_at_once()) {
            node.size = op;
        }
        replaced.into_iter().for_each(|op| self.done(op));
        self.free(freed);
    }

    /// Whether a truncation to the size that the file has changes what a commit carries: ext4 and XFS set the size on the disk.
    /// Under btrfs the inode has something to log.
    fn settles_size(&mut self, ino: Ino) -> bool {
        if self.profile() == Profile::Btrfs {
            self.last += 1;
            self.touch(ino, self.last, NodeKind::File, true);
        }
        matches!(self.profile(), Profile::Ext4Ordered | Profile::Xfs)
    }

    /// An attribute changed.
    pub(crate) fn attribute(
        &mut self,
        stamp: Stamp,
        ino: Ino,
        kind: NodeKind,
        place: Option<DirEntry>,
        attribute: Attribute,
    ) {
        if self.dead.contains_key(&ino) {
            return;
        }
        let word = match &attribute {
            Attribute::Mode(..) => Mutation::Mode { ino },
            Attribute::Owner(..) => Mutation::Owner { ino },
            Attribute::Mtime(..) => Mutation::Times { ino },
            Attribute::Xattr(..) => Mutation::Xattr { ino },
        };
        let op = self.begin(stamp, word, 1);
        let node = self.touch(ino, op, kind, true);
        node.place = node.place.take().or(place);
        use super::track::Track;
        match attribute {
            Attribute::Mode(before, after) => {
                node.mode.get_or_insert_with(|| Track::new(before)).push(op, after);
            }
            Attribute::Owner(before, after) => {
                node.owner.get_or_insert_with(|| Track::new(before)).push(op, after);
            }
            Attribute::Mtime(before, after) => {
                node.mtime.get_or_insert_with(|| Track::new(before)).push(op, after);
            }
            Attribute::Xattr(name, before, after) => {
                node.xattrs.entry(name).or_insert_with(|| Track::new(before)).push(op, after);
            }
        }
    }

    /// A descriptor that may write was closed: a file that was cut to nothing is written back, which nobody waits for.
    pub(crate) fn closed(&mut self, ino: Ino) {
        let op = self.last;
        let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.as_mut()) else { return };
        if std::mem::take(&mut data.emptied) {
            self.start_writeback(ino, op);
        }
    }

    fn start_writeback(&mut self, ino: Ino, op: OpId) {
        if let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.as_mut())
            && data.needs_blocks()
        {
            (data.started, data.committed_since) = (op, false);
            data.claimed = up(data.size);
        }
    }

    /// Inodes that no cut can name any more: what was kept to bring them back may go.
    pub(crate) fn take_released(&mut self) -> Vec<Ino> {
        self.names.take_released()
    }

    /// An inode that has no name now and gets none from any cut is gone.
    pub(crate) fn bury(&mut self, ino: Ino) {
        let data = self.nodes.get(&ino).and_then(|node| node.data.as_ref());
        let dirty = data.is_some_and(|data| data.is_dirty());
        self.drop_node(ino);
        self.dead.insert(ino, dirty);
    }

    /// Whether an inode without a name is dirty; it is not after that.
    pub(crate) fn clean_dead(&mut self, ino: Ino) -> bool {
        self.dead.get_mut(&ino).is_some_and(std::mem::take)
    }

    fn drop_node(&mut self, ino: Ino) {
        let Some(node) = self.nodes.remove(&ino) else { return };
        let mut done: Vec<OpId> = Vec::new();
        if let Some(data) = node.data {
            done.extend(data.effects());
            data.free(&mut self.freed);
        }
        done.extend(node.mode.iter().flat_map(|track| &track.pending).map(|change| change.0));
        done.extend(node.owner.iter().flat_map(|track| &track.pending).map(|change| change.0));
        done.extend(node.xattrs.values().flat_map(|track| &track.pending).map(|change| change.0));
        done.extend(self.times(node.mtime.iter().flat_map(|track| &track.pending).map(|change| change.0)));
        done.into_iter().for_each(|op| self.done(op));
    }

    /// Of changes of modification times, those that are effects of their own.
    pub(crate) fn times(&self, ops: impl Iterator<Item = OpId>) -> Vec<OpId> {
        let own = |op: &OpId| self.ops.get(*op).is_some_and(|op| matches!(op.kind, Mutation::Times { .. }));
        ops.filter(own).collect()
    }

    /// Pieces put aside that need not be kept any more.
    pub(crate) fn take_freed(&mut self) -> Vec<BlobId> {
        std::mem::take(&mut self.freed)
    }

    pub(crate) fn free(&mut self, blobs: Vec<BlobId>) {
        self.freed.extend(blobs);
    }

    /// Whether a name of the inode is known, for people.
    pub(crate) fn knows_place(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.place.is_some())
    }

    /// Whether a cut may give the inode a name.
    pub(crate) fn names_mention(&self, ino: Ino) -> bool {
        self.names.mentions(ino)
    }

    /// The model after a cut: all that is left is durable; effects go on being numbered.
    pub(crate) fn restarted(&self) -> Model {
        Model { last: self.last, committed: self.last, tears: self.tears, ..Model::new(self.persistence) }
    }

    /// Effects of which a part is not durable.
    pub(crate) fn pending(&self) -> u64 {
        self.ops.len() as u64
    }
}

/// Returns the effect of which nothing can survive any more.
fn apply(data: &mut Data, op: OpId, change: Change, old: &Captured) -> Option<OpId> {
    match change {
        Change::Write { offset, len } => return data.write(op, offset, offset + len, old),
        Change::Truncate { size } => data.resize(op, size, old),
        Change::Allocate { offset, len, size, zeros } => {
            let (from, to) = if zeros { (offset, offset + len) } else { (0, 0) };
            // ext4 sets the size up to the end of a hole.
            let settled = match zeros && data.early_size {
                _ if size > data.size => size,
                true => to.min(size),
                false => 0,
            };
            data.zero(op, from, to, settled, old);
        }
    }
    None
}

/// What the entries held before, in the order of [`Mutation::names`].
fn before(kind: &Mutation) -> SmallVec<[Option<Ino>; 2]> {
    use smallvec::smallvec;
    match kind {
        Mutation::Create { .. } | Mutation::Link { .. } => smallvec![None],
        Mutation::Unlink { ino, .. } => smallvec![Some(*ino)],
        Mutation::Rename { ino, replaced, .. } => smallvec![Some(*ino), *replaced],
        Mutation::Exchange { a_ino, b_ino, .. } => smallvec![Some(*a_ino), Some(*b_ino)],
        _ => smallvec![],
    }
}
