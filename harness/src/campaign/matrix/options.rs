//! What the command line says of a campaign.

use crate::campaign::many_runs::part_and_place;
use record::plan::quoted;
use reports::kit::shard::Shard;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// The campaign file.
    pub file: PathBuf,
    /// Instead of the file's first seed.
    pub seed: Option<u64>,
    /// What this one is called where several are set beside each other.
    pub label: Option<String>,
    /// Runs at once.
    pub jobs: usize,
    pub directory: PathBuf,
    /// The part of the runs that is done.
    pub shard: Shard,
}

/// Where a campaign lies unless the user says otherwise; each part apart, as machines may share a disk.
pub(crate) fn usual_directory(shard: Shard) -> PathBuf {
    format!("fermoposta-runs/campaign{}", shard.suffix()).into()
}

impl Options {
    /// The command for the same campaign.
    pub(super) fn command(&self) -> String {
        let mut command = format!("fermoposta campaign {}", quoted(&self.file.display().to_string()));
        if let Some(seed) = self.seed {
            command += &format!(" --seed {seed}");
        }
        if let Some(label) = &self.label {
            command += &format!(" --label {}", quoted(label));
        }
        command + &part_and_place(self.shard, &self.directory, &usual_directory(self.shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_what_is_not_usual() {
        let usual = Options {
            file: "a b.toml".into(),
            seed: None,
            label: None,
            jobs: 2,
            directory: usual_directory(Shard::WHOLE),
            shard: Shard::WHOLE,
        };
        insta::assert_snapshot!(usual.command(), @"fermoposta campaign 'a b.toml'");
        let other = Options {
            seed: Some(7),
            label: Some("fw 2".to_owned()),
            shard: Shard::new(2, 4).expect("there is one"),
            directory: "d".into(),
            ..usual
        };
        insta::assert_snapshot!(other.command(), @"fermoposta campaign 'a b.toml' --seed 7 --label 'fw 2' --shard 2/4 --dir d");
    }
}
