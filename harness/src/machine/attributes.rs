//! What the mounts of this process's mount namespace allow.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// As mount_setattr(2) takes it.
#[repr(C)]
#[derive(Default)]
struct Change {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const READ_ONLY: u64 = 1;
const WHOLE_TREE: libc::c_uint = 0x8000;

/// Nothing can be changed through the mount at `at`, nor through any mount below it.
pub(super) fn read_only_tree(at: &Path) -> io::Result<()> {
    read_only_tree_at(&CString::new(at.as_os_str().as_bytes())?)
}

/// The same, without taking memory.
pub(super) fn read_only_tree_at(path: &CStr) -> io::Result<()> {
    change(libc::AT_FDCWD, path, WHOLE_TREE, &Change { set: READ_ONLY, ..Change::default() })
}

/// What lies on the mount at `path`, or on any below it, can be changed through it.
pub(super) fn writable_tree_at(path: &CStr) -> io::Result<()> {
    change(libc::AT_FDCWD, path, WHOLE_TREE, &Change { clear: READ_ONLY, ..Change::default() })
}

/// Nothing can be changed through the mount whose root is `root`; mounts below it stay as they are.
pub(super) fn read_only(root: impl AsFd) -> io::Result<()> {
    at_descriptor(root, &Change { set: READ_ONLY, ..Change::default() })
}

/// What lies on the mount whose root is `root` can be changed through it.
pub(super) fn writable(root: impl AsFd) -> io::Result<()> {
    at_descriptor(root, &Change { clear: READ_ONLY, ..Change::default() })
}

fn at_descriptor(root: impl AsFd, to: &Change) -> io::Result<()> {
    change(root.as_fd().as_raw_fd(), c"", libc::AT_EMPTY_PATH as libc::c_uint, to)
}

fn change(at: libc::c_int, path: &CStr, flags: libc::c_uint, to: &Change) -> io::Result<()> {
    // SAFETY: the path ends with a zero byte; path and change outlive the call.
    let done =
        unsafe { libc::syscall(libc::SYS_mount_setattr, at, path.as_ptr(), flags, to, size_of::<Change>()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
