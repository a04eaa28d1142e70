//! Reading, writing and syncing open files.

use super::fs::Fs;
use super::handles::FileHandle;
use super::request::{Caller, Outcome, WriteSync};
use crate::durability::model::Change;
use crate::durability::write_log::Told;
use crate::rules::decision::{Action, TornReport};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::sys::uio::{pread, pwrite};
use nix::unistd::{Whence, fdatasync, fsync, ftruncate, lseek64};
use std::os::fd::{AsRawFd, OwnedFd};

fn signed(offset: u64) -> Outcome<i64> {
    i64::try_from(offset).map_err(|_| Errno::EINVAL)
}

impl Fs {
    pub(super) fn read(&self, handle: u64, offset: u64, len: u32, action: &Action) -> Outcome<Vec<u8>> {
        let file = self.files.get(handle)?;
        let limit = match action {
            Action::Short(limit) => (*limit).min(u64::from(len)) as usize,
            _ => len as usize,
        };
        let mut data = vec![0; limit];
        let mut done = 0;
        while done < limit {
            match pread(&file.fd, &mut data[done..], signed(offset)? + done as i64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(Errno::EINTR) => {}
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        data.truncate(done);
        Ok(data)
    }

    pub(super) fn write(
        &self,
        handle: u64,
        (offset, data): (u64, &[u8]),
        clear_setid: bool,
        sync: Option<WriteSync>,
        caller: &Caller,
        action: &Action,
    ) -> Outcome<u64> {
        let file = self.files.get(handle)?;
        match self.volatile() {
            Some(volatile) => {
                self.write_tracked(volatile, caller, &file, (offset, data), (clear_setid, sync), action)
            }
            None => {
                let written = self.write_through(&file, offset, data, clear_setid, action)?;
                let kept = data.len().min(usize::try_from(written).unwrap_or(usize::MAX));
                self.note(|| Told::Write { offset, data: data[..kept].to_vec() });
                Ok(written)
            }
        }
    }

    pub(super) fn write_through(
        &self,
        file: &FileHandle,
        offset: u64,
        data: &[u8],
        clear_setid: bool,
        action: &Action,
    ) -> Outcome<u64> {
        if clear_setid {
            drop_setid(&file.fd)?;
        }
        match action {
            Action::Short(limit) => {
                let kept = data.len().min(usize::try_from(*limit).unwrap_or(usize::MAX));
                write_all(&file.fd, &data[..kept], offset)
            }
            Action::Torn { kept, report } => torn(&file.fd, data, offset, kept, *report),
            Action::Proceed
            | Action::Fail(_)
            | Action::Statfs { .. }
            | Action::PowerCut { .. }
            | Action::LoseSync
            | Action::FailSync(_)
            | Action::Overdue(_)
            | Action::Misdirected { .. }
            | Action::Corrupt { .. }
            | Action::BadSector { .. }
            | Action::Stale
            | Action::Hide(_)
            | Action::DeleteCold { .. } => write_all(&file.fd, data, offset),
        }
    }

    pub(super) fn fsync(
        &self,
        handle: u64,
        data_only: bool,
        caller: &Caller,
        action: &Action,
    ) -> Outcome<()> {
        let file = self.files.get(handle)?;
        match (self.volatile(), action) {
            (Some(volatile), _) => self.fsync_tracked(volatile, caller, &file, data_only, action),
            (None, Action::LoseSync) => Ok(()),
            (None, _) => {
                let covers = self.noted();
                self.fsync_through(&file, data_only)?;
                self.note(|| Told::Flush { covers });
                Ok(())
            }
        }
    }

    pub(super) fn fsync_through(&self, file: &FileHandle, data_only: bool) -> Outcome<()> {
        if data_only { fdatasync(&file.fd) } else { fsync(&file.fd) }
    }

    pub(super) fn release(&self, handle: u64) -> Outcome<()> {
        let file = self.files.remove(handle)?;
        if let Some(volatile) = self.volatile().filter(|_| file.flags & libc::O_ACCMODE != libc::O_RDONLY) {
            volatile.closed(file.ino);
        }
        Ok(())
    }

    pub(super) fn fallocate(
        &self,
        handle: u64,
        (offset, len): (u64, u64),
        mode: i32,
        caller: &Caller,
    ) -> Outcome<()> {
        let file = self.files.get(handle)?;
        let flags = FallocateFlags::from_bits_retain(mode);
        let work = || fallocate(&file.fd, flags, signed(offset)?, signed(len)?);
        let Some(volatile) = self.volatile() else {
            work()?;
            self.note(|| Told::Zero(offset..offset.saturating_add(len)));
            return Ok(());
        };
        // Ranges that move within a file have no place in the model.
        if mode & (libc::FALLOC_FL_COLLAPSE_RANGE | libc::FALLOC_FL_INSERT_RANGE) != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let _order = volatile.lock_content(file.ino);
        let zeros = mode & (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_ZERO_RANGE) != 0;
        let grows = mode & libc::FALLOC_FL_KEEP_SIZE == 0;
        let change = |size: u64| {
            let after = if grows { size.max(offset.saturating_add(len)) } else { size };
            Change::Allocate { offset, len, size: after, zeros }
        };
        let done = |change, outcome: &Outcome<()>| outcome.is_ok().then_some(change);
        let outcome = self.track_content(volatile, caller, (&file.fd, file.ino), change, work, done);
        self.sync_with_call(volatile, caller, &file, WriteSync::of(file.flags), outcome)
    }

    pub(super) fn lseek(&self, handle: u64, offset: i64, whence: i32) -> Outcome<i64> {
        let whence = match whence {
            libc::SEEK_DATA => Whence::SeekData,
            libc::SEEK_HOLE => Whence::SeekHole,
            _ => return Err(Errno::EINVAL),
        };
        lseek64(&self.files.get(handle)?.fd, offset, whence)
    }

    pub(super) fn copy_file_range(
        &self,
        (from, from_offset): (u64, u64),
        (to, to_offset): (u64, u64),
        len: u64,
        caller: &Caller,
    ) -> Outcome<u64> {
        let (from, to) = (self.files.get(from)?, self.files.get(to)?);
        // The kernel's answer to FUSE is 32 bits wide.
        let len = len.min(u64::from(u32::MAX) & !0xfff);
        let work = || copy_range(&from.fd, from_offset, &to.fd, to_offset, len);
        let Some(volatile) = self.volatile() else { return work() };
        let _order = volatile.lock_content(to.ino);
        let outcome = self.track_content(
            volatile,
            caller,
            (&to.fd, to.ino),
            |_| Change::Write { offset: to_offset, len },
            work,
            |_, outcome| match outcome {
                Ok(0) | Err(_) => None,
                Ok(n) => Some(Change::Write { offset: to_offset, len: *n }),
            },
        );
        self.sync_with_call(volatile, caller, &to, WriteSync::of(to.flags), outcome)
    }
}

fn copy_range(from: &OwnedFd, from_offset: u64, to: &OwnedFd, to_offset: u64, len: u64) -> Outcome<u64> {
    let (mut read_at, mut write_at) = (signed(from_offset)?, signed(to_offset)?);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    // SAFETY: both descriptors are open, both offsets live across the call.
    let copied = unsafe {
        let (from, to) = (from.as_raw_fd(), to.as_raw_fd());
        libc::copy_file_range(from, &raw mut read_at, to, &raw mut write_at, len, 0)
    };
    Ok(Errno::result(copied)?.unsigned_abs() as u64)
}

/// Writes everything, unless the backing file takes no more.
fn write_all(fd: &OwnedFd, data: &[u8], offset: u64) -> Outcome<u64> {
    let mut done = 0;
    while done < data.len() {
        match pwrite(fd, &data[done..], signed(offset)? + done as i64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(Errno::EINTR) => {}
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done as u64)
}

/// Writes the kept ranges only. After a success the file is as long as a whole write would have made it.
fn torn(fd: &OwnedFd, data: &[u8], offset: u64, kept: &[(u64, u64)], report: TornReport) -> Outcome<u64> {
    let whole = data.len() as u64;
    for &(from, to) in kept {
        let (from, to) = (from.min(whole), to.min(whole));
        if from < to && write_all(fd, &data[from as usize..to as usize], offset + from)? < to - from {
            return Err(Errno::ENOSPC);
        }
    }
    match report {
        TornReport::Success => {
            let end = signed(offset + whole)?;
            if fstat(fd)?.st_size < end {
                ftruncate(fd, end)?;
            }
            Ok(whole)
        }
        TornReport::Short => Ok(kept.first().filter(|r| r.0 == 0).map_or(0, |r| r.1.min(whole))),
        TornReport::Error(errno) => Err(Errno::from_raw(errno)),
    }
}

/// A write by somebody without `CAP_FSETID` clears the set-id bits, as it does without FUSE.
fn drop_setid(fd: &OwnedFd) -> Outcome<()> {
    let mode = fstat(fd)?.st_mode;
    let mut kept = mode & !libc::S_ISUID;
    if mode & libc::S_IXGRP != 0 {
        kept &= !libc::S_ISGID;
    }
    if kept == mode {
        return Ok(());
    }
    fchmod(fd, Mode::from_bits_truncate(kept & 0o7777))
}
