//! Which inodes the kernel knows, and how to reach them on the backing directory.
//!
//! An inode is known by its number there (`st_ino`), never by a path: an entry remembers its parent and one of
//! its names only to be found again. Descriptors (`O_PATH`) are opened when first needed and kept in a bounded
//! second-chance queue, so that a million known files need no million descriptors; an evicted one is opened
//! again through parent and name, and must then still be the same inode (`ESTALE` otherwise). Where the process has none left
//! all that are idle make room. An inode whose
//! remembered name is gone (unlinked but open) keeps its descriptor until the kernel forgets it: so its number cannot be used
//! again meanwhile. One of several hard links goes by the name before then, if that is known.
//!
//! Limits: the backing directory changes through the mount only. An entry takes about 150 bytes with a
//! 21-byte name (`bytes_per_known_inode` measures it on a million and fails above 320).

#[cfg(test)]
mod tests;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

/// The number FUSE gives the root, whatever its number on the backing directory.
pub(crate) const ROOT: u64 = 1;

const SHARDS: usize = 64;

/// Longer than most paths of a mail store.
const LIKELY_PATH: usize = 128;

/// Deepest directory followed when a path is built; the kernel's `PATH_MAX` allows no deeper ones by path.
const MAX_DEPTH: usize = 4096;

#[derive(Debug)]
struct InodeEntry {
    parent: u64,
    name: Box<[u8]>,
    lookups: u64,
    /// Known entries whose parent this is: it must stay to find them.
    children: u32,
    fd: Option<Arc<OwnedFd>>,
    /// The name before, of a file that was seen under several.
    other: Option<Box<(u64, Box<[u8]>)>>,
    /// The remembered name is gone: the descriptor is the only way to the inode.
    pinned: bool,
    recent: bool,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<u64, InodeEntry>,
    /// Inodes with an unpinned descriptor, oldest first; may hold numbers that lost theirs meanwhile.
    cached: VecDeque<u64>,
}

/// The table. Sharded; no lock is held across I/O.
#[derive(Debug)]
pub(crate) struct InodeTable {
    shards: Vec<Mutex<Shard>>,
    root: Arc<OwnedFd>,
    root_ino: u64,
    device: u64,
    per_shard: usize,
}

impl InodeTable {
    /// A table over the directory `root`, keeping about `descriptors` of them open.
    pub(crate) fn new(root: OwnedFd, descriptors: usize) -> nix::Result<InodeTable> {
        let stat = fstat(&root)?;
        Ok(InodeTable {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            root: Arc::new(root),
            root_ino: stat.st_ino,
            device: stat.st_dev,
            per_shard: (descriptors / SHARDS).max(1),
        })
    }

    /// The number the kernel sees for a backing inode; `EXDEV` for one of another file system.
    pub(crate) fn number(&self, stat: &FileStat) -> nix::Result<u64> {
        if stat.st_dev != self.device {
            return Err(Errno::EXDEV);
        }
        Ok(self.visible(stat.st_ino))
    }

    fn visible(&self, ino: u64) -> u64 {
        if ino == self.root_ino { ROOT } else { ino }
    }

    fn shard(&self, ino: u64) -> &Mutex<Shard> {
        &self.shards[(ino % SHARDS as u64) as usize]
    }

    /// The kernel was told of `ino` under this name once more.
    pub(crate) fn remember(&self, ino: u64, parent: u64, name: &OsStr) {
        if ino == ROOT {
            return;
        }
        let before = {
            let mut shard = self.shard(ino).lock();
            let limit = self.per_shard;
            match shard.entries.get_mut(&ino) {
                Some(entry) => {
                    entry.lookups += 1;
                    entry.keep_other(parent, name);
                    Self::rename_entry(&mut shard, ino, parent, name, limit)
                }
                None => {
                    shard.entries.insert(ino, InodeEntry::new(parent, name));
                    Some(ROOT)
                }
            }
        };
        if let Some(before) = before {
            self.adopt(parent);
            self.orphan(before);
        }
    }

