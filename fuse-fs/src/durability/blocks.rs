//! An ordered map by number whose numbers come close together: pages of a file, effects in their order.
//!
//! Model: a tree of blocks, each for 32 numbers in a row. A block has one slot, in one vector, for each number that it
//! *holds*; what was removed keeps its slot until few of the block's slots are *live*. So a lookup touches a tree that is
//! small enough to stay in the cache, and one slot; nothing moves when a value goes, and hardly anything when one comes.
//!
//! Limits: a removed value is dropped only with its slot, and for each live one up to three others may wait for that.
//! Numbers far apart take a block each.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

/// Numbers in a block: one for each bit of its masks.
const NUMBERS: u64 = u32::BITS as u64;

/// The map. As JSON it is a list of pairs in order, as [`super::pairs`] writes any map.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    /// By number / 32; each has something live in it.
    blocks: BTreeMap<u64, Block<T>>,
}

/// Invariant: there are as many slots as bits in `held`, in their order, and `live` is a part of `held`.
#[derive(Clone, Debug)]
struct Block<T> {
    held: u32,
    live: u32,
    slots: Vec<T>,
}

fn bit(number: u64) -> u32 {
    1 << (number % NUMBERS)
}

/// The places of the bits that are set, ascending.
fn places(mut mask: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| mask.trailing_zeros());
        mask &= mask.wrapping_sub(1);
        place
    })
}

/// The blocks in which numbers of a range can be.
fn blocks_of(range: &impl RangeBounds<u64>) -> (Bound<u64>, Bound<u64>) {
    let whole = |bound: Bound<&u64>| match bound {
        Bound::Included(number) | Bound::Excluded(number) => Bound::Included(number / NUMBERS),
        Bound::Unbounded => Bound::Unbounded,
    };
    (whole(range.start_bound()), whole(range.end_bound()))
}

impl<T> Blocks<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.values().map(|block| block.live.count_ones() as usize).sum()
    }

    pub(crate) fn contains_key(&self, number: u64) -> bool {
        self.blocks.get(&(number / NUMBERS)).is_some_and(|block| block.live & bit(number) != 0)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let block = self.blocks.get(&(number / NUMBERS))?;
        (block.live & bit(number) != 0).then(|| &block.slots[block.rank(bit(number))])
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let block = self.blocks.get_mut(&(number / NUMBERS))?;
        (block.live & bit(number) != 0).then(|| block.slot(bit(number)))
    }

    pub(crate) fn insert(&mut self, number: u64, value: T) {
        self.blocks.entry(number / NUMBERS).or_default().put(bit(number), value);
    }

    pub(crate) fn get_or_insert_with(&mut self, number: u64, value: impl FnOnce() -> T) -> &mut T {
        let block = self.blocks.entry(number / NUMBERS).or_default();
        if block.live & bit(number) == 0 {
            block.put(bit(number), value());
        }
        block.slot(bit(number))
    }

    /// Removes a value if `unwanted` says so of it, which may change it otherwise. Returns whether it did.
    pub(crate) fn remove_if(&mut self, number: u64, unwanted: impl FnOnce(&mut T) -> bool) -> bool {
        let Some(block) = self.blocks.get_mut(&(number / NUMBERS)) else { return false };
        if block.live & bit(number) == 0 || !unwanted(block.slot(bit(number))) {
            return false;
        }
        block.live &= !bit(number);
        block.compact();
        if block.live == 0 {
            self.blocks.remove(&(number / NUMBERS));
        }
        true
    }

    /// Removes what `wanted`, which may change it, does not want.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(u64, &mut T) -> bool) {
        self.blocks.retain(|index, block| {
            let mut live = 0;
            for (number, value) in block.iter_mut(*index) {
                live |= if wanted(number, value) { bit(number) } else { 0 };
            }
            block.live = live;
            block.compact();
            live != 0
        });
    }

    pub(crate) fn range(&self, range: impl RangeBounds<u64>) -> impl Iterator<Item = (u64, &T)> {
        let values = self.blocks.range(blocks_of(&range)).flat_map(|(index, block)| block.iter(*index));
        values.filter(move |(number, _)| range.contains(number))
    }

    pub(crate) fn range_mut(&mut self, range: impl RangeBounds<u64>) -> impl Iterator<Item = (u64, &mut T)> {
        let values =
            self.blocks.range_mut(blocks_of(&range)).flat_map(|(index, block)| block.iter_mut(*index));
        values.filter(move |(number, _)| range.contains(number))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.range(..)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.iter().map(|(number, _)| number)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.range_mut(..).map(|(_, value)| value)
    }

    /// The value with the highest number.
    pub(crate) fn last(&self) -> Option<(u64, &T)> {
        let (index, block) = self.blocks.last_key_value()?;
        block.iter(*index).last()
    }
}

