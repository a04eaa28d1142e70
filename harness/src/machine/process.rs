//! A process tree that can be killed whole: its root is the init of a PID namespace of its own.
//!
//! Kill targets come from the handle of the spawned init, never from a pid file. A process inside a call that
//! the file system holds back does not die before that call is answered, so every wait here has a deadline.
//!
//! A namespace counts its processes from 1, so a server that is started again would run under the numbers of the one
//! that was killed. Lock files name their holder by such a number, and the new server would take the dead holder's
//! for a process of its own and wait. Each start therefore counts from another number.

use super::view::View;
use anyhow::Result;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the environment.
    pub environment: BTreeMap<String, String>,
    pub directory: PathBuf,
    /// What it sees of the machine. It is told by an argument: a file could be changed by the server before its next start.
    pub view: View,
    /// How often it was started before: its processes get other numbers each time.
    pub starts: u32,
}

/// Where output goes.
#[derive(Debug)]
pub(crate) struct Output {
    /// Standard output.
    pub out: File,
    /// Standard error.
    pub errors: File,
}

impl Output {
    /// Both into one file.
    pub(crate) fn both(log: File) -> io::Result<Output> {
        Ok(Output { out: log.try_clone()?, errors: log })
    }
}

/// A running tree.
pub(crate) struct ProcessTree {
    init: Child,
}

impl ProcessTree {
    /// Starts `launch` in a PID namespace of its own, output into `output`.
    pub(crate) fn spawn(launch: &Launch, output: Output) -> io::Result<ProcessTree> {
        let mut command = Command::new("/proc/self/exe");
        command.arg("__target-init").arg(serde_json::to_string(&launch.view)?);
        command.args(["--starts", &launch.starts.to_string(), "--"]);
        command.args(&launch.argv);
        command.envs(&launch.environment).env("FERMOPOSTA_SELF", "1");
        command.current_dir(&launch.directory);
        command.stdin(Stdio::null()).stdout(output.out).stderr(output.errors);
        // SAFETY: the closure makes two system calls in the forked child and touches nothing else.
        unsafe {
            command.pre_exec(|| {
                // No terminal: what is typed into one would be the user's.
                nix::unistd::setsid()?;
                unshare(CloneFlags::CLONE_NEWNS)?;
                Ok(())
            });
        }
        // unshare(CLONE_NEWPID) concerns the children of the calling thread only, hence a thread of its own.
        let spawned = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWPID)?;
            command.spawn()
        });
        let init = spawned.join().map_err(|_| io::Error::other("the spawning thread panicked"))??;
        Ok(ProcessTree { init })
    }

    /// Starts `argv` inside the tree's namespaces; it dies with the tree.
    pub(crate) fn spawn_inside(&self, launch: &Launch, output: Output) -> io::Result<Child> {
        let mut command = super::tool::inside(self.init.id(), &launch.argv);
        command.envs(&launch.environment).env("FERMOPOSTA_SELF", "1");
        command.stdin(Stdio::null()).stdout(output.out).stderr(output.errors).spawn()
    }

    /// Asks the root process to end (SIGTERM).
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let pid = i32::try_from(self.init.id()).expect("a pid fits");
        assert!(pid > 1, "a signal to pid {pid} would not hit the target alone");
        Ok(kill(Pid::from_raw(pid), Signal::SIGTERM)?)
    }

    /// Kills every process of the tree.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.init.kill()
    }

    /// After [`ProcessTree::kill`]: waits until no process of the tree will run another instruction of its own, at most
    /// `limit`. Some may still be inside a call that the file system holds back; they end when it is answered.
    pub(crate) fn wait_until_doomed(&mut self, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            if self.ended()?.is_some() || self.has_killed_all() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::park_timeout(Duration::from_micros(200));
        }
    }

    /// A dying init gives its memory back, then kills its namespace, and only then sleeps until all of it is gone.
    fn has_killed_all(&self) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.init.id())) else {
            return false;
        };
        // The command's name may hold anything but ends at the last parenthesis.
        let Some((_, fields)) = stat.rsplit_once(") ") else { return false };
        let fields: Vec<&str> = fields.split(' ').collect();
        let (state, memory) = (fields.first(), fields.get(20));
        state.is_some_and(|state| ["S", "Z"].contains(state)) && memory == Some(&"0")
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.init.try_wait()
    }

    /// Waits until it has ended, at most `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        wait(&mut self.init, limit)
    }
}

/// Waits until `child` has ended, at most `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        // A tree that ended was reaped already; then both calls fail harmlessly.
        let _ = self.init.kill();
        let _ = self.init.try_wait();
    }
}

/// The init of a target's namespace: enters the view that the text `view` describes, is locked in it, runs `argv`, passes SIGTERM on,
/// reaps orphans, ends as `argv` ended.
pub(crate) fn target_init(view: &str, argv: &[String], starts: u32) -> Result<i32> {
    super::binds::mount_proc()?;
    count_processes_from(first_pid(starts));
    let view: View = serde_json::from_str(view)?;
    view.enter()?;
    view.lock_in()?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let target = spawn_target(argv)?;
    loop {
        match signals.wait()? {
            Signal::SIGCHLD => {
                if let Some(code) = reap(target)? {
                    return Ok(code);
                }
            }
            signal => kill(target, signal)?,
        }
    }
}

/// Numbers of a start lie this far from those of the one before.
const PIDS_APART: u32 = 2048;

/// Number after which the processes of a start are counted, below the smallest usual `pid_max` (32768).
fn first_pid(starts: u32) -> u32 {
    const LEAST: u32 = 300;
    LEAST + starts % 15 * PIDS_APART
}

/// Without the file, on a kernel built without CHECKPOINT_RESTORE, numbers repeat.
fn count_processes_from(pid: u32) {
    if let Err(error) = std::fs::write("/proc/sys/kernel/ns_last_pid", pid.to_string()) {
        tracing::warn!("every start of the mail server has the same process numbers: {error}");
    }
}

fn spawn_target(argv: &[String]) -> io::Result<Pid> {
    let (program, arguments) = argv.split_first().ok_or_else(|| io::Error::other("no program given"))?;
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", super::daemons::path_with_daemons());
    // SAFETY: the closure makes system calls in the forked child and touches nothing else.
    unsafe {
        command.pre_exec(|| {
            SigSet::all().thread_unblock()?;
            super::capabilities::keep_those_of_servers()
        });
    }
    let child =
        command.spawn().map_err(|e| io::Error::new(e.kind(), format!("cannot start {program}: {e}")))?;
    Ok(Pid::from_raw(i32::try_from(child.id()).expect("a pid fits")))
}

/// Reaps whatever has ended; the exit code once `target` has.
fn reap(target: Pid) -> io::Result<Option<i32>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == target => return Ok(Some(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == target => {
                return Ok(Some(128 + signal as i32));
            }
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(None),
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_starts_in_a_row_share_no_process_numbers_and_stay_below_the_usual_limit() {
        let first: std::collections::BTreeSet<u32> = (0..15).map(first_pid).collect();
        assert_eq!(first.len(), 15);
        assert!(first.iter().all(|pid| pid + PIDS_APART < 32_768), "{first:?}");
    }
}
