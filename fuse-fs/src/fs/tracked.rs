//! The same calls on a storage with a durability model: what a change replaces is put aside before it, the change is
//! told after it, under the locks that keep the model's order true.

use super::fs::Fs;
use super::handles::FileHandle;
use super::names::{Entry, Renamed};
use super::request::{Answer, Caller, Change as Attributes, Outcome, TimeSet, WriteSync};
use crate::durability::Volatile;
use crate::durability::calls::{Mtimes, mtime};
use crate::durability::effect::{DirEntry, Ino, Mutation, NodeKind, Sync};
use crate::durability::model::{Attribute, Change};
use crate::durability::permit;
use crate::rules::decision::Action;
use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{FileStat, fstat};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// The kind of an inode, as the model sees it.
pub(crate) fn kind_of(stat: &FileStat) -> NodeKind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => NodeKind::File,
        libc::S_IFDIR => NodeKind::Directory,
        _ => NodeKind::Other,
    }
}

fn size(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// A torn write that was answered with an error may have reached the file as far as that goes now.
fn reached(fd: &OwnedFd, offset: u64, len: u64) -> Option<Change> {
    let end = fstat(fd).map_or(0, |stat| size(&stat)).min(offset + len);
    (end > offset).then(|| Change::Write { offset, len: end - offset })
}

impl Fs {
    fn directory_path(&self, dir: Ino) -> String {
        self.table.path(dir).to_string_lossy().into_owned()
    }

    /// A name by which an inode is reached, for people.
    fn place_of(&self, core: &mut crate::durability::Core, ino: Ino) -> Option<DirEntry> {
        let path = self.table.path(ino);
        let name = path.file_name()?.to_owned();
        let parent = self.table.parent(ino)?;
        let directory = path.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
        Some(core.place(parent, &name, |_| directory))
    }

    /// Does `work`, which changes content through `fd`, and tells the model. `work` says how far it came.
    pub(super) fn track_content<T>(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        (fd, ino): (&OwnedFd, Ino),
        change: impl FnOnce(u64) -> Change,
        work: impl FnOnce() -> Outcome<T>,
        done: impl FnOnce(Change, &Outcome<T>) -> Option<Change>,
    ) -> Outcome<T> {
        let _telling = volatile.tell();
        let (before, change, captured) = volatile.capture(fd, ino, change)?;
        let outcome = work();
        match done(change, &outcome) {
            Some(change) => {
                let place = |core: &mut _| self.place_of(core, ino);
                volatile.changed(caller.seq, ino, place, before, change, captured);
            }
            None => volatile.discard(captured),
        }
        outcome
    }

    pub(super) fn write_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        file: &FileHandle,
        (offset, data): (u64, &[u8]),
        (clear_setid, sync): (bool, Option<WriteSync>),
        action: &Action,
    ) -> Outcome<u64> {
        let _order = volatile.lock_content(file.ino);
        let mode = clear_setid.then(|| fstat(&file.fd)).transpose()?;
        let len = data.len() as u64;
        let torn = matches!(action, Action::Torn { .. });
        let outcome = self.track_content(
            volatile,
            caller,
            (&file.fd, file.ino),
            |_| Change::Write { offset, len },
            || self.write_through(file, offset, data, clear_setid, action),
            |_, outcome| match outcome {
                Ok(0) if len > 0 => None,
                Ok(n) => Some(Change::Write { offset, len: *n }),
                Err(_) if torn => reached(&file.fd, offset, len),
                Err(_) => None,
            },
        );
        if let Some(before) = mode {
            self.note_attributes(volatile, caller, file.ino, &before, &fstat(&file.fd)?, false);
        }
        self.sync_with_call(volatile, caller, file, sync, outcome)
    }

    /// What a change of content makes durable by itself before it is answered. No fsync follows it from the kernel.
    pub(super) fn sync_with_call<T>(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        file: &FileHandle,
        sync: Option<WriteSync>,
        outcome: Outcome<T>,
    ) -> Outcome<T> {
        if let (Some(sync), true) = (sync, outcome.is_ok()) {
            let (ino, data_only) = (file.ino, sync == WriteSync::Data);
            let what = Sync::File { ino, data_only, parent: self.table.parent(ino) };
            volatile.synced(caller.seq, volatile.upto(), what);
        }
        outcome
    }

    pub(super) fn setattr_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        ino: u64,
        handle: Option<u64>,
        change: &Attributes,
    ) -> Outcome<FileStat> {
        let _order = volatile.lock_content(ino);
        let _modes = permit::MODES.lock();
        let fd = self.table.fd(ino)?;
        let before = fstat(&*fd)?;
        let after = match change.size {
            None => self.setattr_through(ino, handle, change)?,
            Some(to) => {
                let open = || self.reopen(&fd, OFlag::O_RDONLY | OFlag::O_NONBLOCK);
                let readable = permit::permitted(&fd, 0o400, open)?;
                self.track_content(
                    volatile,
                    caller,
                    (&readable, ino),
                    |_| Change::Truncate { size: to },
                    || self.setattr_through(ino, handle, change),
                    |change, outcome| outcome.is_ok().then_some(change),
                )?
            }
        };
        let timed = !matches!(change.mtime, TimeSet::Keep);
        self.note_attributes(volatile, caller, ino, &before, &after, timed);
        Ok(after)
    }

    fn note_attributes(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        ino: Ino,
        before: &FileStat,
        after: &FileStat,
        timed: bool,
    ) {
        let mut changes: Vec<Attribute> = Vec::new();
        if before.st_mode != after.st_mode {
            changes.push(Attribute::Mode(before.st_mode, after.st_mode));
        }
        let owner = |stat: &FileStat| (stat.st_uid, stat.st_gid);
        if owner(before) != owner(after) {
            changes.push(Attribute::Owner(owner(before), owner(after)));
        }
        if timed {
            changes.push(Attribute::Mtime(mtime(before), mtime(after)));
        }
        for change in changes {
            let place = |core: &mut _| self.place_of(core, ino);
            volatile.attribute_changed(caller.seq, (ino, kind_of(before)), place, change);
        }
    }

    /// Sets or removes an extended attribute by `work`.
    pub(super) fn xattr_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        ino: u64,
        name: &OsStr,
        work: impl FnOnce() -> Outcome<()>,
    ) -> Outcome<()> {
        let _order = volatile.lock_content(ino);
        let before = self.xattr(ino, name)?;
        work()?;
        let after = self.xattr(ino, name)?;
        let kind = kind_of(&fstat(&*self.table.fd(ino)?)?);
        let change = Attribute::Xattr(name.as_bytes().into(), before, after);
        let place = |core: &mut _| self.place_of(core, ino);
        volatile.attribute_changed(caller.seq, (ino, kind), place, change);
        Ok(())
    }

    fn xattr(&self, ino: u64, name: &OsStr) -> Outcome<Option<Vec<u8>>> {
        /// The largest that Linux allows.
        const LARGEST: u32 = 65_536;
        match self.getxattr(ino, name, LARGEST) {
            Ok(Answer::Data(value)) => Ok(Some(value)),
            Ok(_) | Err(Errno::ENODATA) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn fsync_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        file: &FileHandle,
        data_only: bool,
        action: &Action,
    ) -> Outcome<()> {
        let _order = volatile.lock_content(file.ino);
        if volatile.unheard_error(file.ino, &file.errors) {
            return Err(Errno::EIO);
        }
        let upto = volatile.upto();
        let what = Sync::File { ino: file.ino, data_only, parent: self.table.parent(file.ino) };
        match action {
            Action::LoseSync => volatile.lost_sync(what),
            Action::FailSync(like) => {
                volatile.fail_sync(&file.fd, file.ino, upto, *like, &file.errors)?;
            }
            _ => {
                self.fsync_through(file, data_only)?;
                volatile.synced(caller.seq, upto, what);
            }
        }
        Ok(())
    }

    pub(super) fn fsyncdir_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        handle: u64,
        action: &Action,
    ) -> Outcome<()> {
        let upto = volatile.upto();
        let what = Sync::Directory { ino: self.directories.get(handle)?.ino };
        if matches!(action, Action::LoseSync) {
            volatile.lost_sync(what);
            return Ok(());
        }
        self.fsyncdir_through(handle)?;
        volatile.synced(caller.seq, upto, what);
        Ok(())
    }

    /// Modification times of directories about to change, where the model does not know them.
    fn mtimes(&self, volatile: &Volatile, directories: &[(Ino, &Arc<OwnedFd>)]) -> Outcome<Mtimes> {
        let mut times = Mtimes::new();
        for (ino, fd) in directories {
            if volatile.needs_mtime(*ino) && !times.iter().any(|known| known.0 == *ino) {
                times.push((*ino, mtime(&fstat(&***fd)?)));
            }
        }
        Ok(times)
    }

    fn place(&self, core: &mut crate::durability::Core, dir: Ino, name: &OsStr) -> DirEntry {
        core.place(dir, name, |dir| self.directory_path(dir))
    }

    /// Makes an entry by `work`, which says which inode it made; `None` if it was there already.
    pub(super) fn track_new<T>(
        &self,
        caller: &Caller,
        (parent, name): (u64, &OsStr),
        work: impl FnOnce() -> Outcome<T>,
        made: impl FnOnce(&T) -> Option<(Ino, NodeKind)>,
    ) -> Outcome<T> {
        let Some(volatile) = self.volatile() else { return work() };
        let _order = volatile.share_names();
        let times = self.mtimes(volatile, &[(parent, &self.table.fd(parent)?)])?;
        let outcome = work()?;
        if let Some((ino, kind)) = made(&outcome) {
            let effect = |core: &mut _| Mutation::Create { place: self.place(core, parent, name), ino, kind };
            volatile.renamed(caller.seq, effect, None, &times);
        }
        Ok(outcome)
    }

    pub(super) fn link_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        ino: u64,
        (parent, name): (u64, &OsStr),
    ) -> Outcome<FileStat> {
        let _order = volatile.lock_names();
        let times = self.mtimes(volatile, &[(parent, &self.table.fd(parent)?)])?;
        let known = self.table.parent(ino);
        let stat = self.link_through(ino, parent, name)?;
        let effect = |core: &mut _| Mutation::Link { place: self.place(core, parent, name), ino };
        volatile.renamed(caller.seq, effect, known, &times);
        Ok(stat)
    }

    pub(super) fn unlink_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        (parent, name): (u64, &OsStr),
        directory: bool,
    ) -> Outcome<()> {
        let _order = volatile.lock_names();
        let holder = self.table.fd(parent)?;
        let times = self.mtimes(volatile, &[(parent, &holder)])?;
        let stat = self.seen(self.stat_entry(&holder, name)?)?;
        let (ino, kind) = (stat.st_ino, kind_of(&stat));
        let known = self.keep_known(ino);
        match (directory, kind == NodeKind::Directory) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            (true, true) => {
                self.is_empty_directory(&holder, name)?;
                volatile.hide(&holder, name, ino, kind, false)?;
            }
            (false, false) if stat.st_nlink == 1 => volatile.hide(&holder, name, ino, kind, false)?,
            (false, false) => {
                nix::unistd::unlinkat(&*holder, name, nix::unistd::UnlinkatFlags::NoRemoveDir)?;
            }
        }
        if let Some((ino, fd)) = known {
            self.table.name_gone(ino, parent, name, fd);
        }
        let effect =
            |core: &mut _| Mutation::Unlink { place: self.place(core, parent, name), ino, directory };
        volatile.renamed(caller.seq, effect, None, &times);
        Ok(())
    }

    fn is_empty_directory(&self, holder: &OwnedFd, name: &OsStr) -> Outcome<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = nix::sys::stat::Mode::empty();
        let path = flags | OFlag::O_PATH;
        let there = self.table.opened(|| openat(holder, name, path, mode))?;
        let open = || nix::dir::Dir::openat(holder, name, flags, mode);
        let mut own = permit::permitted(&there, 0o500, || self.table.opened(open))?;
        for entry in own.iter() {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Err(Errno::ENOTEMPTY);
            }
        }
        Ok(())
    }

    pub(super) fn rename_tracked(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        from: (u64, &OsStr),
        to: (u64, &OsStr),
        flags: u32,
    ) -> Outcome<()> {
        let holders = (self.table.fd(from.0)?, self.table.fd(to.0)?);
        let times = || self.mtimes(volatile, &[(from.0, &holders.0), (to.0, &holders.1)]);
        let (from, to) = (Entry::new(from, &holders.0), Entry::new(to, &holders.1));
        let shared = volatile.share_names();
        let entries = self.entries_of_rename(&from, &to)?;
        if entries.only_moves() {
            let times = times()?;
            self.rename_known(&from, &to, flags, &entries)?;
            self.tell_rename(volatile, caller, (&from, &to), (&entries, false), &times);
            return Ok(());
        }
        drop(shared);
        let _order = volatile.lock_names();
        let (entries, times) = (self.entries_of_rename(&from, &to)?, times()?);
        let exchange = flags & libc::RENAME_EXCHANGE != 0;
        let same = entries.replaced.is_some_and(|other| other.st_ino == entries.moved.st_ino);
        match entries.replaced.filter(|_| !exchange && !same && flags & libc::RENAME_NOREPLACE == 0) {
            Some(other) => self.rename_over(volatile, &from, &to, &other, &entries)?,
            None => self.rename_known(&from, &to, flags, &entries)?,
        }
        if !same {
            self.tell_rename(volatile, caller, (&from, &to), (&entries, exchange), &times);
        }
        Ok(())
    }

    fn tell_rename(
        &self,
        volatile: &Volatile,
        caller: &Caller,
        (from, to): (&Entry<'_>, &Entry<'_>),
        (entries, exchange): (&Renamed, bool),
        times: &Mtimes,
    ) {
        let ino = entries.moved.st_ino;
        let directory = kind_of(&entries.moved) == NodeKind::Directory;
        let effect = |core: &mut _| {
            let (from, to) = (self.place(core, from.parent, from.name), self.place(core, to.parent, to.name));
            match (exchange, entries.replaced.map(|other| other.st_ino)) {
                (true, Some(b_ino)) => Mutation::Exchange { a: from, a_ino: ino, b: to, b_ino },
                (_, replaced) => Mutation::Rename { from, to, ino, replaced, directory },
            }
        };
        volatile.renamed(caller.seq, effect, None, times);
    }

    /// A directory that moves is changed itself.
    fn moving_directory(
        &self,
        holder: &OwnedFd,
        name: &OsStr,
        work: impl Fn() -> Outcome<()>,
    ) -> Outcome<()> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let there = self.table.opened(|| openat(holder, name, flags, nix::sys::stat::Mode::empty()))?;
        permit::permitted(&there, 0o200, work)
    }

    /// What is replaced may come back after a cut: it is kept, and nobody sees the name missing meanwhile.
    fn rename_over(
        &self,
        volatile: &Volatile,
        from: &Entry<'_>,
        to: &Entry<'_>,
        other: &FileStat,
        entries: &Renamed,
    ) -> Outcome<()> {
        let (moved_kind, kind) = (kind_of(&entries.moved), kind_of(other));
        if moved_kind == NodeKind::Directory && kind == NodeKind::Directory {
            self.is_empty_directory(to.holder, to.name)?;
            let known = self.keep_known(other.st_ino);
            let exchange =
                || renameat2(from.holder, from.name, to.holder, to.name, RenameFlags::RENAME_EXCHANGE);
            self.moving_directory(to.holder, to.name, exchange)?;
            self.table.renamed(entries.moved.st_ino, to.parent, to.name);
            volatile.hide(from.holder, from.name, other.st_ino, kind, false)?;
            if let Some((ino, fd)) = known {
                self.table.name_gone(ino, to.parent, to.name, fd);
            }
            return Ok(());
        }
        let last = kind != NodeKind::Directory && other.st_nlink == 1;
        if last {
            volatile.hide(to.holder, to.name, other.st_ino, kind, true)?;
        }
        let outcome = self.rename_known(from, to, 0, entries);
        if outcome.is_err() && last {
            volatile.unhide(other.st_ino);
        }
        outcome
    }
}
