//! A storage without a mount: programs' calls done on a backing directory as the requests that the kernel makes of them,
//! in the same order (lookups first, `O_TRUNC` as a truncation after the open, a close as flush and release).
//!
//! What differs from a mount: no page cache. A write through a shared mapping reaches a FUSE file system as whole pages
//! when the kernel writes them back; here that is at once. FUSE has no request for `syncfs`: the model is told directly.

use crate::durability::cut::{CutMode, CutOrder, CutReport};
use crate::durability::profile::Persistence;
use crate::durability::{Options, Volatile};
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
use std::time::Duration;
use tempfile::TempDir;

/// As the mount negotiates it.
const LARGEST_WRITE: usize = 1 << 20;
const DESCRIPTORS: usize = 1024;
/// Of what is overwritten, before the rest goes to the spill directory.
const MEMORY: u64 = 64 << 20;
pub(crate) const NO_CHANGE: Change =
    Change { mode: None, uid: None, gid: None, size: None, atime: TimeSet::Keep, mtime: TimeSet::Keep };

/// A storage with or without the model.
#[derive(Debug)]
pub struct Rig {
    /// Absent only during a cut.
    fs: Option<Fs>,
    volatile: Option<Arc<Volatile>>,
    folder: TempDir,
}

/// An open file; kept known to the file system until it is closed.
#[derive(Debug)]
pub struct OpenFile {
    pub(crate) handle: u64,
    pub(crate) ino: u64,
    pub(crate) flags: i32,
}

/// Which sync call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    Full,
    Data,
}

/// Inodes looked up for one call; forgotten after it.
pub(crate) struct Known<'a> {
    fs: &'a Fs,
    looked_up: Vec<u64>,
    pub(crate) last: FileStat,
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        for &ino in &self.looked_up {
            self.fs.forget(ino, 1);
        }
    }
}

