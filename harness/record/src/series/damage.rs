//! What is wrong with an item that should be there, told from what lies in its place.

use super::content::{Content, SECTOR, Sector};
use super::stream::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Nothing is there under its name, or an empty file.
    Absent,
    /// Nothing but zeros is in its place.
    Zeros,
    /// An item that was in this place before is there whole.
    Older(u64),
    /// So many of its sectors are there, and what is in the place of the others.
    Torn { there: usize, of: usize, others: Others },
    /// Content of another item, or none of this series.
    Foreign,
    /// It cannot be read.
    Unreadable(String),
}

/// What lies where sectors of an item are not; the first that is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// The file ends before.
    Nothing,
    Zeros,
    /// Sectors of an older item.
    Older,
    /// Content of an item elsewhere, of an earlier series, or of nobody.
    Foreign,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Absent => f.write_str("it is not there"),
            Damage::Zeros => f.write_str("zeros are in its place"),
            Damage::Older(n) => write!(f, "the older item {n} is in its place"),
            Damage::Torn { there, of, others } => {
                let others = match others {
                    Others::Nothing => "the file ends before the rest",
                    Others::Zeros => "zeros for the rest",
                    Others::Older => "older content for the rest",
                    Others::Foreign => "foreign content for the rest",
                };
                write!(f, "torn: {there} of {of} sectors, {others}")
            }
            Damage::Foreign => f.write_str("foreign content is in its place"),
            Damage::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

/// What is wrong with the item `n` of which `bytes` was read; `None` if it is whole.
#[must_use]
pub fn damage(content: &Content, stream: Stream, n: u64, bytes: &[u8]) -> Option<Damage> {
    let expected = content.item(stream, n);
    if bytes == expected {
        return None;
    }
    let read: Vec<Sector> = bytes.chunks(SECTOR).map(|sector| content.whose(sector)).collect();
    let of = expected.len() / SECTOR;
    let its = |at: usize| matches!(read.get(at), Some(Sector::Of { stream: s, n: m, index }) if (*s, *m, *index) == (stream, n, at));
    let there = (0..of).filter(|at| its(*at)).count();
    if there > 0 {
        // All of it, and more behind it.
        let first = (0..=of).find(|at| !its(*at)).expect("the place behind the last is not its");
        return Some(Damage::Torn { there, of, others: other(read.get(first), stream, n) });
    }
    if read.is_empty() {
        return Some(Damage::Absent);
    }
    Some(without(content, stream, n, &read))
}

fn other(sector: Option<&Sector>, stream: Stream, n: u64) -> Others {
    match sector {
        None => Others::Nothing,
        Some(Sector::Zeros) => Others::Zeros,
        Some(Sector::Of { stream: s, n: m, .. }) if *s == stream && *m < n => Others::Older,
        Some(Sector::Of { .. } | Sector::OtherSeries | Sector::Foreign) => Others::Foreign,
    }
}

/// Not one sector of it is there.
fn without(content: &Content, stream: Stream, n: u64, read: &[Sector]) -> Damage {
    if read.iter().all(|sector| *sector == Sector::Zeros) {
        return Damage::Zeros;
    }
    let Some(Sector::Of { stream: s, n: m, .. }) = read.first() else { return Damage::Foreign };
    let whole = (0..content.sectors(*s, *m)).map(|index| Sector::Of { stream: *s, n: *m, index });
    let older = *s == stream && *m < n && whole.eq(read.iter().copied());
    if older { Damage::Older(*m) } else { Damage::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> String {
        let damage = damage(&Content::new(1, "s"), Stream::Queue, 300, bytes);
        damage.map_or("whole".to_owned(), |damage| damage.to_string())
    }

    #[test]
    fn each_damage_has_its_name() {
        let content = Content::new(1, "s");
        let item = |n| content.item(Stream::Queue, n);
        let whole = item(300);
        let with = |rest: &[u8]| [&whole[..3 * SECTOR], rest].concat();
        let mut flipped = whole.clone();
        flipped[5 * SECTOR + 99] ^= 4;
        let zeros = vec![0; whole.len()];
        let cases = [
            of(&whole),
            of(&zeros),
            of(&[]),
            of(&item(44)),
            of(&item(556)),
            of(&with(&[])),
            of(&with(&zeros[3 * SECTOR..])),
            of(&with(&item(44)[3 * SECTOR..])),
            of(&flipped),
            of(&[&whole[..], b"more"].concat()),
            of(&vec![7; 4096]),
            of(&Content::new(2, "t").item(Stream::Queue, 300)),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r"
        whole
        zeros are in its place
        it is not there
        the older item 44 is in its place
        foreign content is in its place
        torn: 3 of 8 sectors, the file ends before the rest
        torn: 3 of 8 sectors, zeros for the rest
        torn: 3 of 8 sectors, older content for the rest
        torn: 7 of 8 sectors, foreign content for the rest
        torn: 8 of 8 sectors, foreign content for the rest
        foreign content is in its place
        foreign content is in its place
        ");
    }
}