impl<T> Block<T> {
    /// Where the slot of a number is or would be.
    fn rank(&self, bit: u32) -> usize {
        (self.held & (bit - 1)).count_ones() as usize
    }

    fn slot(&mut self, bit: u32) -> &mut T {
        let at = self.rank(bit);
        &mut self.slots[at]
    }

    fn put(&mut self, bit: u32, value: T) {
        if self.held & bit == 0 {
            self.slots.insert(self.rank(bit), value);
        } else {
            *self.slot(bit) = value;
        }
        self.held |= bit;
        self.live |= bit;
    }

    /// Gives up slots that are not live, if those are most of them.
    fn compact(&mut self) {
        if self.live.count_ones() * 4 > self.held.count_ones() {
            return;
        }
        let (live, mut held) = (self.live, places(self.held));
        self.slots.retain(|_| held.next().is_some_and(|place| live & (1 << place) != 0));
        self.slots.shrink_to_fit();
        self.held = live;
    }

    fn iter(&self, index: u64) -> impl Iterator<Item = (u64, &T)> {
        let live = places(self.held).zip(&self.slots).filter(|(place, _)| self.live & (1 << place) != 0);
        live.map(move |(place, value)| (index * NUMBERS + u64::from(place), value))
    }

    fn iter_mut(&mut self, index: u64) -> impl Iterator<Item = (u64, &mut T)> {
        let live = self.live;
        let values =
            places(self.held).zip(&mut self.slots).filter(move |(place, _)| live & (1 << place) != 0);
        values.map(move |(place, value)| (index * NUMBERS + u64::from(place), value))
    }
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Blocks { blocks: BTreeMap::new() }
    }
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Block { held: 0, live: 0, slots: Vec::new() }
    }
}

impl<T> FromIterator<(u64, T)> for Blocks<T> {
    fn from_iter<I: IntoIterator<Item = (u64, T)>>(pairs: I) -> Self {
        let mut blocks = Blocks::default();
        pairs.into_iter().for_each(|(number, value)| blocks.insert(number, value));
        blocks
    }
}

