//! Capabilities of this process, and giving up what is not needed.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

const CHOWN: u32 = 0;
const DAC_OVERRIDE: u32 = 1;
const FOWNER: u32 = 3;
const FSETID: u32 = 4;
const KILL: u32 = 5;
const SETGID: u32 = 6;
const SETUID: u32 = 7;
const SETPCAP: u32 = 8;
const NET_BIND_SERVICE: u32 = 10;
const SYS_CHROOT: u32 = 18;

/// What a mail server of root's needs: files of several owners, users, processes of other users, directories that it locks
/// itself into. None of them mounts, makes devices, loads modules, looks into foreign processes or opens files by handle.
const OF_SERVERS: [u32; 10] =
    [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SYS_CHROOT];

/// The layout of capget(2) and capset(2), version 3.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

const OWN: Header = Header { version: 0x2008_0522, pid: 0 };

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// From now on neither this process nor anything it starts has more than a mail server needs. It takes no memory, so it
/// may be called between fork and exec.
pub(crate) fn keep_those_of_servers() -> io::Result<()> {
    // SAFETY: prctl with plain integers; with these it cannot fail.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    for capability in (0..64).filter(|capability| !OF_SERVERS.contains(capability)) {
        // SAFETY: prctl with plain integers. It fails above the kernel's last one, and for a process that has none to give.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    let mut data = get()?;
    for (word, data) in data.iter_mut().enumerate() {
        let kept = OF_SERVERS.iter().filter(|capability| *capability / 32 == word as u32);
        let kept = kept.fold(0, |mask, capability| mask | 1 << (capability % 32));
        *data = Data { effective: data.effective & kept, permitted: data.permitted & kept, inheritable: 0 };
    }
    set(&data)
}

/// Keeps all that this process has across exec: without them an ordinary uid could not mount.
pub(super) fn keep_across_exec() -> io::Result<()> {
    let mut data = get()?;
    for word in &mut data {
        word.inheritable = word.permitted;
    }
    set(&data)?;
    for capability in 0..64u32 {
        if data[(capability / 32) as usize].permitted & (1 << (capability % 32)) != 0 {
            // SAFETY: prctl with plain integers.
            let raised =
                unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, capability, 0, 0) };
            check(raised.into())?;
        }
    }
    Ok(())
}

fn get() -> io::Result<[Data; 2]> {
    let mut data = [Data::default(); 2];
    // SAFETY: header and data have the layout of capget(2) version 3 and outlive the call.
    check(unsafe { libc::syscall(libc::SYS_capget, &OWN, data.as_mut_ptr()) })?;
    Ok(data)
}

fn set(data: &[Data; 2]) -> io::Result<()> {
    // SAFETY: header and data have the layout of capset(2) version 3 and outlive the call.
    check(unsafe { libc::syscall(libc::SYS_capset, &OWN, data.as_ptr()) })
}

/// An exit code as a shell says it: a signal is 128 and its number.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
