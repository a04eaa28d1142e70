//! A command inside the namespaces of a running mail server, where its sockets and its files are.

use super::daemons::path_with_daemons;

use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

/// The command line of this program that runs `argv` inside the namespaces of the process `pid`.
pub(crate) fn inside(pid: u32, argv: &[String]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg("__inside").arg(pid.to_string()).arg("--").args(argv);
    command
}

/// Runs `argv` inside the namespaces of the process `pid` and ends as it ended. The calling process has one thread.
pub(crate) fn run_inside(pid: u32, argv: &[String]) -> io::Result<i32> {
    let cannot =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot enter the mail server's namespaces: {e}"));
    enter(pid).map_err(cannot)?;
    let mut child = spawn(argv)?;
    let status = child.wait()?;
    Ok(super::capabilities::code(status))
}

fn enter(pid: u32) -> io::Result<()> {
    let kinds = [
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("mnt", CloneFlags::CLONE_NEWNS),
        // Last: afterwards there is no right to enter the others.
        ("user", CloneFlags::CLONE_NEWUSER),
    ];
    let own = Path::new("/proc/self/ns");
    let process = Path::new("/proc").join(pid.to_string());
    let its = process.join("ns");
    // Entering one that both are in already would need rights over the machine's.
    let apart = |name: &str| -> io::Result<bool> {
        Ok(std::fs::read_link(own.join(name))? != std::fs::read_link(its.join(name))?)
    };
    // All are opened before any is entered: afterwards /proc is another one.
    let mut opened = Vec::new();
    for (name, kind) in kinds {
        if apart(name)? {
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
            opened.push((open(&its.join(name), flags, Mode::empty())?, kind));
        }
    }
    let directory = open(&process.join("cwd"), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    opened.into_iter().try_for_each(|(namespace, kind)| setns(namespace, kind))?;
    Ok(nix::unistd::fchdir(directory)?)
}

fn spawn(argv: &[String]) -> io::Result<Child> {
    let (program, arguments) = argv.split_first().ok_or_else(|| io::Error::other("no program given"))?;
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path_with_daemons());
    // SAFETY: the closure makes system calls in the forked child and touches nothing else.
    unsafe {
        command.pre_exec(|| {
            super::capabilities::keep_those_of_servers()?;
            nix::unistd::setsid()?;
            Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)
        });
    }
    command.spawn().map_err(|e| io::Error::new(e.kind(), format!("cannot start {program}: {e}")))
}
