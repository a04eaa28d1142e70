//! A storage whose power can go after any call, at the weakest that POSIX allows: bytes become durable by fsync of their
//! file only, names by fsync of their directory only. Of everything else any part may survive; of a rename between two
//! directories that is half durable, both names. After a failed fsync the bytes are marked clean and never written.
//!
//! The calls really happen in a directory of their own, so that the server reads what it wrote. The model beside it
//! knows what would be left, and builds it in a new directory.

use crate::tests::in_memory;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, MutexGuard};

use crate::files::{Disk, Files};

/// A file or directory of the model, by its place in [`Model::inodes`]; the root is the first.
type Id = usize;
/// A name: the directory's inode and the entry.
type Name = (Id, String);

/// Which of the names that are not durable survive. Numbers count steps: the halves of a rename within a directory are
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    None,
    All,
    Only(usize),
    AllBut(usize),
    /// Each by a bit of a number made of the seed.
    Random(u64),
}

/// What becomes of bytes that are not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    Old,
    New,
    Zeros,
    /// With line ends in it.
    Garbage,
    /// Every other sector is new, the others zero.
    Mixed,
}

/// Every fate of bytes.
pub(crate) const BYTES: [Bytes; 5] = [Bytes::Old, Bytes::New, Bytes::Zeros, Bytes::Garbage, Bytes::Mixed];

#[derive(Default)]
struct Inode {
    directory: bool,
    now: Vec<u8>,
    durable: Vec<u8>,
    /// An fsync failed: what was written before it never becomes durable.
    lost: bool,
}

/// One entry of a directory that appeared, changed or went, and is not durable.
#[derive(Clone)]
struct Change {
    step: usize,
    name: Name,
    to: Option<Id>,
    /// The step without which this one does not survive: a name goes only if the file has its new one.
    needs: Option<usize>,
}

#[derive(Default)]
struct Model {
    calls: u64,
    steps: usize,
    off: bool,
    inodes: Vec<Inode>,
    /// Model inode of each real one.
    ids: HashMap<u64, Id>,
    names: BTreeMap<Name, Id>,
    durable: BTreeMap<Name, Id>,
    pending: Vec<Change>,
}

pub(crate) struct Power {
    root: PathBuf,
    /// The power goes when a call after this many is made.
    last_call: u64,
    /// Calls that fail.
    failing: std::ops::Range<u64>,
    model: Mutex<Model>,
}

impl Power {
    /// A storage over `root`, all of which is durable.
    pub(super) fn new(root: &Path, last_call: u64, failing: std::ops::Range<u64>) -> Arc<Power> {
        let mut model = Model::default();
        model.inodes.push(Inode { directory: true, ..Inode::default() });
        model.adopt(0, root);
        model.durable = model.names.clone();
        Arc::new(Power { root: root.to_path_buf(), last_call, failing, model: Mutex::new(model) })
    }

    /// Changing calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.model.lock().calls
    }

    /// Whether the power is gone.
    pub(super) fn is_off(&self) -> bool {
        self.model.lock().off
    }

    /// The ways a cut now may go that are worth trying.
    pub(super) fn choices(&self) -> Vec<Names> {
        let mut steps: Vec<_> = self.model.lock().pending.iter().map(|change| change.step).collect();
        steps.dedup();
        let single = steps.iter().flat_map(|step| [Names::Only(*step), Names::AllBut(*step)]);
        let random = if steps.len() > 2 { 3 } else { 0 };
        [Names::None, Names::All].into_iter().chain(single).chain((0..random).map(Names::Random)).collect()
    }

    /// Builds what is left after a cut now, in a new directory.
    pub(super) fn survivors(&self, names: Names, bytes: Bytes) -> tempfile::TempDir {
        let root = in_memory();
        let model = self.model.lock();
        let mut built = HashMap::new();
        model.build(&model.kept(names), 0, root.path(), bytes, &mut built);
        root
    }

    /// Counts a changing call.
    fn turn(&self) -> io::Result<MutexGuard<'_, Model>> {
        self.powered()?;
        let mut model = self.model.lock();
        model.calls += 1;
        if model.calls > self.last_call {
            model.off = true;
            return Err(gone());
        }
        if self.failing.contains(&model.calls) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        Ok(model)
    }

    /// Counts no call, but there must be power.
    fn powered(&self) -> io::Result<()> {
        if self.is_off() { Err(gone()) } else { Ok(()) }
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is gone")
}

