//! A real file system on a device of ours that loses writes.
//!
//! A sequence is done once, and what the device was told is noted. Every cut takes some of that as what survived, writes it over
//! the state before the sequence, and lets the kernel mount it. Afterwards each block that was touched, by the cut or by the
//! kernel's replay, gets its old content back: the image itself is never copied.

use super::call::{Call, Step};
use super::player::{Player, Real, next_tick};
use super::sequence::Sequence;
use super::state::State;
use super::survivors::{BLOCK, Flushes, survivors};
use crate::machine::filesystem::{self, FilesystemError, Mounted};
use crate::machine::io_flusher;
use crate::machine::survivor::Survivor;
use anyhow::Result;
use fuse_fs::durability::write_log::{Told, WriteLog};
use fuse_fs::mount::{Mount, MountOptions};
use fuse_fs::rules::decide::NoFaults;
use fuse_fs::units::Bytes;
use nix::errno::Errno;
use rand::{Rng, RngExt};
use record::plan::device::{DEVICE_FILE, Filesystem, OnDevice, Sector};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Nobody but us uses it.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(20);

/// Room for the sequences, and for the least that the file systems ask for.
fn size(filesystem: Filesystem) -> Bytes {
    Bytes(filesystem.least().0.max(64 << 20))
}

/// A state that the file system showed after a cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    /// System calls that were done.
    pub(super) done: usize,
    /// The next one had begun.
    pub(super) in_flight: bool,
    /// Else why it could not be mounted or read.
    pub(super) state: Result<State, String>,
}

/// Such a sequence cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("{step} on {filesystem}: {error}")]
pub(super) struct CallFailed {
    step: String,
    filesystem: Filesystem,
    error: Errno,
}

pub(super) struct Device {
    on: OnDevice,
    /// The file that is the device, beneath its mount.
    image: File,
    /// The same through the mount.
    device: PathBuf,
    /// Where the file system is mounted.
    at: PathBuf,
    log: Arc<WriteLog>,
    /// Before every sequence; what is not there is zeros.
    blocks: BTreeMap<u64, Vec<u8>>,
    /// Ends before the mount does.
    _survivor: Survivor,
    _mount: Mount,
}

/// What a device was told while something was done.
pub(super) struct Recorded {
    told: Vec<Told>,
    /// How much it was told at each mark.
    marks: Vec<usize>,
}

/// When the power goes: after so many marks but the first, when the device was told so much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) done: usize,
    pub(super) end: usize,
}

impl Device {
    /// Makes the file system, with everything in the empty directory `place`.
    ///
    /// # Errors
    /// It cannot be made or mounted here.
    pub(super) fn new(filesystem: Filesystem, place: &Path) -> Result<Device> {
        filesystem::possible(filesystem)?;
        let [served, at_device, at] = ["served", "device", "mounted"].map(|name| place.join(name));
        for directory in [&served, &at_device, &at] {
            std::fs::create_dir(directory)?;
        }
        let log = Arc::new(WriteLog::default());
        let options = MountOptions { write_log: Some(log.clone()), ..MountOptions::default() };
        let mount =
            io_flusher::serving(|| Mount::new(&served, &at_device, options, Arc::new(NoFaults), None))?;
        let survivor = Survivor::stand_by(mount.way_to_cut()?)?;
        let on = OnDevice {
            device: filesystem.to_string(),
            filesystem,
            size: size(filesystem),
            sector: Sector::Of4096,
            mount_options: Vec::new(),
            mkfs_options: Vec::new(),
            or_model: false,
        };
        filesystem::make(&on, &at_device.join(DEVICE_FILE))?;
        let image = File::options().read(true).write(true).open(served.join(DEVICE_FILE))?;
        let device = at_device.join(DEVICE_FILE);
        let mut device = Device {
            on,
            image,
            device,
            at,
            log,
            blocks: BTreeMap::new(),
            _survivor: survivor,
            _mount: mount,
        };
        device.furnish()?;
        Ok(device)
    }

    /// The directory for the sequences is made, and what is on the device now is what it goes back to.
    fn furnish(&mut self) -> Result<()> {
        let mounted = self.mount()?;
        std::fs::create_dir(self.root())?;
        mounted.sync()?;
        mounted.unmount(UNMOUNT_LIMIT)?;
        for block in touched(&self.log.take()) {
            let mut data = vec![0; BLOCK as usize];
            self.image.read_exact_at(&mut data, block * BLOCK)?;
            if data.iter().any(|byte| *byte != 0) {
                self.blocks.insert(block, data);
            }
        }
        Ok(())
    }

    /// Not the file system's own root, where some keep directories of theirs.
    fn root(&self) -> PathBuf {
        self.at.join("root")
    }

    fn mount(&self) -> Result<Mounted, FilesystemError> {
        Mounted::new(&self.on, &self.device, &self.at)
    }

