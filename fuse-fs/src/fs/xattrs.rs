//! Extended attributes, through `/proc/self/fd`: their calls take no `O_PATH` descriptor.

use super::fs::Fs;
use super::request::{Answer, Caller, Outcome};
use nix::errno::Errno;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

/// Access control lists would be kept and not obeyed: the kernel goes by the mode alone.
fn c_name(name: &OsStr) -> Outcome<CString> {
    if name.as_bytes().starts_with(b"system.posix_acl_") {
        return Err(Errno::EOPNOTSUPP);
    }
    CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)
}

/// Answers a probe for the size, or gives the value that was read into `buffer`.
fn sized(mut buffer: Vec<u8>, read: isize) -> Outcome<Answer> {
    let size = usize::try_from(Errno::result(read)?).map_err(|_| Errno::EIO)?;
    if buffer.is_empty() {
        return Ok(Answer::XattrSize(u32::try_from(size).map_err(|_| Errno::E2BIG)?));
    }
    buffer.truncate(size);
    Ok(Answer::Data(buffer))
}

impl Fs {
    pub(super) fn setxattr(
        &self,
        ino: u64,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        caller: &Caller,
    ) -> Outcome<()> {
        let work = || self.setxattr_through(ino, name, value, flags);
        match self.volatile() {
            Some(volatile) => self.xattr_tracked(volatile, caller, ino, name, work),
            None => work(),
        }
    }

    fn setxattr_through(&self, ino: u64, name: &OsStr, value: &[u8], flags: i32) -> Outcome<()> {
        let (fd, name) = (self.table.fd(ino)?, c_name(name)?);
        let path = Fs::proc_path(&fd);
        // SAFETY: both strings are NUL-terminated, `value` has the length given; all live across the call.
        let result = unsafe {
            libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), flags)
        };
        Errno::result(result).map(drop)
    }

    pub(super) fn getxattr(&self, ino: u64, name: &OsStr, size: u32) -> Outcome<Answer> {
        let (fd, name) = (self.table.fd(ino)?, c_name(name)?);
        let path = Fs::proc_path(&fd);
        let mut buffer = vec![0u8; size as usize];
        // SAFETY: both strings are NUL-terminated, `buffer` has the length given; all live across the call.
        let read =
            unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
        sized(buffer, read)
    }

    pub(super) fn listxattr(&self, ino: u64, size: u32) -> Outcome<Answer> {
        let fd = self.table.fd(ino)?;
        let path = Fs::proc_path(&fd);
        let mut buffer = vec![0u8; size as usize];
        // SAFETY: the path is NUL-terminated, `buffer` has the length given; both live across the call.
        let read = unsafe { libc::listxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
        sized(buffer, read)
    }

    pub(super) fn removexattr(&self, ino: u64, name: &OsStr, caller: &Caller) -> Outcome<()> {
        let work = || self.removexattr_through(ino, name);
        match self.volatile() {
            Some(volatile) => self.xattr_tracked(volatile, caller, ino, name, work),
            None => work(),
        }
    }

    fn removexattr_through(&self, ino: u64, name: &OsStr) -> Outcome<()> {
        let (fd, name) = (self.table.fd(ino)?, c_name(name)?);
        let path = Fs::proc_path(&fd);
        // SAFETY: both strings are NUL-terminated and live across the call.
        let result = unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) };
        Errno::result(result).map(drop)
    }
}
