//! Names that are not durable: for each entry of a directory that changed, what is durable and what came since.
//!
//! Entries that did not change are not here: they are durable as they stand on the backing directory.

use super::effect::{Ino, Key, OpId};
use super::track::Track;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

/// Entries with pending changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Names {
    #[serde(with = "super::pairs")]
    tracks: BTreeMap<Key, Track<Option<Ino>>>,
    /// How often an inode stands in `tracks`: while it does, a cut may give it a name.
    refs: HashMap<Ino, u32>,
    /// Inodes that no entry mentions any more since the last [`Names::take_released`].
    #[serde(skip)]
    released: Vec<Ino>,
}

impl Names {
    /// Notes that an entry changed from `before` (on the backing directory) to `after`.
    pub(crate) fn change(&mut self, op: OpId, key: &Key, before: Option<Ino>, after: Option<Ino>) {
        let refs = &mut self.refs;
        let mut keep = |ino: Option<Ino>| {
            if let Some(ino) = ino {
                *refs.entry(ino).or_default() += 1;
            }
        };
        let track = self.tracks.entry(key.clone()).or_insert_with(|| {
            keep(before);
            Track::new(before)
        });
        keep(after);
        track.push(op, after);
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Track<Option<Ino>>> {
        self.tracks.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Track<Option<Ino>>)> {
        self.tracks.iter()
    }

    /// Entries of one directory.
    pub(crate) fn of(&self, dir: Ino) -> impl Iterator<Item = (&Key, &Track<Option<Ino>>)> {
        let from = Key { dir, name: Box::default() };
        let range = (Bound::Included(from), Bound::Unbounded);
        self.tracks.range(range).take_while(move |(key, _)| key.dir == dir)
    }

    /// Makes the changes of one entry up to `op` durable; `each` is told of them.
    pub(crate) fn fold(&mut self, key: &Key, op: OpId, mut each: impl FnMut(OpId)) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let mut gone: Vec<Ino> = Vec::new();
        track.fold(op, |id, replaced| {
            gone.extend(replaced);
            each(id);
        });
        if track.pending.is_empty() {
            gone.extend(track.durable);
            self.tracks.remove(key);
        }
        for ino in gone {
            self.forget(ino);
        }
    }

    /// The same for every entry.
    pub(crate) fn fold_all(&mut self, op: OpId, mut each: impl FnMut(OpId)) {
        let due = |track: &Track<_>| track.first_pending().is_some_and(|first| first <= op);
        let keys: Vec<Key> = self.tracks.iter().filter(|(_, t)| due(t)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.fold(&key, op, &mut each);
        }
    }

    fn forget(&mut self, ino: Ino) {
        if let Some(count) = self.refs.get_mut(&ino) {
            *count -= 1;
            if *count == 0 {
                self.refs.remove(&ino);
                self.released.push(ino);
            }
        }
    }

    /// Inodes that no cut can give a name any more, unless they have one on the backing directory.
    pub(crate) fn take_released(&mut self) -> Vec<Ino> {
        let mut released = std::mem::take(&mut self.released);
        released.retain(|ino| !self.refs.contains_key(ino));
        released
    }

    /// Whether a cut may give the inode a name.
    pub(crate) fn mentions(&self, ino: Ino) -> bool {
        self.refs.contains_key(&ino)
    }
}
