//! What a lying storage remembers: spoiled sectors, damage at rest, files as they were before their last change.
//!
//! Only state, no I/O. It belongs to the engine, so it survives a power cut and the next mount, as damage on a
//! disk does; earlier versions do not. While there is none of it, asking costs two relaxed loads.
//!
//! Limits: [`MOST_MARKS`] spoiled sectors and as many flipped bytes; what goes beyond is struck once and not
//! remembered. Earlier versions of [`MOST_MARKS`] files and [`MOST_VERSION_BYTES`] in all; the oldest give way.

use super::decision::RuleId;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Most spoiled sectors, and most flipped bytes, that are remembered.
pub(crate) const MOST_MARKS: usize = 100_000;

/// Most bytes of overwritten data kept to show files as they were.
pub(crate) const MOST_VERSION_BYTES: u64 = 64 << 20;

/// A file as it was before its last change.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// Its size then.
    pub size: u64,
    /// Where `bytes` stood.
    pub from: u64,
    /// What the change overwrote or cut off.
    pub bytes: Vec<u8>,
    /// The size that the change made. A file of another size is not the one that was remembered.
    pub after: u64,
}

/// Bytes of a file that cannot be read, and the rule that spoiled them.
type Mark = (Range<u64>, RuleId);

/// Everything remembered about one storage.
#[derive(Debug, Default)]
pub struct Lies {
    spoiled_any: AtomicBool,
    spoiled: Mutex<HashMap<u64, Vec<Mark>>>,
    flipped: Mutex<HashMap<(u64, u64), u8>>,
    keep_versions: AtomicBool,
    versions: Mutex<Versions>,
}

#[derive(Debug, Default)]
struct Versions {
    of: HashMap<u64, Arc<Version>>,
    /// Who was remembered first.
    order: VecDeque<u64>,
    bytes: u64,
}

impl Versions {
    fn insert(&mut self, ino: u64, version: Version) {
        self.bytes += version.bytes.len() as u64;
        match self.of.insert(ino, Arc::new(version)) {
            Some(old) => self.bytes -= old.bytes.len() as u64,
            None => self.order.push_back(ino),
        }
        while self.bytes > MOST_VERSION_BYTES || self.of.len() > MOST_MARKS {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.of.remove(&oldest).map_or(0, |version| version.bytes.len() as u64);
        }
    }
}

impl Lies {
    /// Nothing is remembered, and nothing has to be.
    pub fn is_idle(&self) -> bool {
        !self.spoiled_any.load(Relaxed) && !self.keep_versions.load(Relaxed)
    }

    /// Spoils bytes of a file for `rule`.
    pub fn spoil(&self, rule: RuleId, ino: u64, range: Range<u64>) {
        let mut spoiled = self.spoiled.lock();
        if spoiled.values().map(Vec::len).sum::<usize>() >= MOST_MARKS {
            return;
        }
        let marks = spoiled.entry(ino).or_default();
        if !marks.iter().any(|(known, _)| known.start <= range.start && range.end <= known.end) {
            marks.push((range, rule));
        }
        self.spoiled_any.store(true, Relaxed);
    }

    /// Whether bytes of a file of this size are spoiled.
    pub fn is_spoiled(&self, ino: u64, range: Range<u64>, size: u64) -> bool {
        if !self.spoiled_any.load(Relaxed) {
            return false;
        }
        let end = range.end.min(size);
        let touches = |(bad, _): &Mark| bad.start < end && range.start < bad.end;
        self.spoiled.lock().get(&ino).is_some_and(|marks| marks.iter().any(touches))
    }

    /// Bytes of a file were rewritten or cut off: they can be read again.
    pub fn rewritten(&self, ino: u64, range: Range<u64>) {
        if !self.spoiled_any.load(Relaxed) {
            return;
        }
        let mut spoiled = self.spoiled.lock();
        let Some(marks) = spoiled.remove(&ino) else { return };
        let left: Vec<_> = marks
            .into_iter()
            .flat_map(|(bad, rule)| {
                let before = bad.start..bad.end.min(range.start);
                let after = bad.start.max(range.end)..bad.end;
                [before, after].into_iter().filter(|r| r.start < r.end).map(move |r| (r, rule))
            })
            .collect();
        if !left.is_empty() {
            spoiled.insert(ino, left);
        }
        self.spoiled_any.store(!spoiled.is_empty(), Relaxed);
    }

    /// The sectors that a rule spoiled can be read again: the disk was exchanged and rebuilt.
    pub fn mend(&self, rule: RuleId) {
        let mut spoiled = self.spoiled.lock();
        spoiled.values_mut().for_each(|marks| marks.retain(|(_, by)| *by != rule));
        spoiled.retain(|_, marks| !marks.is_empty());
        self.spoiled_any.store(!spoiled.is_empty(), Relaxed);
    }

