//! Which part of many runs a run belongs to.
//!
//! By its name alone, so that every machine shares them out alike, and one more run moves none of the others.

use reports::kit::shard::Shard;

/// Whether the run of this name is one of the shard's.
#[must_use]
pub fn holds(shard: Shard, name: &str) -> bool {
    home(shard, name) == shard
}

/// The shard, beside `other` and all with it, that the run of this name belongs to.
#[must_use]
pub fn home(other: Shard, name: &str) -> Shard {
    let digest = blake3::hash(name.as_bytes());
    let first = u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("8 of 32 bytes"));
    let number = u32::try_from(first % u64::from(other.of.get()) + 1).expect("it is at most `of`");
    Shard::new(number, other.of.get()).expect("from 1 to `of`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> impl Iterator<Item = String> {
        (0..1000).map(|n| format!("case {n}"))
    }

    fn shard(number: u32, of: u32) -> Shard {
        Shard::new(number, of).expect("there is one")
    }

    #[test]
    fn every_run_is_in_one_shard_and_none_is_idle() {
        for of in [1, 2, 7, 16] {
            let counts: Vec<usize> = (1..=of)
                .map(|number| names().filter(|name| holds(shard(number, of), name)).count())
                .collect();
            assert_eq!(counts.iter().sum::<usize>(), 1000);
            assert!(counts.iter().all(|count| count * of as usize > 500), "{counts:?}");
        }
    }

    /// Shards of two versions would overlap and leave a gap.
    #[test]
    fn where_a_run_belongs_stays_as_it_is() {
        let homes: Vec<String> = names().take(6).map(|name| home(shard(1, 4), &name).to_string()).collect();
        insta::assert_snapshot!(homes.join(" "), @"1/4 2/4 4/4 3/4 2/4 4/4");
    }
}
