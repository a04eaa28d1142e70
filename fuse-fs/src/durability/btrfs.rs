//! What a sync call makes durable under `btrfs`: a full commit of everything, or a few items of a log.
//!
//! The rules B1 to B9 of `docs/persistence.md`. A transaction lasts from one full commit to the next. An inode is
//! *logged* once a sync wrote it into the log of the present transaction.

use super::effect::{Ino, Key, Mutation, NodeKind, OpId};
use super::model::Model;
use super::profile::Profile;

impl Model {
    fn is_logged(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.log.logged > self.committed)
    }

    fn is_new(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.created > self.committed)
    }

    fn is_new_file(&self, ino: Ino) -> bool {
        self.is_new(ino) && self.nodes.get(&ino).is_some_and(|node| node.kind == NodeKind::File)
    }

    /// What a change of names means for later syncs.
    pub(crate) fn log_rules(&mut self, op: OpId, kind: &Mutation) {
        if self.profile() != Profile::Btrfs {
            return;
        }
        match kind {
            Mutation::Rename { from, to, ino, directory, .. } => {
                let (p, q) = (from.key.dir, to.key.dir);
                let logged = self.is_logged(*ino) || self.is_logged(p);
                if logged {
                    self.lazy.push((from.key.clone(), op));
                    self.lazy.push((to.key.clone(), op));
                } else if p != q {
                    self.directory(p).log.bled = op;
                }
                if *directory && p != q {
                    for moved in [p, q, *ino] {
                        self.directory(moved).log.moved = op;
                    }
                }
            }
            Mutation::Exchange { a, a_ino, b, b_ino } if a.key.dir != b.key.dir => {
                for moved in [a.key.dir, b.key.dir, *a_ino, *b_ino] {
                    self.directory(moved).log.moved = op;
                }
            }
            Mutation::Link { place, ino } if self.is_logged(*ino) => self.lazy.push((place.key.clone(), op)),
            Mutation::Unlink { place, ino, .. } if self.is_in_log(&place.key, *ino) => {
                self.lazy.push((place.key.clone(), op));
            }
            _ => {}
        }
        if let Mutation::Rename { ino, .. } | Mutation::Link { ino, .. } = kind {
            self.log_size(op, *ino);
        }
        if let Mutation::Rename { replaced: Some(replaced), .. } = kind {
            self.nodes
                .entry(*replaced)
                .or_insert_with(|| super::node::Node::new(NodeKind::File, 0, None))
                .log
                .replaced = op;
        }
    }

    /// Whether an inode lost a name to another by a rename: if it has no name, its fsync logs nothing that can be seen.
    pub(crate) fn was_replaced(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.log.replaced > self.committed)
    }

    /// Whether the log gave an inode this name.
    fn is_in_log(&self, key: &Key, ino: Ino) -> bool {
        let durable = self.names.get(key).is_none_or(|track| track.durable == Some(ino));
        durable && self.nodes.get(&ino).is_some_and(|node| node.log.keys.contains(key))
    }

    /// A new name of a logged file has the log hold the smaller of its sizes, over the content that is there.
    fn log_size(&mut self, op: OpId, ino: Ino) {
        let data = self.nodes.get(&ino).and_then(|node| node.data.as_ref());
        if let Some(size) = data.map(|data| data.size).filter(|_| self.is_logged(ino)) {
            self.shortened.push((ino, op, size));
        }
    }

    fn directory(&mut self, ino: Ino) -> &mut super::node::Node {
        self.nodes.entry(ino).or_insert_with(|| super::node::Node::new(NodeKind::Directory, 0, None))
    }

    fn is_unlogged(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| {
            let dirty = node.data.as_ref().is_some_and(|data| data.is_dirty());
            dirty || node.any > self.committed.max(node.log.logged)
        })
    }

    /// fsync or fdatasync of a file.
    pub(crate) fn log_file(&mut self, upto: OpId, ino: Ino, parent: Option<Ino>) {
        // A name of this transaction says nothing about the last commit.
        let recent = |key: &Key| self.names.get(key).is_some_and(|track| *track.newest() == Some(ino));
        let keys = self.nodes.get(&ino).map_or(&[][..], |node| &node.log.keys);
        let old = parent.filter(|dir| !keys.iter().any(|key| key.dir == *dir && recent(key)));
        if let Some(parent) = old.filter(|_| !keys.is_empty()) {
            self.note_parent(ino, parent);
        }
        if !self.is_unlogged(ino) {
            return;
        }
        self.fold_content(upto, ino);
        if self.needs_full_commit(ino) {
            return self.full_commit(upto);
        }
        self.fold_attributes(upto, ino);
        self.log_names(upto, ino);
        self.write_log(upto, ino);
    }

    /// fsync or fdatasync of a directory.
    pub(crate) fn log_directory_call(&mut self, upto: OpId, ino: Ino) {
        // Logged for a file of it, its own new name is not in the log.
        if !self.is_unlogged(ino) && self.present_names(ino).is_empty() {
            return;
        }
        let bled = self.nodes.get(&ino).is_some_and(|node| node.log.bled > self.committed);
        if bled || self.entangled(ino) || self.needs_full_commit(ino) {
            return self.full_commit(upto);
        }
        self.fold_attributes(upto, ino);
        self.log_names(upto, ino);
        self.log_directory(upto, ino);
        self.write_log(upto, ino);
    }

    fn needs_full_commit(&self, ino: Ino) -> bool {
        let Some(node) = self.nodes.get(&ino) else { return false };
        let moved = node.log.moved > self.committed;
        let bled = |dir: &Ino| {
            self.entangled(*dir)
                || self.nodes.get(dir).is_some_and(|node| node.log.bled.max(node.log.moved) > self.committed)
        };
        let renamed = !node.log.keys.is_empty() && !self.is_new(ino);
        moved || renamed && node.log.parents.iter().any(bled)
    }

    /// Whether the entries of a directory cannot be logged without others: a directory below it moved there, or one was
    /// removed of which entries are not durable.
    fn entangled(&self, dir: Ino) -> bool {
        self.names.of(dir).any(|(_, track)| {
            let removed = track.durable.filter(|_| track.newest().is_none());
            let held = |ino: Ino| self.names.of(ino).next().is_some();
            let moved = |ino: Ino| {
                let node = self.nodes.get(&ino).filter(|node| node.kind == NodeKind::Directory);
                node.is_some_and(|node| node.log.moved > self.committed)
                    || self.is_new(ino) && self.entangled(ino)
            };
            removed.is_some_and(held) || track.newest().is_some_and(moved)
        })
    }

    /// The names of an inode that was made, renamed, linked or unlinked in this transaction, and what hangs on them.
    fn log_names(&mut self, upto: OpId, ino: Ino) {
        let Some(node) = self.nodes.get(&ino) else { return };
        let (keys, parents, new) = (node.log.keys.clone(), node.log.parents.clone(), self.is_new(ino));
        self.log_own_names(upto, ino);
        if !new && !keys.is_empty() {
            parents.iter().for_each(|dir| self.log_directory(upto, *dir));
        }
    }

    /// A new inode is logged with all of its names.
    fn log_own_names(&mut self, upto: OpId, ino: Ino) {
        for key in self.present_names(ino) {
            self.log_entry(upto, &key);
        }
        // Names that are not in the log are not its names any more.
        for (key, left) in self.departures(ino) {
            // What held the name before stays: nothing in the log says that it left.
            if self.names.get(&key).is_some_and(|track| track.durable == Some(ino)) {
                self.fold_with_partners(left.min(upto), key);
            }
        }
    }

    /// Names that an inode had in this transaction and lost, with the effect by which it lost each.
    fn departures(&self, ino: Ino) -> Vec<(Key, OpId)> {
        let keys = self.nodes.get(&ino).map_or(&[][..], |node| &node.log.keys);
        let left = |key: &Key| {
            let track = self.names.get(key).filter(|track| *track.newest() != Some(ino))?;
            let values = std::iter::once(track.durable).chain(track.pending.iter().map(|change| change.1));
            let last = values.enumerate().filter(|(_, value)| *value == Some(ino)).last()?.0;
            Some((key.clone(), track.pending.get(last)?.0))
        };
        keys.iter().filter_map(left).collect()
    }

    /// Names that an inode got in this transaction and has still.
    fn present_names(&self, ino: Ino) -> Vec<Key> {
        let named = |key: &&Key| self.names.get(key).is_some_and(|track| *track.newest() == Some(ino));
        let keys = self.nodes.get(&ino).map_or(&[][..], |node| &node.log.keys);
        keys.iter().filter(named).cloned().collect()
    }

    /// Logs an entry. If its name belonged to another inode that lives on, that one's new names must not be lost.
    fn log_entry(&mut self, upto: OpId, key: &Key) {
        let mut due = vec![key.clone()];
        while let Some(key) = due.pop() {
            let Some(track) = self.names.get(&key) else { continue };
            let (before, after) = (track.durable, *track.at(upto));
            // A name that was free is taken, whoever had it for a while.
            let taken = before.is_none() && after.is_some_and(|ino| self.is_new_file(ino));
            if taken {
                self.fold_entry(upto, &key);
            } else {
                self.fold_with_partners(upto, key.clone());
            }
            self.log_ancestors(upto, key.dir);
            if let Some(other) = before.filter(|_| after.is_some() && after != before) {
                due.extend(self.present_names(other));
            }
        }
    }

    /// New directories on the way to the root exist, without their other entries.
    fn log_ancestors(&mut self, upto: OpId, dir: Ino) {
        let mut at = Some(dir);
        while let Some(dir) = at.take().filter(|dir| self.is_new(*dir)) {
            let keys = self.nodes.get(&dir).map_or(Vec::new(), |node| node.log.keys.to_vec());
            let own = keys
                .into_iter()
                .find(|key| self.names.get(key).is_some_and(|track| *track.newest() == Some(dir)));
            if let Some(key) = own {
                self.fold_with_partners(upto, key.clone());
                at = Some(key.dir);
            }
        }
    }

    /// Every entry that a directory gained or lost, new directories below it with all of theirs.
    fn log_directory(&mut self, upto: OpId, dir: Ino) {
        self.fold_attributes(upto, dir);
        let entries: Vec<(Key, Option<Ino>)> =
            self.names.of(dir).map(|(key, track)| (key.clone(), *track.newest())).collect();
        for (key, ino) in entries {
            self.fold_with_partners(upto, key.clone());
            let Some(new) = ino.filter(|ino| self.is_new(*ino)) else { continue };
            if self.nodes.get(&new).is_some_and(|node| node.kind == NodeKind::Directory) {
                self.log_directory(upto, new);
            } else {
                self.log_own_names(upto, new);
            }
        }
        if let Some(node) = self.nodes.get_mut(&dir) {
            node.log.logged = node.log.logged.max(upto);
        }
    }

    /// The log is written: what waited for that goes with it.
    fn write_log(&mut self, upto: OpId, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.log.logged = node.log.logged.max(upto);
        }
        let (due, later) = std::mem::take(&mut self.lazy).into_iter().partition(|entry| entry.1 <= upto);
        self.lazy = later;
        let due: Vec<(Key, OpId)> = due;
        for (key, op) in due {
            self.log_entry(op, &key);
        }
        let (due, later) = std::mem::take(&mut self.shortened).into_iter().partition(|entry| entry.1 <= upto);
        self.shortened = later;
        let due: Vec<(Ino, OpId, u64)> = due;
        for (ino, _, size) in due {
            if let Some(data) = self.nodes.get_mut(&ino).and_then(|node| node.data.as_mut()) {
                data.base_size = data.base_size.min(size);
            }
        }
    }

    fn full_commit(&mut self, upto: OpId) {
        self.commit(upto, false);
    }
}
