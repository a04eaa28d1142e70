//! How a session with the kernel is begun: on a descriptor of our own mount, or by the helper for users who may not mount.

use super::fuse::Wire;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A running session.
pub(crate) type Session = fuser::Session<Wire>;

/// Number of event loops, each with a channel of its own, and who may use the mount.
fn session_config(threads: usize, everybody: bool) -> (fuser::Config, fuser::SessionACL) {
    let acl = if everybody { fuser::SessionACL::All } else { fuser::SessionACL::Owner };
    let mut config = fuser::Config::default();
    config.acl = acl;
    config.n_threads = Some(threads.max(1));
    config.clone_fd = true;
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