    /// Does a sequence, and shows what the file system has after so many cuts at random moments.
    ///
    /// # Errors
    /// A call failed, or the device does.
    pub(super) fn cuts(&self, sequence: &Sequence, cuts: u32, rng: &mut impl Rng) -> Result<Vec<Shown>> {
        let recorded = self.record(|root, mark| self.play(sequence, root, mark))?;
        (0..cuts).map(|_| self.cut(&recorded, rng)).collect()
    }

    /// Has something done in the file system, and notes what the device is told, with marks.
    ///
    /// # Errors
    /// It fails, or the device does.
    pub(super) fn record(
        &self,
        work: impl FnOnce(&Path, &mut dyn FnMut()) -> Result<()>,
    ) -> Result<Recorded> {
        let mounted = self.mount()?;
        let mut marks = Vec::new();
        let done = work(&self.root(), &mut || marks.push(self.log.len()));
        mounted.unmount(UNMOUNT_LIMIT)?;
        let told = self.log.take();
        self.put_back(&touched(&told))?;
        done.map(|()| Recorded { told, marks })
    }

    /// A mark before the first step and after each.
    fn play(&self, sequence: &Sequence, root: &Path, mark: &mut dyn FnMut()) -> Result<()> {
        let (mut real, filesystem) = (Real::new(root), self.on.filesystem);
        let mut one = |step: &Step| {
            real.step(step).map_err(|error| CallFailed { step: format!("{step:?}"), filesystem, error })
        };
        sequence.first_steps().iter().try_for_each(&mut one)?;
        one(&Step::Whole(Call::Syncfs))?;
        mark();
        for step in sequence.steps() {
            if step.changes_content() {
                next_tick()?;
            }
            one(&step)?;
            mark();
        }
        Ok(())
    }

    fn cut(&self, recorded: &Recorded, rng: &mut impl Rng) -> Result<Shown> {
        let Moment { done, end } = recorded.moment(rng);
        let state = self.after_cut(recorded, end, (Flushes::Honest, rng), State::read)?;
        let state = state.and_then(|read| read.map_err(|error| format!("it cannot be read: {error}")));
        Ok(Shown { done, in_flight: end > recorded.marks[done], state })
    }

    /// What `look` finds when the power went after the device was told so much; or why the file system cannot be mounted.
    pub(super) fn after_cut<T>(
        &self,
        recorded: &Recorded,
        end: usize,
        (flushes, rng): (Flushes, &mut impl Rng),
        look: impl FnOnce(&Path) -> T,
    ) -> Result<Result<T, String>> {
        let mut dirty = BTreeSet::new();
        for (range, data) in survivors(&recorded.told[..end], flushes, rng) {
            match data {
                Some(data) => self.image.write_all_at(data, range.start)?,
                None => self.zero(&range)?,
            }
            dirty.extend(blocks_of(&range));
        }
        let found = self.look(look);
        dirty.extend(touched(&self.log.take()));
        self.put_back(&dirty)?;
        found
    }

    /// What the kernel makes of the device.
    fn look<T>(&self, look: impl FnOnce(&Path) -> T) -> Result<Result<T, String>> {
        let mounted = match self.mount() {
            Ok(mounted) => mounted,
            Err(error @ FilesystemError::NotMounted { .. }) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let found = look(&self.root());
        mounted.unmount(UNMOUNT_LIMIT)?;
        Ok(Ok(found))
    }

    fn put_back(&self, blocks: &BTreeSet<u64>) -> Result<()> {
        for block in blocks {
            let at = block * BLOCK;
            match self.blocks.get(block) {
                Some(data) => self.image.write_all_at(data, at)?,
                None => self.zero(&(at..at + BLOCK))?,
            }
        }
        Ok(())
    }

    fn zero(&self, range: &Range<u64>) -> Result<()> {
        use nix::fcntl::{FallocateFlags, fallocate};
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (at, len) = (i64::try_from(range.start)?, i64::try_from(range.end - range.start)?);
        Ok(fallocate(&self.image, hole, at, len)?)
    }
}

impl Recorded {
    /// Half of the moments are drawn from the marks, half from the device's writes: most calls write nothing to it, and a sync much.
    pub(super) fn moment(&self, rng: &mut impl Rng) -> Moment {
        let steps = self.marks.len() - 1;
        if rng.random_bool(0.5) {
            let done = rng.random_range(0..steps);
            return Moment { done, end: rng.random_range(self.marks[done]..=self.marks[done + 1]) };
        }
        let end = rng.random_range(self.marks[0]..=self.marks[steps]);
        let fits = |done: &usize| self.marks[*done] <= end && end <= self.marks[done + 1];
        let fitting: Vec<usize> = (0..steps).filter(fits).collect();
        Moment { done: fitting[rng.random_range(0..fitting.len())], end }
    }
}

fn blocks_of(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK..range.end.div_ceil(BLOCK)
}

/// Blocks that the device was told to write.
fn touched(told: &[Told]) -> BTreeSet<u64> {
    let range = |told: &Told| match told {
        Told::Write { offset, data } => *offset..*offset + data.len() as u64,
        Told::Zero(range) => range.clone(),
        Told::Flush { .. } => 0..0,
    };
    told.iter().flat_map(|told| blocks_of(&range(told))).collect()
}
