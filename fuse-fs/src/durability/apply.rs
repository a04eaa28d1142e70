//! Brings a backing directory from its newest state into the one that survived, keeping inode numbers.
//!
//! First content and attributes of files, wherever they are; then every entry that differs is emptied (what must get
//! a name again waits in limbo), then filled; then what is left in limbo goes; last the attributes of directories,
//! because all of that changes their times.

use super::places;

use super::choice::{NodeAfter, Survival};
use super::content::{Content, Source};
use super::effect::{Ino, Key, Time};
use super::model::Model;
use super::places::{Limbo, Numbers};
use super::sparse;
use super::store::Store;
use crate::inode::ROOT;
use nix::errno::Errno;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, unlinkat};
use rand::{Rng, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::ffi::{CString, OsStr};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// A cut to apply.
pub(crate) struct Apply<'a> {
    pub(crate) backing: &'a Path,
    pub(crate) limbo: &'a Limbo,
    pub(crate) numbers: &'a Numbers,
    pub(crate) model: &'a Model,
    pub(crate) survival: &'a Survival,
    pub(crate) store: &'a Store,
}

/// One entry that must change.
struct Move<'a> {
    key: &'a Key,
    now: Option<Ino>,
    then: Option<Ino>,
}

impl Apply<'_> {
    pub(crate) fn run(&self) -> io::Result<()> {
        let moves = self.moves();
        let wanted: HashSet<Ino> = moves.iter().filter_map(|m| m.then).collect();
        let mut directories = self.files_and_directories(&moves, &wanted)?;
        let mut limbo = self.limbo.inodes()?;
        for step in &moves {
            self.empty(step, &directories, &wanted, &mut limbo)?;
        }
        for step in &moves {
            self.fill(step, &directories)?;
        }
        self.limbo.clear()?;
        let times: HashMap<Ino, Time> = directories.iter().map(|(ino, (_, time))| (*ino, *time)).collect();
        for (ino, (fd, _)) in directories.drain() {
            if let Some(after) = self.survival.nodes.get(&ino) {
                attributes(&places::through(&fd), after, times[&ino])?;
            }
        }
        Ok(())
    }

    fn moves(&self) -> Vec<Move<'_>> {
        let now = |key| self.model.names.get(key).and_then(|track| *track.newest());
        let all = self.survival.names.iter().map(|(key, then)| Move { key, now: now(key), then: *then });
        all.filter(|step| step.now != step.then).collect()
    }

    /// Changes files where they are, and opens the directories that change, with their times.
    fn files_and_directories(
        &self,
        moves: &[Move<'_>],
        wanted: &HashSet<Ino>,
    ) -> io::Result<HashMap<Ino, (OwnedFd, Time)>> {
        let holders: HashSet<Ino> = moves.iter().map(|step| step.key.dir).collect();
        let kept = self.limbo.inodes()?;
        let mut directories = HashMap::new();
        let mut sources: HashSet<Ino> = HashSet::new();
        let mut done: HashSet<Ino> = HashSet::new();
        let mut visit = |ino: Ino, path: &Path, directory: bool| -> io::Result<()> {
            if directory {
                if holders.contains(&ino) || self.survival.nodes.contains_key(&ino) {
                    let time = mtime(&std::fs::symlink_metadata(path)?);
                    directories.insert(ino, (places::directory(path)?, time));
                }
                return Ok(());
            }
            if wanted.contains(&ino) && !kept.contains(&ino) && sources.insert(ino) {
                std::fs::hard_link(path, self.limbo.path().join(ino.to_string()))?;
            }
            match self.survival.nodes.get(&ino) {
                Some(after) if done.insert(ino) => self.file(path, after),
                Some(_) | None => Ok(()),
            }
        };
        if holders.contains(&ROOT) || self.survival.nodes.contains_key(&ROOT) {
            visit(ROOT, self.backing, true)?;
        }
        places::walk(self.backing, self.numbers, &mut visit)?;
        for ino in &kept {
            let path = self.limbo.path().join(ino.to_string());
            let is_directory = std::fs::symlink_metadata(&path)?.is_dir();
            visit(*ino, &path, is_directory)?;
        }
        Ok(directories)
    }

    fn file(&self, path: &Path, after: &NodeAfter) -> io::Result<()> {
        let before = std::fs::symlink_metadata(path)?;
        if let Some(content) = after.content.as_ref().filter(|_| before.is_file()) {
            self.content(path, &before, content)?;
        }
        attributes(path, after, mtime(&before))
    }

    fn content(&self, path: &Path, before: &std::fs::Metadata, content: &Content) -> io::Result<()> {
        if content.patches.is_empty() && content.size == before.len() {
            return Ok(());
        }
        let file = writable(path, before)?;
        patch(&file, content, self.store)?;
        if file.metadata()?.permissions() != before.permissions() {
            file.set_permissions(before.permissions())?;
        }
        Ok(())
    }

    fn holder<'d>(
        &self,
        directories: &'d HashMap<Ino, (OwnedFd, Time)>,
        key: &Key,
    ) -> io::Result<&'d OwnedFd> {
        let missing = || io::Error::other(format!("directory with inode {} is nowhere", key.dir));
        directories.get(&key.dir).map(|(fd, _)| fd).ok_or_else(missing)
    }

    /// Empties an entry; what gets a name again, or is a directory, waits in limbo.
    fn empty(
        &self,
        step: &Move<'_>,
        directories: &HashMap<Ino, (OwnedFd, Time)>,
        wanted: &HashSet<Ino>,
        limbo: &mut HashSet<Ino>,
    ) -> io::Result<()> {
        let Some(now) = step.now else { return Ok(()) };
        let (holder, name) = (self.holder(directories, step.key)?, OsStr::from_bytes(&step.key.name));
        let is_directory = places::stat(holder, name)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        if is_directory || wanted.contains(&now) && !limbo.contains(&now) {
            match self.limbo.take(holder, name, now) {
                // A file that has several names is there already.
                Err(Errno::EEXIST) if !is_directory => {}
                other => {
                    limbo.insert(now);
                    return Ok(other?);
                }
            }
        }
        Ok(unlinkat(holder, name, UnlinkatFlags::NoRemoveDir)?)
    }

    fn fill(&self, step: &Move<'_>, directories: &HashMap<Ino, (OwnedFd, Time)>) -> io::Result<()> {
        let Some(then) = step.then else { return Ok(()) };
        let (holder, name) = (self.holder(directories, step.key)?, OsStr::from_bytes(&step.key.name));
        let here = self.limbo.path().join(then.to_string());
        let is_directory = std::fs::symlink_metadata(&here)?.is_dir();
        if is_directory {
            Ok(self.limbo.put_back(then, holder, name)?)
        } else {
            Ok(self.limbo.name_file(then, holder, name)?)
        }
    }
}

