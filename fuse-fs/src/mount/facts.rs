//! What the rules may ask about a call, found out when it is first asked.

use super::callers::CommandFiles;
use super::service::Service;
use crate::call::{Call, FileKind, Parts, Subject};
use crate::clock::Nanos;
use crate::fs::Fs;
use crate::fs::lies::age;
use crate::fs::request::{Caller, Request};
use crate::fs::space;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstatat};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `fallocate` does in these ways gives space back, or moves what is there.
const NEEDS_NO_SPACE: i32 =
    libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_COLLAPSE_RANGE | libc::FALLOC_FL_INSERT_RANGE;

/// What it does in these ways takes what is there.
const GIVES_BACK: i32 = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_COLLAPSE_RANGE;

/// What a call's rules may ask about it; what costs something is found out once.
pub(super) struct Facts<'a> {
    fs: &'a Fs,
    commands: &'a CommandFiles,
    pub(super) request: &'a Request<'a>,
    pub(super) caller: &'a Caller,
    stat: OnceCell<Option<FileStat>>,
    command: OnceCell<Option<String>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(service: &'a Service, request: &'a Request<'a>, caller: &'a Caller) -> Facts<'a> {
        let Service { fs, commands, .. } = service;
        Facts { fs, commands, request, caller, stat: OnceCell::new(), command: OnceCell::new() }
    }

    pub(super) fn call(&self) -> Call<'_> {
        let (offset, len) = self.request.extent();
        let open_flags = match self.request {
            Request::Open { flags, .. } | Request::Create { flags, .. } => *flags,
            other => other.file_handle().and_then(|h| self.fs.files.get(h).ok()).map_or(0, |f| f.flags),
        };
        Call {
            op: self.request.op(),
            offset,
            len,
            pid: self.caller.pid,
            uid: self.caller.uid,
            open_flags,
            subject: self,
        }
    }

    /// The inode a call is on: of the entry it names, or of the directory if there is no such entry.
    pub(super) fn ino(&self) -> u64 {
        match self.request.entry() {
            Some((parent, _)) => self.stat().map_or(parent, |stat| stat.st_ino),
            None => self.open_or_named().unwrap_or(crate::inode::ROOT),
        }
    }

    fn open_or_named(&self) -> Option<u64> {
        let file = || self.fs.files.get(self.request.file_handle()?).ok().map(|f| f.ino);
        let directory = || self.fs.directories.get(self.request.directory_handle()?).ok().map(|d| d.ino);
        self.request.inode().or_else(file).or_else(directory)
    }

    fn stat(&self) -> Option<FileStat> {
        *self.stat.get_or_init(|| self.find_stat())
    }

    fn find_stat(&self) -> Option<FileStat> {
        match self.request.entry() {
            Some((parent, name)) => {
                let directory = self.fs.table.fd(parent).ok()?;
                fstatat(&*directory, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()
            }
            None => self.fs.stat_inode(self.open_or_named()?).ok(),
        }
    }

    fn entry_path(&self, (parent, name): (u64, &OsStr)) -> PathBuf {
        self.fs.table.entry_path(parent, name)
    }
}

fn kind_of(stat: &FileStat) -> FileKind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::File,
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        _ => FileKind::Special,
    }
}

impl Subject for Facts<'_> {
    fn path(&self) -> Cow<'_, Path> {
        Cow::Owned(match self.request.entry() {
            Some(entry) => self.entry_path(entry),
            None => self.open_or_named().map(|ino| self.fs.table.path(ino)).unwrap_or_default(),
        })
    }

    fn new_path(&self) -> Option<Cow<'_, Path>> {
        self.request.destination().map(|entry| Cow::Owned(self.entry_path(entry)))
    }

    fn kind(&self) -> Option<FileKind> {
        self.stat().as_ref().map(kind_of)
    }

    fn size(&self) -> Option<u64> {
        self.stat().and_then(|stat| u64::try_from(stat.st_size).ok())
    }

    fn unbacked(&self, range: Range<u64>) -> Parts {
        let file = self.request.file_handle().and_then(|handle| self.fs.files.get(handle).ok());
        match (file, self.request) {
            (_, Request::Fallocate { mode, .. }) if mode & NEEDS_NO_SPACE != 0 => Parts::new(),
            (Some(file), _) => space::unbacked(&file.fd, range),
            (None, _) => Parts::new(),
        }
    }

    fn given_back(&self) -> u64 {
        let Request::Fallocate { handle, offset, len, mode } = self.request else { return 0 };
        let Some(file) = self.fs.files.get(*handle).ok().filter(|_| mode & GIVES_BACK != 0) else { return 0 };
        let parts = space::unbacked(&file.fd, *offset..offset.saturating_add(*len));
        len - parts.into_iter().map(|part| part.end - part.start).sum::<u64>()
    }

    fn ino(&self) -> Option<u64> {
        match self.request.entry() {
            Some(_) => self.stat().map(|stat| stat.st_ino),
            None => self.open_or_named(),
        }
    }

    fn age(&self) -> Option<Duration> {
        self.stat().map(|stat| age(&stat))
    }

    fn holds(&self, wanted: &mut dyn FnMut(FileKind, Duration) -> bool) -> bool {
        let Some(handle) = self.request.directory_handle() else { return false };
        self.fs.entries(handle).iter().any(|(_, stat)| wanted(kind_of(stat), age(stat)))
    }

    fn opened(&self) -> Option<Nanos> {
        let directory = || self.fs.directories.opened(self.request.directory_handle()?);
        self.request.file_handle().and_then(|handle| self.fs.files.opened(handle)).or_else(directory)
    }

    fn has_earlier_version(&self) -> bool {
        self.stat().is_some_and(|stat| {
            u64::try_from(stat.st_size).is_ok_and(|size| self.fs.lies.version(stat.st_ino, size).is_some())
        })
    }

    fn command(&self) -> Option<Cow<'_, str>> {
        self.command.get_or_init(|| self.commands.command(self.caller.pid)).as_deref().map(Cow::Borrowed)
    }
}