    /// What to write over the byte `now` at `at` of a file to flip its bits, `None` if that was done before and
    /// nobody wrote it since.
    pub fn flip(&self, ino: u64, at: u64, now: u8, mask: u8) -> Option<u8> {
        let mut flipped = self.flipped.lock();
        if flipped.get(&(ino, at)) == Some(&now) {
            return None;
        }
        if flipped.len() < MOST_MARKS {
            flipped.insert((ino, at), now ^ mask);
        }
        Some(now ^ mask)
    }

    /// From now on files are, or are not, remembered as they were before their last change.
    pub fn keep_versions(&self, keep: bool) {
        self.keep_versions.store(keep, Relaxed);
        if !keep {
            self.forget_versions();
        }
    }

    /// Nothing is known of how files were: a new mount begins, perhaps on a storage that a power cut changed.
    pub fn forget_versions(&self) {
        *self.versions.lock() = Versions::default();
    }

    /// Whether they are.
    pub fn keeps_versions(&self) -> bool {
        self.keep_versions.load(Relaxed)
    }

    /// Remembers a file as it is before a change.
    pub fn remember(&self, ino: u64, version: Version) {
        self.versions.lock().insert(ino, version);
    }

    /// A file, now of this size, as it was before its last change.
    pub fn version(&self, ino: u64, size: u64) -> Option<Arc<Version>> {
        self.versions.lock().of.get(&ino).filter(|version| version.after == size).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::damage::{Damage, Scar};

    #[test]
    fn damage_is_the_same_however_it_is_read() {
        for how in
            [Scar::Flip([(4100, 1), (5000, 128)].into_iter().collect()), Scar::Zeros, Scar::Garbage([7; 32])]
        {
            let damage = Damage { from: 4096, to: 6000, how };
            let mut whole = vec![b'a'; 8000];
            damage.apply(0, &mut whole);
            let mut pieces = vec![b'a'; 8000];
            pieces.chunks_mut(700).enumerate().for_each(|(n, piece)| damage.apply(n as u64 * 700, piece));
            assert_eq!(whole, pieces);
            assert!(whole[..4096].iter().chain(&whole[6000..]).all(|b| *b == b'a'));
            assert_ne!(whole[4096..6000], [b'a'; 1904]);
        }
    }

    #[test]
    fn a_spoiled_sector_heals_where_it_is_rewritten_and_when_its_rule_is_disarmed() {
        let lies = Lies::default();
        assert!(lies.is_idle());
        lies.spoil(RuleId(1), 9, 4096..8192);
        assert!(!lies.is_spoiled(8, 0..9000, 9000), "another file");
        assert!(!lies.is_spoiled(9, 0..4096, 9000) && lies.is_spoiled(9, 0..4097, 9000));
        assert!(!lies.is_spoiled(9, 0..9000, 4096), "beyond the end of a new file of the same number");
        lies.rewritten(9, 5000..6000);
        assert!(!lies.is_spoiled(9, 5000..6000, 9000));
        assert!(lies.is_spoiled(9, 4999..5000, 9000) && lies.is_spoiled(9, 6000..6001, 9000));
        lies.spoil(RuleId(2), 9, 0..10);
        lies.mend(RuleId(1));
        assert!(!lies.is_spoiled(9, 4096..8192, 9000) && lies.is_spoiled(9, 0..1, 9000));
        lies.rewritten(9, 0..10);
        assert!(lies.is_idle());
    }

    #[test]
    fn a_bit_is_not_flipped_back_by_striking_again() {
        let lies = Lies::default();
        assert_eq!(lies.flip(1, 5, b'a', 1), Some(b'a' ^ 1));
        assert_eq!(lies.flip(1, 5, b'a' ^ 1, 1), None, "it is flipped already");
        assert_eq!(lies.flip(1, 5, b'z', 1), Some(b'z' ^ 1), "somebody wrote it anew");
    }

    #[test]
    fn versions_are_bounded_and_belong_to_one_size() {
        let lies = Lies::default();
        lies.keep_versions(true);
        let version = |bytes, after| Version { size: 3, from: 0, bytes: vec![0; bytes], after };
        lies.remember(1, version(10, 20));
        assert!(lies.version(1, 20).is_some() && lies.version(1, 0).is_none());
        lies.remember(2, version(MOST_VERSION_BYTES as usize - 5, 1));
        assert!(lies.version(1, 20).is_none() && lies.version(2, 1).is_some(), "the oldest gave way");
        lies.remember(2, version(1, 1));
        lies.remember(1, version(10, 20));
        assert!(lies.version(1, 20).is_some() && lies.version(2, 1).is_some());
        lies.keep_versions(false);
        assert!(lies.version(1, 20).is_none());
    }
}
