//! A ring of slots in one file, overwritten in place and synced, as queues and databases do.

use super::reading::as_damage;
use super::store::{Store, made, synced};
use record::series::content::{Content, SECTOR, SLOT_SECTORS};
use record::series::damage::{Damage, damage};
use record::series::stream::{SLOTS, Stream};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const SLOT: u64 = (SLOT_SECTORS * SECTOR) as u64;

const NAME: &str = "slots";

pub(super) struct Queue {
    at: PathBuf,
    slots: Option<File>,
}

impl Queue {
    pub(super) fn new(at: PathBuf) -> Queue {
        Queue { at, slots: None }
    }
}

impl Store for Queue {
    fn begin(&mut self, _retire_below: u64) -> io::Result<()> {
        made(&self.at)?;
        let slots = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.at.join(NAME))?;
        let there = slots.metadata()?.len();
        if let Some(missing) = (SLOTS * SLOT).checked_sub(there).filter(|missing| *missing > 0) {
            // Written, so that later writes change no size and find their blocks. What a cut left of the file stays: it is looked for.
            slots.write_all_at(&vec![0; usize::try_from(missing).expect("it fits")], there)?;
        }
        slots.sync_all()?;
        synced(&self.at)?;
        self.slots = Some(slots);
        Ok(())
    }

    fn store(&mut self, n: u64, item: &[u8]) -> io::Result<()> {
        let slots = self.slots.as_ref().ok_or_else(|| io::Error::other("the queue is not open"))?;
        slots.write_all_at(item, n % SLOTS * SLOT)?;
        slots.sync_data()
    }
}

pub(super) fn wrong(at: &Path, content: &Content, items: &[u64]) -> Vec<(u64, Damage)> {
    let slots = match File::open(at.join(NAME)) {
        Ok(slots) => slots,
        Err(error) => return items.iter().map(|n| (*n, as_damage(&error))).collect(),
    };
    let one = |n: &u64| {
        let mut bytes = vec![0; usize::try_from(SLOT).expect("it fits")];
        let wrong = match slots.read_exact_at(&mut bytes, n % SLOTS * SLOT) {
            Ok(()) => damage(content, Stream::Queue, *n, &bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(Damage::Absent),
            Err(error) => Some(as_damage(&error)),
        };
        wrong.map(|damage| (*n, damage))
    };
    items.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_an_older_item_is_told() {
        let place = tempfile::tempdir().unwrap();
        let (at, content) = (place.path().join("queue"), Content::new(1, "s"));
        let mut store = Queue::new(at.clone());
        let item = |n| content.item(Stream::Queue, n);
        store.begin(0).unwrap();
        (1..=SLOTS + 9).for_each(|n| store.store(n, &item(n)).unwrap());
        store.begin(0).unwrap();
        let all: Vec<u64> = (10..=SLOTS + 9).collect();
        assert_eq!(wrong(&at, &content, &all), []);
        store.store(7, &item(7)).unwrap();
        assert_eq!(wrong(&at, &content, &all), [(SLOTS + 7, Damage::Older(7))]);
        store.slots.as_ref().unwrap().set_len(SLOT).unwrap();
        assert_eq!(wrong(&at, &content, &[SLOTS, SLOTS + 1]), [(SLOTS + 1, Damage::Absent)]);
        store.begin(0).unwrap();
        assert_eq!(
            wrong(&at, &content, &[SLOTS, SLOTS + 1]),
            [(SLOTS + 1, Damage::Zeros)],
            "the rest is as it was"
        );
    }
}
