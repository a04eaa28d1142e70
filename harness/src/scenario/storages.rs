//! A scenario's storages, with what they promise to keep.

use super::Overrides;
use super::file::{Scenario, Storage};
use super::found::Found;
use crate::plan::{DEFAULT_MEMORY, StoragePlan};
use fuse_fs::units::{Bytes, Span};
use fuse_fs::volatile::profile::{Persistence, Profile};
use std::collections::BTreeMap;
use std::time::Duration;

/// With less than this the model would be busy with its own files.
const LEAST_MEMORY: Bytes = Bytes(1 << 20);

/// Every storage of the file, or the one that is there without being said.
pub(super) fn storages(
    scenario: &Scenario,
    overrides: &Overrides,
    found: &mut Found<'_>,
) -> BTreeMap<String, StoragePlan> {
    for (name, storage) in &scenario.storage {
        possible(name, storage, found);
    }
    let mut storages: BTreeMap<_, _> =
        scenario.storage.iter().map(|(name, storage)| (name.clone(), plan(storage, overrides))).collect();
    if storages.is_empty() {
        storages.insert("mail".to_owned(), plan(&Storage::default(), overrides));
    }
    storages
}

fn plan(storage: &Storage, overrides: &Overrides) -> StoragePlan {
    StoragePlan {
        rules: Vec::new(),
        page_cache: storage.page_cache,
        thaw_after: storage.thaw_after.unwrap_or(Span(Duration::from_secs(300))),
        persistence: persistence(storage, overrides.persistence),
        memory: storage.memory.unwrap_or(DEFAULT_MEMORY),
        loses_acknowledged: storage.loses_acknowledged,
        durable_start: storage.durable_start,
    }
}

/// The file's profile, or another one in its place; switches mean nothing to another.
fn persistence(storage: &Storage, instead: Option<Profile>) -> Persistence {
    let profile = instead.unwrap_or(storage.persistence);
    if profile != Profile::StrictPosix {
        return Persistence { profile, ..Persistence::default() };
    }
    Persistence {
        profile,
        rename_may_part: storage.rename_may_part,
        growth_may_be_garbage: storage.growth_may_be_garbage,
    }
}

fn possible(name: &str, storage: &Storage, found: &mut Found<'_>) {
    let switches = [
        ("rename-may-part", storage.rename_may_part),
        ("growth-may-be-garbage", storage.growth_may_be_garbage),
    ];
    for (switch, _) in switches.iter().filter(|(_, on)| *on && storage.persistence != Profile::StrictPosix) {
        let message = format!("`{}` knows no `{switch}`", storage.persistence);
        let help = "remove it, or set `persistence = \"strict-posix\"`: only that profile has it";
        found.add(&format!("storage.{name}.{switch}"), message, help);
    }
    if let Some(memory) = storage.memory.filter(|memory| *memory < LEAST_MEMORY) {
        let message = format!("{memory} are too few to work with");
        found.add(&format!("storage.{name}.memory"), message, format!("give it {LEAST_MEMORY} or more"));
    }
}
