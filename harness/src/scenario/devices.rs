//! Storages on real file systems: each has a device, which is a storage of its own in the plan.

use super::file::{Fault, Level, On, Storage};
use super::troubles::Troubles;
use crate::machine::sectors;
use fuse_fs::call::Op;
use fuse_fs::durability::profile::{Persistence, Profile};
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::effects::lost_fsync::LostFsync;
use fuse_fs::rules::ops::OpSelector;
use fuse_fs::rules::rule::{Holds, Rule, Selector, Trigger};
use fuse_fs::units::Bytes;
use record::plan::device::{Cache, DEVICE_FILE, Filesystem, OnDevice, Sector};
use record::plan::keeper::Keeper;
use record::plan::server::ServerKind;
use record::plan::{DEFAULT_MEMORY, StoragePlan, TargetPlan};
use std::collections::BTreeMap;

/// The name of the rule by which a device lies.
const LYING_CACHE: &str = "lying-cache";

/// The size of a device that the command line asks for.
const USUAL_SIZE: Bytes = Bytes(1 << 30);

/// On what device the file puts `storage`, or the command line does instead: options of one file system mean nothing to another.
pub(super) fn on(storage: &Storage, instead: Option<Keeper>) -> Option<On> {
    match (instead, &storage.on) {
        (None, on) => on.clone(),
        (Some(Keeper::Model(_)), _) => None,
        (Some(Keeper::Real(filesystem)), Some(on)) if on.filesystem == filesystem => Some(on.clone()),
        (Some(Keeper::Real(filesystem)), on) => Some(On {
            filesystem,
            size: on.as_ref().map_or(USUAL_SIZE, |on| on.size.max(filesystem.least())),
            sector: on.as_ref().map_or_else(Sector::default, |on| on.sector),
            cache: on.as_ref().map_or_else(Cache::default, |on| on.cache),
            mount_options: Vec::new(),
            mkfs_options: Vec::new(),
            or_model: false,
        }),
    }
}

/// Puts `storage` on a device of its own, if it is on one.
pub(super) fn put_on_device(
    name: &str,
    storage: &Storage,
    storages: &mut BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) {
    let Some(on) = &storage.on else { return };
    possible(&format!("storage.{name}"), storage, on, found);
    let device = format!("{name}-device");
    if storages.contains_key(&device) {
        let message = format!("the device of `{name}` is called `{device}`, and so is another storage");
        found.add(&format!("storage.{device}"), message, "give that another name");
        return;
    }
    let Some(plan) = storages.get_mut(name) else { return };
    plan.on = Some(OnDevice {
        device: device.clone(),
        filesystem: on.filesystem,
        size: on.size,
        sector: on.sector,
        mount_options: on.mount_options.clone(),
        mkfs_options: on.mkfs_options.clone(),
        or_model: on.or_model,
    });
    let served = device_plan(plan, on.cache);
    storages.insert(device, served);
}

/// A device of the usual kind that no scenario speaks of, and the storage that serves it.
pub(crate) fn plain(filesystem: Filesystem) -> (OnDevice, StoragePlan) {
    let on = OnDevice {
        device: DEVICE_FILE.to_owned(),
        filesystem,
        size: USUAL_SIZE,
        sector: Sector::default(),
        mount_options: Vec::new(),
        mkfs_options: Vec::new(),
        or_model: false,
    };
    let above = StoragePlan { memory: DEFAULT_MEMORY, ..StoragePlan::default() };
    (on, device_plan(&above, Cache::default()))
}

/// Sectors are content of one file: what strict POSIX promises of it, by its fsync, is what a volatile cache does by a flush.
fn device_plan(above: &StoragePlan, cache: Cache) -> StoragePlan {
    let lies = Rule {
        name: LYING_CACHE.to_owned(),
        selector: Selector::default(),
        trigger: Trigger::default(),
        effect: Effect::LostFsync(LostFsync {}),
        for_good: false,
    };
    StoragePlan {
        rules: if cache == Cache::Lying { vec![lies] } else { Vec::new() },
        page_cache: false,
        persistence: Persistence { profile: Profile::StrictPosix, ..Persistence::default() },
        cache: Some(cache),
        on: None,
        volumes: BTreeMap::new(),
        ..above.clone()
    }
}

fn possible(field: &str, storage: &Storage, on: &On, found: &mut Troubles<'_>) {
    let (least, name) = (on.filesystem.least(), on.filesystem);
    if on.size < least {
        let message = format!("{} are too few for {name}", on.size);
        found.add(&format!("{field}.on.size"), message, format!("give it {least} or more"));
    }
    for (list, key) in [(&on.mount_options, "mount-options"), (&on.mkfs_options, "mkfs-options")] {
        for option in list.iter().filter(|option| leads_elsewhere(option)) {
            let message = format!("`{option}` names another place or device");
            let help = "leave it out: a run touches no disk of the machine's";
            found.add(&format!("{field}.on.{key}"), message, help);
        }
    }
    let not_asked = [
        ("persistence", storage.persistence != Profile::default()),
        ("loses-acknowledged", !storage.loses_acknowledged.0.is_zero()),
    ];
    for (key, _) in not_asked.iter().filter(|(_, given)| *given) {
        let message = format!("`{key}` is of a model, and this storage is on a real file system");
        found.add(
            &format!("{field}.{key}"),
            message,
            "remove it, or take a model; a device that lies has `cache = \"lying\"`",
        );
    }
}

