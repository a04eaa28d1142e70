//! A process that serves a device must not wait for it when it needs memory: the kernel may free that by writing to the device.

use nix::errno::Errno;

/// Of <linux/prctl.h>; Linux 5.6.
const PR_SET_IO_FLUSHER: libc::c_int = 57;

/// Threads that `work` begins, and theirs, get memory without waiting for writes to devices (`PR_SET_IO_FLUSHER`, prctl(2)).
pub(crate) fn serving<T>(work: impl FnOnce() -> T) -> T {
    set(true);
    let done = work();
    set(false);
    done
}

fn set(on: bool) {
    // SAFETY: it changes a flag of the calling thread, and takes no pointers.
    let result = unsafe { libc::prctl(PR_SET_IO_FLUSHER, libc::c_ulong::from(on), 0, 0, 0) };
    if let Err(error) = Errno::result(result) {
        tracing::debug!(%error, "whoever serves a device may wait for it while memory is short");
    }
}
