//! A real file system of the kernel's at the mount point, on a device that the mount serves.
//!
//! What the mount shows is the device: the file `device` of the backing directory. It is shown at a private place, and the file system
//! on it at the mount point. Nothing else that may be mounted there is ever taken away: it may be somebody's disk.

use super::socket::{private_directory, resolved};
use crate::exit::Misplaced;
use crate::machine::contents::{LookError, Sought};
use crate::machine::filesystem::{self, FilesystemError, Mounted};
use crate::machine::io_flusher;
use crate::machine::survivor::Survivor;
use anyhow::{Context, Result};
use fuse_fs::mount::table::{self, Entry, Watch};
use fuse_fs::mount::{Mount, MountError};
use fuse_fs::units::Bytes;
use record::history::held::Held;
use record::plan::device::{Cache, DEVICE_FILE, Filesystem, OnDevice, Sector};
use std::cell::Cell;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Whoever has files open on a file system whose device is gone may keep it so long from going too.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// A device that answers takes what the kernel still held.
const LAST_WRITES: Duration = Duration::from_secs(20);

/// The file system, mounted or without power.
pub(super) struct Disk {
    on: OnDevice,
    cache: Cache,
    /// Where the device is shown.
    served_at: PathBuf,
    /// The mount point, without links.
    at: PathBuf,
    mounted: Option<Mounted>,
    survivor: Option<Survivor>,
    mounts: Watch,
    /// It was there when mounts last changed.
    there: Cell<bool>,
}

impl Disk {
    /// Makes the file system in `backing`, unless the device is there already: then it holds what it held.
    ///
    /// # Errors
    /// It cannot be made here, or `size` is not that of the device that is there.
    pub(super) fn new(
        (on, cache): (OnDevice, Cache),
        (backing, at): (&Path, &Path),
        size: Option<Bytes>,
    ) -> Result<Disk> {
        filesystem::possible(on.filesystem)?;
        let on = OnDevice { size: size.unwrap_or(on.size), ..on };
        let image = backing.join(DEVICE_FILE);
        match std::fs::symlink_metadata(&image) {
            Ok(found) => is_that_device(&image, found.is_file(), (found.len(), size))?,
            Err(_) => make(&on, &image)?,
        }
        let served_at = served_at(at)?;
        let (at, mounts, there) = (at.to_owned(), Watch::new()?, Cell::new(false));
        Ok(Disk { on, cache, served_at, at, mounted: None, survivor: None, mounts, there })
    }

    pub(super) fn sector(&self) -> Sector {
        self.on.sector
    }

    pub(super) fn filesystem(&self) -> Filesystem {
        self.on.filesystem
    }

    /// A write is durable when it is answered.
    pub(super) fn writes_through(&self) -> bool {
        self.cache == Cache::None
    }

    /// Serves the device by `mount`, and mounts the file system that is on it.
    pub(super) fn mount(&mut self, mount: impl FnOnce(&Path) -> Result<Mount, MountError>) -> Result<Mount> {
        let served = io_flusher::serving(|| mount(&self.served_at))?;
        self.survivor = Some(Survivor::stand_by(served.way_to_cut()?)?);
        self.mounted = Some(Mounted::new(&self.on, &self.served_at.join(DEVICE_FILE), &self.at)?);
        self.there.set(self.is_there());
        Ok(served)
    }

    /// As [`Disk::is_there`], for whoever asks all the time.
    pub(super) fn is_still_there(&self) -> bool {
        if self.mounts.changed() {
            self.there.set(self.is_there());
        }
        self.there.get()
    }

    /// Nobody unmounted it from outside.
    pub(super) fn is_there(&self) -> bool {
        let mounts = table::all().unwrap_or_default();
        mounts.iter().any(|entry| entry.mountpoint == self.at && self.is_own(entry))
    }

    /// Nothing else is mounted over it.
    fn is_on_top(&self) -> bool {
        table::uppermost(&self.at).ok().flatten().is_some_and(|entry| self.is_own(&entry))
    }

    fn is_own(&self, entry: &Entry) -> bool {
        self.mounted.as_ref().is_some_and(|mounted| entry.source == format!("/dev/{}", mounted.device()))
    }

