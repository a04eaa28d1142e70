//! The mounts that views and confinements are made of.

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) fn bind(from: &Path, at: &Path) -> nix::Result<()> {
    mount(Some(from), at, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
}

pub(super) fn empty_directory(at: &Path, like: &Metadata) -> Result<()> {
    let mut data = format!("mode={:o}", like.mode() & 0o7777);
    // In an ordinary user's namespace there is no other owner than that user.
    if nix::unistd::geteuid().is_root() {
        data += &format!(",uid={},gid={}", like.uid(), like.gid());
    }
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(data.as_str()))
        .with_context(|| format!("cannot mount an empty directory on {}", at.display()))
}

/// A /proc that shows this PID namespace. In some containers the kernel forbids it to an ordinary user; then callers' command
/// names are those the older /proc shows. To root the older one would show ways into other processes.
pub(crate) fn mount_proc() -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>) {
        Err(error) if !nix::unistd::geteuid().is_root() => {
            tracing::warn!("no /proc for the run's PID namespace: {error}");
            Ok(())
        }
        done => done.context("no /proc for the run's PID namespace"),
    }
}
