//! A process that outlives this one by a moment, to cut the connection of a device that this one served.
//!
//! A thread that waits for the device in a call of the kernel's cannot be killed, and as long as it waits the process keeps its end of
//! the connection open: killed while the device answers nothing, both would wait for each other for ever, and with them the run's
//! mounts and this machine's `sync`. The kernel tells the survivor of the death of the thread that began it, which waits for nothing.

use anyhow::{Context, Result};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

/// Sent to the survivor by the kernel when whoever began it dies.
const DIED: Signal = Signal::SIGTERM;

/// Stands by until it is dropped, or until this process dies.
#[derive(Debug)]
pub(crate) struct Survivor {
    dismiss: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Survivor {
    /// `abort` cuts the connection when something is written to it.
    ///
    /// # Errors
    /// No process can be started.
    pub(crate) fn stand_by(abort: OwnedFd) -> Result<Survivor> {
        let (dismiss, dismissed) = mpsc::channel();
        let (started, is_started) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("survivor".to_owned())
            .spawn(move || begin(abort, &started, &dismissed))?;
        let survivor = Survivor { dismiss: Some(dismiss), thread: Some(thread) };
        is_started.recv()?.context("nobody would cut the device's connection if this process were killed")?;
        Ok(survivor)
    }
}

impl Drop for Survivor {
    fn drop(&mut self) {
        self.dismiss = None;
        if let Some(thread) = self.thread.take() {
            // It kills a process that only waits.
            let _ = thread.join();
        }
    }
}

/// On the thread whose death the survivor is told of: it begins it and waits for nothing else.
fn begin(abort: OwnedFd, started: &Sender<io::Result<()>>, dismissed: &Receiver<()>) {
    match spawn(abort) {
        Err(error) => _ = started.send(Err(error)),
        Ok(mut survivor) => {
            let _ = started.send(Ok(()));
            // Nobody sends anything: it ends when the other end is dropped.
            let _ = dismissed.recv();
            let _ = survivor.kill();
            let _ = survivor.wait();
        }
    }
}

fn spawn(abort: OwnedFd) -> io::Result<Child> {
    let parent = nix::unistd::getpid();
    let mut command = Command::new("/proc/self/exe");
    command.arg("__survive").arg(parent.to_string()).env("FERMOPOSTA_SELF", "1");
    command.stdin(Stdio::from(abort)).stdout(Stdio::null()).process_group(0);
    // SAFETY: the closure runs in the forked child, which has one thread; it makes system calls only.
    unsafe {
        command.pre_exec(|| {
            only(DIED).thread_block()?;
            Ok(set_pdeathsig(DIED)?)
        });
    }
    command.spawn()
}

fn only(signal: Signal) -> SigSet {
    let mut set = SigSet::empty();
    set.add(signal);
    set
}

/// The survivor itself: waits until `parent` dies, and cuts the connection on standard input.
pub(crate) fn survive(parent: i32) -> Result<()> {
    only(DIED).thread_block()?;
    // It may have died before this process asked to be told.
    while getppid() == Pid::from_raw(parent) {
        if only(DIED).wait()? == DIED {
            break;
        }
    }
    let abort = nix::unistd::dup(io::stdin())?;
    Ok(File::from(abort).write_all(b"1")?)
}
