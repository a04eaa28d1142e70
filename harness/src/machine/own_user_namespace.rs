//! A user namespace in which everybody is who they were, and nobody has a right over the machine.
//!
//! The mounts that a process takes into it are locked: whoever is root there can neither make them writable again nor take
//! away what covers something else. Rights over the network, over devices, over the kernel stay outside.

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{AccessFlags, ForkResult, Pid, access, fork, pipe2};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Moves the calling process, which has one thread and a /proc of its own, into a user and a mount namespace of its own.
/// False where none can be made: then nobody who has fewer rights can make one either.
pub(super) fn lock_in() -> io::Result<bool> {
    // The number that this /proc knows it by.
    let own = Path::new("/proc").join(std::fs::read_link("/proc/self")?);
    if access(&own.join("uid_map"), AccessFlags::W_OK).is_err() {
        return Ok(false);
    }
    let maps = ["uid_map", "gid_map"].map(|name| (own.join(name), identity(&own.join(name))));
    let (wait, go) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // SAFETY: this process has one thread; the child makes system calls and ends.
    let helper = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(go);
            let written = write_when_told(wait, maps);
            // SAFETY: ends the helper at once; nothing of the parent's copied state must run destructors here.
            unsafe { libc::_exit(written.is_err().into()) }
        }
    };
    drop(wait);
    match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => File::from(go).write_all(b"!")?,
        Err(_) => {
            drop(go);
            return ended_well(helper).map(|_| false);
        }
    }
    if !ended_well(helper)? {
        return Err(io::Error::other("the ids of the mail server's user namespace could not be set"));
    }
    forbid_further_ones()?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    Ok(true)
}

/// Only a process that stayed outside may say who is who inside.
fn write_when_told(wait: OwnedFd, maps: [(PathBuf, io::Result<String>); 2]) -> io::Result<()> {
    if File::from(wait).read(&mut [0])? == 0 {
        return Ok(());
    }
    maps.into_iter().try_for_each(|(path, map)| std::fs::write(path, map?))
}

/// Everybody whom the map at `path` knows, under the same number.
fn identity(path: &Path) -> io::Result<String> {
    Ok(same(&std::fs::read_to_string(path)?))
}

fn same(map: &str) -> String {
    let lines = map.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (first, count) = (fields.next()?, fields.nth(1)?);
        Some(format!("{first} {first} {count}\n"))
    });
    lines.collect()
}

fn ended_well(helper: Pid) -> io::Result<bool> {
    loop {
        match waitpid(helper, None) {
            Ok(status) => return Ok(matches!(status, WaitStatus::Exited(_, 0))),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// In a further one a process has all rights over what it makes there: control groups, for one, are the machine's. An ordinary
/// user's rights end at the user's own things.
fn forbid_further_ones() -> io::Result<()> {
    let forbidden = std::fs::write("/proc/sys/user/max_user_namespaces", "0");
    if nix::unistd::geteuid().is_root() { forbidden } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_stays_who_they_are() {
        assert_eq!(same("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(same("0 100000 65536\n70000 1000 1\n"), "0 0 65536\n70000 70000 1\n");
    }
}