impl Known<'_> {
    pub(crate) fn ino(&self) -> u64 {
        self.last.st_ino
    }

    fn is_directory(&self) -> bool {
        self.last.st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

fn caller() -> Caller {
    Caller { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw(), pid: 1, seq: 0 }
}

pub(crate) fn name(path: &str) -> Cow<'_, OsStr> {
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
    /// Over a new directory in `folder`, whose content nothing is kept of.
    ///
    /// # Errors
    /// No directory can be made there, or it cannot be served.
    pub fn new_in(folder: TempDir, persistence: Option<Persistence>) -> io::Result<Rig> {
        let (backing, spill) = (folder.path().join("backing"), folder.path().join("spill"));
        std::fs::create_dir(&backing)?;
        std::fs::create_dir(&spill)?;
        let limbo = folder.path().join("limbo");
        let options = |persistence| Options {
            persistence,
            limbo,
            spill,
            memory: MEMORY,
            loses_acknowledged: Duration::ZERO,
        };
        let volatile =
            persistence.map(|persistence| Volatile::new(&backing, options(persistence))).transpose()?;
        let mut rig = Rig { fs: None, volatile, folder };
        rig.mount()?;
        Ok(rig)
    }

    fn mount(&mut self) -> io::Result<()> {
        let root = File::open(self.backing())?;
        self.fs = Some(Fs::new(
            root.into(),
            DESCRIPTORS,
            (self.volatile.clone(), None),
            crate::fs::Counted::Nothing,
            Arc::default(),
        )?);
        Ok(())
    }

    /// The backing directory.
    pub fn backing(&self) -> PathBuf {
        self.folder.path().join("backing")
    }

    /// The model; there must be one.
    pub(crate) fn volatile(&self) -> &Volatile {
        self.volatile.as_ref().expect("a rig with a model")
    }

    /// Power off, all that was open gone, the cut, and the storage is there again.
    ///
    /// # Errors
    /// The backing directory cannot be brought into the state that survives.
    pub fn cut(&mut self, mode: CutMode, seed: u64) -> io::Result<CutReport> {
        self.volatile().power_off();
        self.fs = None;
        let report = self.volatile().cut(&CutOrder { mode, seed, record: None })?;
        self.mount()?;
        Ok(report)
    }

    /// `syncfs`.
    pub fn sync_all(&self) {
        if let Some(volatile) = &self.volatile {
            volatile.make_durable();
        }
    }

    pub fn write(&self, file: &OpenFile, offset: u64, data: &[u8]) -> Outcome<()> {
        self.write_with(file, offset, data, 0)
    }

    /// `pwritev2`; `flags` are those of `open` that say the same.
    pub(crate) fn write_with(&self, file: &OpenFile, offset: u64, data: &[u8], flags: i32) -> Outcome<()> {
        let sync = WriteSync::of(file.flags | flags);
        for (n, part) in data.chunks(LARGEST_WRITE).enumerate() {
            let offset = offset + (n * LARGEST_WRITE) as u64;
            let data = Cow::Borrowed(part);
            self.ask(&Request::Write { handle: file.handle, offset, data, clear_setid: false, sync })?;
        }
        Ok(())
    }

    pub(crate) fn fs(&self) -> &Fs {
        self.fs.as_ref().expect("mounted between cuts")
    }

    pub(crate) fn ask(&self, request: &Request<'_>) -> Outcome<Answer> {
        self.fs().perform(request, &caller(), &Action::Proceed)
    }

    /// Looks up every component of a path; `.` is the root.
    pub(crate) fn walk(&self, path: &str) -> Outcome<Known<'_>> {
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
    pub(crate) fn place<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, Option<Known<'_>>, &'p str)> {
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

    pub(crate) fn absent<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, &'p str)> {
        match self.place(path)? {
            (parent, None, name) => Ok((parent, name)),
            _ => Err(Errno::EEXIST),
        }
    }

    /// A new entry's inode was told to the kernel: it forgets it again.
    pub(crate) fn entered(&self, answer: Answer) {
        self.fs().forget(entry_of(answer).st_ino, 1);
    }

    pub fn mkdir(&self, path: &str) -> Outcome<()> {
        let (parent, last) = self.absent(path)?;
        let made = Request::Mkdir { parent: parent.ino(), name: name(last), mode: libc::S_IFDIR | 0o755 };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    pub fn link(&self, from: &str, to: &str) -> Outcome<()> {
        let from = self.walk(from)?;
        let (parent, last) = self.absent(to)?;
        if from.is_directory() {
            return Err(Errno::EPERM);
        }
        let made = Request::Link { ino: from.ino(), parent: parent.ino(), name: name(last) };
        self.ask(&made).map(|answer| self.entered(answer))
    }

    pub(crate) fn present<'p>(&self, path: &'p str) -> Outcome<(Known<'_>, Known<'_>, &'p str)> {
        match self.place(path)? {
            (parent, Some(there), name) => Ok((parent, there, name)),
            _ => Err(Errno::ENOENT),
        }
    }

    pub fn unlink(&self, path: &str) -> Outcome<()> {
        let (parent, there, last) = self.present(path)?;
        if there.is_directory() {
            return Err(Errno::EISDIR);
        }
        self.ask(&Request::Unlink { parent: parent.ino(), name: name(last) }).map(drop)
    }

    pub fn rmdir(&self, path: &str) -> Outcome<()> {
        let (parent, there, last) = self.present(path)?;
        if !there.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        self.ask(&Request::Rmdir { parent: parent.ino(), name: name(last) }).map(drop)
    }

    /// `flags` as for `renameat2`.
    pub fn rename(&self, from: &str, to: &str, flags: u32) -> Outcome<()> {
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
    pub fn open(&self, path: &str, flags: i32, mode: u32) -> Outcome<OpenFile> {
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

    pub fn close(&self, file: OpenFile) -> Outcome<()> {
        self.ask(&Request::Flush { handle: file.handle })?;
        self.ask(&Request::Release { handle: file.handle })?;
        self.fs().forget(file.ino, 1);
        Ok(())
    }

    /// Opens without creating, does something, closes.
    pub(crate) fn with<T>(
        &self,
        path: &str,
        flags: i32,
        work: impl FnOnce(&OpenFile) -> Outcome<T>,
    ) -> Outcome<T> {
        let file = self.open(path, flags, 0)?;
        let result = work(&file);
        self.close(file)?;
        result
    }

    pub fn sync(&self, file: &OpenFile, sync: Sync) -> Outcome<()> {
        self.ask(&Request::Fsync { handle: file.handle, data_only: sync == Sync::Data }).map(drop)
    }

    /// `fsync` or `fdatasync` of a file or directory through a descriptor opened for that.
    pub fn sync_path(&self, path: &str, sync: Sync) -> Outcome<()> {
        let there = self.walk(path)?;
        if !there.is_directory() {
            return self.with(path, libc::O_RDONLY, |file| self.sync(file, sync));
        }
        let handle = handle_of(&self.ask(&Request::Opendir { ino: there.ino() })?);
        let synced = self.ask(&Request::Fsyncdir { handle }).map(drop);
        self.ask(&Request::Releasedir { handle })?;
        synced
    }

    pub(crate) fn change(&self, ino: u64, change: Change) -> Outcome<()> {
        self.ask(&Request::Setattr { ino, handle: None, change }).map(drop)
    }

    pub fn truncate(&self, path: &str, size: u64) -> Outcome<()> {
        let there = self.walk(path)?;
        if there.is_directory() {
            return Err(Errno::EISDIR);
        }
        self.change(there.ino(), Change { size: Some(size), ..NO_CHANGE })
    }

    /// Size of a file now.
    pub fn size(&self, path: &str) -> Outcome<u64> {
        Ok(self.walk(path)?.last.st_size.unsigned_abs())
    }
}
