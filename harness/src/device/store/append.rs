//! Records at the end of a file, each synced, as logs and mailboxes of one file grow. A new file begins at each start, after an error, and
//! when one is long enough.

use super::reading::{as_damage, read};
use super::store::{Store, made, numbered, synced};
use record::series::content::Content;
use record::series::damage::Damage;
use record::series::log::Log;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Items of a file.
const MOST: u64 = 256;

const PREFIX: &str = "log-";

pub(super) struct Append {
    at: PathBuf,
    /// The file that grows, and its first item.
    growing: Option<(File, u64)>,
}

impl Append {
    pub(super) fn new(at: PathBuf) -> Append {
        Append { at, growing: None }
    }

    fn file_for(&mut self, n: u64) -> io::Result<(File, u64)> {
        match self.growing.take() {
            Some((file, first)) if n < first + MOST => Ok((file, first)),
            _ => {
                let file = File::create_new(self.at.join(format!("{PREFIX}{n}")))?;
                synced(&self.at)?;
                Ok((file, n))
            }
        }
    }
}

impl Store for Append {
    fn begin(&mut self, retire_below: u64) -> io::Result<()> {
        self.growing = None;
        made(&self.at)?;
        let firsts = numbered(&self.at, PREFIX)?;
        for (first, next) in firsts.iter().zip(firsts.iter().skip(1)) {
            if *next <= retire_below {
                std::fs::remove_file(self.at.join(format!("{PREFIX}{first}")))?;
            }
        }
        Ok(())
    }

    /// After an error what is at the end of the file is not known, so nothing is added to it.
    fn store(&mut self, n: u64, item: &[u8]) -> io::Result<()> {
        let (mut file, first) = self.file_for(n)?;
        file.write_all(item)?;
        file.sync_data()?;
        self.growing = Some((file, first));
        Ok(())
    }
}

pub(super) fn wrong(at: &Path, content: &Content, items: &[u64]) -> Vec<(u64, Damage)> {
    let firsts = match numbered(at, PREFIX) {
        Ok(firsts) => firsts,
        Err(error) => return items.iter().map(|n| (*n, as_damage(&error))).collect(),
    };
    let mut last: Option<(u64, Result<Log, Damage>)> = None;
    let mut wrong = Vec::new();
    for n in items {
        let Some(first) = firsts.iter().rev().find(|first| *first <= n) else {
            wrong.push((*n, Damage::Absent));
            continue;
        };
        if last.as_ref().is_none_or(|(of, _)| of != first) {
            let bytes = read(&at.join(format!("{PREFIX}{first}")));
            last = Some((*first, bytes.map(|bytes| Log::read(content, &bytes))));
        }
        let damage = match &last {
            Some((_, Ok(log))) => log.damage(content, *n),
            Some((_, Err(damage))) => Some(damage.clone()),
            None => unreachable!("it was read"),
        };
        wrong.extend(damage.map(|damage| (*n, damage)));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::series::stream::Stream;

    #[test]
    fn items_are_found_in_whatever_file_they_are() {
        let place = tempfile::tempdir().unwrap();
        let (at, content) = (place.path().join("append"), Content::new(1, "s"));
        let mut store = Append::new(at.clone());
        let item = |n| content.item(Stream::Append, n);
        store.begin(0).unwrap();
        (1..=300).for_each(|n| store.store(n, &item(n)).unwrap());
        store.begin(0).unwrap();
        (302..=304).for_each(|n| store.store(n, &item(n)).unwrap());
        let all: Vec<u64> = (1..=304).filter(|n| *n != 301).collect();
        assert_eq!(numbered(&at, PREFIX).unwrap(), [1, 257, 302]);
        assert_eq!(wrong(&at, &content, &all), []);
        assert_eq!(wrong(&at, &content, &[301]), [(301, Damage::Absent)]);
        let whole = std::fs::read(at.join("log-302")).unwrap();
        std::fs::write(at.join("log-302"), &whole[..item(302).len()]).unwrap();
        assert_eq!(wrong(&at, &content, &all), [(303, Damage::Absent), (304, Damage::Absent)]);
        store.begin(257).unwrap();
        assert_eq!(numbered(&at, PREFIX).unwrap(), [257, 302]);
    }
}
