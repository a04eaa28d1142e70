//! A storage without a mount: programs' calls done on a backing directory as the requests that the kernel makes of them,
//! in the same order (lookups first, `O_TRUNC` as a truncation after the open, a close as flush and release).
//!
//! What differs from a mount: no page cache. A write through a shared mapping reaches a FUSE file system as whole pages
//! when the kernel writes them back; here that is at once. FUSE has no request for `syncfs`: the model is told directly.

use super::tree::Tree;
use crate::durability::cut::{CutMode, CutOrder, CutReport};
use crate::durability::durability::{Options, Volatile};
use crate::durability::profile::Persistence;
use crate::fs::Fs;
use crate::fs::request::{Answer, Caller, Change, Outcome, Request, TimeSet, WriteSync};
use crate::inode::ROOT;
use crate::rules::decision::Action;
use nix::errno::Errno;
use nix::sys::stat::FileStat;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

const PAGE: u64 = 4096;
/// As the mount negotiates it.
const LARGEST_WRITE: usize = 1 << 20;
const DESCRIPTORS: usize = 1024;
const NO_CHANGE: Change =
    Change { mode: None, uid: None, gid: None, size: None, atime: TimeSet::Keep, mtime: TimeSet::Keep };

/// A storage with or without the model.
pub(crate) struct Rig {
    /// Absent only during a cut.
    fs: Option<Fs>,
    volatile: Option<Arc<Volatile>>,
    folder: TempDir,
    _spill: TempDir,
}

/// An open file; kept known to the file system until it is closed.
#[derive(Debug)]
pub(crate) struct OpenFile {
    handle: u64,
    ino: u64,
    flags: i32,
}

/// Which sync call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    Full,
    Data,
}

/// Inodes looked up for one call; forgotten after it.
struct Known<'a> {
    fs: &'a Fs,
    looked_up: Vec<u64>,
    last: FileStat,
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        for &ino in &self.looked_up {
            self.fs.forget(ino, 1);
        }
    }
}

impl Known<'_> {
    fn ino(&self) -> u64 {
        self.last.st_ino
    }

    fn is_directory(&self) -> bool {
        self.last.st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

/// On a memory file system where there is one: the model makes and removes thousands of files.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary directory")
}

fn caller() -> Caller {
    Caller { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw(), pid: 1, seq: 0 }
}

fn name(path: &str) -> Cow<'_, OsStr> {
    Cow::Borrowed(OsStr::new(path))
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or((".", path))
}

fn entry_of(answer: Answer) -> FileStat {
    match answer {
        Answer::Entry(stat) | Answer::Attributes(stat) => stat,
        other => panic!("an entry was asked for: {other:?}"),
    }
}

fn handle_of(answer: &Answer) -> u64 {
    match answer {
        Answer::Opened(handle) | Answer::Created(_, handle) => *handle,
        other => panic!("a handle was asked for: {other:?}"),
    }
}

impl Rig {
    /// A storage with the model; empty.
    pub(super) fn new(persistence: Persistence) -> Rig {
        let (folder, spill) = (folder(), folder());
        let backing = folder.path().join("backing");
        std::fs::create_dir(&backing).expect("the folder is new");
        let options = Options {
            persistence,
            limbo: folder.path().join("limbo"),
            spill: spill.path().to_owned(),
            memory: 64 << 20,
            loses_acknowledged: std::time::Duration::ZERO,
        };
        let volatile = Volatile::new(&backing, options).expect("a model over an empty directory");
        Rig::over(folder, spill, Some(volatile))
    }

    /// The same storage without the model: what the backing file system alone would hold.
    pub(super) fn plain() -> Rig {
        let (folder, spill) = (folder(), folder());
        std::fs::create_dir(folder.path().join("backing")).expect("the folder is new");
        Rig::over(folder, spill, None)
    }

    fn over(folder: TempDir, spill: TempDir, volatile: Option<Arc<Volatile>>) -> Rig {
        let mut rig = Rig { fs: None, volatile, folder, _spill: spill };
        rig.mount();
        rig
    }

    fn mount(&mut self) {
        let root = File::open(self.backing()).expect("the backing directory stays");
        let fs = Fs::new(
            root.into(),
            DESCRIPTORS,
            (self.volatile.clone(), None),
            crate::fs::Counted::Nothing,
            std::sync::Arc::default(),
        );
        self.fs = Some(fs.expect("the backing directory can be served"));
    }

    /// The backing directory.
    pub(super) fn backing(&self) -> PathBuf {
        self.folder.path().join("backing")
    }

