//! What was sent and what came back, where a message came back with other bytes: evidence that can be checked with
//! `cmp` and `hexdump` on two files of the run directory.
//!
//! Offsets count from the attempt's header line on, begin at 0, and are places in the file that came back: what was sent
//! is compared with the line ends that this file has. What a server puts before that line is no difference.

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes in a row.
pub const ROW: usize = 16;

/// A message that came back with other bytes than were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What was changed, in one sentence; or why the bytes cannot be compared.
    pub sentence: String,
    /// Where and when it was read, how offsets become places in the file, what lies on the disk: a sentence each.
    pub notes: Vec<String>,
    /// What was sent: a file of the run directory.
    pub sent_file: String,
    /// What came back, byte by byte as it came: a file of the run directory.
    pub found_file: String,
    /// What was changed; none if the bytes cannot be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// One stretch of what was sent, from the first to the last byte that differs, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// Bytes sent, with the line ends of what came back.
    pub sent_bytes: u64,
    /// Bytes that came back.
    pub found_bytes: u64,
    /// Where the change begins.
    pub at: u64,
    /// Bytes sent that are not there any more.
    pub replaced: u64,
    /// Bytes that came back in their place.
    pub by: u64,
    /// In the file that came back the change begins at a multiple of so many bytes, 4,096 or 512, and ends at one or with
    /// the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aligned: Option<u64>,
    /// The bytes: what is around the beginning of the change, and around its end.
    pub rows: Vec<HexRow>,
}

/// What a change looks like, which tells where it may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// One bit is the other way round.
    BitFlip,
    /// Zero bytes stand where other bytes were sent.
    Zeroed,
    /// The end is missing, and the file ends at a multiple of 512 bytes.
    Torn,
    /// The end is missing.
    Truncated,
    /// The token of another message of the run stands within it.
    Foreign,
    /// Bytes are missing before the end.
    Missing,
    /// Bytes stand there that were never sent, and all that was sent.
    Added,
    /// As many other bytes stand there.
    Changed,
    /// More or fewer other bytes stand there.
    Replaced,
}

/// Up to [`ROW`] bytes of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HexRow {
    /// Rows left out before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// What was sent.
    pub sent: HexSide,
    /// What came back.
    pub found: HexSide,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Up to [`ROW`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HexSide {
    /// Offset of the first.
    pub offset: u64,
    /// The bytes themselves.
    pub bytes: Hex,
    /// Which of them are part of the change: bit n stands for byte n.
    pub changed: u16,
}

impl HexSide {
    /// Byte `n` is part of the change.
    #[must_use]
    pub fn is_changed(&self, n: usize) -> bool {
        n < ROW && (self.changed >> n) & 1 == 1
    }
}

/// Bytes, written as two lowercase hexadecimal digits each; as bytes where no person reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Hex(pub Vec<u8>);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(RawBytes).map(Hex);
        }
        let text = String::deserialize(deserializer)?;
        parsed(&text)
            .map(Hex)
            .ok_or_else(|| serde::de::Error::custom("pairs of hexadecimal digits are wanted"))
    }
}

struct RawBytes;

impl Visitor<'_> for RawBytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_owned())
    }
}

fn parsed(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|digit| u8::try_from(char::from(digit).to_digit(16)?).ok());
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let pairs = digits.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok());
    pairs.map(|pair| pair.map(|[high, low]| (high << 4) | low)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_hexadecimal_text_and_nothing_else_is_read() {
        let hex = Hex(vec![0, 0x1f, 0xff]);
        let text = serde_json::to_string(&hex).expect("it is text");
        assert_eq!(text, r#""001fff""#);
        assert_eq!(serde_json::from_str::<Hex>(&text).expect("read back"), hex);
        for wrong in [r#""0""#, r#""0g""#, r#"" 1""#, r#""+1""#, "1"] {
            assert!(serde_json::from_str::<Hex>(wrong).is_err(), "{wrong}");
        }
    }

    /// A report from elsewhere may have any number of them.
    #[test]
    fn bytes_are_no_string_that_is_cut() {
        let many = Hex(vec![0x1b; crate::kit::inert::MAX_CHARS]);
        assert_eq!(crate::kit::inert::copy(&many), many);
    }

    #[test]
    fn a_byte_is_changed_if_its_bit_is_set() {
        let side = HexSide { changed: 0b1000_0000_0000_0001, ..HexSide::default() };
        assert_eq!([0, 1, 15, 16].map(|n| side.is_changed(n)), [true, false, true, false]);
    }
}
