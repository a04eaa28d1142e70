//! What the timers of a file system make durable.

use super::effect::{Ino, OpId};
use super::model::{Change, Model};
use super::profile::Profile;
use super::versions::span;
use crate::clock::Nanos;
use std::time::Duration;

impl Model {
    /// What the timers of the file system have made durable by `now`.
    pub(crate) fn age(&mut self, now: Nanos) {
        if let Some(due) = due(now, self.profile().data_is_durable_after()) {
            self.age_content(due);
        }
        let metadata = due(now, self.profile().metadata_is_durable_after());
        if let Some(upto) = metadata.and_then(|due| self.last_until(due)) {
            self.commit(upto, true);
        }
    }

    /// Of a file that was written since, only what its pages held at the end of a span is known.
    fn age_content(&mut self, due: Nanos) {
        let upto = self.last_until(due).unwrap_or(0);
        let ended = self.spans.take_ended(due).unwrap_or(0);
        if upto.max(ended) == 0 {
            return;
        }
        let written_since =
            |ino: &Ino| self.nodes[ino].data.as_ref().is_some_and(|data| data.is_written_since(upto));
        let aged: Vec<(Ino, OpId)> = self
            .nodes
            .keys()
            .map(|ino| (*ino, if written_since(ino) { ended } else { upto.max(ended) }))
            .collect();
        aged.into_iter().for_each(|(ino, upto)| self.fold_content(upto, ino));
    }

    fn last_until(&self, due: Nanos) -> Option<OpId> {
        self.ops.iter().take_while(|(_, op)| op.at <= due).last().map(|(id, _)| id)
    }

    /// Pages of a file whose content is to be put aside once more before `change`: they changed in an earlier span of time, and
    /// what they hold will be durable when that is old enough.
    pub(crate) fn to_keep(&self, ino: Ino, size: u64, change: Change, now: Nanos) -> Vec<u64> {
        let ages = self.profile().data_is_durable_after().is_some() && !self.undoes();
        let Some(data) = self.nodes.get(&ino).and_then(|node| node.data.as_ref()).filter(|_| ages) else {
            return Vec::new();
        };
        let (from, to) = change.overwrites(size);
        let is_past = |op| self.ops.get(op).is_none_or(|op| span(op.at) < span(now));
        data.changed_again(from, to, is_past)
    }

    /// The storage is full. Before file systems say so they commit: what was deleted so far (`deleted`, if it may get its name
    /// back) is gone for good.
    pub(crate) fn make_room(&mut self, deleted: &[Ino]) {
        let last = self.last;
        if self.profile() != Profile::StrictPosix {
            return self.commit(last, false);
        }
        let mentions = |value: &Option<Ino>| value.is_some_and(|ino| deleted.contains(&ino));
        let held = self.names.iter().filter(|(_, track)| {
            mentions(&track.durable) || track.pending.iter().any(|(_, value)| mentions(value))
        });
        let keys: Vec<_> = held.map(|(key, _)| key.clone()).collect();
        keys.into_iter().for_each(|key| self.fold_with_partners(last, key));
    }
}

/// The last instant that is at least `limit` before `now`.
fn due(now: Nanos, limit: Option<Duration>) -> Option<Nanos> {
    let limit = u64::try_from(limit?.as_nanos()).ok()?;
    Some(Nanos(now.0.checked_sub(limit)?))
}
