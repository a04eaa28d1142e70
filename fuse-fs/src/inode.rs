//! Which inodes the kernel knows, and how to reach them on the backing directory.
//!
//! An inode is known by its number there (`st_ino`), never by a path: an entry remembers its parent and one of
//! its names only to be found again. Descriptors (`O_PATH`) are opened when first needed and kept in a bounded
//! second-chance queue, so that a million known files need no million descriptors; an evicted one is opened
//! again through parent and name, and must then still be the same inode (`ESTALE` otherwise). An inode whose
//! remembered name is gone (unlinked but open, or one hard link of several) keeps its descriptor until the
//! kernel forgets it: so its number cannot be used again meanwhile.
//!
//! Limits: the backing directory changes through the mount only. An entry takes about 150 bytes with a
//! 21-byte name (`bytes_per_known_inode` measures it on a million and fails above 320).

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
pub const ROOT: u64 = 1;

const SHARDS: usize = 64;

/// Deepest directory followed when a path is built; the kernel's `PATH_MAX` allows no deeper ones by path.
const MAX_DEPTH: usize = 4096;

#[derive(Debug)]
struct Entry {
    parent: u64,
    name: Box<[u8]>,
    lookups: u64,
    /// Known entries whose parent this is: it must stay to find them.
    children: u32,
    fd: Option<Arc<OwnedFd>>,
    /// The remembered name is gone: the descriptor is the only way to the inode.
    pinned: bool,
    recent: bool,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<u64, Entry>,
    /// Inodes with an unpinned descriptor, oldest first; may hold numbers that lost theirs meanwhile.
    cached: VecDeque<u64>,
}

/// The table. Sharded; no lock is held across I/O.
#[derive(Debug)]
pub struct InodeTable {
    shards: Vec<Mutex<Shard>>,
    root: Arc<OwnedFd>,
    root_ino: u64,
    device: u64,
    per_shard: usize,
}

