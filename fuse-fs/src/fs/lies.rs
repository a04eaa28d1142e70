//! Requests answered by a storage that lies: damaged and stale reads, writes that go astray, files that are hidden or
//! deleted. What has to be remembered of that is in [`crate::rules::lies`]; here it is done.
//!
//! A call that is not struck, on a storage without spoiled sectors and remembered versions, costs two relaxed loads.

use super::attributes::set_times;
use super::fs::Fs;
use super::listing::Listing;
use super::request::{Answer, Caller, Outcome, Request, TimeSet};
use crate::rules::damage::{Damage, Scar};
use crate::rules::decision::{Action, Hidden, TornReport};
use crate::rules::lies::Version;
use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};
use nix::sys::uio::{pread, pwrite};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that the storage deleted by itself.
#[derive(Debug)]
pub(crate) struct Victim {
    pub(crate) ino: u64,
    pub(crate) parent: u64,
    pub(crate) path: PathBuf,
}

/// What a request changes of a file's content: which file, and the range.
struct Touched {
    ino: u64,
    range: Range<u64>,
}

/// How long nothing about a file changed.
pub(crate) fn age(stat: &FileStat) -> Duration {
    let (seconds, nanos) = (stat.st_ctime.unsigned_abs(), stat.st_ctime_nsec.unsigned_abs());
    let changed = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    SystemTime::now().duration_since(changed).unwrap_or_default()
}

