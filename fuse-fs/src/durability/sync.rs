//! What a sync call makes durable, by profile. Rules and their sources: `docs/persistence.md`.
//!
//! - `ext4-ordered`: a commit carries every name, attribute and size so far. It comes with the fsync of any
//!   directory, of a file with any change, and with the fdatasync of a file whose size or blocks changed.
//! - `xfs`: the same, but a directory must have changed itself, and fdatasync leaves out only times of writes.
//! - `ordered`: commits as `ext4-ordered`, content of all files included.
//! - `strict-posix`: the file's content and attributes, or the directory's entries; nothing else.
//! - `btrfs`: see `btrfs`.

use super::effect::Sync;

use super::effect::{Ino, Key, Mutation, OpId};
use super::file::Data;
use super::model::Model;
use super::profile::Profile;

impl Model {
    /// A sync call that began when `upto` was the last effect ended well.
    pub(crate) fn sync(&mut self, upto: OpId, what: Sync) {
        match (self.profile(), what) {
            (_, Sync::Everything) => self.everything(upto),
            (Profile::StrictPosix, Sync::File { ino, data_only, .. }) => {
                self.strict_file(upto, ino, data_only)
            }
            (Profile::StrictPosix, Sync::Directory { ino }) => self.strict_directory(upto, ino),
            (Profile::Btrfs, Sync::File { ino, parent, .. }) => self.log_file(upto, ino, parent),
            (Profile::Btrfs, Sync::Directory { ino }) => self.log_directory_call(upto, ino),
            (_, Sync::File { ino, data_only, .. }) => self.commit_file(upto, ino, data_only),
            (Profile::Xfs, Sync::Directory { ino }) => {
                if self.nodes.get(&ino).is_some_and(|node| node.any > self.committed) {
                    self.commit(upto, true);
                }
            }
            (Profile::Ext4Ordered | Profile::Ordered, Sync::Directory { .. }) => self.commit(upto, false),
        }
    }

    fn commit_file(&mut self, upto: OpId, ino: Ino, data_only: bool) {
        if self.clean_dead(ino) {
            return self.commit(upto, true);
        }
        let Some(node) = self.nodes.get(&ino) else { return };
        let data = node.data.as_ref();
        // XFS logs the new size when the content is on the disk.
        let grows = |data: &Data| self.profile() == Profile::Xfs && data.size > data.base_size;
        let blocks = data.is_some_and(|data| data.needs_blocks() || grows(data));
        let dirty = data.is_some_and(|data| data.is_dirty());
        let changed = match (data_only, self.profile()) {
            (false, _) => node.any,
            (true, Profile::Xfs) => node.core,
            (true, _) => node.size,
        };
        let ordered = self.profile() == Profile::Ordered;
        let commits = changed > self.committed || blocks || ordered && dirty;
        if !ordered {
            self.fold_content(upto, ino);
        }
        if commits {
            self.commit(upto, dirty);
        }
    }

    /// The content of one file is durable up to `upto`.
    pub(crate) fn fold_content(&mut self, upto: OpId, ino: Ino) {
        let (mut freed, mut done) = (Vec::new(), Vec::new());
        let Some(node) = self.nodes.get_mut(&ino) else { return };
        if let Some(data) = &mut node.data {
            data.fold(upto, &mut freed, &mut done);
            if data.is_clean() && node.created == 0 {
                node.data = None;
            }
        }
        self.settle(freed, done);
    }