    /// Gives an entry a new parent and name; returns the parent it had, if that changed.
    fn rename_entry(shard: &mut Shard, ino: u64, parent: u64, name: &OsStr, limit: usize) -> Option<u64> {
        let before = shard.entries.get_mut(&ino)?.take_name(parent, name);
        shard.unpin(ino, limit);
        (before != parent).then_some(before)
    }

    /// Whether the parent is known, and so stays.
    fn adopt(&self, parent: u64) -> bool {
        parent == ROOT
            || self.shard(parent).lock().entries.get_mut(&parent).is_some_and(|entry| {
                entry.children += 1;
                true
            })
    }

    fn orphan(&self, parent: u64) {
        let mut next = Some(parent);
        while let Some(ino) = next.take().filter(|&i| i != ROOT) {
            let mut shard = self.shard(ino).lock();
            if let Some(entry) = shard.entries.get_mut(&ino) {
                entry.children = entry.children.saturating_sub(1);
                next = shard.remove_if_unused(ino);
            }
        }
    }

    /// The kernel dropped `count` references.
    pub(crate) fn forget(&self, ino: u64, count: u64) {
        let parent = {
            let mut shard = self.shard(ino).lock();
            if let Some(entry) = shard.entries.get_mut(&ino) {
                entry.lookups = entry.lookups.saturating_sub(count);
            }
            shard.remove_if_unused(ino)
        };
        if let Some(parent) = parent {
            self.orphan(parent);
        }
    }

    /// The entry now has this name (rename, or a new hard link).
    pub(crate) fn renamed(&self, ino: u64, parent: u64, name: &OsStr) {
        let before = Self::rename_entry(&mut self.shard(ino).lock(), ino, parent, name, self.per_shard);
        if let Some(before) = before {
            self.adopt(parent);
            self.orphan(before);
        }
    }

    /// The name `parent`/`name` of `ino` is gone; `fd` keeps the inode if that was the remembered name, unless it has another one.
    pub(crate) fn name_gone(&self, ino: u64, parent: u64, name: &OsStr, fd: Arc<OwnedFd>) {
        let other =
            self.shard(ino).lock().entries.get_mut(&ino).and_then(|entry| entry.lose(parent, name, fd));
        if let Some((parent, name)) = other.map(|other| *other) {
            self.go_by(ino, parent, OsStr::from_bytes(&name));
        }
    }

    /// Reaches an inode that lost its name by another one. It keeps its descriptor until that is seen to lead there: it may be gone
    /// meanwhile, and whoever removes it from then on says so.
    fn go_by(&self, ino: u64, parent: u64, name: &OsStr) {
        if !self.adopt(parent) {
            return;
        }
        let before = self.shard(ino).lock().entries.get_mut(&ino).map(|entry| entry.take_name(parent, name));
        self.orphan(before.unwrap_or(parent));
        if self.open_entry(ino, parent, name).is_ok() {
            self.shard(ino).lock().unpin(ino, self.per_shard);
        }
    }

    /// Whether the kernel knows this inode.
    pub(crate) fn knows(&self, ino: u64) -> bool {
        ino == ROOT || self.shard(ino).lock().entries.contains_key(&ino)
    }