fn size_of(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

impl Fs {
    /// Does one request, or what `action` makes of it. Failing is the caller's business.
    pub(super) fn carry_out_or_lie(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        action: &Action,
    ) -> Outcome<Answer> {
        if let Some(outcome) = self.lie(request, caller, action) {
            return outcome;
        }
        if self.lies.is_idle() {
            return self.carry_out(request, caller, action);
        }
        self.refuse_spoiled(request)?;
        let touched = self.touched(request);
        if let Some(touched) = touched.as_ref().filter(|_| self.lies.keeps_versions()) {
            self.remember(touched, matches!(request, Request::Setattr { .. }))?;
        }
        let outcome = self.carry_out(request, caller, action);
        if let (Some(touched), Ok(_), Action::Proceed) = (touched, &outcome, action) {
            self.lies.rewritten(touched.ino, touched.range);
        }
        outcome
    }

    /// The answer of a struck call, where the action is one of this module.
    fn lie(&self, request: &Request<'_>, caller: &Caller, action: &Action) -> Option<Outcome<Answer>> {
        match (action, request) {
            (Action::Corrupt { damage, at_rest }, Request::Read { handle, offset, .. }) => {
                Some(self.read_corrupt(request, caller, (*handle, *offset), damage, *at_rest))
            }
            (Action::BadSector { rule, from, to }, Request::Read { handle, .. }) => {
                Some(self.files.get(*handle).and_then(|file| {
                    self.lies.spoil(*rule, file.ino, *from..*to);
                    Err(Errno::EIO)
                }))
            }
            (Action::Stale, Request::Read { handle, offset, len }) => {
                self.read_stale(*handle, *offset, *len).transpose().map(|data| data.map(Answer::Data))
            }
            (Action::Stale, _) => {
                Some(self.carry_out(request, caller, action).map(|a| self.sized_as_before(a)))
            }
            (Action::Hide(hidden), Request::Readdir { .. }) => {
                Some(self.carry_out(request, caller, action).map(|answer| without(answer, *hidden)))
            }
            (Action::Misdirected { to }, Request::Write { .. }) => {
                Some(self.write_astray(request, caller, *to))
            }
            (Action::DeleteCold { .. }, Request::Open { .. }) => Some(Err(Errno::ENOENT)),
            _ => None,
        }
    }

    fn read_corrupt(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        (handle, offset): (u64, u64),
        damage: &Damage,
        at_rest: bool,
    ) -> Outcome<Answer> {
        if at_rest {
            self.damage_file(self.files.get(handle)?.ino, damage)?;
        }
        // Other lies about the file still hold.
        let mut answer = self.perform(request, caller, &Action::Proceed)?;
        if let (Answer::Data(data), false) = (&mut answer, at_rest) {
            damage.apply(offset, data);
        }
        Ok(answer)
    }

    /// Damages the file itself; its times stay, as nobody wrote it.
    fn damage_file(&self, ino: u64, damage: &Damage) -> Outcome<()> {
        let known = self.table.fd(ino)?;
        let file = self.reopen(&known, OFlag::O_RDWR | OFlag::O_NONBLOCK)?;
        let before = fstat(&file)?;
        let to = damage.to.min(size_of(&before));
        match &damage.how {
            Scar::Flip(bits) => {
                for &(at, mask) in bits.iter().filter(|(at, _)| *at < to) {
                    let mut byte = [0];
                    let read = pread(&file, &mut byte, at as i64)?;
                    if let Some(flipped) = self.lies.flip(ino, at, byte[0], mask).filter(|_| read == 1) {
                        pwrite(&file, &[flipped], at as i64)?;
                    }
                }
            }
            Scar::Zeros | Scar::Garbage(_) => {
                let mut block = vec![0; to.saturating_sub(damage.from) as usize];
                damage.apply(damage.from, &mut block);
                pwrite(&file, &block, damage.from as i64)?;
            }
        }
        let modified = TimeSet::At { seconds: before.st_mtime, nanoseconds: before.st_mtime_nsec as u32 };
        set_times(&known, TimeSet::Keep, modified)
    }

    /// Whether a read touches a sector that cannot be read.
    fn refuse_spoiled(&self, request: &Request<'_>) -> Outcome<()> {
        let (handle, offset, len) = match request {
            Request::Read { handle, offset, len } => (*handle, *offset, u64::from(*len)),
            Request::CopyFileRange { from, from_offset, len, .. } => (*from, *from_offset, *len),
            _ => return Ok(()),
        };
        let file = self.files.get(handle)?;
        let end = offset.saturating_add(len);
        let spoiled = self.lies.is_spoiled(file.ino, offset..end, size_of(&fstat(&file.fd)?));
        if spoiled { Err(Errno::EIO) } else { Ok(()) }
    }

    /// What of a file's content the request is going to change. A truncation changes everything beyond the new size.
    fn touched(&self, request: &Request<'_>) -> Option<Touched> {
        let by_handle = |handle: u64, offset: u64, len: u64| {
            let file = self.files.get(handle).ok()?;
            Some(Touched { ino: file.ino, range: offset..offset.saturating_add(len) })
        };
        match request {
            Request::Write { handle, offset, data, .. } => by_handle(*handle, *offset, data.len() as u64),
            Request::CopyFileRange { to, to_offset, len, .. } => by_handle(*to, *to_offset, *len),
            Request::Fallocate { handle, offset, len, .. } => by_handle(*handle, *offset, *len),
            Request::Setattr { ino, change, .. } => {
                change.size.map(|size| Touched { ino: *ino, range: size..u64::MAX })
            }
            _ => None,
        }
    }

    /// Remembers a file as it is before a change of `touched`.
    fn remember(&self, touched: &Touched, truncates: bool) -> Outcome<()> {
        let known = self.table.fd(touched.ino)?;
        let size = size_of(&fstat(&*known)?);
        let (from, to) = (touched.range.start.min(size), touched.range.end.min(size));
        let mut bytes = vec![0; (to - from) as usize];
        if !bytes.is_empty() {
            read_whole(&self.reopen(&known, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?, &mut bytes, from)?;
        }
        let after = if truncates { touched.range.start } else { size.max(touched.range.end) };
        self.lies.remember(touched.ino, Version { size, from, bytes, after });
        Ok(())
    }

    /// Bytes of a file as before its last change; `None` if that is not known.
    fn read_stale(&self, handle: u64, offset: u64, len: u32) -> Outcome<Option<Vec<u8>>> {
        let file = self.files.get(handle)?;
        let Some(old) = self.lies.version(file.ino, size_of(&fstat(&file.fd)?)) else { return Ok(None) };
        let end = offset.saturating_add(u64::from(len)).min(old.size);
        let mut data = vec![0; end.saturating_sub(offset) as usize];
        read_whole(&file.fd, &mut data, offset)?;
        let (from, to) = (old.from.max(offset), (old.from + old.bytes.len() as u64).min(end));
        if from < to {
            let part = &old.bytes[(from - old.from) as usize..(to - old.from) as usize];
            data[(from - offset) as usize..(to - offset) as usize].copy_from_slice(part);
        }
        Ok(Some(data))
    }

    fn sized_as_before(&self, mut answer: Answer) -> Answer {
        if let Answer::Entry(stat) | Answer::Attributes(stat) = &mut answer
            && let Some(old) = self.lies.version(stat.st_ino, size_of(stat))
        {
            stat.st_size = i64::try_from(old.size).unwrap_or(i64::MAX);
        }
        answer
    }

    /// The file grows as it was asked to; then what of the data falls within it goes to the wrong place.
    fn write_astray(&self, meant: &Request<'_>, caller: &Caller, to: u64) -> Outcome<Answer> {
        let nothing = Action::Torn { kept: SmallVec::new(), report: TornReport::Success };
        let done = self.carry_out(meant, caller, &nothing)?;
        if let Request::Write { handle, data, sync, .. } = meant {
            let size = size_of(&fstat(&self.files.get(*handle)?.fd)?);
            let kept = size.saturating_sub(to).min(data.len() as u64) as usize;
            let data = Cow::Borrowed(&data[..kept]);
            if !data.is_empty() {
                let (handle, sync) = (*handle, *sync);
                let astray = Request::Write { handle, offset: to, data, clear_setid: false, sync };
                self.carry_out(&astray, caller, &Action::Proceed)?;
            }
        }
        Ok(done)
    }

    /// The entries of an open directory but for the dots, with their attributes.
    pub(crate) fn entries(&self, handle: u64) -> Vec<(OsString, FileStat)> {
        let Ok(directory) = self.directories.get(handle) else { return Vec::new() };
        let listing = self.list(&directory).unwrap_or_default();
        let names = listing.0.as_deref().unwrap_or_default().iter().map(|entry| entry.name.clone());
        let stat = |name: &OsStr| self.stat_entry(&directory.fd, name).and_then(|stat| self.seen(stat)).ok();
        names.filter(|name| !is_dots(name)).filter_map(|name| stat(&name).map(|stat| (name, stat))).collect()
    }

    /// Deletes regular files that did not change for `older_than`: the one that the call is on, or those in the
    /// directory it reads.
    pub(crate) fn delete_cold(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        older_than: Duration,
    ) -> Vec<Victim> {
        let candidates = match request {
            Request::Lookup { parent, name } => vec![(*parent, name.clone().into_owned())],
            Request::Open { ino, .. } => self.table.name(*ino).into_iter().collect(),
            Request::Readdir { handle, .. } => {
                let parent = self.directories.get(*handle).map_or(0, |directory| directory.ino);
                self.entries(*handle).into_iter().map(|(name, _)| (parent, name)).collect()
            }
            _ => Vec::new(),
        };
        let delete = |(parent, name)| self.delete_if_cold((parent, name), caller, older_than);
        candidates.into_iter().filter_map(delete).collect()
    }

    fn delete_if_cold(
        &self,
        (parent, name): (u64, OsString),
        caller: &Caller,
        older_than: Duration,
    ) -> Option<Victim> {
        let directory = self.table.fd(parent).ok()?;
        let stat = self.stat_entry(&directory, &name).and_then(|stat| self.seen(stat)).ok()?;
        let is_cold = stat.st_mode & libc::S_IFMT == libc::S_IFREG && age(&stat) >= older_than;
        let path = self.table.entry_path(parent, &name);
        let unlink = Request::Unlink { parent, name: Cow::Owned(name) };
        let deleted = is_cold && self.carry_out(&unlink, caller, &Action::Proceed).is_ok();
        deleted.then_some(Victim { ino: stat.st_ino, parent, path })
    }
}

fn is_dots(name: &OsStr) -> bool {
    name == "." || name == ".."
}

/// A listing without what is hidden.
fn without(answer: Answer, hidden: Hidden) -> Answer {
    let Answer::Listing(listing) = answer else { return answer };
    let all = listing.0.as_deref().unwrap_or_default().iter();
    let shown = all.filter(|entry| {
        is_dots(&entry.name) || hidden == Hidden::Files && entry.kind == Some(Type::Directory)
    });
    Answer::Listing(Listing(Some(shown.cloned().collect())))
}

/// Reads as much of `bytes` as the file has from `offset` on.
fn read_whole(file: &OwnedFd, bytes: &mut [u8], offset: u64) -> Outcome<()> {
    let mut done = 0;
    while done < bytes.len() {
        match pread(file, &mut bytes[done..], i64::try_from(offset).map_err(|_| Errno::EINVAL)? + done as i64)
        {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
