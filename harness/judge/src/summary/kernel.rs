//! What the kernel said of real file systems, shortened: a failing device is complained of for every sector.

use fuse_fs::clock::Nanos;
use record::history::said::Said;
use record::ledger::Ledger;
use std::collections::BTreeMap;

/// Different complaints of a storage that are told.
const MOST: usize = 20;

/// Those of one storage, each when it was first heard, and how often it came.
#[derive(Default)]
struct Complaints {
    told: Vec<(Nanos, String, u64)>,
    /// Of other kinds.
    more: Option<(Nanos, u64)>,
}

/// Each complaint once; numbers make no other one of it.
pub(super) fn said(ledger: &Ledger) -> Vec<(Nanos, String)> {
    let mut storages: BTreeMap<&str, Complaints> = BTreeMap::new();
    for (at, storage, said) in &ledger.kernel {
        storages.entry(storage).or_default().hear(*at, in_words(said));
    }
    storages.into_iter().flat_map(|(storage, complaints)| complaints.in_words(storage)).collect()
}

impl Complaints {
    fn hear(&mut self, at: Nanos, words: &str) {
        let same = |(_, known, _): &(Nanos, String, u64)| without_digits(known).eq(without_digits(words));
        match self.told.iter().position(same) {
            Some(place) => self.told[place].2 += 1,
            None if self.told.len() < MOST => self.told.push((at, words.to_owned(), 1)),
            None => self.more.get_or_insert((at, 0)).1 += 1,
        }
    }

    fn in_words(self, storage: &str) -> Vec<(Nanos, String)> {
        let times = |n: u64| if n == 1 { String::new() } else { format!(" ({n} times)") };
        let told =
            self.told.into_iter().map(|(at, words, n)| (at, format!("{storage}: {words}{}", times(n))));
        let more = self.more.map(|(at, n)| (at, format!("{storage}: {n} complaints of other kinds")));
        told.chain(more).collect()
    }
}

fn in_words(said: &Said) -> &str {
    match said {
        Said::Logged(message) => message,
        Said::ReadOnly => "the file system takes no more changes: it is mounted read-only now",
    }
}

fn without_digits(words: &str) -> impl Iterator<Item = char> {
    words.chars().filter(|c| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_for_each_sector_is_one() {
        let mut ledger = Ledger::default();
        let mut hear = |at, said| ledger.kernel.push((Nanos(at), "mail".to_owned(), said));
        (0..300).for_each(|n| hear(n, Said::Logged(format!("I/O error, dev loop2, sector {}", n * 8))));
        hear(300, Said::ReadOnly);
        (0..22).for_each(|n| hear(301, Said::Logged("x".repeat(n))));
        let told: Vec<String> = said(&ledger).into_iter().map(|(_, what)| what).collect();
        assert_eq!(told[0], "mail: I/O error, dev loop2, sector 0 (300 times)");
        assert_eq!(told[1], "mail: the file system takes no more changes: it is mounted read-only now");
        assert_eq!((told.len(), told[20].as_str()), (21, "mail: 4 complaints of other kinds"));
    }
}
