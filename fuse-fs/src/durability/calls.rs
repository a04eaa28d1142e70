//! What the file system tells the model, call by call.

use super::durability::{CONTENTS, Core, Powered, Volatile};
use super::effect::{DirEntry, Ino, Mutation, NodeKind, OpId, Sync, Time};
use super::model::{Attribute, Captured, Change, Model, Stamp};
use super::sparse::{Part, parts};
use super::store::BlobId;
use crate::clock::Nanos;
use nix::sys::stat::{FileStat, fstat};
use nix::sys::uio::pread;
use parking_lot::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use smallvec::SmallVec;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Pages put aside are whole pages.
const PAGE: u64 = super::file::PAGE;

/// A file before a change of its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    size: u64,
    /// Where the model does not know it.
    mtime: Option<Time>,
}

impl Volatile {
    /// Cuts so far: who asks with an older number is from before a cut.
    pub(crate) fn generation(&self) -> u64 {
        self.power.read().generation
    }

    /// The power, if it is on for somebody from this generation. Calls hold it while they change anything.
    pub(crate) fn powered(&self, generation: u64) -> Option<Powered<'_>> {
        let power = self.power.read();
        (power.off.is_none() && power.generation == generation).then(|| Powered { _held: power })
    }

    /// Held while names change that may be the last of an inode, or one of several.
    pub(crate) fn lock_names(&self) -> RwLockWriteGuard<'_, ()> {
        self.names.write()
    }

    /// Held while a new inode gets its first name, or a file moves to a name that is free: what happens meanwhile in other directories
    /// has no order with it.
    pub(crate) fn share_names(&self) -> RwLockReadGuard<'_, ()> {
        self.names.read()
    }

    /// Held while the content of a file changes or is synced.
    pub(crate) fn lock_content(&self, ino: Ino) -> MutexGuard<'_, ()> {
        self.contents[(ino % CONTENTS as u64) as usize].lock()
    }

    /// The last effect so far.
    pub(crate) fn upto(&self) -> OpId {
        self.core.lock().model.last
    }

    /// Puts aside what a change of a file's content will overwrite. `change` makes it from the file's size; what the model
    /// knows of the file already is not asked of the disk.
    pub(crate) fn capture(
        &self,
        fd: &OwnedFd,
        ino: Ino,
        change: impl FnOnce(u64) -> Change,
    ) -> nix::Result<(Before, Change, Captured)> {
        let mut core = self.core.lock();
        let before = match core.model.known_size(ino) {
            Some(size) => Before { size, mtime: None },
            None => {
                drop(core);
                let stat = fstat(fd)?;
                core = self.core.lock();
                Before { size: u64::try_from(stat.st_size).unwrap_or(0), mtime: Some(mtime(&stat)) }
            }
        };
        let change = change(before.size);
        let (ranges, undoes) = (core.model.to_capture(ino, before.size, change), core.model.undoes());
        let again = core.model.to_keep(ino, before.size, change, Nanos::now());
        let mut captured = Captured { started: core.model.started(ino), ..Captured::default() };
        drop(core);
        for part in ranges.into_iter().flat_map(|(from, to)| parts(fd, from..to)) {
            match (part, undoes) {
                (Part::Data(range), true) => {
                    let blob = self.put_aside(&read(fd, range.clone())?)?;
                    captured.pieces.push((range.start, blob, range.end - range.start));
                }
                (Part::Data(range), false) => self.capture_pages(fd, range, &mut captured)?,
                (Part::Hole(range), true) => {
                    captured.pieces.push((range.start, None, range.end - range.start));
                }
                (Part::Hole(_), false) => {}
            }
        }
        for index in again {
            let held = read(fd, index * PAGE..(index + 1) * PAGE)?;
            captured.versions.push((index, self.put_aside(&held)?));
        }
        Ok((before, change, captured))
    }

    fn capture_pages(&self, fd: &OwnedFd, range: Range<u64>, captured: &mut Captured) -> nix::Result<()> {
        let bytes = read(fd, range.clone())?;
        for (index, page) in (range.start / PAGE..).zip(bytes.chunks(PAGE as usize)) {
            captured.pages.extend(self.put_aside(page)?.map(|blob| (index, blob)));
        }
        Ok(())
    }

    /// `None`: they are zeros.
    fn put_aside(&self, bytes: &[u8]) -> nix::Result<Option<BlobId>> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        self.core.lock().store.put(bytes).map(Some).map_err(|error| {
            let spill = self.options.spill.display();
            self.trouble.get_or_init(|| {
                format!(
                    "calls failed with EIO because what they overwrite could not be put aside in {spill}, not because of the \
                     storage: {error}"
                )
            });
            nix::errno::Errno::EIO
        })
    }

    /// A call that was to change content did nothing: what was put aside for it is not needed.
    pub(crate) fn discard(&self, captured: Captured) {
        self.core.lock().store.free(captured.blobs());
    }

    /// The content of a file changed; `before` are its attributes before.
    pub(crate) fn changed(
        &self,
        call: u64,
        ino: Ino,
        place: impl FnOnce(&mut Core) -> Option<DirEntry>,
        before: Before,
        change: Change,
        captured: Captured,
    ) {
        let mut core = self.core.lock();
        let core = &mut *core;
        let known = core.model.knows_place(ino);
        let place = if known { None } else { place(core) };
        let stamp = core.stamp(call);
        core.model.change(stamp, ino, place, (before.size, before.mtime), change, captured);
        core.tidy();
    }

    /// An attribute of an inode changed.
    pub(crate) fn attribute_changed(
        &self,
        call: u64,
        (ino, kind): (Ino, NodeKind),
        place: impl FnOnce(&mut Core) -> Option<DirEntry>,
        attribute: Attribute,
    ) {
        let mut core = self.core.lock();
        let core = &mut *core;
        let known = core.model.knows_place(ino);
        let place = if known { None } else { place(core) };
        let stamp = core.stamp(call);
        core.model.attribute(stamp, ino, kind, place, attribute);
    }

    /// Whether the modification time of a directory must be told with the next change of its entries.
    pub(crate) fn needs_mtime(&self, ino: Ino) -> bool {
        self.core.lock().model.needs_mtime(ino)
    }

    pub(crate) fn renamed(
        &self,
        call: u64,
        kind: impl FnOnce(&mut Core) -> Mutation,
        parent: Option<Ino>,
        mtimes: &[(Ino, Time)],
    ) {
        let mut core = self.core.lock();
        let core = &mut *core;
        let kind = kind(core);
        let stamp = core.stamp(call);
        let ino = kind.ino();
        core.forget_paths(&kind);
        core.model.rename(stamp, kind, mtimes);
        if let Some(parent) = parent {
            core.model.note_parent(ino, parent);
        }
    }

    /// A descriptor that may write was closed.
    pub(crate) fn closed(&self, ino: Ino) {
        self.core.lock().model.closed(ino);
    }

    /// A sync that began at `upto` ended well.
    pub(crate) fn synced(&self, call: u64, upto: OpId, what: Sync) {
        self.core.lock().last_call = call;
        if self.options.loses_acknowledged.is_zero() {
            return self.settle(upto, what);
        }
        let now = Nanos::now();
        let due = Nanos(now.0.saturating_sub(self.options.loses_acknowledged.as_nanos() as u64));
        let mut core = self.core.lock();
        core.acknowledged.push((now, upto, what));
        let split = core.acknowledged.partition_point(|sync| sync.0 <= due);
        let ripe: Vec<_> = core.acknowledged.drain(..split).collect();
        drop(core);
        ripe.into_iter().for_each(|(_, upto, what)| self.settle(upto, what));
    }

    /// A sync was answered with success and did nothing.
    pub(crate) fn lost_sync(&self, what: Sync) {
        self.core.lock().model.note_lost_sync(what);
    }

    /// Makes durable what a sync does.
    pub(super) fn settle(&self, upto: OpId, what: Sync) {
        let ino = if let Sync::File { ino, .. } = what { Some(ino) } else { None };
        let nameless = ino.is_some_and(|ino| self.hidden.read().contains_key(&ino));
        self.becomes_durable(|model| {
            if !nameless || !ino.is_some_and(|ino| model.was_replaced(ino)) {
                model.sync(upto, what);
            }
        });
    }

    /// Makes durable what the timers of the file system do, which run as long as it is mounted.
    pub fn age(&self) {
        let power = self.power.read();
        if power.off.is_none() {
            self.becomes_durable(|model| model.age(Nanos::now()));
        }
    }

    /// The storage is full: gives back what was deleted, as a commit does. Whether there was anything.
    pub(crate) fn make_room(&self) -> bool {
        let deleted: Vec<Ino> = self.hidden.read().keys().copied().collect();
        if !deleted.is_empty() {
            self.becomes_durable(|model| model.make_room(&deleted));
        }
        self.hidden_count.load(Relaxed) < deleted.len() as u64
    }

    /// Lets go of what no cut can bring back any more.
    fn becomes_durable(&self, change: impl FnOnce(&mut Model)) {
        let released = {
            let _all_told = self.telling.write();
            let mut core = self.core.lock();
            change(&mut core.model);
            core.tidy();
            core.model.take_released()
        };
        let kept = self.in_limbo(released);
        if !kept.is_empty() {
            self.release(kept);
        }
    }

    /// Those that were put aside. Whatever puts one of the others aside from now on is an effect of its own, with which it is
    /// released in turn.
    fn in_limbo(&self, mut inodes: Vec<Ino>) -> Vec<Ino> {
        if self.hidden_count.load(Relaxed) == 0 {
            return Vec::new();
        }
        let hidden = self.hidden.read();
        inodes.retain(|ino| hidden.contains_key(ino));
        inodes
    }

    /// Held from before what a change replaces is put aside until the change is told: what was put aside is known of the
    /// file's pages as they are meanwhile.
    pub(crate) fn tell(&self) -> RwLockReadGuard<'_, ()> {
        self.telling.read()
    }

    fn release(&self, inodes: Vec<Ino>) {
        let _names = self.names.write();
        for ino in inodes {
            // Something may have named it again meanwhile.
            if !self.hidden.read().contains_key(&ino) || !self.core.lock().bury(ino) {
                continue;
            }
            let mut hidden = self.hidden.write();
            hidden.remove(&ino);
            self.hidden_count.store(hidden.len() as u64, Relaxed);
            drop(hidden);
            if let Err(error) = self.limbo.drop_one(ino) {
                tracing::warn!(ino, %error, "what was unlinked durably stays in limbo");
            }
        }
    }

    /// Keeps a file that is about to lose its last name, or moves a directory that is to be removed away.
    pub(crate) fn hide(
        &self,
        directory: &OwnedFd,
        name: &OsStr,
        ino: Ino,
        kind: NodeKind,
        keep_name: bool,
    ) -> nix::Result<()> {
        if keep_name {
            self.limbo.keep(directory, name, ino)?;
        } else {
            self.limbo.take(directory, name, ino)?;
        }
        let mut hidden = self.hidden.write();
        hidden.insert(ino, kind);
        self.hidden_count.store(hidden.len() as u64, Relaxed);
        Ok(())
    }

    /// It has its name still.
    pub(crate) fn unhide(&self, ino: Ino) {
        let mut hidden = self.hidden.write();
        if hidden.remove(&ino).is_some() {
            self.hidden_count.store(hidden.len() as u64, Relaxed);
            if let Err(error) = self.limbo.drop_one(ino) {
                tracing::warn!(ino, %error, "stays in limbo");
            }
        }
    }

    /// Number of links as the kernel must see it.
    pub(crate) fn links(&self, ino: Ino, links: u64) -> u64 {
        if self.hidden_count.load(Relaxed) == 0 {
            return links;
        }
        match self.hidden.read().get(&ino) {
            Some(NodeKind::Directory) => 0,
            Some(NodeKind::File | NodeKind::Other) => links.saturating_sub(1),
            None => links,
        }
    }
}

