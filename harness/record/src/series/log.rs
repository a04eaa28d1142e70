//! Items in the bytes of a file that only grew: found by what their sectors say, wherever they lie.

use super::content::{Content, SECTOR, Sector};
use super::damage::{Damage, Others};
use super::stream::Stream;
use std::collections::BTreeMap;

/// What the sectors of a log say, in their order.
#[derive(Debug)]
pub struct Log {
    /// Of each item the sector where it begins, or what is left of it.
    first: BTreeMap<u64, usize>,
    sectors: Vec<Sector>,
}

impl Log {
    #[must_use]
    pub fn read(content: &Content, bytes: &[u8]) -> Log {
        let sectors: Vec<Sector> = bytes.chunks(SECTOR).map(|sector| content.whose(sector)).collect();
        let mut first = BTreeMap::new();
        for (at, sector) in sectors.iter().enumerate() {
            if let Sector::Of { stream: Stream::Append, n, index } = sector {
                first.entry(*n).or_insert(at.saturating_sub(*index));
            }
        }
        Log { first, sectors }
    }

    /// What is wrong with the item `n`; `None` if it is whole.
    #[must_use]
    pub fn damage(&self, content: &Content, n: u64) -> Option<Damage> {
        let Some(first) = self.first.get(&n) else { return Some(self.without()) };
        let of = content.sectors(Stream::Append, n);
        let its = |index: &usize| {
            self.sectors.get(first + index) == Some(&Sector::Of { stream: Stream::Append, n, index: *index })
        };
        let there = (0..of).filter(its).count();
        let missing = (0..of).find(|index| !its(index))?;
        let others = match self.sectors.get(first + missing) {
            None => Others::Nothing,
            Some(Sector::Zeros) => Others::Zeros,
            Some(_) => Others::Foreign,
        };
        Some(Damage::Torn { there, of, others })
    }

    fn without(&self) -> Damage {
        if self.sectors.contains(&Sector::Zeros) { Damage::Zeros } else { Damage::Absent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_in_a_log_and_what_is_wrong_with_them_is_told() {
        let content = Content::new(1, "s");
        let item = |n| content.item(Stream::Append, n);
        let long = (10..).find(|n| content.sectors(Stream::Append, *n) > 3).expect("one of them");
        let told = |bytes: &[u8], n| {
            let damage = Log::read(&content, bytes).damage(&content, n);
            damage.map_or("whole".to_owned(), |damage| damage.to_string())
        };
        let both = [item(3), item(long)].concat();
        let cut = &both[..item(3).len() + 2 * SECTOR];
        let zeros = [cut, &[0; 4 * SECTOR]].concat();
        let of = content.sectors(Stream::Append, long);
        assert_eq!([told(&both, 3), told(&both, long), told(cut, 3)], ["whole"; 3]);
        assert_eq!(told(cut, long), format!("torn: 2 of {of} sectors, the file ends before the rest"));
        assert_eq!(told(&zeros, long), format!("torn: 2 of {of} sectors, zeros for the rest"));
        assert_eq!(told(&both, 4), "it is not there");
        assert_eq!(told(&zeros, 4), "zeros are in its place");
    }
}