impl InodeTable {
    /// A table over the directory `root`, keeping about `descriptors` of them open.
    pub fn new(root: OwnedFd, descriptors: usize) -> nix::Result<InodeTable> {
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
    pub fn number(&self, stat: &FileStat) -> nix::Result<u64> {
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
    pub fn remember(&self, ino: u64, parent: u64, name: &OsStr) {
        if ino == ROOT {
            return;
        }
        let before = {
            let mut shard = self.shard(ino).lock();
            let limit = self.per_shard;
            match shard.entries.get_mut(&ino) {
                Some(entry) => {
                    entry.lookups += 1;
                    Self::rename_entry(&mut shard, ino, parent, name, limit)
                }
                None => {
                    shard.entries.insert(ino, Entry::new(parent, name));
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
        let entry = shard.entries.get_mut(&ino)?;
        if *entry.name != *name.as_bytes() {
            entry.name = name.as_bytes().into();
        }
        let before = std::mem::replace(&mut entry.parent, parent);
        if std::mem::take(&mut entry.pinned) {
            shard.cached.push_back(ino);
            shard.evict(limit);
        }
        (before != parent).then_some(before)
    }

    fn adopt(&self, parent: u64) {
        if parent != ROOT
            && let Some(entry) = self.shard(parent).lock().entries.get_mut(&parent)
        {
            entry.children += 1;
        }
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
    pub fn forget(&self, ino: u64, count: u64) {
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
    pub fn renamed(&self, ino: u64, parent: u64, name: &OsStr) {
        let before = Self::rename_entry(&mut self.shard(ino).lock(), ino, parent, name, self.per_shard);
        if let Some(before) = before {
            self.adopt(parent);
            self.orphan(before);
        }
    }

    /// The name `parent`/`name` of `ino` is gone; `fd` keeps the inode if that was the remembered name.
    pub fn name_gone(&self, ino: u64, parent: u64, name: &OsStr, fd: Arc<OwnedFd>) {
        let mut shard = self.shard(ino).lock();
        if let Some(entry) = shard.entries.get_mut(&ino)
            && entry.parent == parent
            && *entry.name == *name.as_bytes()
        {
            entry.fd = Some(fd);
            entry.pinned = true;
        }
    }

    /// Whether the kernel knows this inode.
    pub fn knows(&self, ino: u64) -> bool {
        ino == ROOT || self.shard(ino).lock().entries.contains_key(&ino)
    }

    /// A descriptor (`O_PATH`) of a known inode.
    pub fn fd(&self, ino: u64) -> nix::Result<Arc<OwnedFd>> {
        if ino == ROOT {
            return Ok(self.root.clone());
        }
        // A rename between reading the name and opening it shows as a wrong inode: the second try reads it anew.
        let mut last = Errno::ESTALE;
        for _ in 0..8 {
            let (parent, name) = match self.cached(ino)? {
                Found::Fd(fd) => return Ok(fd),
                Found::Name(parent, name) => (parent, name),
            };
            match self.open_entry(ino, parent, OsStr::from_bytes(&name)) {
                Ok(fd) => return Ok(self.keep(ino, fd)),
                Err(error @ (Errno::ESTALE | Errno::ENOENT | Errno::ENOTDIR)) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(if last == Errno::ENOENT { Errno::ESTALE } else { last })
    }

    fn cached(&self, ino: u64) -> nix::Result<Found> {
        let mut shard = self.shard(ino).lock();
        let entry = shard.entries.get_mut(&ino).ok_or(Errno::ESTALE)?;
        Ok(match &entry.fd {
            Some(fd) => {
                entry.recent = true;
                Found::Fd(fd.clone())
            }
            None => Found::Name(entry.parent, entry.name.clone()),
        })
    }

    fn open_entry(&self, ino: u64, parent: u64, name: &OsStr) -> nix::Result<OwnedFd> {
        let directory = self.fd(parent)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&*directory, name, flags, Mode::empty())?;
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

    /// Path below the root under the remembered names; empty for the root.
    pub fn path(&self, ino: u64) -> PathBuf {
        let mut names: Vec<Box<[u8]>> = Vec::new();
        let mut at = ino;
        while at != ROOT && names.len() < MAX_DEPTH {
            let shard = self.shard(at).lock();
            let Some(entry) = shard.entries.get(&at) else { break };
            names.push(entry.name.clone());
            at = entry.parent;
        }
        names.into_iter().rev().map(|n| OsString::from_vec(n.into_vec())).collect()
    }

    /// How many inodes are known, the root apart.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().entries.len()).sum()
    }

    /// Whether only the root is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many descriptors the table holds, the root's apart.
    pub fn open_descriptors(&self) -> usize {
        self.shards.iter().map(|s| s.lock().entries.values().filter(|e| e.fd.is_some()).count()).sum()
    }
}

enum Found {
    Fd(Arc<OwnedFd>),
    Name(u64, Box<[u8]>),
}

impl Entry {
    fn new(parent: u64, name: &OsStr) -> Entry {
        Entry {
            parent,
            name: name.as_bytes().into(),
            lookups: 1,
            children: 0,
            fd: None,
            pinned: false,
            recent: false,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::fs::File;

    fn table(root: &std::path::Path, descriptors: usize) -> InodeTable {
        InodeTable::new(File::open(root).unwrap().into(), descriptors).unwrap()
    }

    fn ino(path: &std::path::Path) -> u64 {
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
    }

    #[test]
    fn descriptors_are_bounded_and_evicted_inodes_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), SHARDS);
        let known: Vec<u64> = (0..1000)
            .map(|n| {
                let path = folder.path().join(format!("f{n}"));
                std::fs::write(&path, "").unwrap();
                table.remember(ino(&path), ROOT, OsStr::new(&format!("f{n}")));
                ino(&path)
            })
            .collect();
        for _ in 0..2 {
            for &ino in &known {
                assert_eq!(fstat(&*table.fd(ino).unwrap()).unwrap().st_ino, ino);
            }
        }
        assert!(table.open_descriptors() <= SHARDS, "{}", table.open_descriptors());
    }

    #[test]
    fn another_file_under_the_remembered_name_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), 100);
        let (path, other) = (folder.path().join("f"), folder.path().join("g"));
        std::fs::write(&path, "").unwrap();
        let known = ino(&path);
        table.remember(known, ROOT, OsStr::new("f"));
        std::fs::write(&other, "").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(table.fd(known).unwrap_err(), Errno::ESTALE);
    }

    #[test]
    fn an_inode_that_lost_its_name_keeps_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), 1);
        let path = folder.path().join("f");
        std::fs::write(&path, "").unwrap();
        let known = ino(&path);
        table.remember(known, ROOT, OsStr::new("f"));
        let fd = table.fd(known).unwrap();
        std::fs::remove_file(&path).unwrap();
        table.name_gone(known, ROOT, OsStr::new("f"), fd);
        for n in 0..10 * SHARDS as u64 {
            table.shard(known).lock().cached.push_back(n);
        }
        table.shard(known).lock().evict(1);
        assert_eq!(fstat(&*table.fd(known).unwrap()).unwrap().st_nlink, 0);
        table.forget(known, 1);
        assert!(table.is_empty());
    }

    #[test]
    fn bytes_per_known_inode() {
        const COUNT: u64 = 1_000_000;
        let resident = || -> usize {
            let text = std::fs::read_to_string("/proc/self/statm").unwrap();
            text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), 1000);
        let before = resident();
        for n in 0..COUNT {
            table.remember(n + 2, ROOT, OsStr::new(&format!("1700000000.M{n:07}P1")));
        }
        let bytes = resident().saturating_sub(before) / COUNT as usize;
        println!("{bytes} bytes per known inode");
        assert_eq!(table.len() as u64, COUNT);
        assert!((50..320).contains(&bytes), "{bytes} bytes per known inode");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Remember(u64, u64, u8),
        Forget(u64, u64),
        Rename(u64, u64, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let (ino, parent, name) = (2..9u64, 1..9u64, 0..4u8);
        prop_oneof![
            3 => (ino.clone(), parent.clone(), name.clone()).prop_map(|(i, p, n)| Step::Remember(i, p, n)),
            2 => (ino.clone(), 1..3u64).prop_map(|(i, c)| Step::Forget(i, c)),
            1 => (ino, parent, name).prop_map(|(i, p, n)| Step::Rename(i, p, n)),
        ]
    }

    /// Parent, name and lookups of each known inode.
    #[derive(Default)]
    struct Model(BTreeMap<u64, (u64, String, u64)>);

    impl Model {
        /// A known parent with a smaller number, so that no directory lies below itself.
        fn parent(&self, ino: u64, wanted: u64) -> u64 {
            if wanted < ino && self.0.contains_key(&wanted) { wanted } else { ROOT }
        }

        fn collect(&mut self) {
            loop {
                let parents: Vec<u64> = self.0.values().map(|e| e.0).collect();
                let before = self.0.len();
                self.0.retain(|ino, entry| entry.2 > 0 || parents.contains(ino));
                if self.0.len() == before {
                    return;
                }
            }
        }

        fn path(&self, mut ino: u64) -> PathBuf {
            let mut path = PathBuf::new();
            while let Some((parent, name, _)) = self.0.get(&ino) {
                path = if path.as_os_str().is_empty() { name.into() } else { PathBuf::from(name).join(path) };
                ino = *parent;
            }
            path
        }

        fn apply(&mut self, table: &InodeTable, step: &Step) {
            match *step {
                Step::Remember(ino, parent, name) => {
                    let (parent, name) = (self.parent(ino, parent), format!("n{name}"));
                    table.remember(ino, parent, OsStr::new(&name));
                    let entry = self.0.entry(ino).or_insert((parent, name.clone(), 0));
                    *entry = (parent, name, entry.2 + 1);
                }
                Step::Forget(ino, count) => {
                    table.forget(ino, count);
                    if let Some(entry) = self.0.get_mut(&ino) {
                        entry.2 = entry.2.saturating_sub(count);
                    }
                }
                Step::Rename(ino, parent, name) => {
                    let (parent, name) = (self.parent(ino, parent), format!("n{name}"));
                    table.renamed(ino, parent, OsStr::new(&name));
                    if let Some(entry) = self.0.get_mut(&ino) {
                        *entry = (parent, name, entry.2);
                    }
                }
            }
            self.collect();
        }
    }

    proptest! {
        #[test]
        fn the_table_knows_what_a_plain_map_knows(steps in proptest::collection::vec(step(), 1..80)) {
            let folder = tempfile::tempdir().unwrap();
            let table = table(folder.path(), 10);
            let mut model = Model::default();
            for step in &steps {
                model.apply(&table, step);
                prop_assert_eq!(table.len(), model.0.len());
                for &ino in model.0.keys() {
                    prop_assert!(table.knows(ino));
                    prop_assert_eq!(table.path(ino), model.path(ino));
                }
            }
        }
    }
}
