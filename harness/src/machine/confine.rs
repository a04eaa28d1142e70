//! Starts the recording process as init of namespaces of its own.
//!
//! Three processes: the *outer* (this program as the user started it), a *keeper* that only waits, and the
//! *inner*, which is PID 1 of the new PID namespace. Both are told by the kernel to die with their parent, and
//! the inner also watches a pipe whose other end only the outer holds, so that `kill -9` of either ends the run.

use super::process::Output;
use crate::machine::binds::mount_proc;
use anyhow::Result;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where in the host the run takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confinement {
    /// Namespaces of its own.
    Namespaces,
    /// The host's namespaces: for mail servers that the harness does not start itself.
    Host,
}

/// The started inner process; dropping it ends the run.
pub(crate) struct Inner {
    keeper: Child,
    _lifeline: OwnedFd,
}

impl Inner {
    /// Waits for the end; `None` if a signal ended it.
    pub(crate) fn wait(&mut self) -> io::Result<Option<i32>> {
        Ok(self.keeper.wait()?.code())
    }

    /// Waits for the end, at most `limit`; then as [`Inner::wait`].
    pub(crate) fn ended_within(&mut self, limit: Duration) -> io::Result<Option<Option<i32>>> {
        Ok(super::process::wait(&mut self.keeper, limit)?.map(|status| status.code()))
    }

    /// Ends the run at once.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.keeper.kill()
    }

    /// Pid of the process whose death ends the run.
    pub(crate) fn keeper(&self) -> u32 {
        self.keeper.id()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Already ended in the ordinary case: then both calls do nothing.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Starts this program again with `arguments` as the inner process.
pub(crate) fn start_inner(confinement: Confinement, arguments: &[&OsStr]) -> io::Result<Inner> {
    start_inner_into(confinement, arguments, None)
}

/// The same, with its output elsewhere than this program's goes.
pub(super) fn start_inner_into(
    confinement: Confinement,
    arguments: &[&OsStr],
    output: Option<Output>,
) -> io::Result<Inner> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments).stdin(Stdio::from(read)).env("FERMOPOSTA_SELF", "1").process_group(0);
    if let Some(output) = output {
        command.stdout(output.out).stderr(output.errors);
    }
    let ids = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    // SAFETY: the closure runs in the forked child, which has one thread. It makes system calls, allocates a
    // little for the id maps (glibc's malloc is usable after fork), and takes no lock of this program.
    unsafe {
        command.pre_exec(move || match confinement {
            Confinement::Namespaces => become_init(ids),
            Confinement::Host => die_with_parent(),
        });
    }
    Ok(Inner { keeper: command.spawn()?, _lifeline: write })
}

fn die_with_parent() -> io::Result<()> {
    Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// In the forked child: makes the namespaces, forks init, and stays behind as its keeper.
fn become_init((uid, gid): (u32, u32)) -> io::Result<()> {
    die_with_parent()?;
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    flags |= CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    if uid != 0 {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags)?;
    if uid != 0 {
        map_identity(uid, gid)?;
        super::capabilities::keep_across_exec()?;
    }
    // SAFETY: the process has one thread; the parent's side only waits and exits.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => keep(child),
        nix::unistd::ForkResult::Child => die_with_parent(),
    }
}

/// The keeper: waits for init and ends as it ended. Never returns.
fn keep(init: nix::unistd::Pid) -> ! {
    use nix::sys::wait::{WaitStatus, waitpid};
    // The outer process waits until nobody holds the pipe that would tell it of a failed start; and a lifeline that
    // the keeper held too would not break with the outer one.
    // SAFETY: this process has one thread, which uses no descriptor any more.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    let code = loop {
        match waitpid(init, None) {
            Ok(WaitStatus::Exited(_, code)) => break code,
            Ok(WaitStatus::Signaled(_, signal, _)) => break 128 + signal as i32,
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => break 70,
        }
    };
    // SAFETY: ends this process at once; nothing of the parent's copied state must run destructors here.
    unsafe { libc::_exit(code) }
}

fn map_identity(uid: u32, gid: u32) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// In the inner process, first thing: private mounts, a /proc of its own, loopback up, and the machine read-only but for
/// `places`.
pub(crate) fn settle(confinement: Confinement, places: &[PathBuf]) -> Result<()> {
    watch_lifeline();
    if confinement == Confinement::Namespaces {
        // What is made for the mail server is read by users of its own; the run directory around it keeps the caller's mode.
        umask(Mode::from_bits_truncate(0o022));
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        // The list is that of the older /proc.
        let sockets = super::sockets::of_the_machine();
        mount_proc()?;
        loopback_up()?;
        every_port_is_free();
        super::seal::seal(places, &sockets)?;
    }
    Ok(())
}

/// Mail servers have no rights over the run's network, and none are needed: nobody else is in it.
fn every_port_is_free() {
    if let Err(error) = std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0") {
        tracing::debug!("ports below 1024 stay closed to mail servers: {error}");
    }
}

/// Ends this process when the outer one is gone: the lifeline is standard input, and nobody writes to it.
fn watch_lifeline() {
    std::thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(|| {
            let mut byte = [0u8; 1];
            let _ = io::stdin().read(&mut byte);
            // SAFETY: ends the process at once, and with it its namespaces; no destructor may delay that.
            unsafe { libc::_exit(130) }
        })
        .expect("a thread can be started");
}

fn loopback_up() -> io::Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: ifreq is plain data; the all-zero value is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the descriptor is open and the request outlives the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) }.into())
}

/// Arguments for [`start_inner`] from owned parts.
pub(crate) fn arguments(parts: &[OsString]) -> Vec<&OsStr> {
    parts.iter().map(OsString::as_os_str).collect()
}