    /// Nothing is written back or committed that no call asked for.
    pub(super) fn hold_off_writeback(&self) {
        self.volatile().core.lock().model.background_writeback = false;
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

    /// What is in the backing directory.
    pub(super) fn tree(&self) -> Tree {
        Tree::read(&self.backing())
    }

    /// The model; the rig must have one.
    pub(super) fn volatile(&self) -> &Volatile {
        self.volatile.as_ref().expect("a rig with a model")
    }

    /// Power off, the mount gone with all that was open, the cut, a new mount.
    pub(super) fn cut(&mut self, mode: CutMode, seed: u64) -> io::Result<CutReport> {
        self.volatile().power_off();
        self.fs = None;
        let report = self.volatile().cut(&CutOrder { mode, seed, record: None });
        self.mount();
        report
    }

    fn fs(&self) -> &Fs {
        self.fs.as_ref().expect("mounted between cuts")
    }

    fn ask(&self, request: &Request<'_>) -> Outcome<Answer> {
        self.fs().perform(request, &caller(), &Action::Proceed)
    }

    /// Looks up every component of a path; `.` is the root.
    fn walk(&self, path: &str) -> Outcome<Known<'_>> {
        let mut known = Known { fs: self.fs(), looked_up: Vec::new(), last: self.fs().stat_inode(ROOT)? };
        for part in path.split('/').filter(|part| *part != ".") {
            if !known.is_directory() {
                return Err(Errno::ENOTDIR);
            }
            known.last = entry_of(self.ask(&Request::Lookup { parent: known.ino(), name: name(part) })?);
            known.looked_up.push(known.ino());
        }
        Ok(known)
    }