impl Model {
    /// Takes over what lies below `path`, the directory `dir`.
    fn adopt(&mut self, dir: Id, path: &Path) {
        for name in Disk.list(path).unwrap() {
            let below = path.join(&name);
            let metadata = std::fs::metadata(&below).unwrap();
            let known = self.ids.get(&metadata.ino()).copied();
            let id = known.unwrap_or_else(|| self.inode(metadata.ino(), metadata.is_dir()));
            if metadata.is_dir() {
                self.adopt(id, &below);
            } else {
                let bytes = std::fs::read(&below).unwrap();
                (self.inodes[id].now, self.inodes[id].durable) = (bytes.clone(), bytes);
            }
            self.names.insert((dir, name), id);
        }
    }

    /// A new inode; the real one's number may have belonged to another before.
    fn inode(&mut self, ino: u64, directory: bool) -> Id {
        self.inodes.push(Inode { directory, ..Inode::default() });
        self.ids.insert(ino, self.inodes.len() - 1);
        self.inodes.len() - 1
    }

    fn of(&mut self, file: &File) -> &mut Inode {
        let id = self.ids[&file.metadata().unwrap().ino()];
        &mut self.inodes[id]
    }

    fn id(&self, root: &Path, path: &Path) -> Id {
        let below = path.strip_prefix(root).unwrap();
        below.iter().fold(0, |dir, part| self.names[&(dir, part.to_str().unwrap().to_owned())])
    }

    fn name(&self, root: &Path, path: &Path) -> Name {
        let entry = path.file_name().unwrap().to_str().unwrap().to_owned();
        (self.id(root, path.parent().unwrap()), entry)
    }

    fn change(&mut self, step: usize, name: Name, to: Option<Id>, needs: Option<usize>) {
        match to {
            Some(id) => drop(self.names.insert(name.clone(), id)),
            None => drop(self.names.remove(&name)),
        }
        self.pending.push(Change { step, name, to, needs });
    }

    fn step(&mut self) -> usize {
        self.steps += 1;
        self.steps
    }

    fn rename(&mut self, from: Name, to: Name) {
        let id = self.names[&from];
        let step = self.step();
        let within = from.0 == to.0;
        self.change(step, to, Some(id), None);
        let other = if within { step } else { self.step() };
        self.change(other, from, None, (!within).then_some(step));
    }

    fn sync_dir(&mut self, dir: Id) {
        let due = |change: &Change| change.name.0 == dir;
        let needed: BTreeSet<_> =
            self.pending.iter().filter(|c| due(c)).filter_map(|change| change.needs).collect();
        let (now, later) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|change| due(change) || needed.contains(&change.step));
        self.pending = later;
        now.into_iter().for_each(|change: Change| apply(&mut self.durable, change.name, change.to));
    }

    /// The names after a cut.
    fn kept(&self, names: Names) -> BTreeMap<Name, Id> {
        let mut kept = self.durable.clone();
        let mut dropped_steps = BTreeSet::new();
        let mut dropped_names = BTreeSet::new();
        for change in &self.pending {
            let parts = self.pending.iter().filter(|other| other.step == change.step);
            let lost = parts.clone().any(|part| dropped_names.contains(&part.name))
                || change.needs.is_some_and(|step| dropped_steps.contains(&step))
                || !names.wants(change.step);
            if lost {
                dropped_steps.insert(change.step);
                dropped_names.extend(parts.map(|part| part.name.clone()));
            } else if !dropped_steps.contains(&change.step) {
                apply(&mut kept, change.name.clone(), change.to);
            }
        }
        kept
    }

    fn build(
        &self,
        names: &BTreeMap<Name, Id>,
        dir: Id,
        path: &Path,
        bytes: Bytes,
        built: &mut HashMap<Id, PathBuf>,
    ) {
        for ((_, name), id) in names.iter().filter(|((parent, _), _)| *parent == dir) {
            let below = path.join(name);
            if self.inodes[*id].directory {
                std::fs::create_dir(&below).unwrap();
                self.build(names, *id, &below, bytes, built);
            } else if let Some(first) = built.get(id) {
                std::fs::hard_link(first, &below).unwrap();
            } else {
                std::fs::write(&below, self.inodes[*id].left(bytes)).unwrap();
                built.insert(*id, below);
            }
        }
    }
}

