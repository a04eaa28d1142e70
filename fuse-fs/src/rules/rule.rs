//! A rule: where (selector), when (trigger), what (effect). Plain data, as scenario files write it.
//!
//! These types are the scenario language of `[[fault]]`: their doc comments become the JSON schema
//! and the reference in `docs/`. Every condition of a selector must hold (conjunction); a list
//! within one condition is a choice (disjunction). [`Rule::problems`] finds what the types cannot
//! exclude, all at once, before a run.

#[cfg(test)]
mod tests;

use super::ops::OpSelector;

use super::effects::Effect;
use super::sectors::Sectors;
use crate::call::FileKind;
use crate::units::{Bytes, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fault: where it strikes, when, and what it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Name in reports, counters and control commands; unique within its storage.
    pub name: String,
    /// Which calls the rule is about. Absent: every call the effect applies to.
    #[serde(default, rename = "where", skip_serializing_if = "Selector::is_everything")]
    pub selector: Selector,
    /// Which of those calls it strikes. Absent: each of them.
    #[serde(default, rename = "when", skip_serializing_if = "Trigger::is_always")]
    pub trigger: Trigger,
    /// What happens to a call it strikes.
    pub effect: Effect,
    /// Nobody repairs it: only a heal that names it ends it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_good: bool,
}

/// Which calls a rule is about. Every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Selector {
    /// Operations: names such as `fsync`, or the groups `all`, `data` (read, write, and what changes
    /// content), `metadata`, `reads`, `writes`, `sync` (fsync and fsyncdir), `names` (create, link,
    /// rename, unlink, mkdir, rmdir, symlink, mknod).
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<OpSelector>")]
    pub op: Vec<OpSelector>,
    /// Globs on the path below the storage's root: `**/tmp/**`, `user1/**`. For rename and link
    /// either path may match.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<String>")]
    pub path: Vec<String>,
    /// Globs on paths to leave out, after `path` was applied.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<String>")]
    pub not_path: Vec<String>,
    /// Bytes of the file that the call must touch: `{ from = 4096, to = 8192 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<ByteRange>,
    /// What the sectors that the call touches hold for the file system on the device: `level = "device"` only. With `data` or
    /// `directory`, `path` and `not-path` say of which files or directories.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<Holds>")]
    pub holds: Vec<Holds>,
    /// Where that lies, as far as it is known when the file system is made; without it no call is one of these.
    #[serde(skip)]
    pub sectors: Sectors,
    /// Bytes the call asks for (read, write): `{ min = "4 KiB" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<SizeRange>,
    /// Size of the file before the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeRange>,
    /// Kind of file.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<FileKind>")]
    pub kind: Vec<FileKind>,
    /// Process ids of the caller.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<u32>")]
    pub pid: Vec<u32>,
    /// User ids of the caller.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<u32>")]
    pub uid: Vec<u32>,
    /// Globs on the caller's command name (`/proc/PID/comm`): `imap`, `lmtp*`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<String>")]
    pub command: Vec<String>,
    /// Flags all of which the open file must have, such as `O_SYNC`, `O_APPEND`, `O_DIRECT`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany<String>")]
    pub open_flags: Vec<String>,
    /// A share of mailboxes, chosen by a hash of their directory's name, the same in every run with the
    /// same seed: `{ fraction = 0.1 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// What sectors hold for the file system on their device.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Holds {
    /// The superblock and its copies.
    Superblock,
    /// ext4: the journal; XFS: the log.
    Journal,
    /// ext4: the inodes.
    InodeTable,
    /// ext4 and XFS: what is in files. Looked up when the fault is armed: what lies elsewhere later is not struck there.
    Data,
    /// ext4 and XFS: the names in directories that have sectors of their own. Looked up likewise.
    Directory,
}

impl Holds {
    /// It lies where the file system puts it, and is looked up when a fault is armed; else it has a place of its own.
    pub fn moves(self) -> bool {
        match self {
            Holds::Superblock | Holds::Journal | Holds::InodeTable => false,
            Holds::Data | Holds::Directory => true,
        }
    }
}

/// Bytes `from..to` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ByteRange {
    /// First byte. Default 0.
    #[serde(default)]
    pub from: Bytes,
    /// First byte after the range. Default: to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Bytes>,
}

/// A number of bytes between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SizeRange {
    /// Smallest. Default 0.
    #[serde(default)]
    pub min: Bytes,
    /// Largest. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Bytes>,
}