    /// A descriptor (`O_PATH`) of a known inode.
    pub(crate) fn fd(&self, ino: u64) -> nix::Result<Arc<OwnedFd>> {
        if ino == ROOT {
            return Ok(self.root.clone());
        }
        // A rename between reading the name and opening it shows as a wrong inode: the second try reads it anew.
        let mut last = Errno::ESTALE;
        for _ in 0..8 {
            let (parent, name) = match self.cached(ino)? {
                Reached::Fd(fd) => return Ok(fd),
                Reached::Name(parent, name) => (parent, name),
            };
            match self.open_entry(ino, parent, OsStr::from_bytes(&name)) {
                Ok(fd) => return Ok(self.keep(ino, fd)),
                Err(error @ (Errno::ESTALE | Errno::ENOENT | Errno::ENOTDIR)) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(if last == Errno::ENOENT { Errno::ESTALE } else { last })
    }

    fn cached(&self, ino: u64) -> nix::Result<Reached> {
        let mut shard = self.shard(ino).lock();
        let entry = shard.entries.get_mut(&ino).ok_or(Errno::ESTALE)?;
        Ok(match &entry.fd {
            Some(fd) => {
                entry.recent = true;
                Reached::Fd(fd.clone())
            }
            None => Reached::Name(entry.parent, entry.name.clone()),
        })
    }

    fn open_entry(&self, ino: u64, parent: u64, name: &OsStr) -> nix::Result<OwnedFd> {
        let directory = self.fd(parent)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = self.opened(|| openat(&*directory, name, flags, Mode::empty()))?;
        let stat = fstat(&fd)?;
        if stat.st_dev == self.device && self.visible(stat.st_ino) == ino {
            Ok(fd)
        } else {
            Err(Errno::ESTALE)
        }
    }

    fn keep(&self, ino: u64, fd: OwnedFd) -> Arc<OwnedFd> {
        let fd = Arc::new(fd);
        let mut shard = self.shard(ino).lock();
        if let Some(entry) = shard.entries.get_mut(&ino) {
            if let Some(present) = &entry.fd {
                return present.clone();
            }
            entry.fd = Some(fd.clone());
            shard.cached.push_back(ino);
            shard.evict(self.per_shard);
        }
        fd
    }

    /// What `open` opens, once more after making room where this process has no descriptor left.
    pub(crate) fn opened<T>(&self, open: impl Fn() -> nix::Result<T>) -> nix::Result<T> {
        match open() {
            Err(Errno::EMFILE) if self.make_room() => open(),
            other => other,
        }
    }

    /// Closes the descriptors that can be opened again through their names and that no call holds; whether there was one.
    fn make_room(&self) -> bool {
        self.shards.iter().map(|shard| shard.lock().close_all()).sum::<usize>() > 0
    }

    /// A directory that holds a name of the inode, if it is known and has one.
    pub(crate) fn parent(&self, ino: u64) -> Option<u64> {
        self.shard(ino).lock().entries.get(&ino).filter(|entry| !entry.pinned).map(|entry| entry.parent)
    }

    /// Parent and name under which an inode is remembered; `None` for the root and for one that lost that name.
    pub(crate) fn name(&self, ino: u64) -> Option<(u64, OsString)> {
        let shard = self.shard(ino).lock();
        let entry = shard.entries.get(&ino).filter(|entry| !entry.pinned)?;
        Some((entry.parent, OsString::from_vec(entry.name.to_vec())))
    }

    /// Path below the root under the remembered names; empty for the root.
    pub(crate) fn path(&self, ino: u64) -> PathBuf {
        self.path_from(ino, Vec::with_capacity(LIKELY_PATH))
    }

    /// Path of the entry `name` of a directory.
    pub(crate) fn entry_path(&self, parent: u64, name: &OsStr) -> PathBuf {
        let mut backwards = Vec::with_capacity(LIKELY_PATH);
        backwards.extend(name.as_bytes().iter().rev());
        self.path_from(parent, backwards)
    }

    /// Rules ask for the path of most calls, and it is met from its end: so it is written backwards, in one piece of memory.
    fn path_from(&self, ino: u64, mut backwards: Vec<u8>) -> PathBuf {
        let mut at = ino;
        for _ in 0..MAX_DEPTH {
            if at == ROOT {
                break;
            }
            let shard = self.shard(at).lock();
            let Some(entry) = shard.entries.get(&at) else { break };
            if !backwards.is_empty() {
                backwards.push(b'/');
            }
            backwards.extend(entry.name.iter().rev());
            at = entry.parent;
        }
        backwards.reverse();
        OsString::from_vec(backwards).into()
    }

    /// All inodes that are known, the root apart.
    pub(crate) fn known(&self) -> Vec<u64> {
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().entries.keys().copied().collect::<Vec<_>>())
            .collect()
    }

    /// How many inodes are known, the root apart.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().entries.len()).sum()
    }