    /// Everything written so far is on the device, and flushed there.
    ///
    /// # Errors
    /// The device does not take it, or does not answer: whoever heals it must not wait for that.
    pub(super) fn sync(&self) -> Result<()> {
        let synced = self.mounted.as_ref().map_or(Ok(()), |mounted| mounted.sync_within(LAST_WRITES));
        synced.with_context(|| format!("{} cannot be synced", self.at.display()))
    }

    /// What a fault names, and where it lies now.
    ///
    /// # Errors
    /// The device does not tell in time.
    pub(super) fn held(&self, sought: &Arc<Sought>) -> Result<Vec<Held>, LookError> {
        sought.look(&self.at, self.on.filesystem)
    }

    /// Takes the file system away, after its last writes.
    pub(super) fn unmount(&mut self) {
        self.go(LAST_WRITES);
    }

    /// Takes it away when its device is gone.
    pub(super) fn lose(&mut self) {
        self.go(LAST_CALLS);
    }

    /// Whoever still uses it keeps what is left of it, without a device.
    fn go(&mut self, limit: Duration) {
        let (there, on_top) = (self.is_there(), self.is_on_top());
        let Some(mounted) = self.mounted.take().filter(|_| there) else { return };
        let at = self.at.display();
        if !on_top {
            crate::exit::tell!(
                "warning: something else is mounted over it at {at}: it stays beneath, dead, until `umount {at}`"
            );
        } else if let Err(error) = mounted.unmount(limit) {
            crate::exit::tell!(
                "warning: {error}: programs that have files open there get errors until they close them"
            );
        }
    }

    /// The device is not served any more: nobody has to cut its connection.
    pub(super) fn ended(&mut self) {
        self.survivor = None;
        let _ = std::fs::remove_dir(&self.served_at);
    }
}

fn is_that_device(image: &Path, is_file: bool, (length, size): (u64, Option<Bytes>)) -> Result<()> {
    let at = image.display();
    let why = match size {
        _ if !is_file => format!("{at} is no file; name another backing directory"),
        Some(size) if size.0 != length => {
            format!(
                "{at} is there and has {length} bytes: `--size` is of a device that is made; leave it out"
            )
        }
        _ => return Ok(()),
    };
    Err(Misplaced(why).into())
}

fn make(on: &OnDevice, image: &Path) -> Result<()> {
    let (least, name) = (on.filesystem.least(), on.filesystem);
    if on.size < least {
        return Err(
            Misplaced(format!("`--size {}`: too few for {name}; give it {least} or more", on.size)).into()
        );
    }
    let made = filesystem::make(on, image);
    if matches!(made, Err(FilesystemError::NotMade { .. })) {
        // Else the next time it would be taken for one that holds something.
        let _ = std::fs::remove_file(image);
    }
    Ok(made?)
}

/// A private directory of this mount point's. What a killed process left mounted there is dead, and goes.
fn served_at(mountpoint: &Path) -> Result<PathBuf> {
    let digest = blake3::hash(resolved(mountpoint)?.as_os_str().as_encoded_bytes()).to_hex();
    let at = private_directory()?.join(format!("{}.device", &digest[..16]));
    while table::uppermost(&at)?.is_some_and(|entry| entry.kind == table::KIND) {
        fuse_fs::mount::detach(&at)?;
    }
    match DirBuilder::new().mode(0o700).create(&at) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", at.display()))
        }
        _ => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_there_is_not_made_again() {
        let image = Path::new("/b/device");
        let said = |is_file, size: Option<u64>| {
            is_that_device(image, is_file, (4096, size.map(Bytes))).map_err(|error| error.to_string())
        };
        assert_eq!((said(true, None), said(true, Some(4096))), (Ok(()), Ok(())));
        insta::assert_snapshot!(said(true, Some(8192)).expect_err("another size"), @"/b/device is there and has 4096 bytes: `--size` is of a device that is made; leave it out");
        insta::assert_snapshot!(said(false, None).expect_err("a directory"), @"/b/device is no file; name another backing directory");
    }
}