/// Opens a file for changes, whatever its mode.
fn writable(path: &Path, before: &std::fs::Metadata) -> io::Result<File> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mode = before.permissions().mode() | 0o600;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
            open()
        }
        other => other,
    }
}

/// Brings the content of an open file into the given state.
pub(crate) fn patch(file: &File, content: &Content, store: &Store) -> io::Result<()> {
    for patch in &content.patches {
        let len = patch.len.min(content.size.saturating_sub(patch.offset));
        if len == 0 {
            continue;
        }
        if patch.source == Source::Zero {
            sparse::clear(file, patch.offset..patch.offset + len)?;
            continue;
        }
        let len = len as usize;
        let mut bytes = vec![0u8; len];
        match &patch.source {
            Source::Zero => {}
            Source::Kept { blob, skip } => {
                let kept = store.get(*blob)?;
                let there = kept.get(*skip as usize..).unwrap_or_default();
                let n = there.len().min(len);
                bytes[..n].copy_from_slice(&there[..n]);
            }
            Source::Garbage(seed) => {
                let seed = seed ^ patch.offset;
                rand_chacha::ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
            }
        }
        file.write_all_at(&bytes, patch.offset)?;
    }
    if file.metadata()?.len() != content.size {
        file.set_len(content.size)?;
    }
    Ok(())
}

pub(crate) fn mtime(metadata: &std::fs::Metadata) -> Time {
    Time { seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() }
}

/// Sets attributes; `now` is the modification time before anything was brought back.
fn attributes(path: &Path, after: &NodeAfter, now: Time) -> io::Result<()> {
    if let Some((uid, gid)) = after.owner {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))?;
    }
    for (name, value) in &after.xattrs {
        set_xattr(path, name, value.as_deref())?;
    }
    if let Some(mode) = after.mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o7777))?;
    }
    if after.mtime.is_some() || after.content.is_some() {
        set_mtime(path, after.mtime.flatten().unwrap_or(now))?;
    }
    Ok(())
}

pub(crate) fn set_mtime(path: &Path, time: Time) -> io::Result<()> {
    let keep = TimeSpec::new(0, libc::UTIME_OMIT);
    let time = TimeSpec::new(time.seconds, time.nanoseconds);
    // A path through `/proc/self/fd` is a link by itself.
    let follows = if path.starts_with("/proc") {
        UtimensatFlags::FollowSymlink
    } else {
        UtimensatFlags::NoFollowSymlink
    };
    Ok(utimensat(nix::fcntl::AT_FDCWD, path, &keep, &time, follows)?)
}

/// Sets or removes an extended attribute.
pub(crate) fn set_xattr(path: &Path, name: &[u8], value: Option<&[u8]>) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let name = CString::new(name)?;
    let result = match value {
        // SAFETY: both strings are NUL-terminated, `value` has the length given; all live across the call.
        Some(value) => unsafe {
            libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
        },
        // SAFETY: both strings are NUL-terminated and live across the call.
        None => unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) },
    };
    match Errno::result(result) {
        Err(Errno::ENODATA) if value.is_none() => Ok(()),
        other => Ok(other.map(drop)?),
    }
}