    /// Attributes of one inode are durable up to `upto`.
    pub(crate) fn fold_attributes(&mut self, upto: OpId, ino: Ino) {
        let mut done = Vec::new();
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.fold_attributes(upto, &mut done);
        }
        self.settle_attributes(done);
    }

    fn settle(&mut self, freed: Vec<super::store::BlobId>, done: Vec<OpId>) {
        self.free(freed);
        done.into_iter().for_each(|op| self.done(op));
    }

    /// A modification time that changed with content or entries is not an effect of its own.
    fn settle_attributes(&mut self, done: Vec<OpId>) {
        for op in done {
            let own = self.ops.get(op).is_some_and(|op| {
                matches!(
                    op.kind,
                    Mutation::Mode { .. }
                        | Mutation::Owner { .. }
                        | Mutation::Times { .. }
                        | Mutation::Xattr { .. }
                )
            });
            if own {
                self.done(op);
            }
        }
    }

    /// Makes one entry durable up to `upto`.
    pub(crate) fn fold_entry(&mut self, upto: OpId, key: &Key) {
        let mut done = Vec::new();
        self.names.fold(key, upto, |op| done.push(op));
        done.into_iter().for_each(|op| self.done(op));
    }

    /// Names, attributes and sizes of everything up to `upto` are durable. `flushed`: the call that asked for it wrote
    /// content first, so that writeback which was under way has ended meanwhile.
    pub(crate) fn commit(&mut self, upto: OpId, flushed: bool) {
        let mut done = Vec::new();
        self.names.fold_all(upto, |op| done.push(op));
        done.into_iter().for_each(|op| self.done(op));
        let mut touched = std::mem::take(&mut self.touched);
        // Once each: writeback that was under way at one commit has ended at the next.
        touched.sort_unstable();
        touched.dedup();
        self.committed = self.committed.max(upto);
        for &ino in &touched {
            self.commit_inode(upto, ino, flushed);
        }
        self.lazy.retain(|entry| entry.1 > upto);
        self.shortened.retain(|entry| entry.1 > upto);
        let committed = self.committed;
        self.touched.extend(touched.iter().filter(|ino| {
            self.nodes
                .get(ino)
                .is_some_and(|node| node.any > committed || node.data.as_ref().is_some_and(|d| d.started > 0))
        }));
        for ino in touched {
            self.forget_if_durable(ino);
        }
    }

    fn commit_inode(&mut self, upto: OpId, ino: Ino, flushed: bool) {
        self.fold_attributes(upto, ino);
        let (profile, lasts) = (self.profile(), self.writeback_lasts);
        let Some(node) = self.nodes.get_mut(&ino) else { return };
        let names = &self.names;
        node.log.committed(upto, |key| names.get(key).is_some());
        let Some(data) = &mut node.data else { return };
        let ended = flushed && profile == Profile::Ext4Ordered || data.committed_since || !lasts;
        let written = written_back(profile, data, upto, ended);
        let (mut freed, mut done) = (Vec::new(), Vec::new());
        if profile != Profile::Ordered {
            data.fold_sizes(upto, &mut freed, &mut done);
        }
        if written > 0 {
            data.fold(written, &mut freed, &mut done);
        }
        data.committed_since = data.started > 0 && data.started <= upto;
        self.settle(freed, done);
    }

    /// Drops what the model knows of an inode of which everything is durable.
    pub(crate) fn forget_if_durable(&mut self, ino: Ino) {
        let committed = self.committed;
        let commits = self.profile() != Profile::StrictPosix;
        if let Some(node) = self.nodes.get_mut(&ino) {
            if node.created <= committed && commits {
                node.created = 0;
            }
            if node.data.as_ref().is_some_and(|data| data.is_clean()) {
                node.data = None;
            }
            // As long as the name it was made under is not durable, what moves into it depends on that.
            let unnamed = !commits && self.ops.contains_key(node.created);
            if !node.is_pending() && !unnamed && (!commits || node.any <= committed) {
                self.nodes.remove(&ino);
            }
        }
    }

    fn everything(&mut self, upto: OpId) {
        let all: Vec<Ino> = self.nodes.keys().copied().collect();
        for &ino in &all {
            self.fold_content(upto, ino);
        }
        self.touched = all;
        self.commit(upto, true);
    }

    fn strict_file(&mut self, upto: OpId, ino: Ino, data_only: bool) {
        self.fold_content(upto, ino);
        if !data_only {
            self.fold_attributes(upto, ino);
        }
        self.forget_if_durable(ino);
    }

    fn strict_directory(&mut self, upto: OpId, ino: Ino) {
        let keys: Vec<Key> = self.names.of(ino).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.fold_with_partners(upto, key);
        }
        self.fold_attributes(upto, ino);
        self.forget_if_durable(ino);
    }

    /// Makes an entry durable, and what cannot be apart from it.
    pub(crate) fn fold_with_partners(&mut self, upto: OpId, key: Key) {
        let mut due = vec![(key, upto)];
        let mut named: Vec<Ino> = Vec::new();
        while let Some((key, upto)) = due.pop() {
            let Some(track) = self.names.get(&key) else { continue };
            named.extend(*track.newest());
            let pending = track.pending.iter().map(|change| change.0).filter(|op| *op <= upto);
            for op in pending.collect::<Vec<_>>() {
                due.extend(self.partners(op, &key).into_iter().map(|other| (other, op)));
                due.extend(self.earlier_moves(op));
                let removed = self.ops.get(op).and_then(|op| op.kind.removes_directory());
                // A directory that is gone durably was durably empty before.
                due.extend(
                    removed.into_iter().flat_map(|dir| self.names.of(dir)).map(|(key, _)| (key.clone(), op)),
                );
                due.extend(self.new_homes(op, &key));
            }
            self.fold_entry(upto, &key);
        }
        named.into_iter().for_each(|ino| self.forget_if_durable(ino));
    }

    /// What leaves `key` by the effect `op` has arrived in a directory that is there: the names of those that are new.
    fn new_homes(&self, op: OpId, key: &Key) -> Vec<(Key, OpId)> {
        let mut homes = Vec::new();
        let leaves = !self.persistence.rename_may_part
            && match self.ops.get(op).map(|op| &op.kind) {
                Some(Mutation::Rename { from, .. }) => from.key == *key,
                Some(Mutation::Exchange { .. }) => true,
                _ => false,
            };
        let mut next: Vec<Ino> =
            self.ops.get(op).filter(|_| leaves).map_or(Vec::new(), |op| op.kind.arrivals().collect());
        while let Some(dir) = next.pop() {
            let Some(created) = self.nodes.get(&dir).map(|node| node.created) else { continue };
            if let Some(Mutation::Create { place, .. }) = self.ops.get(created).map(|op| &op.kind) {
                homes.push((place.key.clone(), created));
                next.push(place.key.dir);
            }
        }
        homes
    }

    /// Directories move in order, or a tree could become a ring: the moves before the move `op`.
    fn earlier_moves(&self, op: OpId) -> Vec<(Key, OpId)> {
        if !self.ops.get(op).is_some_and(|op| op.kind.moves_directory()) {
            return Vec::new();
        }
        let moves = self.ops.range(..op).filter(|(_, op)| op.kind.moves_directory());
        moves
            .flat_map(|(id, op)| op.kind.names().into_iter().map(move |(place, _)| (place.key.clone(), id)))
            .collect()
    }

    /// Entries that the effect `op` changes together with `key`: both of a directory's move and of an exchange, and
    /// where a file arrives, unless renames may part. (Where it left may stay: then it has both names.)
    fn partners(&self, op: OpId, key: &Key) -> Vec<Key> {
        let other = |a: &Key, b: &Key| vec![if a == key { b.clone() } else { a.clone() }];
        match self.ops.get(op).map(|op| &op.kind) {
            Some(Mutation::Rename { from, to, directory: true, .. }) => other(&from.key, &to.key),
            Some(Mutation::Exchange { a, b, .. }) => other(&a.key, &b.key),
            Some(Mutation::Rename { from, to, .. })
                if from.key == *key && !self.persistence.rename_may_part =>
            {
                vec![to.key.clone()]
            }
            _ => Vec::new(),
        }
    }
}

/// Content up to here is durable with a commit of everything up to `upto`; 0: none. `ended`: writeback that a call started has. XFS sets
/// the size when it ends, btrfs shows the content then: what sets or shows it is in the next commit, whoever asked for this one.
fn written_back(profile: Profile, data: &Data, upto: OpId, ended: bool) -> OpId {
    match profile {
        Profile::Ordered => upto,
        Profile::Ext4Ordered | Profile::Xfs | Profile::Btrfs if ended && data.started <= upto => data.started,
        Profile::Ext4Ordered | Profile::Xfs | Profile::Btrfs | Profile::StrictPosix => 0,
    }
}
