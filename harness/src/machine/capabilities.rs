use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// In a forked child: the capabilities that the run needs to mount are not the server's to have.
pub(crate) fn leave_capabilities() {
    // SAFETY: prctl with plain integers; with these it cannot fail.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
}

/// An exit code as a shell says it: a signal is 128 and its number.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
