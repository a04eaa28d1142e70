//! Who does the calls: the real file system, or a model of it. Both must answer the same.

use super::call::{Call, Step, Syncing};
use anyhow::{Result, ensure};
use fuse_fs::rig::{OpenFile, Rig, Sync};
use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The clock that stamps files moves on every few milliseconds.
const LONGEST_TICK: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_micros(300);

pub(super) trait Player {
    fn step(&mut self, step: &Step) -> Result<(), Errno>;
}

/// A directory of a real file system.
#[derive(Debug)]
pub(super) struct Real {
    root: PathBuf,
    open: Option<File>,
}

impl Real {
    pub(super) fn new(root: &Path) -> Real {
        Real { root: root.to_owned(), open: None }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn whole(&self, call: &Call) -> std::io::Result<()> {
        match call {
            Call::Write { .. } => unreachable!("done in steps"),
            Call::Sync { path, syncing } => sync(&File::open(self.at(path))?, *syncing),
            Call::Truncate { path, size } => {
                OpenOptions::new().write(true).open(self.at(path))?.set_len(*size)
            }
            Call::Rename { from, to } => std::fs::rename(self.at(from), self.at(to)),
            Call::Link { from, to } => std::fs::hard_link(self.at(from), self.at(to)),
            Call::Unlink(path) => std::fs::remove_file(self.at(path)),
            Call::Mkdir(path) => std::fs::create_dir(self.at(path)),
            Call::Rmdir(path) => std::fs::remove_dir(self.at(path)),
            Call::Syncfs => Ok(nix::unistd::syncfs(File::open(&self.root)?)?),
        }
    }

    fn one(&mut self, step: &Step) -> std::io::Result<()> {
        let none = || std::io::Error::from_raw_os_error(libc::EBADF);
        match step {
            Step::Open { path, truncating } => {
                let mut how = OpenOptions::new();
                how.write(true).create(true).truncate(*truncating);
                self.open = Some(how.open(self.at(path))?);
                Ok(())
            }
            Step::Write { at, bytes, letter } => {
                let file = self.open.as_ref().ok_or_else(none)?;
                let at = at.map_or_else(|| Ok(file.metadata()?.len()), Ok::<_, std::io::Error>)?;
                file.write_all_at(&filled(*bytes, *letter), at)
            }
            Step::SyncOpen(syncing) => sync(self.open.as_ref().ok_or_else(none)?, *syncing),
            Step::Close => {
                self.open = None;
                Ok(())
            }
            Step::Whole(call) => self.whole(call),
        }
    }
}

impl Player for Real {
    fn step(&mut self, step: &Step) -> Result<(), Errno> {
        self.one(step).map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }
}

fn sync(file: &File, syncing: Syncing) -> std::io::Result<()> {
    match syncing {
        Syncing::Fsync => file.sync_all(),
        Syncing::Fdatasync => file.sync_data(),
    }
}

fn filled(bytes: u64, letter: u8) -> Vec<u8> {
    vec![letter; usize::try_from(bytes).expect("a few pages")]
}

/// A storage with a profile.
pub(super) struct Modelled<'a> {
    pub(super) rig: &'a Rig,
    open: Option<(OpenFile, &'static str)>,
}

impl Modelled<'_> {
    pub(super) fn new(rig: &Rig) -> Modelled<'_> {
        Modelled { rig, open: None }
    }

    fn whole(&self, call: &Call) -> Result<(), Errno> {
        let rig = self.rig;
        match call {
            Call::Write { .. } => unreachable!("done in steps"),
            Call::Sync { path, syncing } => rig.sync_path(path, of(*syncing)),
            Call::Truncate { path, size } => rig.truncate(path, *size),
            Call::Rename { from, to } => rig.rename(from, to, 0),
            Call::Link { from, to } => rig.link(from, to),
            Call::Unlink(path) => rig.unlink(path),
            Call::Mkdir(path) => rig.mkdir(path),
            Call::Rmdir(path) => rig.rmdir(path),
            Call::Syncfs => {
                rig.sync_all();
                Ok(())
            }
        }
    }
}

impl Player for Modelled<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Errno> {
        match step {
            Step::Open { path, truncating } => {
                let flags = libc::O_WRONLY | libc::O_CREAT | if *truncating { libc::O_TRUNC } else { 0 };
                self.open = Some((self.rig.open(path, flags, 0o644)?, path));
                Ok(())
            }
            Step::Write { at, bytes, letter } => {
                let (file, path) = self.open.as_ref().ok_or(Errno::EBADF)?;
                let at = at.map_or_else(|| self.rig.size(path), Ok)?;
                self.rig.write(file, at, &filled(*bytes, *letter))
            }
            Step::SyncOpen(syncing) => {
                self.rig.sync(&self.open.as_ref().ok_or(Errno::EBADF)?.0, of(*syncing))
            }
            Step::Close => self.rig.close(self.open.take().ok_or(Errno::EBADF)?.0),
            Step::Whole(call) => self.whole(call),
        }
    }
}

fn of(syncing: Syncing) -> Sync {
    match syncing {
        Syncing::Fsync => Sync::Full,
        Syncing::Fdatasync => Sync::Data,
    }
}

/// Waits until the clock that stamps files has moved on: a real file system does not notice a second change within one tick of it,
/// and a model takes every change for one.
///
/// # Errors
/// It stands still.
pub(super) fn next_tick() -> Result<()> {
    let now = || clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
    let (before, deadline) = (now()?, Instant::now() + LONGEST_TICK);
    while now()? == before {
        ensure!(Instant::now() < deadline, "this machine's clock stood still for {LONGEST_TICK:?}");
        std::thread::park_timeout(LOOK_AGAIN);
    }
    Ok(())
}
