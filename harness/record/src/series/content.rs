//! What an item holds: it follows from the series' seed, the stream and the number alone, sector by sector, so that whoever finds a sector
//! can tell whose it is, and whether it is whole.

use super::stream::Stream;

/// The least that a disk writes as a whole.
pub const SECTOR: usize = 512;
/// Of an item, in sectors; one of the queue fills its slot.
const MOST_SECTORS: u64 = 32;
pub const SLOT_SECTORS: usize = 8;

const MAGIC: &[u8; 8] = b"fermocut";
const HEADER: usize = 32;

/// Whose a sector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector {
    /// The sector `index` of the item `n`, whole.
    Of {
        stream: Stream,
        n: u64,
        index: usize,
    },
    Zeros,
    /// It names another series, or an item of this one and holds something else.
    OtherSeries,
    Foreign,
}

/// A series of cuts knows its content by its seed.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    key: [u8; 32],
}

impl Content {
    #[must_use]
    pub fn new(seed: u64, series: &str) -> Content {
        let material = [&seed.to_le_bytes()[..], series.as_bytes()].concat();
        Content { key: blake3::derive_key("fermoposta 2026 content of a series of power cuts", &material) }
    }

    /// How long an item is.
    #[must_use]
    pub fn sectors(&self, stream: Stream, n: u64) -> usize {
        if stream == Stream::Queue {
            return SLOT_SECTORS;
        }
        let drawn = self.stream_of(stream, n, usize::MAX, 8);
        let drawn = u64::from_le_bytes(drawn.try_into().expect("eight bytes"));
        1 + usize::try_from(drawn % MOST_SECTORS).expect("below the limit")
    }

    /// All of an item.
    #[must_use]
    pub fn item(&self, stream: Stream, n: u64) -> Vec<u8> {
        (0..self.sectors(stream, n)).flat_map(|index| self.sector(stream, n, index)).collect()
    }

    fn sector(&self, stream: Stream, n: u64, index: usize) -> Vec<u8> {
        let mut sector = Vec::with_capacity(SECTOR);
        sector.extend_from_slice(MAGIC);
        sector.extend_from_slice(&self.tag());
        sector.extend_from_slice(&n.to_le_bytes());
        sector.extend_from_slice(&(stream as u32).to_le_bytes());
        sector.extend_from_slice(&u32::try_from(index).expect("few sectors").to_le_bytes());
        debug_assert_eq!(sector.len(), HEADER);
        sector.extend(self.stream_of(stream, n, index, SECTOR - HEADER));
        sector
    }

    fn tag(&self) -> [u8; 8] {
        self.key[..8].try_into().expect("eight bytes")
    }

    fn stream_of(&self, stream: Stream, n: u64, index: usize, length: usize) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(stream as u32).to_le_bytes()).update(&n.to_le_bytes());
        hasher.update(&(index as u64).to_le_bytes());
        let mut out = vec![0; length];
        hasher.finalize_xof().fill(&mut out);
        out
    }

    /// Whose a sector is; less than a sector is foreign, unless it is zeros.
    #[must_use]
    pub fn whose(&self, sector: &[u8]) -> Sector {
        if sector.iter().all(|byte| *byte == 0) {
            return Sector::Zeros;
        }
        if sector.len() < SECTOR || &sector[..8] != MAGIC {
            return Sector::Foreign;
        }
        if sector[8..16] != self.tag() {
            return Sector::OtherSeries;
        }
        self.named(sector).unwrap_or(Sector::Foreign)
    }

    fn named(&self, sector: &[u8]) -> Option<Sector> {
        use strum::VariantArray;
        let number = |at: usize| u32::from_le_bytes(sector[at..at + 4].try_into().expect("four bytes"));
        let stream = *Stream::VARIANTS.get(usize::try_from(number(24)).ok()?)?;
        let index = usize::try_from(number(28)).ok()?;
        let n = u64::from_le_bytes(sector[16..24].try_into().expect("eight bytes"));
        (self.sector(stream, n, index) == sector).then_some(Sector::Of { stream, n, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sector_says_whose_it_is() {
        let content = Content::new(7, "a");
        let item = content.item(Stream::Maildir, 12);
        let of = |index| Sector::Of { stream: Stream::Maildir, n: 12, index };
        for (index, sector) in item.chunks(SECTOR).enumerate() {
            assert_eq!(content.whose(sector), of(index));
        }
        assert_eq!(Content::new(7, "b").whose(&item[..SECTOR]), Sector::OtherSeries);
        let mut spoiled = item[..SECTOR].to_vec();
        spoiled[400] ^= 1;
        assert_eq!(content.whose(&spoiled), Sector::Foreign);
        assert_eq!(content.whose(&item[..100]), Sector::Foreign);
        assert_eq!(content.whose(&[0; SECTOR]), Sector::Zeros);
    }

    #[test]
    fn lengths_differ_and_repeat() {
        let content = Content::new(7, "a");
        let lengths = || (1..200).map(|n| content.sectors(Stream::Append, n)).collect::<Vec<_>>();
        assert_eq!(lengths(), lengths());
        assert_eq!((lengths().iter().min(), lengths().iter().max()), (Some(&1), Some(&32)));
        assert_eq!(content.sectors(Stream::Queue, 3), SLOT_SECTORS);
    }
}
