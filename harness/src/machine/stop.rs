//! SIGINT and SIGTERM in the outer process: end the runs at once; the kernel cleans up.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicI32, Ordering};

/// Runs at once, at most.
pub(crate) const MOST_RUNS: usize = 128;

static KEEPERS: [AtomicI32; MOST_RUNS] = [const { AtomicI32::new(0) }; MOST_RUNS];
/// Those that are told first, and killed by the second signal only.
static TOLD: [AtomicI32; MOST_RUNS] = [const { AtomicI32::new(0) }; MOST_RUNS];
static STOPPED: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(signal: libc::c_int) {
    let again = STOPPED.swap(signal, Ordering::SeqCst) != 0;
    KEEPERS.iter().for_each(|keeper| send(keeper, libc::SIGKILL));
    TOLD.iter().for_each(|told| send(told, if again { libc::SIGKILL } else { libc::SIGTERM }));
}

fn send(process: &AtomicI32, signal: libc::c_int) {
    let process = process.load(Ordering::SeqCst);
    if process > 1 {
        // SAFETY: kill is async-signal-safe; the pid is that of a child this process has not yet waited for.
        unsafe { libc::kill(process, signal) };
    }
}

/// Installs the handlers. Until a run is announced they only note the signal.
pub(crate) fn install() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler touches atomics and calls kill only.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// While it lives, a signal kills the process.
pub(crate) struct KillOnStop(&'static AtomicI32);

impl Drop for KillOnStop {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

/// Announces the process to kill when a signal arrives; it is killed at once if one has arrived before.
///
/// # Panics
/// There are [`MOST_RUNS`] already.
pub(crate) fn kill_on_stop(keeper: u32) -> KillOnStop {
    announce(&KEEPERS, keeper, libc::SIGKILL)
}

/// Announces a process that has to put things right before it ends: it is told (SIGTERM) when a signal arrives, and killed
/// by a second one.
///
/// # Panics
/// There are [`MOST_RUNS`] already.
pub(crate) fn tell_on_stop(process: u32) -> KillOnStop {
    announce(&TOLD, process, libc::SIGTERM)
}

fn announce(slots: &'static [AtomicI32], process: u32, signal: libc::c_int) -> KillOnStop {
    let pid = i32::try_from(process).expect("a pid fits");
    let free = |slot: &&AtomicI32| slot.compare_exchange(0, pid, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    let slot = slots.iter().find(free).expect("fewer runs at once than MOST_RUNS");
    if requested() {
        send(slot, signal);
    }
    KillOnStop(slot)
}

/// A signal has arrived.
pub(crate) fn requested() -> bool {
    STOPPED.load(Ordering::SeqCst) != 0
}
