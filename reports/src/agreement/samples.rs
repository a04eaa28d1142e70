//! An agreement for the tests of its renderers.

use super::model::{Agreement, Difference, HowMuch, NotCompared, Row, SCHEMA_VERSION};
use crate::kit::verdict::Verdict;

fn row(filesystem: &str, profile: &str, never: u64) -> Row {
    Row {
        filesystem: filesystem.to_owned(),
        profile: profile.to_owned(),
        sequences: 50,
        agreeing: 50 - never,
        cuts: 2500,
        states: 400 + never,
        drawn: 390,
        in_parts: 10,
        never,
        real: HowMuch { everything: 700, some: 200, nothing: 100 },
        model: HowMuch { everything: 300, some: 600, nothing: 100 },
        all_drawn: 1203,
        unseen: 811,
        cuts_per_second: 61.4,
    }
}

pub(crate) fn differing() -> Agreement {
    Agreement {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "xfs shows what xfs does not allow after 1 of 50 sequences.".to_owned(),
        version: "0.1.0".to_owned(),
        shard: None,
        rows: vec![row("ext4", "ext4-ordered", 0), row("xfs", "xfs", 1)],
        differences: vec![Difference {
            filesystem: "xfs".to_owned(),
            profile: "xfs".to_owned(),
            number: 7,
            before: "write a/A 8192 o at=0".to_owned(),
            calls: "write a/A 100 n trunc; fsync a".to_owned(),
            drawn: "write a/A 100 n trunc; unlink b/A; fsync a".to_owned(),
            moment: "after the last call".to_owned(),
            shown: "a/A=0[]\u{1b}[2J".to_owned(),
            least: "a/A=100[n*100]".to_owned(),
            times: 3,
        }],
        not_compared: vec![NotCompared {
            filesystem: "ext4".to_owned(),
            profile: "ext4-ordered".to_owned(),
            calls: "mkdir a/d".to_owned(),
            why: "Mkdir on ext4: ENOSPC".to_owned(),
        }],
        environment: vec![("kernel".to_owned(), "6.1".to_owned())],
        reproduce: "fermoposta persistence verify --seed 1".to_owned(),
    }
}
