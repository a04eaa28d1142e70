//! SIGINT and SIGTERM in the outer process: end the run at once; the kernel cleans up.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicI32, Ordering};

static KEEPER: AtomicI32 = AtomicI32::new(0);
static STOPPED: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(signal: libc::c_int) {
    STOPPED.store(signal, Ordering::SeqCst);
    let keeper = KEEPER.load(Ordering::SeqCst);
    if keeper > 1 {
        // SAFETY: kill is async-signal-safe; the pid is that of a child this process has not yet waited for.
        unsafe { libc::kill(keeper, libc::SIGKILL) };
    }
}

/// Installs the handlers. Until a run is announced they only note the signal.
pub fn install() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler touches atomics and calls kill only.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// The process to kill when a signal arrives; 0 for none.
pub fn on_stop_kill(keeper: u32) {
    KEEPER.store(i32::try_from(keeper).unwrap_or(0), Ordering::SeqCst);
}

/// A signal has arrived.
pub fn requested() -> bool {
    STOPPED.load(Ordering::SeqCst) != 0
}