/// A journal, a log or a further device of the machine's would be written to.
fn leads_elsewhere(option: &str) -> bool {
    let named = option.contains('=') && ["dev", "path"].iter().any(|part| option.contains(part));
    option.contains('/') || named
}

/// What a real file system holds in its cache is the kernel's to decide.
pub(super) fn evicts_a_model(
    field: &str,
    storage: Option<&str>,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) {
    let real = |(name, plan): &(&String, &StoragePlan)| {
        plan.on.is_some() && storage.is_none_or(|storage| storage == *name)
    };
    if let Some((name, _)) = storages.iter().find(real) {
        let message =
            format!("storage `{name}` is on a real file system, which keeps what it likes in its cache");
        found.add(
            &format!("{field}.do.evict"),
            message,
            "remove the step, or `on`: only a model is told what to forget",
        );
    }
}

/// Devices are in a run's namespaces only.
pub(super) fn in_namespaces(
    target: &TargetPlan,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) {
    let real = storages.iter().find(|(_, plan)| plan.on.is_some());
    if let (ServerKind::Command, Some((name, _))) = (target.definition.kind, real) {
        let message = format!(
            "target {} is started on the machine itself, where no storage is put on a device",
            target.server
        );
        let help = "remove `on`, or take a target that the harness starts; what lies on the machine's own disk is tested with --storage-dir";
        found.add(&format!("storage.{name}.on"), message, help);
    }
}

/// The storage that a fault strikes at its level, and which calls of it.
pub(super) fn at_level(
    fault: &Fault,
    field: &str,
    storage: String,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) -> Option<(String, Selector)> {
    if fault.level == Level::File {
        if !fault.selector.holds.is_empty() {
            let help = "add `level = \"device\"`, or name files by `path`";
            found.add(&format!("{field}.where.holds"), "only the sectors of a device hold that", help);
        }
        return Some((storage, fault.selector.clone()));
    }
    let Some(on) = storages.get(&storage).and_then(|plan| plan.on.as_ref()) else {
        let message = format!("storage `{storage}` is on no device");
        let help =
            format!("give it one: `[storage.{storage}] on = {{ filesystem = \"ext4\", size = \"1 GB\" }}`");
        found.add(&format!("{field}.level"), message, help);
        return None;
    };
    if fault.for_good {
        let help = "leave out `for-good`: what is read at the end is read through the file system, which would wait for the device";
        found.add(&format!("{field}.for-good"), "a device that fails for good is not possible", help);
    }
    held(&fault.selector.holds, on.filesystem, field, found);
    of_files(&fault.selector, field, found);
    looked_up(fault, field, found);
    Some((on.device.clone(), of_the_device(fault.selector.clone())))
}

/// What a fault names must be told by the file system.
fn held(asked: &[Holds], filesystem: Filesystem, field: &str, found: &mut Troubles<'_>) {
    let known = sectors::known(filesystem);
    for what in asked.iter().filter(|what| !known.contains(what)) {
        let names = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let message = match what.moves() {
            true => format!(
                "where {filesystem} keeps its {what} is told in addresses of its own, not of the device"
            ),
            false => format!("{filesystem} keeps its {what} at no place of its own"),
        };
        found.add(&format!("{field}.where.holds"), message, format!("of {filesystem} there is: {names}"));
    }
}

/// Sectors have no path but by what is in them.
fn of_files(selector: &Selector, field: &str, found: &mut Troubles<'_>) {
    let key = match (selector.path.as_slice(), selector.not_path.as_slice()) {
        ([], []) => return,
        ([], _) => "not-path",
        _ => "path",
    };
    let field = format!("{field}.where.{key}");
    if selector.holds.is_empty() {
        let help = "add `holds = \"data\"`: then it is the sectors that those files have when the fault is armed; or use `range`, in \
                    bytes of the device, or strike the file with `level = \"file\"`";
        found.add(&field, "sectors have no path", help);
    } else if let Some(what) = selector.holds.iter().find(|what| !what.moves()) {
        let help = "a path is of `data` and `directory`: make two faults of it";
        found.add(&field, format!("the {what} has no path"), help);
    }
}

/// Where files lie is looked up when a fault is armed, not when its window opens.
fn looked_up(fault: &Fault, field: &str, found: &mut Troubles<'_>) {
    let Some(what) = fault.selector.holds.iter().find(|what| what.moves()) else { return };
    let trigger = &fault.trigger;
    for (key, _) in [("after", trigger.after.is_some()), ("counter", trigger.counter.is_some())]
        .iter()
        .filter(|(_, given)| *given)
    {
        let message = format!(
            "where the {what} lies is looked up when the fault is armed, not when `{key}` lets it strike"
        );
        let help = "write `when.disarmed = true`, and a step with `at` or `at-counter` that arms it: `do.arm = { fault = \"NAME\" }`";
        found.add(&format!("{field}.when.{key}"), message, help.replace("NAME", &fault.name));
    }
}

/// A device knows one kind of flush.
fn of_the_device(mut selector: Selector) -> Selector {
    for op in &mut selector.op {
        if *op == OpSelector::One(Op::Flush) {
            *op = OpSelector::One(Op::Fsync);
        }
    }
    selector
}
