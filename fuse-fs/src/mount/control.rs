//! What a controller may ask of a storage while it runs, and the answers. Plain data, one JSON value each way;
//! how they travel is the caller's business.

use crate::durability::cut::{CutMode, CutReport};
use crate::rules::compiled::RuleStats;
use crate::rules::counters::CounterValues;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Command {
    /// Arm a rule.
    Arm { fault: String },
    /// Disarm a rule; calls it froze stay frozen.
    Disarm { fault: String },
    /// Disarm a rule, or all, and release the calls they froze.
    Heal {
        /// Its name; absent: all rules.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
        /// Released calls fail with this error instead of going on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fail_with: Option<String>,
    },
    /// Freeze calls from now on by a rule made for the purpose.
    Freeze {
        /// Globs on paths; none: everything.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        path: Vec<String>,
    },
    /// The power goes and comes back: what was not durable survives or not. Programs that use the mount lose it.
    PowerCut {
        /// How survivors are chosen.
        #[serde(default)]
        mode: CutMode,
        /// Seed of the choice; absent: the controller draws one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
        /// New directory for the state before, the choice and the state after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<PathBuf>,
    },
    /// Everything so far is durable, as after `sync`, of which a mount does not hear.
    MakeDurable,
    /// Ask for rules and counters.
    Status,
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Reply {
    Done {
        /// Rules it touched.
        rules: Vec<String>,
        /// Calls released.
        released: u64,
    },
    /// The power is on again.
    Cut {
        /// What became of what was not durable.
        report: CutReport,
    },
    /// Everything so far is durable.
    Durable,
    /// What the storage does.
    Status {
        rules: Vec<RuleStats>,
        counters: CounterValues,
        /// Calls parked now.
        parked: u64,
    },
    Refused {
        /// Why, and the way out.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_people_would_write_them() {
        let read = |text: &str| serde_json::from_str::<Command>(text).expect(text);
        assert_eq!(read(r#""status""#), Command::Status);
        assert_eq!(read(r#""make-durable""#), Command::MakeDurable);
        assert_eq!(read(r#"{"arm":{"fault":"eio"}}"#), Command::Arm { fault: "eio".to_owned() });
        let fail_with = Some("EIO".to_owned());
        assert_eq!(read(r#"{"heal":{"fail-with":"EIO"}}"#), Command::Heal { fault: None, fail_with });
        assert_eq!(read(r#"{"freeze":{}}"#), Command::Freeze { path: vec![] });
    }
}
