//! A file each, as mail servers deliver: written under another name, synced, renamed, and the directory synced.

use super::reading::read;
use super::store::{Store, made, numbered, synced};
use record::series::content::Content;
use record::series::damage::{Damage, damage};
use record::series::stream::Stream;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) struct Maildir {
    at: PathBuf,
}

impl Maildir {
    pub(super) fn new(at: PathBuf) -> Maildir {
        Maildir { at }
    }
}

impl Store for Maildir {
    fn begin(&mut self, retire_below: u64) -> io::Result<()> {
        made(&self.at)?;
        for part in ["tmp", "new"] {
            made(&self.at.join(part))?;
        }
        for (part, below) in [("tmp", u64::MAX), ("new", retire_below)] {
            let part = self.at.join(part);
            for n in numbered(&part, "")?.into_iter().take_while(|n| *n < below) {
                std::fs::remove_file(part.join(n.to_string()))?;
            }
        }
        Ok(())
    }

    fn store(&mut self, n: u64, item: &[u8]) -> io::Result<()> {
        let unfinished = self.at.join("tmp").join(n.to_string());
        let stored = File::create_new(&unfinished).and_then(|mut file| {
            file.write_all(item)?;
            file.sync_all()
        });
        if let Err(error) = stored {
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
        let new = self.at.join("new");
        std::fs::rename(unfinished, new.join(n.to_string()))?;
        synced(&new)
    }
}

pub(super) fn wrong(at: &Path, content: &Content, items: &[u64]) -> Vec<(u64, Damage)> {
    let one = |n: &u64| {
        let wrong = match read(&at.join("new").join(n.to_string())) {
            Ok(bytes) => damage(content, Stream::Maildir, *n, &bytes),
            Err(damage) => Some(damage),
        };
        wrong.map(|damage| (*n, damage))
    };
    items.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_there_until_they_are_retired() {
        let place = tempfile::tempdir().unwrap();
        let (at, content) = (place.path().join("maildir"), Content::new(1, "s"));
        let mut store = Maildir::new(at.clone());
        store.begin(0).unwrap();
        (1..=4).for_each(|n| store.store(n, &content.item(Stream::Maildir, n)).unwrap());
        std::fs::write(at.join("tmp/9"), "left over").unwrap();
        std::fs::write(at.join("new/4"), &content.item(Stream::Maildir, 4)[..512]).unwrap();
        std::fs::write(at.join("new/3"), [0; 4096]).unwrap();
        let found = wrong(&at, &content, &[1, 2, 3, 5]);
        assert_eq!(found, [(3, Damage::Zeros), (5, Damage::Absent)]);
        store.begin(3).unwrap();
        assert_eq!(numbered(&at.join("new"), "").unwrap(), [3, 4]);
        assert!(numbered(&at.join("tmp"), "").unwrap().is_empty());
    }
}
