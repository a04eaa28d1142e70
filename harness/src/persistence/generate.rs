//! Sequences of calls from a seed: half of them random, half made of what mail servers and databases do. Every call is one that
//! succeeds.

use super::call::{Call, Syncing};
use super::sequence::Sequence;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, RngExt};
use std::collections::BTreeMap;

const FILES: [&str; 6] = ["a/A", "a/B", "a/C", "b/A", "b/B", "b/C"];
const PLACES: [&str; 3] = ["a", "b", "u"];
const SUBDIRECTORY: &str = "a/d";
/// Around the sizes of pages and blocks.
const SIZES: [u64; 7] = [1, 100, 500, 4000, 4096, 5000, 8192];
const LETTERS: &[u8] = b"nmpqrstv";
/// Of what was there before.
const OLD_LETTERS: &[u8] = b"oxyz";

pub(super) fn sequence(rng: &mut impl Rng) -> Sequence {
    let mut generator = Generator { names: BTreeMap::new(), next: 0, written: 0, calls: Vec::new() };
    let mut before = Vec::new();
    let old = rng.random_range(0..4);
    for path in FILES.iter().sample(rng, old) {
        let letter = OLD_LETTERS[before.len() % OLD_LETTERS.len()];
        before.push(written(path, *SIZES.choose(rng).unwrap_or(&1), letter));
        generator.create(path);
    }
    // A file whose fsync commits what others changed.
    before.push(written("u/U", 4096, b'u'));
    generator.create("u/U");
    match rng.random_bool(0.5) {
        true => (0..rng.random_range(3..9)).for_each(|_| generator.random(rng)),
        false => (0..rng.random_range(1..4)).for_each(|_| generator.pattern(rng)),
    }
    Sequence { before, calls: generator.calls }
}

fn written(path: &'static str, bytes: u64, letter: u8) -> Call {
    Call::Write { path, at: Some(0), bytes, letter, truncating: false, syncing: None }
}

struct Generator {
    /// Which file is at each path; a directory has no number.
    names: BTreeMap<&'static str, Option<u32>>,
    next: u32,
    written: usize,
    calls: Vec<Call>,
}

impl Generator {
    fn create(&mut self, path: &'static str) {
        if !self.names.contains_key(path) {
            self.names.insert(path, Some(self.next));
            self.next += 1;
        }
    }

    /// Other bytes with each write.
    fn letter(&mut self) -> u8 {
        self.written += 1;
        LETTERS[self.written % LETTERS.len()]
    }

    fn files(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().filter(|(_, file)| file.is_some()).map(|(path, _)| *path)
    }

