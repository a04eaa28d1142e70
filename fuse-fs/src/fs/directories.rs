//! Reading directories. A handle's listing is taken when it is read from its start and does not change until it
//! is read from its start again: no entry that stays is missed or seen twice.

use super::listing::Listing;
use super::listing::Name;

use super::fs::Fs;
use super::handles::DirHandle;
use super::request::{Caller, Outcome};
use crate::inode::ROOT;
use crate::rules::decision::Action;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::fsync;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

impl Fs {
    pub(super) fn opendir(&self, ino: u64) -> Outcome<u64> {
        let directory = self.table.fd(ino)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = || nix::fcntl::openat(&*directory, ".", flags, Mode::empty());
        let fd = self.table.opened(open).or_else(|_| self.reopen(&directory, flags))?;
        Ok(self.directories.insert(DirHandle { fd, ino, names: parking_lot::Mutex::default() }))
    }

    pub(super) fn readdir(&self, handle: u64, offset: u64) -> Outcome<Listing> {
        let directory = self.directories.get(handle)?;
        let present = directory.names.lock().clone();
        if offset != 0 && present.0.is_some() {
            return Ok(present);
        }
        let listing = self.list(&directory)?;
        *directory.names.lock() = listing.clone();
        Ok(listing)
    }

    pub(super) fn list(&self, directory: &DirHandle) -> Outcome<Listing> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut own = match self.table.opened(|| Dir::openat(&directory.fd, ".", flags, Mode::empty())) {
            Ok(own) => own,
            // A directory that was removed has no entries and cannot be opened any more.
            Err(Errno::ENOENT) => return Ok(Listing(Some(Arc::from([])))),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in own.iter() {
            let entry = entry?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            let is_root_itself = directory.ino == ROOT && (name == "." || name == "..");
            let ino = if is_root_itself { ROOT } else { entry.ino() };
            names.push(Name { ino, kind: entry.file_type(), name });
        }
        Ok(Listing(Some(names.into())))
    }

    /// A data-only sync of a directory is a full one: its data are its entries.
    pub(super) fn fsyncdir(&self, handle: u64, caller: &Caller, action: &Action) -> Outcome<()> {
        match (self.volatile(), action) {
            (Some(volatile), _) => self.fsyncdir_tracked(volatile, caller, handle, action),
            (None, Action::LoseSync) => Ok(()),
            (None, _) => self.fsyncdir_through(handle),
        }
    }

    pub(super) fn fsyncdir_through(&self, handle: u64) -> Outcome<()> {
        fsync(&self.directories.get(handle)?.fd)
    }
}