impl Core {
    fn stamp(&mut self, call: u64) -> Stamp {
        self.last_call = call;
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let wall = Time { seconds: wall.as_secs() as i64, nanoseconds: i64::from(wall.subsec_nanos()) };
        Stamp { call, at: Nanos::now(), wall }
    }

    /// Forgets an inode that has no name, unless a cut may give it one.
    fn bury(&mut self, ino: Ino) -> bool {
        let gone = !self.model.names_mention(ino);
        if gone {
            self.model.bury(ino);
            self.tidy();
        }
        gone
    }

    fn tidy(&mut self) {
        let freed = self.model.take_freed();
        if !freed.is_empty() {
            self.store.free(freed);
        }
    }

    /// A name with its directory's path; `look_up` finds a path that is not known.
    pub(crate) fn place(&mut self, dir: Ino, name: &OsStr, look_up: impl FnOnce(Ino) -> String) -> DirEntry {
        let path = self.paths.entry(dir).or_insert_with(|| look_up(dir).into());
        DirEntry { key: super::effect::Key::new(dir, name.as_bytes()), directory: Arc::clone(path) }
    }

    /// A directory that moved takes the paths of all below it along; a new one may have an old one's number.
    fn forget_paths(&mut self, kind: &Mutation) {
        match kind {
            Mutation::Rename { directory: true, .. } | Mutation::Exchange { .. } => self.paths.clear(),
            Mutation::Create { ino, kind: NodeKind::Directory, .. } => _ = self.paths.remove(ino),
            _ => {}
        }
    }
}

pub(crate) fn mtime(stat: &FileStat) -> Time {
    Time { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec }
}

/// Bytes of a file, fewer if it ends before.
fn read(fd: impl AsFd, range: Range<u64>) -> nix::Result<Vec<u8>> {
    let from = range.start;
    let mut bytes = vec![0; (range.end - from) as usize];
    let mut done = 0;
    while done < bytes.len() {
        match pread(fd.as_fd(), &mut bytes[done..], (from + done as u64) as i64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Modification times of directories that the model does not know.
pub(crate) type Mtimes = SmallVec<[(Ino, Time); 2]>;