/// A share of mailboxes by hash.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Share {
    /// Fraction of mailboxes, from 0 to 1.
    pub fraction: f64,
    /// How many leading path components name a mailbox's directory. Default 1: one directory a user at
    /// the storage's root.
    #[serde(default = "Share::default_depth")]
    pub depth: usize,
}

impl Share {
    fn default_depth() -> usize {
        1
    }
}

/// Which of the selected calls are struck. Conditions of one rule are counted over the calls its selector
/// matches, inside its time window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Trigger {
    /// Only the n-th matching call (from 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Every n-th matching call: the n-th, the 2n-th, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Each matching call with this probability, drawn from the seed, the rule's name and the call's ordinal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How often by nature, instead of a number: `"accelerated"` (a run of minutes sees it) or `"field"` (as counted
    /// on disks in use, so that only a simulated fleet sees it). Effects that happen at random have such a rate:
    ///
    /// - `corrupt-read`: 1e-4 a read; in the field 5e-13.
    /// - `bad-sector`: 1e-3 a read; in the field 1.4e-12.
    /// - `misdirected-write`, `lost-write`: 1e-5 a write; in the field 5e-13.
    ///
    /// Faults come in clusters: after one, the next matching call within the same MiB of the same file and within a
    /// minute is struck with probability 0.4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// A word over `w` (works) and `x` (fails), one letter a call; the last, in capitals, goes on for ever:
    /// `wxxW` fails the second and third call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// From the moment a counter of the storage reaches `at`: right for a long time, then total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
    /// The threshold for `counter`: a count, bytes (`"10 MB"`), or for `uptime` a duration (`"20s"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Threshold>,
    /// Not before this long after the traffic started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Only for this long from `after`.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// At most this many firings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The rule waits for a step to arm it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disarmed: bool,
}

/// How often a random fault strikes by nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Rate {
    /// So often that a run of minutes sees it; the ratios between effects are those of the field.
    Accelerated,
    /// As counted on disks in use. A run never sees it: for simulated fleets.
    Field,
}

/// What the storage counts since it was mounted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::VariantArray,
    strum::Display,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Counter {
    /// Calls of any kind.
    Calls,
    /// Bytes written.
    BytesWritten,
    /// Files created (create, mknod, symlink).
    FilesCreated,
    /// Renames.
    Renames,
    /// Time since the traffic started.
    Uptime,
}

/// A threshold of a counter: a plain number, bytes with a unit, or a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Calls, files or bytes.
    Count(u64),
    /// Uptime.
    Time(Span),
}

impl Selector {
    fn is_everything(&self) -> bool {
        *self == Selector::default()
    }
}

impl Trigger {
    fn is_always(&self) -> bool {
        *self == Trigger::default()
    }
}

impl From<OpSelector> for String {
    fn from(selector: OpSelector) -> String {
        match selector {
            OpSelector::One(op) => op.to_string(),
            OpSelector::Group(group) => <&str>::from(group).to_owned(),
        }
    }
}

impl Serialize for Threshold {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Threshold::Count(n) => s.serialize_u64(*n),
            Threshold::Time(span) => span.serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Threshold, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Threshold;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, bytes such as \"10 MB\", or a duration such as \"20s\"")
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Threshold, E> {
                Ok(Threshold::Count(n))
            }
            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Threshold, E> {
                u64::try_from(n).map(Threshold::Count).map_err(|_| E::custom(format!("{n} is negative")))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Threshold, E> {
                if let Ok(span) = text.parse::<Span>() {
                    return Ok(Threshold::Time(span));
                }
                text.parse::<bytesize::ByteSize>().map(|b| Threshold::Count(b.0)).map_err(|_| {
                    E::custom(format!(
                        "`{text}` is neither bytes such as \"10 MB\" nor a duration such as \"20s\""
                    ))
                })
            }
        }
        d.deserialize_any(Visitor)
    }
}

impl JsonSchema for Threshold {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Threshold".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["integer", "string"],
            "minimum": 0,
            "description": "A count, bytes (\"10 MB\") or, for `uptime`, a duration (\"20s\").",
        })
    }
}

/// Schema of a field that takes one value or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "exists for its schema only; one_or_many does the reading")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

fn one_or_many<'de, D, T>(d: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("one value or a list of them")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }
        fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::U64Deserializer::new(n)).map(|one| vec![one])
        }
        fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Vec<T>, E> {
            T::deserialize(serde::de::value::I64Deserializer::new(n)).map(|one| vec![one])
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = seq.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    d.deserialize_any(Visitor(std::marker::PhantomData))
}