impl<T: Serialize> Serialize for Blocks<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Blocks<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<(u64, T)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u8),
        GetOrInsert(u64, u8),
        Add(u64, u8),
        /// Removes it if it is below.
        RemoveIf(u64, u8),
        RetainFrom(u8),
        AddInRange(u64, u64),
        AddToAll,
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![8 => 0..100u64, 1 => any::<u64>(), 1 => u64::MAX - 40..=u64::MAX]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (number(), any::<u8>()).prop_map(|(n, v)| Step::Insert(n, v)),
            2 => (number(), any::<u8>()).prop_map(|(n, v)| Step::GetOrInsert(n, v)),
            1 => (number(), any::<u8>()).prop_map(|(n, v)| Step::Add(n, v)),
            8 => (number(), any::<u8>()).prop_map(|(n, v)| Step::RemoveIf(n, v)),
            1 => (0..128u8).prop_map(Step::RetainFrom),
            1 => (number(), number()).prop_map(|(a, b)| Step::AddInRange(a.min(b), a.max(b))),
            1 => Just(Step::AddToAll),
        ]
    }

    fn add(value: &mut u8) {
        *value = value.wrapping_add(1);
    }

    /// Does the same to both and compares what they answer.
    fn apply(blocks: &mut Blocks<u8>, map: &mut BTreeMap<u64, u8>, step: &Step) {
        match *step {
            Step::Insert(n, v) => {
                blocks.insert(n, v);
                map.insert(n, v);
            }
            Step::GetOrInsert(n, v) => {
                assert_eq!(blocks.get_or_insert_with(n, || v), map.entry(n).or_insert(v));
            }
            Step::Add(n, v) => {
                let put = |value: &mut u8| *value = v;
                assert_eq!(blocks.get_mut(n).map(put), map.get_mut(&n).map(put));
            }
            Step::RemoveIf(n, v) => {
                let removed = map.get(&n).is_some_and(|value| *value < v);
                if removed {
                    map.remove(&n);
                }
                assert_eq!(blocks.remove_if(n, |value| *value < v), removed);
            }
            Step::RetainFrom(v) => {
                blocks.retain(|_, value| *value >= v);
                map.retain(|_, value| *value >= v);
            }
            Step::AddInRange(from, to) => {
                blocks.range_mut(from..to).for_each(|(_, value)| add(value));
                map.range_mut(from..to).for_each(|(_, value)| add(value));
            }
            Step::AddToAll => {
                blocks.values_mut().for_each(add);
                map.values_mut().for_each(add);
            }
        }
    }

    fn as_pairs<'a>(map: impl Iterator<Item = (&'a u64, &'a u8)>) -> Vec<(u64, u8)> {
        map.map(|(number, value)| (*number, *value)).collect()
    }

    fn listed<'a>(blocks: impl Iterator<Item = (u64, &'a u8)>) -> Vec<(u64, u8)> {
        blocks.map(|(number, value)| (number, *value)).collect()
    }

    fn is_sound(block: &Block<u8>) -> bool {
        let (held, live) = (block.held.count_ones(), block.live.count_ones());
        block.slots.len() == held as usize && block.live & !block.held == 0 && live * 4 > held
    }

    proptest! {
        #[test]
        fn it_is_what_a_plain_map_is(
            steps in proptest::collection::vec(step(), 1..200),
            (from, to) in (number(), number()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        ) {
            let (mut blocks, mut map) = (Blocks::default(), BTreeMap::new());
            for step in &steps {
                apply(&mut blocks, &mut map, step);
                prop_assert_eq!(listed(blocks.iter()), as_pairs(map.iter()));
                prop_assert!(blocks.blocks.values().all(is_sound));
            }
            prop_assert_eq!((blocks.len(), blocks.is_empty()), (map.len(), map.is_empty()));
            prop_assert_eq!(listed(blocks.last().into_iter()), as_pairs(map.last_key_value().into_iter()));
            prop_assert_eq!(listed(blocks.range(from..=to)), as_pairs(map.range(from..=to)));
            prop_assert_eq!(listed(blocks.range(..to)), as_pairs(map.range(..to)));
            prop_assert_eq!(listed(blocks.range(from..)), as_pairs(map.range(from..)));
            prop_assert!(blocks.keys().eq(map.keys().copied()) && blocks.values().eq(map.values()));
            for number in (0..100).chain([from, to]) {
                prop_assert_eq!(blocks.get(number), map.get(&number));
                prop_assert_eq!(blocks.contains_key(number), map.contains_key(&number));
            }
        }

        #[test]
        fn it_is_written_and_read_as_pairs(steps in proptest::collection::vec(step(), 1..200)) {
            let (mut blocks, mut map) = (Blocks::default(), BTreeMap::new());
            steps.iter().for_each(|step| apply(&mut blocks, &mut map, step));
            let mut as_map = Vec::new();
            crate::durability::pairs::serialize(&map, &mut serde_json::Serializer::new(&mut as_map)).unwrap();
            prop_assert_eq!(serde_json::to_vec(&blocks).unwrap(), as_map.clone());
            let read: Blocks<u8> = serde_json::from_slice(&as_map).unwrap();
            prop_assert_eq!(listed(read.iter()), as_pairs(map.iter()));
        }
    }
}
