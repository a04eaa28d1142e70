//! A scenario's storages, with what they promise to keep.

use super::devices;
use super::file::{Scenario, Storage, Volume};
use super::overrides::Overrides;
use super::troubles::Troubles;
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::units::{Bytes, Span};
use record::plan::keeper::Keeper;
use record::plan::{DEFAULT_MEMORY, MAIL_VOLUME, StoragePlan, VolumePlan};
use std::collections::BTreeMap;
use std::time::Duration;

/// With less than this the model would be busy with its own files.
const LEAST_MEMORY: Bytes = Bytes(1 << 20);

/// Every storage of the file, or the one that is there without being said.
pub(crate) fn storages(
    scenario: &Scenario,
    overrides: &Overrides,
    found: &mut Troubles<'_>,
) -> BTreeMap<String, StoragePlan> {
    for (name, storage) in &scenario.storage {
        possible(name, storage, found);
    }
    let mut given = scenario.storage.clone();
    if given.is_empty() {
        given.insert("mail".to_owned(), Storage::default());
    }
    let mut storages: BTreeMap<_, _> =
        given.iter().map(|(name, storage)| (name.clone(), plan(storage, overrides))).collect();
    for (name, of_the_file) in given {
        let on = devices::on(&of_the_file, overrides.persistence);
        // Said instead of what the file says of a model.
        let persistence = overrides.persistence.map_or(of_the_file.persistence, |_| Profile::default());
        let storage = Storage { on, persistence, ..of_the_file };
        devices::put_on_device(&name, &storage, &mut storages, found);
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
        on: None,
        cache: None,
        volumes: storage.volume.iter().map(|(name, volume)| (name.clone(), volume_plan(volume))).collect(),
    }
}

fn volume_plan(volume: &Volume) -> VolumePlan {
    VolumePlan { files: volume.files, size: volume.size, rate: volume.rate }
}

/// The file's profile, or another one in its place; switches mean nothing to another.
fn persistence(storage: &Storage, instead: Option<Keeper>) -> Persistence {
    let profile = match instead {
        Some(Keeper::Model(profile)) => profile,
        Some(Keeper::Real(_)) => Profile::default(),
        None => storage.persistence,
    };
    if profile != Profile::StrictPosix {
        return Persistence { profile, ..Persistence::default() };
    }
    Persistence {
        profile,
        rename_may_part: storage.rename_may_part,
        growth_may_be_garbage: storage.growth_may_be_garbage,
    }
}

fn possible(name: &str, storage: &Storage, found: &mut Troubles<'_>) {
    let switches = [
        ("rename-may-part", storage.rename_may_part),
        ("growth-may-be-garbage", storage.growth_may_be_garbage),
    ];
    for (switch, _) in switches.iter().filter(|(_, on)| *on && storage.persistence != Profile::StrictPosix) {
        let message = format!("`{}` knows no `{switch}`", storage.persistence);
        let help = "remove it, or set `persistence = \"strict-posix\"`: only that profile has it";
        found.add(&format!("storage.{name}.{switch}"), message, help);
    }
    for (volume, of) in &storage.volume {
        volume_possible(&format!("storage.{name}.volume.{volume}"), volume, of, found);
    }
    if let Some(memory) = storage.memory.filter(|memory| *memory < LEAST_MEMORY) {
        let message = format!("{memory} are too few to work with");
        found.add(&format!("storage.{name}.memory"), message, format!("give it {LEAST_MEMORY} or more"));
    }
}

/// Its name is one directory's, and it has something to serve.
fn volume_possible(field: &str, name: &str, volume: &Volume, found: &mut Troubles<'_>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(plain) || name == MAIL_VOLUME {
        let message = format!("a volume cannot be called `{name}`");
        let help = format!("use letters, digits, `-` and `_`; `{MAIL_VOLUME}` is where the users' mail lies");
        found.add(field, message, help);
    }
    if volume.files == 0 || volume.files > 10_000 {
        let message = format!("{} files", volume.files);
        found.add(&format!("{field}.files"), message, "from 1 to 10,000 are possible");
    }
    if volume.size.0 == 0 || volume.size.0 > 64 << 20 {
        let message = format!("files of {}", volume.size);
        found.add(&format!("{field}.size"), message, "from 1 byte to 64 MiB are possible");
    }
}
