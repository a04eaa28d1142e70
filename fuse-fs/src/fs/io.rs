//! Reading, writing and syncing open files.

use super::{Fs, Outcome};
use crate::engine::{Action, TornReport};
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
        offset: u64,
        data: &[u8],
        clear_setid: bool,
        action: &Action,
    ) -> Outcome<u64> {
        let file = self.files.get(handle)?;
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

    pub(super) fn fsync(&self, handle: u64, data_only: bool) -> Outcome<()> {
        let file = self.files.get(handle)?;
        if data_only { fdatasync(&file.fd) } else { fsync(&file.fd) }
    }

    pub(super) fn fallocate(&self, handle: u64, offset: u64, len: u64, mode: i32) -> Outcome<()> {
        let file = self.files.get(handle)?;
        fallocate(&file.fd, FallocateFlags::from_bits_retain(mode), signed(offset)?, signed(len)?)
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
        from: u64,
        from_offset: u64,
        to: u64,
        to_offset: u64,
        len: u64,
    ) -> Outcome<u64> {
        let (from, to) = (self.files.get(from)?, self.files.get(to)?);
        let (mut read_at, mut write_at) = (signed(from_offset)?, signed(to_offset)?);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        // The kernel's answer to FUSE is 32 bits wide.
        let len = len.min(u32::MAX as usize & !0xfff);
        // SAFETY: both descriptors are open, both offsets live across the call.
        let copied = unsafe {
            let (from, to) = (from.fd.as_raw_fd(), to.fd.as_raw_fd());
            libc::copy_file_range(from, &raw mut read_at, to, &raw mut write_at, len, 0)
        };
        Ok(Errno::result(copied)?.unsigned_abs() as u64)
    }
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
