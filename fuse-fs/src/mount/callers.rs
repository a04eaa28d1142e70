//! Names of the processes that call, for the trace: each is asked for once, and a call never waits long for it.

use crate::clock::Nanos;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

/// How long a name is believed: a process may take another, and its number may be given anew.
const BELIEVED: Duration = Duration::from_secs(1);

/// Processes known at once.
const MOST: usize = 1024;

/// A process as it was asked: when, and what it is called if it was still there.
type Known = (Nanos, Option<String>);

/// What processes are called, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Callers(Mutex<HashMap<u32, Known>>);

impl Callers {
    /// What the process is called; none for a call by nobody, and for a process that is gone.
    pub(crate) fn command(&self, pid: u32, now: Nanos) -> Option<String> {
        if pid == 0 {
            return None;
        }
        let known = self.0.lock().get(&pid).filter(|(asked, _)| now.since(*asked) < BELIEVED).cloned();
        let (_, name) = known.unwrap_or_else(|| self.ask(pid, now));
        name
    }

    fn ask(&self, pid: u32, now: Nanos) -> Known {
        let known = (now, command_of(pid));
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(pid, known.clone());
        known
    }
}

/// What a process is called, if it is there.
pub(crate) fn command_of(pid: u32) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_asked_once_in_a_while() {
        let callers = Callers::default();
        let own = std::process::id();
        let name = callers.command(own, Nanos(0));
        assert_eq!(name, command_of(own));
        callers.0.lock().insert(own, (Nanos(0), Some("earlier".to_owned())));
        assert_eq!(callers.command(own, Nanos(999_999_999)).as_deref(), Some("earlier"));
        assert_eq!(callers.command(own, Nanos(1_000_000_000)), name);
    }

    #[test]
    fn nobody_and_who_is_gone_have_no_name() {
        let callers = Callers::default();
        assert_eq!(callers.command(0, Nanos(0)), None);
        assert_eq!(callers.command(u32::MAX, Nanos(0)), None);
    }

    #[test]
    fn no_more_are_kept_than_a_bound() {
        let callers = Callers::default();
        (1..=2 * MOST as u32).for_each(|n| drop(callers.command(u32::MAX - n, Nanos(0))));
        assert!(callers.0.lock().len() <= MOST);
    }
}
