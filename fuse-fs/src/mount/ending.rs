//! Threads that are waited for, but not without end: one may be in a call that the backing directory does not answer.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Whether the thread ends until then.
pub(super) fn ends_before<T>(deadline: Instant, thread: &JoinHandle<T>) -> bool {
    while !thread.is_finished() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    thread.is_finished()
}

/// Whether the thread ends within `patience`.
pub(super) fn ends_within<T>(patience: Duration, thread: &JoinHandle<T>) -> bool {
    ends_before(Instant::now() + patience, thread)
}
