//! A mount over a temporary directory, with decisions made by a closure.

use fuse_fs::call::{Call, Op};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::{Decide, NoFaults};
use fuse_fs::rules::decision::{Decision, RuleId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) mount: Option<Mount>,
    backing: TempDir,
    mountpoint: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::deciding(Arc::new(NoFaults))
    }

    pub(crate) fn deciding(decide: Arc<dyn Decide>) -> Bench {
        let backing = tempfile::tempdir().unwrap();
        let mountpoint = tempfile::tempdir().unwrap();
        let mount =
            Mount::new(backing.path(), mountpoint.path(), MountOptions::default(), decide, None).unwrap();
        Bench { mount: Some(mount), backing, mountpoint }
    }

    /// A path on the mount.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.mountpoint.path().join(name)
    }

    /// The same path beneath it.
    pub(crate) fn beneath(&self, name: &str) -> PathBuf {
        self.backing.path().join(name)
    }

    pub(crate) fn mount(&self) -> &Mount {
        self.mount.as_ref().unwrap()
    }
}

/// Strikes the calls of some operations as a closure says.
pub(crate) struct Script<F>(pub(crate) &'static [Op], pub(crate) F);

impl<F: Fn(&Call<'_>) -> Decision + Send + Sync + 'static> Decide for Script<F> {
    fn decide(&self, call: &Call<'_>, _: Nanos) -> Decision {
        (self.1)(call)
    }
    fn armed(&self, op: Op) -> bool {
        self.0.contains(&op)
    }
    fn asks(&self, op: Op) -> bool {
        self.0.contains(&op)
    }
    fn completed(&self, _: Op, _: u64) {}
    fn rule_name(&self, _: RuleId) -> String {
        "script".into()
    }
}

/// Waits for a condition, with a deadline.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 60 s: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Whether anything is mounted there.
pub(crate) fn is_mounted(path: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == path.to_str())
}
