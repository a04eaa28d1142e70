//! The effects that were not durable, in words for the record.

use super::choice::Survival;
use super::cut::{EffectLine, Fate, Missing};
use super::effect::{Ino, Mutation, Op, OpId};
use super::model::Model;

impl Model {
    /// One line for each effect that was not durable as a whole.
    pub(crate) fn lines<'a>(&'a self, survival: &'a Survival) -> impl Iterator<Item = EffectLine> + 'a {
        self.ops.iter().map(|(id, op)| {
            // What is pending without a fate of its own was not content that a cut could keep.
            let fate = survival.fates.get(&id).copied().unwrap_or(Fate::Dropped);
            self.line(id, op, fate)
        })
    }

    fn line(&self, id: OpId, op: &Op, fate: Fate) -> EffectLine {
        let names = op.kind.names();
        let own = || self.nodes.get(&op.kind.ino()).and_then(|node| node.place.as_ref());
        let path = names.first().map(|(place, _)| place.path()).or_else(|| own().map(|place| place.path()));
        let (offset, len) = op.kind.extent();
        EffectLine {
            id,
            call: op.call,
            at: op.at,
            kind: op.kind.word().to_owned(),
            ino: op.kind.ino(),
            path: path.unwrap_or_default(),
            new_path: self.new_path(op),
            offset,
            len,
            fate,
            missing: self.missing(id, op),
        }
    }

    /// Destination of a rename, or the new name of a link, beside a name that the inode had.
    fn new_path(&self, op: &Op) -> Option<String> {
        match &op.kind {
            Mutation::Rename { to, .. } => Some(to.path()),
            Mutation::Exchange { b, .. } => Some(b.path()),
            _ => None,
        }
    }

    fn missing(&self, id: OpId, op: &Op) -> Missing {
        let names = op.kind.names();
        let open = names.iter().filter(|(place, _)| {
            self.names.get(&place.key).is_some_and(|track| track.pending.iter().any(|change| change.0 == id))
        });
        let open: Vec<_> = open.map(|(place, _)| place).collect();
        let after = |ino: Ino, of: fn(&super::node::Node) -> OpId| {
            self.nodes.get(&ino).is_some_and(|node| of(node) > id)
        };
        let inodes = || std::iter::once(op.kind.ino()).chain(open.iter().map(|place| place.key.dir));
        if inodes().any(|ino| after(ino, |node| node.lost_sync)) {
            return Missing::HonestSync;
        }
        if after(op.kind.ino(), |node| node.failed_sync) {
            return Missing::FailedSync;
        }
        if names.is_empty() {
            return Missing::FileSync;
        }
        let mut directories: Vec<String> = open.iter().map(|place| place.directory.to_string()).collect();
        directories.sort();
        directories.dedup();
        Missing::DirectorySync { directories }
    }
}
