//! How a session with the kernel is begun: on a descriptor of our own mount, or by the helper for users who may not mount.

use super::fuse::Wire;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A running session.
pub(crate) type Session = fuser::Session<Wire>;

/// What is longer than this is mapped, never taken from memory that was used before. Each event loop has a buffer of 16 MiB for the longest
/// write, and touches what it needs of it: taken from used memory all of it would have to be cleared, by the loops in reserve too.
#[cfg(target_env = "gnu")]
fn map_long_buffers() {
    const LONG: libc::c_int = 4 << 20;
    // SAFETY: it only changes where memory that is asked for later comes from.
    if unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LONG) } == 0 {
        tracing::debug!("long buffers may be cleared for event loops in reserve");
    }
}

/// Other allocators map long buffers anyway.
#[cfg(not(target_env = "gnu"))]
fn map_long_buffers() {}

/// Number of event loops, and who may use the mount.
fn session_config(threads: usize, everybody: bool) -> (fuser::Config, fuser::SessionACL) {
    let acl = if everybody { fuser::SessionACL::All } else { fuser::SessionACL::Owner };
    let mut config = fuser::Config::default();
    config.acl = acl;
    config.n_threads = Some(threads.max(1));
    // One descriptor for all: a copy for each loop in reserve would be made while the mount is in use already, and may not be had.
    config.clone_fd = false;
    map_long_buffers();
    (config, acl)
}

/// A session on a descriptor that is mounted already.
pub(crate) fn session_on(wire: Wire, device: OwnedFd, threads: usize) -> std::io::Result<Session> {
    let (config, acl) = session_config(threads, true);
    fuser::Session::from_fd(wire, device, acl, config)
}

/// A session mounted by `fusermount3`, for users without the right to mount.
pub(crate) fn session_by_helper(
    wire: Wire,
    mountpoint: &Path,
    threads: usize,
    source: String,
) -> std::io::Result<Session> {
    let (mut config, _) = session_config(threads, false);
    config.mount_options = vec![
        fuser::MountOption::FSName(source),
        fuser::MountOption::Subtype("fermoposta".into()),
        fuser::MountOption::DefaultPermissions,
    ];
    fuser::Session::new(wire, mountpoint, &config)
}