    /// How many descriptors the table holds, the root's apart.
    pub(crate) fn open_descriptors(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().open()).sum()
    }
}

enum Reached {
    Fd(Arc<OwnedFd>),
    Name(u64, Box<[u8]>),
}

impl InodeEntry {
    fn new(parent: u64, name: &OsStr) -> InodeEntry {
        InodeEntry {
            parent,
            name: name.as_bytes().into(),
            lookups: 1,
            children: 0,
            fd: None,
            other: None,
            pinned: false,
            recent: false,
        }
    }

    fn is_called(&self, parent: u64, name: &OsStr) -> bool {
        self.parent == parent && *self.name == *name.as_bytes()
    }

    /// Goes by another name from now on; returns the parent it had.
    fn take_name(&mut self, parent: u64, name: &OsStr) -> u64 {
        if *self.name != *name.as_bytes() {
            self.name = name.as_bytes().into();
        }
        std::mem::replace(&mut self.parent, parent)
    }

    /// Before it is called otherwise: the name that it has may stay.
    fn keep_other(&mut self, parent: u64, name: &OsStr) {
        if !self.pinned && !self.is_called(parent, name) {
            self.other = Some(Box::new((self.parent, self.name.clone())));
        }
    }

    /// Loses a name; if it went by that, it is pinned, and the other one that it may have is returned.
    fn lose(&mut self, parent: u64, name: &OsStr, fd: Arc<OwnedFd>) -> Option<Box<(u64, Box<[u8]>)>> {
        if !self.is_called(parent, name) {
            let is_other =
                |other: &mut Box<(u64, Box<[u8]>)>| other.0 == parent && *other.1 == *name.as_bytes();
            self.other.take_if(is_other);
            return None;
        }
        self.fd = Some(fd);
        self.pinned = true;
        self.other.take()
    }
}

impl Shard {
    fn remove_if_unused(&mut self, ino: u64) -> Option<u64> {
        let entry = self.entries.get(&ino)?;
        if entry.lookups > 0 || entry.children > 0 {
            return None;
        }
        let entry = self.entries.remove(&ino)?;
        if entry.fd.is_some() && self.cached.len() > 2 * self.entries.len() + 64 {
            let entries = &self.entries;
            self.cached.retain(|i| entries.get(i).is_some_and(|e| e.fd.is_some()));
        }
        Some(entry.parent)
    }

    /// Its descriptor is one of those that can be opened again.
    fn unpin(&mut self, ino: u64, limit: usize) {
        if self.entries.get_mut(&ino).is_some_and(|entry| std::mem::take(&mut entry.pinned)) {
            self.cached.push_back(ino);
            self.evict(limit);
        }
    }

    fn close_all(&mut self) -> usize {
        let open = self.open();
        let idle = |entry: &&mut InodeEntry| {
            !entry.pinned && entry.fd.as_ref().is_some_and(|fd| Arc::strong_count(fd) == 1)
        };
        self.entries.values_mut().filter(idle).for_each(|entry| entry.fd = None);
        let entries = &self.entries;
        self.cached.retain(|ino| entries.get(ino).is_some_and(|entry| entry.fd.is_some()));
        open - self.open()
    }

    fn open(&self) -> usize {
        self.entries.values().filter(|entry| entry.fd.is_some()).count()
    }

    /// Closes the oldest unpinned descriptors not used since the last look, down to `limit`.
    fn evict(&mut self, limit: usize) {
        while self.cached.len() > limit {
            let Some(ino) = self.cached.pop_front() else { return };
            let Some(entry) = self.entries.get_mut(&ino) else { continue };
            if entry.pinned || entry.fd.is_none() {
                continue;
            }
            if std::mem::take(&mut entry.recent) {
                self.cached.push_back(ino);
            } else {
                entry.fd = None;
            }
        }
    }
}
