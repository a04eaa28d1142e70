//! fsyncs that fail, as file systems show it (Linux errseq): each open descriptor hears of a failure once; whoever
//! asks again hears 0 and nothing was written.
//!
//! What failed is marked clean. It reads as new until it is evicted or the power goes, then as old; under `btrfs` it
//! reads as old at once. Size, times and names are durable, under `btrfs` they are as at the last commit.

use super::apply;
use super::places;

use super::durability::Volatile;
use super::effect::{Ino, OpId, Sync};
use super::page::PageFate;
use super::profile::FsyncModel;
use nix::errno::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;

impl Volatile {
    /// A descriptor was opened: the failures it counts as heard of.
    pub(crate) fn errors_at_open(&self, ino: Ino) -> u64 {
        self.errors.at_open(ino)
    }

    /// A sync through a descriptor: fails if a failure was not heard of through it, and then writes nothing.
    pub(crate) fn unheard_error(&self, ino: Ino, heard: &AtomicU64) -> bool {
        self.errors.report(ino, heard)
    }

    /// Writeback of a file fails during an fsync through `fd`, which has heard of `heard` failures.
    pub(crate) fn fail_sync(
        &self,
        fd: &OwnedFd,
        ino: Ino,
        upto: OpId,
        like: FsyncModel,
        heard: &AtomicU64,
    ) -> nix::Result<()> {
        self.errors.add(ino);
        // Where every change is undone by itself nothing can be marked clean: what failed is gone at once.
        let reverts = like == FsyncModel::Btrfs || self.core.lock().model.undoes();
        if reverts {
            self.revert(fd, ino).map_err(|error| {
                tracing::error!(%error, "cannot bring a file back to what was committed");
                Errno::EIO
            })?;
        } else {
            self.core.lock().model.fail_content(ino);
        }
        let what = Sync::File { ino, data_only: false, parent: None };
        self.settle(upto, what);
        self.core.lock().model.note_failed_sync(ino);
        // With the content in the journal, the failure shows only when the journal is written back.
        if like == FsyncModel::Ext4Data {
            return Ok(());
        }
        self.errors.report(ino, heard);
        Err(Errno::EIO)
    }

    fn revert(&self, fd: &OwnedFd, ino: Ino) -> io::Result<()> {
        let mut core = self.core.lock();
        let core = &mut *core;
        let Some(content) = core.model.base_content(ino) else { return Ok(()) };
        let file = File::from(fd.try_clone()?);
        apply::patch(&file, &content, &core.store)?;
        core.model.reverted(ino);
        let freed = core.model.take_freed();
        core.store.free(freed);
        Ok(())
    }

    /// Data that a failed fsync marked clean leaves the cache: reads show what is on the disk.
    pub fn evict(&self) -> io::Result<()> {
        let failed = self.core.lock().model.failed_inodes();
        if failed.is_empty() {
            return Ok(());
        }
        let numbers = places::Numbers::of(&self.backing)?;
        places::walk(&self.backing, &numbers, &mut |ino, path, directory| {
            if directory || !failed.contains(&ino) {
                return Ok(());
            }
            let _content = self.lock_content(ino);
            let mut core = self.core.lock();
            let core = &mut *core;
            let Some(content) = core.model.evicted_content(ino, &|page| {
                if page.failed { PageFate::Old } else { PageFate::New }
            }) else {
                return Ok(());
            };
            let before = std::fs::symlink_metadata(path)?;
            let file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
            apply::patch(&file, &content, &core.store)?;
            apply::set_mtime(path, apply::mtime(&before))?;
            core.model.evicted(ino);
            Ok(())
        })
    }
}
