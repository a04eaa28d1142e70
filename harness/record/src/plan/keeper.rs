//! Who decides what of a storage survives a power cut.

use super::device::Filesystem;
use fuse_fs::durability::profile::Profile;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::str::FromStr;
use strum::VariantArray;

/// A model of a file system, or a real one of this machine's kernel on a device that the run serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Keeper {
    /// Written as the profile: `ext4-ordered`.
    Model(Profile),
    /// Written `real-ext4`.
    Real(Filesystem),
}

impl Keeper {
    /// All there are, models first.
    pub fn all() -> impl Iterator<Item = Keeper> {
        let models = Profile::VARIANTS.iter().copied().map(Keeper::Model);
        models.chain(Filesystem::VARIANTS.iter().copied().map(Keeper::Real))
    }

    pub fn name(self) -> &'static str {
        match self {
            Keeper::Model(profile) => profile.into(),
            Keeper::Real(filesystem) => filesystem.profile(),
        }
    }
}

impl Display for Keeper {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// No model and no file system has the name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no profile and no real file system")]
pub struct NoKeeper(String);

impl FromStr for Keeper {
    type Err = NoKeeper;

    fn from_str(name: &str) -> Result<Keeper, NoKeeper> {
        Keeper::all().find(|keeper| keeper.name() == name).ok_or_else(|| NoKeeper(name.to_owned()))
    }
}

impl TryFrom<String> for Keeper {
    type Error = NoKeeper;

    fn try_from(name: String) -> Result<Keeper, NoKeeper> {
        name.parse()
    }
}

impl From<Keeper> for String {
    fn from(keeper: Keeper) -> String {
        keeper.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Keeper;

    #[test]
    fn each_is_read_as_it_is_written() {
        let names: Vec<String> = Keeper::all().map(|keeper| keeper.to_string()).collect();
        insta::assert_snapshot!(names.join(" "), @"ext4-ordered strict-posix ordered xfs btrfs real-ext4 real-xfs real-btrfs");
        for keeper in Keeper::all() {
            let json = serde_json::to_string(&keeper).expect("it is a string");
            assert_eq!(serde_json::from_str::<Keeper>(&json).expect("the same"), keeper);
        }
        assert!("real-ntfs".parse::<Keeper>().is_err());
    }
}