fn apply(names: &mut BTreeMap<Name, Id>, name: Name, to: Option<Id>) {
    match to {
        Some(id) => drop(names.insert(name, id)),
        None => drop(names.remove(&name)),
    }
}

impl Names {
    fn wants(self, step: usize) -> bool {
        match self {
            Names::None => false,
            Names::All => true,
            Names::Only(one) => step == one,
            Names::AllBut(one) => step != one,
            Names::Random(seed) => blake3::hash(&[seed.to_le_bytes(), (step as u64).to_le_bytes()].concat())
                .as_bytes()[0]
                .is_multiple_of(2),
        }
    }
}

impl Inode {
    /// Its bytes after a cut. What was durable is never damaged.
    fn left(&self, bytes: Bytes) -> Vec<u8> {
        if self.now == self.durable || bytes == Bytes::Old {
            return self.durable.clone();
        }
        let grown = |at: usize, byte: u8| match bytes {
            _ if at < self.durable.len() => self.durable[at],
            Bytes::Old | Bytes::Zeros => 0,
            Bytes::New => byte,
            Bytes::Garbage => b"\n7 x\0\n"[at % 6],
            Bytes::Mixed if (at / 512).is_multiple_of(2) => byte,
            Bytes::Mixed => 0,
        };
        self.now.iter().enumerate().map(|(at, byte)| grown(at, *byte)).collect()
    }
}

impl Files for Power {
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut model = self.turn()?;
        let file = Disk.create(path)?;
        let id = model.inode(file.metadata()?.ino(), false);
        let (step, name) = (model.step(), model.name(&self.root, path));
        model.change(step, name, Some(id), None);
        Ok(file)
    }

    fn append(&self, path: &Path) -> io::Result<File> {
        self.powered()?;
        Disk.append(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        self.powered()?;
        Disk.open(path)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let mut model = self.turn()?;
        let count = Disk.write(file, bytes)?;
        model.of(file).now.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn read(&self, file: &File, bytes: &mut [u8]) -> io::Result<usize> {
        self.powered()?;
        Disk.read(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let turn = self.turn().map(drop);
        let mut model = self.model.lock();
        let inode = model.of(file);
        inode.lost |= turn.is_err();
        if !inode.lost {
            inode.durable.clone_from(&inode.now);
        }
        turn
    }

    fn close(&self, file: File) -> io::Result<()> {
        self.powered()?;
        Disk.close(file)
    }

    fn set_modified(&self, file: &File, time: SystemTime) -> io::Result<()> {
        drop(self.turn()?);
        Disk.set_modified(file, time)
    }

    fn stat(&self, path: &Path) -> io::Result<(SystemTime, u64)> {
        self.powered()?;
        Disk.stat(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        Disk.rename(from, to)?;
        let (from, to) = (model.name(&self.root, from), model.name(&self.root, to));
        model.rename(from, to);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        Disk.link(from, to)?;
        let (id, name, step) = (model.id(&self.root, from), model.name(&self.root, to), model.step());
        model.change(step, name, Some(id), None);
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        Disk.unlink(path)?;
        let (name, step) = (model.name(&self.root, path), model.step());
        model.change(step, name, None, None);
        Ok(())
    }

    fn mkdir(&self, path: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        Disk.mkdir(path)?;
        let id = model.inode(std::fs::metadata(path)?.ino(), true);
        let (name, step) = (model.name(&self.root, path), model.step());
        model.change(step, name, Some(id), None);
        Ok(())
    }

    fn rmdir(&self, path: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        Disk.rmdir(path)?;
        let (name, step) = (model.name(&self.root, path), model.step());
        model.change(step, name, None, None);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.powered()?;
        Disk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut model = self.turn()?;
        let dir = model.id(&self.root, path);
        model.sync_dir(dir);
        Ok(())
    }
}
