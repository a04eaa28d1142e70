//! What a survey is asked for.

use crate::campaign::many_runs::part_and_place;
use record::plan::keeper::Keeper;
use record::plan::quoted;
use reports::kit::shard::Shard;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a survey is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    pub scenarios: Vec<PathBuf>,
    /// Names or paths of targets.
    pub targets: Vec<String>,
    /// Kinds of storage for scenarios that cut the power; each scenario's own if empty.
    pub profiles: Vec<Keeper>,
    /// Runs of each target in each scenario; their seeds count from `seed`.
    pub repeat: u32,
    /// The first seed.
    pub seed: u64,
    /// Runs at once.
    pub jobs: usize,
    /// The survey's directory.
    pub directory: PathBuf,
    /// The part of the runs that is done.
    pub shard: Shard,
}

/// Runs of each pair unless told otherwise.
pub(crate) const USUAL_REPEAT: u32 = 5;

/// The first seed unless told otherwise: a survey is to be the same everywhere.
pub(crate) const USUAL_SEED: u64 = 1;

/// Where a survey lies unless the user says otherwise; each part apart, as machines may share a disk.
pub(crate) fn usual_directory(shard: Shard) -> PathBuf {
    format!("fermoposta-runs/survey{}", shard.suffix()).into()
}

impl Options {
    /// The command for the same survey.
    pub(crate) fn command(&self) -> String {
        let mut command = "fermoposta survey".to_owned();
        for scenario in &self.scenarios {
            command += &format!(" {}", quoted(&scenario.display().to_string()));
        }
        command += &format!(" --target {}", quoted(&self.targets.join(",")));
        if !self.profiles.is_empty() {
            let names: Vec<&str> = self.profiles.iter().copied().map(Keeper::name).collect();
            command += &format!(" --profiles {}", names.join(","));
        }
        if self.repeat != USUAL_REPEAT {
            command += &format!(" --repeat {}", self.repeat);
        }
        if self.seed != USUAL_SEED {
            command += &format!(" --seed {}", self.seed);
        }
        command + &part_and_place(self.shard, &self.directory, &usual_directory(self.shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::durability::profile::Profile;

    #[test]
    fn the_command_says_what_is_not_usual() {
        let usual = Options {
            scenarios: vec!["a b.toml".into()],
            targets: vec!["cyrus".into(), "courier".into()],
            profiles: Vec::new(),
            repeat: USUAL_REPEAT,
            seed: USUAL_SEED,
            jobs: 3,
            directory: usual_directory(Shard::WHOLE),
            shard: Shard::WHOLE,
        };
        insta::assert_snapshot!(usual.command(), @"fermoposta survey 'a b.toml' --target cyrus,courier");
        let other = Options {
            profiles: vec![Keeper::Model(Profile::Xfs)],
            repeat: 20,
            seed: 7,
            directory: "d".into(),
            shard: Shard::new(2, 4).expect("there is one"),
            ..usual
        };
        insta::assert_snapshot!(other.command(), @"fermoposta survey 'a b.toml' --target cyrus,courier --profiles xfs --repeat 20 --seed 7 --shard 2/4 --dir d");
    }
}
