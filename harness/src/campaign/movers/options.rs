//! What is asked of movers, and the command that asks it again.

use fuse_fs::durability::profile::Profile;
use record::plan::mover::Mover;
use record::plan::quoted;

/// Storages that are cut on unless others are named: the weakest without its switches, and that of most machines.
pub(crate) const USUAL_PROFILES: [Profile; 2] = [Profile::StrictPosix, Profile::Ext4Ordered];
pub(crate) const USUAL_MESSAGES: u32 = 3;
pub(crate) const USUAL_DRAWS: u32 = 2;
pub(crate) const USUAL_SEED: u64 = 1;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// As the user named them, and what they are.
    pub(crate) movers: Vec<(String, Mover)>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) messages: u32,
    pub(crate) draws: u32,
    pub(crate) seed: u64,
    pub(crate) case: Option<String>,
}

impl Options {
    /// The command for all of it.
    pub(crate) fn command(&self) -> String {
        let names: Vec<String> = self.movers.iter().map(|(given, _)| quoted(given).clone()).collect();
        let names = names.join(" ");
        let profiles = (self.profiles != USUAL_PROFILES).then(|| {
            let names: Vec<&str> = self.profiles.iter().map(<&str>::from).collect();
            format!(" --persistence {}", names.join(","))
        });
        let draws =
            if self.draws == USUAL_DRAWS { String::new() } else { format!(" --draws {}", self.draws) };
        let case = self.case.as_ref().map_or(String::new(), |case| format!(" --case {}", quoted(case)));
        format!("fermoposta movers {names}{}{draws}{}{case}", profiles.unwrap_or_default(), self.common())
    }

    /// The command for one cut of one mover.
    pub(crate) fn command_for(&self, given: &str, persistence: &str, case: &str) -> String {
        format!(
            "fermoposta movers {} --persistence {persistence}{} --case {}",
            quoted(given),
            self.common(),
            quoted(case)
        )
    }

    /// What decides the messages and the seeds.
    fn common(&self) -> String {
        let mut words = String::new();
        if self.messages != USUAL_MESSAGES {
            words += &format!(" --messages {}", self.messages);
        }
        if self.seed != USUAL_SEED {
            words += &format!(" --seed {}", self.seed);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_say_every_choice() {
        let mover = crate::server::movers::find("rsync").expect("built in");
        let options = Options {
            movers: vec![("rsync".to_owned(), mover.clone()), ("my movers/a.toml".to_owned(), mover)],
            profiles: vec![Profile::Xfs],
            messages: 2,
            draws: 5,
            seed: 9,
            case: None,
        };
        insta::assert_snapshot!(options.command(), @"fermoposta movers rsync 'my movers/a.toml' --persistence xfs --draws 5 --messages 2 --seed 9");
        insta::assert_snapshot!(options.command_for("rsync", "xfs", "3.random-1"), @"fermoposta movers rsync --persistence xfs --messages 2 --seed 9 --case 3.random-1");
        let usual = Options {
            profiles: USUAL_PROFILES.to_vec(),
            messages: USUAL_MESSAGES,
            draws: USUAL_DRAWS,
            seed: USUAL_SEED,
            ..options
        };
        insta::assert_snapshot!(usual.command(), @"fermoposta movers rsync 'my movers/a.toml'");
    }
}
