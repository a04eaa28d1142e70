//! The scenarios that come with the program, by name: a name means what came with the program wherever it is asked for, a path
//! means a file.

use std::path::{Path, PathBuf};

/// A scenario that comes with the program.
pub(crate) struct Shipped {
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! shipped {
    ($name:literal, $file:literal) => {
        Shipped { name: $name, text: include_str!(concat!("../../scenarios/", $file)) }
    };
}

/// In the order of their names.
pub(crate) const SHIPPED: &[Shipped] = &[
    shipped!("baseline", "baseline.toml"),
    shipped!("baseline-500", "baseline-500.toml"),
    shipped!("bit-flip-on-read", "bit-flip-on-read.toml"),
    shipped!("bit-rot-at-rest", "bit-rot-at-rest.toml"),
    shipped!("cold-file-deletion", "cold-file-deletion.toml"),
    shipped!("directory-synced-wrongly", "directory-synced-wrongly.toml"),
    shipped!("disk-fails", "device/disk-fails.toml"),
    shipped!("disk-freezes", "device/disk-freezes.toml"),
    shipped!("disk-lies", "device/disk-lies.toml"),
    shipped!("drive-gone-for-good", "drive-gone-for-good.toml"),
    shipped!("eio-on-any-sync", "any-server/eio-on-any-sync.toml"),
    shipped!("eio-on-any-write", "any-server/eio-on-any-write.toml"),
    shipped!("eio-on-fsync", "eio-on-fsync.toml"),
    shipped!("eio-on-read", "eio-on-read.toml"),
    shipped!("eio-on-write", "eio-on-write.toml"),
    shipped!("enospc-and-recovery", "enospc-and-recovery.toml"),
    shipped!("first-delivery-power-cut", "first-delivery-power-cut.toml"),
    shipped!("flapping", "flapping.toml"),
    shipped!("freeze-and-thaw", "freeze-and-thaw.toml"),
    shipped!("fsync-failure-btrfs", "fsync-failure-btrfs.toml"),
    shipped!("fsync-failure-ext4-data", "fsync-failure-ext4-data.toml"),
    shipped!("fsync-failure-ext4-ordered", "fsync-failure-ext4-ordered.toml"),
    shipped!("fsync-failure-xfs", "fsync-failure-xfs.toml"),
    shipped!("journal-fails", "device/journal-fails.toml"),
    shipped!("kill-under-load", "kill-under-load.toml"),
    shipped!("latency-ramp", "latency-ramp.toml"),
    shipped!("latent-sector-error", "latent-sector-error.toml"),
    shipped!("libero-2023", "incidents/libero-2023.toml"),
    shipped!("libero-2023-06", "incidents/libero-2023-06.toml"),
    shipped!("libero-2023-premature", "incidents/libero-2023-premature.toml"),
    shipped!("lost-cache", "lost-cache.toml"),
    shipped!("lost-fsync", "lost-fsync.toml"),
    shipped!("lost-write", "lost-write.toml"),
    shipped!("migration-no-final-pass", "migration/no-final-pass.toml"),
    shipped!("migration-rsync", "migration/rsync.toml"),
    shipped!("migration-server-tool", "migration/server-tool.toml"),
    shipped!("misdirected-write", "misdirected-write.toml"),
    shipped!("path-failover", "path-failover.toml"),
    shipped!("power-cut", "power-cut.toml"),
    shipped!("power-cut-at-rename", "power-cut-at-rename.toml"),
    shipped!("power-cut-drop", "power-cut-drop.toml"),
    shipped!("power-cuts-20", "power-cuts-20.toml"),
    shipped!("read-only-remount", "read-only-remount.toml"),
    shipped!("real-btrfs-power-cuts", "device/real-btrfs-power-cuts.toml"),
    shipped!("real-ext4-power-cuts", "device/real-ext4-power-cuts.toml"),
    shipped!("real-xfs-power-cuts", "device/real-xfs-power-cuts.toml"),
    shipped!("rollback", "rollback.toml"),
    shipped!("short-writes", "short-writes.toml"),
    shipped!("stale-handles", "stale-handles.toml"),
    shipped!("stale-read", "stale-read.toml"),
    shipped!("thin-pool-full", "thin-pool-full.toml"),
    shipped!("threshold-freeze", "threshold-freeze.toml"),
    shipped!("throttle", "throttle.toml"),
    shipped!("torn-write-acknowledged", "torn-write-acknowledged.toml"),
    shipped!("vanished-mailboxes", "vanished-mailboxes.toml"),
];

/// The text of the scenario that this names, if it comes with the program.
pub(crate) fn text(name: &Path) -> Option<&'static str> {
    SHIPPED.iter().find(|shipped| Path::new(shipped.name) == name).map(|shipped| shipped.text)
}

/// The name that was probably meant: by its place in the repository, or misspelt.
pub(super) fn meant(path: &Path) -> Option<&'static str> {
    let asked = path.file_stem()?.to_str()?;
    let names = || SHIPPED.iter().map(|shipped| shipped.name);
    names().find(|name| *name == asked).or_else(|| fuse_fs::nearest::nearest(asked, names()))
}

/// The scenario file that lies here, where a name that comes with the program was given, and could be meant.
pub(crate) fn also_here(name: &Path) -> Option<PathBuf> {
    text(name)?;
    let file = Path::new(".").join(name.with_extension("toml"));
    file.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::files_below;
    use crate::scenario::parse::parse;

    #[test]
    fn every_scenario_is_in_the_program_under_its_name() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let files = files_below(&directory).expect("the scenarios are there");
        let mut there: Vec<(String, String)> = files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("readable"))
            .map(|text| (parse(&text).expect("a scenario").name, text))
            .collect();
        there.sort();
        let built_in: Vec<(String, String)> =
            SHIPPED.iter().map(|one| (one.name.to_owned(), one.text.to_owned())).collect();
        let names = |all: &[(String, String)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&built_in), names(&there));
        assert!(built_in == there, "build the program again: a scenario has another text in it");
    }

    #[test]
    fn a_path_is_a_file_and_a_name_is_what_came_with_the_program() {
        assert!(text(Path::new("libero-2023")).is_some_and(|text| text.contains("name = \"libero-2023\"")));
        for path in ["./libero-2023", "libero-2023.toml", "incidents/libero-2023"] {
            assert!(text(Path::new(path)).is_none(), "{path}");
        }
        assert_eq!(meant(Path::new("scenarios/incidents/libero-2023.toml")), Some("libero-2023"));
        assert_eq!(meant(Path::new("bseline")), Some("baseline"));
        assert_eq!(meant(Path::new("nowhere.toml")), None);
    }
}