    fn old(&self, rng: &mut impl Rng) -> &'static str {
        self.files().choose(rng).unwrap_or("u/U")
    }

    fn write(
        &mut self,
        path: &'static str,
        at: Option<u64>,
        bytes: u64,
        truncating: bool,
        syncing: Option<Syncing>,
    ) {
        let letter = self.letter();
        self.create(path);
        self.calls.push(Call::Write { path, at, bytes, letter, truncating, syncing });
    }

    fn sync(&mut self, path: &'static str, syncing: Syncing) {
        self.calls.push(Call::Sync { path, syncing });
    }

    fn fsync(&mut self, path: &'static str) {
        self.sync(path, Syncing::Fsync);
    }

    /// Where a name is given to a file that has it, nothing is done.
    fn rename(&mut self, from: &'static str, to: &'static str) {
        let Some(file) = self.names.get(from).copied() else { return };
        self.calls.push(Call::Rename { from, to });
        if self.names.insert(to, file) != Some(file) {
            self.names.remove(from);
        }
    }

    fn link(&mut self, from: &'static str, to: &'static str) {
        let (Some(file), None) = (self.names.get(from).copied(), self.names.get(to)) else { return };
        self.calls.push(Call::Link { from, to });
        self.names.insert(to, file);
    }

    fn unlink(&mut self, path: &'static str) {
        if self.names.remove(path).is_some() {
            self.calls.push(Call::Unlink(path));
        }
    }

    fn random(&mut self, rng: &mut impl Rng) {
        let path = FILES.choose(rng).copied().unwrap_or("a/A");
        let bytes = *SIZES.choose(rng).unwrap_or(&1);
        let syncing = [None, None, Some(Syncing::Fsync), Some(Syncing::Fdatasync)];
        let syncing = syncing.choose(rng).copied().flatten();
        match rng.random_range(0..14) {
            0 | 1 => self.write(path, Some(0), bytes, true, syncing),
            2 => {
                self.write(path, Some(*[0, 100, 4090, 4096].choose(rng).unwrap_or(&0)), bytes, false, syncing)
            }
            3 => self.write(path, None, bytes, false, syncing),
            4 | 5 => self.rename(self.old(rng), path),
            6 => self.link(self.old(rng), path),
            7 => self.unlink(self.old(rng)),
            8 => self
                .calls
                .push(Call::Truncate { path: self.old(rng), size: *SIZES.choose(rng).unwrap_or(&1) }),
            9 => self.fsync(PLACES.choose(rng).copied().unwrap_or("a")),
            10 | 11 => self.sync(
                self.old(rng),
                *[Syncing::Fsync, Syncing::Fdatasync].choose(rng).unwrap_or(&Syncing::Fsync),
            ),
            12 => self.write("u/U", Some(0), 100, false, Some(Syncing::Fsync)),
            _ => self.directory(),
        }
        // Unlinked, it may be gone; the one whose fsync commits stays.
        self.create_again("u/U");
    }

    fn create_again(&mut self, path: &'static str) {
        if !self.names.contains_key(path) {
            self.write(path, Some(0), 100, false, None);
        }
    }

    fn directory(&mut self) {
        match self.names.remove(SUBDIRECTORY) {
            Some(_) => self.calls.push(Call::Rmdir(SUBDIRECTORY)),
            None => {
                self.calls.push(Call::Mkdir(SUBDIRECTORY));
                self.names.insert(SUBDIRECTORY, None);
            }
        }
    }

    /// What a mail server or a database does.
    fn pattern(&mut self, rng: &mut impl Rng) {
        let bytes = *SIZES.choose(rng).unwrap_or(&1);
        match rng.random_range(0..8) {
            0 => self.deliver(bytes, true),
            1 => self.deliver(bytes, false),
            2 => self.rename("new/1", "cur/1"),
            3 => self.replace("a/list.new", "a/list", bytes, rng.random_bool(0.7)),
            4 => self.write("a/mbox", None, bytes, false, Some(Syncing::Fdatasync)),
            5 => self.write("a/index", None, 100, false, None),
            6 => self.lock(bytes),
            _ => self.journal(bytes),
        }
    }

    fn deliver(&mut self, bytes: u64, renaming: bool) {
        self.unlink("tmp/1");
        self.write("tmp/1", Some(0), bytes, true, Some(Syncing::Fsync));
        if renaming {
            self.rename("tmp/1", "new/1");
        } else {
            self.unlink("new/1");
            self.link("tmp/1", "new/1");
            self.unlink("tmp/1");
        }
        self.fsync("new");
    }

    fn replace(&mut self, fresh: &'static str, path: &'static str, bytes: u64, syncing: bool) {
        self.write(fresh, Some(0), bytes, true, syncing.then_some(Syncing::Fsync));
        self.rename(fresh, path);
    }

    fn lock(&mut self, bytes: u64) {
        self.write("a/mbox.lock", Some(0), 0, true, None);
        self.write("a/mbox", None, bytes, false, Some(Syncing::Fsync));
        self.unlink("a/mbox.lock");
    }

    /// As a database with a journal that is deleted.
    fn journal(&mut self, bytes: u64) {
        self.write("b/db-journal", Some(0), 4096, true, Some(Syncing::Fsync));
        self.fsync("b");
        self.write("b/db", Some(0), bytes, false, Some(Syncing::Fdatasync));
        self.unlink("b/db-journal");
        self.fsync("b");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn of(seed: u64) -> Sequence {
        sequence(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn a_seed_gives_one_sequence() {
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        insta::assert_snapshot!(of(7), @r"
        set write u/U 4096 u at=0
        do  write b/B 500 m at=0 trunc; rename u/U a/B; write u/U 100 p at=0; fdatasync b/B; rename b/B b/A; rename a/B a/B; write a/A 4096 q at=0 trunc
        ");
        insta::assert_snapshot!(of(8), @r"
        set write a/C 500 o at=0; write u/U 4096 u at=0
        do  fsync a; rename a/C b/B; write a/B 100 m at=0 trunc; append a/A 4096 p; unlink u/U; write u/U 100 q at=0; rename u/U a/A; write u/U 100 r at=0
        ");
    }

    /// Each call succeeds wherever it is done.
    #[test]
    fn every_call_succeeds() {
        use super::super::player::{Player, Real};
        for seed in 0..300 {
            let root = tempfile::tempdir().expect("a directory");
            let mut real = Real::new(root.path());
            let sequence = of(seed);
            for step in sequence.first_steps().iter().chain(&sequence.steps()) {
                let done = real.step(step);
                assert_eq!(done, Ok(()), "seed {seed}: {step:?} of\n{sequence}");
            }
        }
    }
}
