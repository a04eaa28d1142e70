//! The kernel's side of a mount, and the way to cut it.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where the kernel lists connections, by the minor number of the mount's device.
const CONNECTIONS: &str = "/sys/fs/fuse/connections";

/// A connection that can be cut. The descriptor is opened while the connection exists: numbers are used again, and
/// another's must never be hit.
pub(crate) struct Connection(File);

impl Connection {
    /// The connection of that number, if this user may cut it.
    pub(crate) fn open(number: u64) -> Option<Connection> {
        let opened = control(Path::new(CONNECTIONS), number).or_else(|_| through_own_mount(number));
        opened.map(Connection).ok()
    }

    /// What cuts it when something is written to it, for another process.
    pub(crate) fn way_to_cut(&self) -> io::Result<OwnedFd> {
        Ok(self.0.try_clone()?.into())
    }

    /// Cuts it: every call under way fails, and so does every later one. Nothing happens if it is gone already.
    pub(crate) fn abort(&self) -> bool {
        (&self.0).write_all(b"1").is_ok()
    }
}

fn control(connections: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new().write(true).open(connections.join(number.to_string()).join("abort"))
}

/// Where nobody has mounted FUSE's control file system, or where it is read-only, mounts it for a moment.
fn through_own_mount(number: u64) -> io::Result<File> {
    let place = std::env::temp_dir().join(format!("fermoposta-control-{}-{number}", std::process::id()));
    std::fs::create_dir(&place)?;
    let opened = mount(Some("fusectl"), &place, Some("fusectl"), MsFlags::empty(), None::<&str>)
        .map_err(io::Error::from)
        .and_then(|()| {
            let opened = control(&place, number);
            umount2(&place, MntFlags::MNT_DETACH)?;
            opened
        });
    std::fs::remove_dir(&place)?;
    opened
}
