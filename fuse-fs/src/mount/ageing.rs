//! The timers of the storage's file system, which run as long as it is mounted.

use super::ending::ends_within;
use crate::durability::Volatile;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How late they may be.
const TICK: Duration = Duration::from_secs(1);

/// They give back what was deleted, and the backing directory may not answer: then they are not waited for.
const LAST_CALL: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub(crate) struct Ageing {
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ageing {
    pub(crate) fn of(volatile: Arc<Volatile>) -> io::Result<Ageing> {
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let told = ended.clone();
        let tick = move || {
            let (ended, bell) = &*told;
            let mut ended = ended.lock();
            while !*ended {
                if bell.wait_for(&mut ended, TICK).timed_out() {
                    // Whoever ends it need not wait for the backing directory.
                    MutexGuard::unlocked(&mut ended, || volatile.age());
                }
            }
        };
        let thread = std::thread::Builder::new().name("fuse-ageing".into()).spawn(tick)?;
        Ok(Ageing { ended, thread: Some(thread) })
    }
}

impl Drop for Ageing {
    fn drop(&mut self) {
        let (ended, bell) = &*self.ended;
        *ended.lock() = true;
        bell.notify_all();
        match self.thread.take().filter(|thread| ends_within(LAST_CALL, thread)).map(JoinHandle::join) {
            Some(Ok(())) => {}
            Some(Err(_)) => tracing::error!("the timers of the storage panicked"),
            None => tracing::warn!("the timers of the storage wait for the backing directory and were left"),
        }
    }
}