    /// The directory of a path, and what is there under its name, if anything.
    fn place<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, Option<Known<'_>>, &'p str)> {
        let (directory, name) = split(path);
        let parent = self.walk(directory)?;
        if !parent.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        match self.walk(path) {
            Ok(there) => Ok((parent, Some(there), name)),
            Err(Errno::ENOENT) => Ok((parent, None, name)),
            Err(error) => Err(error),
        }
    }

    fn absent<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, &'p str)> {
        match self.place(path)? {
            (parent, None, name) => Ok((parent, name)),
            _ => Err(Errno::EEXIST),
        }
    }

    /// A new entry's inode was told to the kernel: it forgets it again.
    fn entered(&self, answer: Answer) {
        self.fs().forget(entry_of(answer).st_ino, 1);
    }

    pub(super) fn mkdir(&self, path: &str) -> Outcome<()> {
        let (parent, last) = self.absent(path)?;
        let made = Request::Mkdir { parent: parent.ino(), name: name(last), mode: libc::S_IFDIR | 0o755 };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    pub(super) fn symlink(&self, target: &str, path: &str) -> Outcome<()> {
        let (parent, last) = self.absent(path)?;
        let made = Request::Symlink { parent: parent.ino(), name: name(last), target: name(target) };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    pub(super) fn link(&self, from: &str, to: &str) -> Outcome<()> {
        let from = self.walk(from)?;
        let (parent, last) = self.absent(to)?;
        if from.is_directory() {
            return Err(Errno::EPERM);
        }
        let made = Request::Link { ino: from.ino(), parent: parent.ino(), name: name(last) };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    fn present<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, Known<'_>, &'p str)> {
        match self.place(path)? {
            (parent, Some(there), name) => Ok((parent, there, name)),
            _ => Err(Errno::ENOENT),
        }
    }

    pub(super) fn unlink(&self, path: &str) -> Outcome<()> {
        let (parent, there, last) = self.present(path)?;
        if there.is_directory() {
            return Err(Errno::EISDIR);
        }
        self.ask(&Request::Unlink { parent: parent.ino(), name: name(last) }).map(drop)
    }

    pub(super) fn rmdir(&self, path: &str) -> Outcome<()> {
        let (parent, there, last) = self.present(path)?;
        if !there.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        self.ask(&Request::Rmdir { parent: parent.ino(), name: name(last) }).map(drop)
    }

    /// `flags` as for `renameat2`.
    pub(super) fn rename(&self, from: &str, to: &str, flags: u32) -> Outcome<()> {
        let (parent, there, last) = self.present(from)?;
        let (new_parent, replaced, new_last) = self.place(to)?;
        // The kernel itself finds two links of one file, and a directory that would move into itself.
        if replaced.as_ref().is_some_and(|r| r.ino() == there.ino()) {
            return Ok(());
        }
        if to.starts_with(&format!("{from}/")) {
            return Err(Errno::EINVAL);
        }
        if from.starts_with(&format!("{to}/")) {
            return Err(if flags & libc::RENAME_EXCHANGE == 0 { Errno::ENOTEMPTY } else { Errno::EINVAL });
        }
        let request = Request::Rename {
            parent: parent.ino(),
            name: name(last),
            new_parent: new_parent.ino(),
            new_name: name(new_last),
            flags,
        };
        self.ask(&request).map(drop)
    }

    /// `open` with the flags of the program.
    pub(super) fn open(&self, path: &str, flags: i32, mode: u32) -> Outcome<OpenFile> {
        let (parent, there, last) = self.place(path)?;
        match there {
            None if flags & libc::O_CREAT == 0 => Err(Errno::ENOENT),
            None => self.create(parent.ino(), last, flags, mode),
            Some(_) if flags & libc::O_EXCL != 0 => Err(Errno::EEXIST),
            Some(there) => self.open_present(there, flags),
        }
    }

    fn create(&self, parent: u64, last: &str, flags: i32, mode: u32) -> Outcome<OpenFile> {
        let flags = flags & !libc::O_TRUNC;
        let made =
            self.ask(&Request::Create { parent, name: name(last), mode: libc::S_IFREG | mode, flags })?;
        let handle = handle_of(&made);
        Ok(OpenFile { handle, ino: made.ino().expect("created with attributes"), flags })
    }

    fn open_present(&self, mut there: Known<'_>, flags: i32) -> Outcome<OpenFile> {
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        if there.is_directory() && writes {
            return Err(Errno::EISDIR);
        }
        let ino = there.ino();
        let sent = flags & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC | libc::O_NOCTTY);
        let handle = handle_of(&self.ask(&Request::Open { ino, flags: sent })?);
        there.looked_up.pop();
        let file = OpenFile { handle, ino, flags };
        if flags & libc::O_TRUNC != 0 {
            self.change(ino, Change { size: Some(0), ..NO_CHANGE })?;
        }
        Ok(file)
    }

    pub(super) fn close(&self, file: OpenFile) -> Outcome<()> {
        self.ask(&Request::Flush { handle: file.handle })?;
        self.ask(&Request::Release { handle: file.handle })?;
        self.fs().forget(file.ino, 1);
        Ok(())
    }

    /// Opens without creating, does something, closes.
    fn with<T>(&self, path: &str, flags: i32, work: impl FnOnce(&OpenFile) -> Outcome<T>) -> Outcome<T> {
        let file = self.open(path, flags, 0)?;
        let result = work(&file);
        self.close(file)?;
        result
    }

    pub(super) fn write(&self, file: &OpenFile, offset: u64, data: &[u8]) -> Outcome<()> {
        self.write_with(file, offset, data, 0)
    }

    /// `pwritev2`; `flags` are those of `open` that say the same.
    pub(super) fn write_with(&self, file: &OpenFile, offset: u64, data: &[u8], flags: i32) -> Outcome<()> {
        let sync = WriteSync::of(file.flags | flags);
        for (n, part) in data.chunks(LARGEST_WRITE).enumerate() {
            let offset = offset + (n * LARGEST_WRITE) as u64;
            let data = Cow::Borrowed(part);
            self.ask(&Request::Write { handle: file.handle, offset, data, clear_setid: false, sync })?;
        }
        Ok(())
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

    pub(super) fn sync(&self, file: &OpenFile, sync: Sync) -> Outcome<()> {
        self.ask(&Request::Fsync { handle: file.handle, data_only: sync == Sync::Data }).map(drop)
    }

    /// `fsync` or `fdatasync` of a file or directory through a descriptor opened for that.
    pub(super) fn sync_path(&self, path: &str, sync: Sync) -> Outcome<()> {
        let there = self.walk(path)?;
        if !there.is_directory() {
            return self.with(path, libc::O_RDONLY, |file| self.sync(file, sync));
        }
        let handle = handle_of(&self.ask(&Request::Opendir { ino: there.ino() })?);
        let synced = self.ask(&Request::Fsyncdir { handle }).map(drop);
        self.ask(&Request::Releasedir { handle })?;
        synced
    }

    /// `syncfs`.
    pub(super) fn sync_all(&self) {
        if let Some(volatile) = &self.volatile {
            volatile.make_durable();
        }
    }

    fn change(&self, ino: u64, change: Change) -> Outcome<()> {
        self.ask(&Request::Setattr { ino, handle: None, change }).map(drop)
    }

    pub(super) fn truncate(&self, path: &str, size: u64) -> Outcome<()> {
        let there = self.walk(path)?;
        if there.is_directory() {
            return Err(Errno::EISDIR);
        }
        self.change(there.ino(), Change { size: Some(size), ..NO_CHANGE })
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

    /// Size of a file now.
    pub(super) fn size(&self, path: &str) -> Outcome<u64> {
        Ok(self.walk(path)?.last.st_size.unsigned_abs())
    }
}
