//! What only tests ask of a storage without a mount.

use super::tree::Tree;
use crate::clock::Nanos;
use crate::durability::choice::Survival;
use crate::durability::cut::CutMode;
use crate::durability::profile::Persistence;
use crate::fs::request::{Answer, Change, Outcome, Request, TimeSet};
use crate::rig::{NO_CHANGE, name};
pub(crate) use crate::rig::{OpenFile, Rig, Sync};
use std::borrow::Cow;
use std::ops::Range;

const PAGE: u64 = 4096;

/// On a memory file system where there is one: the model makes and removes thousands of files.
fn on_memory(persistence: Option<Persistence>) -> Rig {
    let folder =
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary directory");
    Rig::new_in(folder, persistence).expect("an empty directory can be served")
}

impl Rig {
    /// A storage with the model; empty.
    pub(super) fn new(persistence: Persistence) -> Rig {
        on_memory(Some(persistence))
    }

    /// The same storage without the model: what the backing file system alone would hold.
    pub(super) fn plain() -> Rig {
        on_memory(None)
    }

    /// What is in the backing directory.
    pub(super) fn tree(&self) -> Tree {
        Tree::read(&self.backing())
    }

    /// Nothing is written back or committed that no call asked for.
    pub(super) fn hold_off_writeback(&self) {
        self.volatile().core.lock().model.background_writeback = false;
    }

    /// Of these seeds one for each way in which a cut now would end, drawn when it is asked for.
    pub(super) fn different_cuts(
        &self,
        mode: CutMode,
        seeds: Range<u64>,
    ) -> impl Iterator<Item = u64> + use<> {
        let mut model = self.volatile().core.lock().model.clone();
        model.age(Nanos::now());
        let mut seen: Vec<Survival> = Vec::new();
        seeds.filter(move |seed| {
            let survival = model.decide(mode, *seed);
            let new = !seen.contains(&survival);
            if new {
                seen.push(survival);
            }
            new
        })
    }

    /// Writeback that a call started has ended when the next commit comes.
    pub(super) fn end_writeback_at_once(&self) {
        self.volatile().core.lock().model.writeback_lasts = false;
    }

    /// Whether writeback that a call started may be under way.
    pub(super) fn is_in_writeback(&self) -> bool {
        let core = self.volatile().core.lock();
        core.model.nodes.values().any(|node| node.data.as_ref().is_some_and(|data| data.started > 0))
    }

    pub(super) fn symlink(&self, target: &str, path: &str) -> Outcome<()> {
        let (parent, last) = self.absent(path)?;
        let made = Request::Symlink { parent: parent.ino(), name: name(last), target: name(target) };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    fn read_page(&self, file: &OpenFile, page: u64) -> Outcome<Vec<u8>> {
        let read = Request::Read { handle: file.handle, offset: page * PAGE, len: PAGE as u32 };
        match self.ask(&read)? {
            Answer::Data(data) => Ok(data),
            other => panic!("data was asked for: {other:?}"),
        }
    }

    /// A write through a shared mapping: the pages come as they are, cut off at the end of the file.
    pub(super) fn write_mapped(&self, file: &OpenFile, offset: u64, data: &[u8]) -> Outcome<()> {
        let (first, end) = (offset / PAGE, (offset + data.len() as u64).div_ceil(PAGE));
        let mut pages = Vec::new();
        for page in first..end {
            pages.extend(self.read_page(file, page)?);
        }
        let from = (offset - first * PAGE) as usize;
        if from >= pages.len() {
            return Ok(()); // A program would get SIGBUS.
        }
        let room = (pages.len() - from).min(data.len());
        pages[from..from + room].copy_from_slice(&data[..room]);
        self.write(file, first * PAGE, &pages)
    }

    pub(super) fn chmod(&self, path: &str, mode: u32) -> Outcome<()> {
        self.change(self.walk(path)?.ino(), Change { mode: Some(mode), ..NO_CHANGE })
    }

    /// To a user and the group of the same number.
    pub(super) fn chown(&self, path: &str, owner: u32) -> Outcome<()> {
        let change = Change { uid: Some(owner), gid: Some(owner), ..NO_CHANGE };
        self.change(self.walk(path)?.ino(), change)
    }

    /// Both times, in seconds since 1970.
    pub(super) fn utimens(&self, path: &str, seconds: i64) -> Outcome<()> {
        let time = TimeSet::At { seconds, nanoseconds: 0 };
        self.change(self.walk(path)?.ino(), Change { atime: time, mtime: time, ..NO_CHANGE })
    }

    pub(super) fn set_xattr(&self, path: &str, value: &str) -> Outcome<()> {
        let there = self.walk(path)?;
        let value = Cow::Borrowed(value.as_bytes());
        self.ask(&Request::Setxattr { ino: there.ino(), name: name("user.k"), value, flags: 0 }).map(drop)
    }

    pub(super) fn fallocate(&self, path: &str, mode: i32, offset: u64, len: u64) -> Outcome<()> {
        self.with(path, libc::O_RDWR, |file| {
            self.ask(&Request::Fallocate { handle: file.handle, offset, len, mode }).map(drop)
        })
    }

    /// `copy_file_range` from the start of one file into another, opened with these flags.
    pub(super) fn copy(&self, from: &str, to: &str, flags: i32, len: u64) -> Outcome<()> {
        let from = self.open(from, libc::O_RDONLY, 0)?;
        let to = self.open(to, libc::O_WRONLY | flags, 0)?;
        let (from_handle, handle) = (from.handle, to.handle);
        let copy =
            Request::CopyFileRange { from: from_handle, from_offset: 0, to: handle, to_offset: 0, len };
        self.ask(&copy)?;
        self.close(from)?;
        self.close(to)
    }

    /// `fallocate` through a file opened with these flags.
    pub(super) fn fallocate_with(&self, path: &str, flags: i32, offset: u64, len: u64) -> Outcome<()> {
        self.with(path, libc::O_RDWR | flags, |file| {
            self.ask(&Request::Fallocate { handle: file.handle, offset, len, mode: 0 }).map(drop)
        })
    }

    /// Inode number of what is at a path.
    pub(super) fn number(&self, path: &str) -> Outcome<u64> {
        Ok(self.walk(path)?.ino())
    }
}
