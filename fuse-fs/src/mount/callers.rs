//! Names of the processes that call. For the trace each is asked for once in a while; for rules at each call that one asks about.

use crate::clock::Nanos;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
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
fn command_of(pid: u32) -> Option<String> {
    name_in(&open(pid)?)
}

fn open(pid: u32) -> Option<File> {
    File::open(format!("/proc/{pid}/comm")).ok()
}

/// Longer than any name: the kernel keeps 15 bytes, and more of threads of its own.
const LONGEST_NAME: usize = 64;

/// What the process of this file is called now; none if it is gone.
fn name_in(file: &File) -> Option<String> {
    let mut name = [0; LONGEST_NAME];
    let length = file.read_at(&mut name, 0).ok()?;
    Some(String::from_utf8_lossy(&name[..length]).trim_end().to_owned())
}

/// Files that are kept open.
const MOST_FILES: usize = 64;

/// What processes are called at the moment of asking. `/proc/PID/comm` is kept open: such a file is of one process, whoever has its
/// number later, and each reading says what it is called then. So nothing is believed, and only opening is saved.
#[derive(Debug, Default)]
pub(crate) struct CommandFiles(Mutex<HashMap<u32, Arc<File>>>);

impl CommandFiles {
    /// What the process is called now; none for a call by nobody, and for a process that is gone.
    pub(crate) fn command(&self, pid: u32) -> Option<String> {
        if pid == 0 {
            return None;
        }
        let known = self.0.lock().get(&pid).cloned();
        known.and_then(|file| name_in(&file)).or_else(|| self.ask(pid))
    }

    fn ask(&self, pid: u32) -> Option<String> {
        let file = open(pid).or_else(|| {
            // They may be what left this process without descriptors.
            self.0.lock().clear();
            open(pid)
        })?;
        let name = name_in(&file)?;
        let mut all = self.0.lock();
        if all.len() >= MOST_FILES {
            all.clear();
        }
        all.insert(pid, Arc::new(file));
        Some(name)
    }
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
    fn a_process_that_takes_another_name_is_called_by_it_at_once() {
        let files = CommandFiles::default();
        std::thread::spawn(move || {
            // SAFETY: it takes no argument and cannot fail.
            let own = unsafe { libc::gettid() }.unsigned_abs();
            for name in ["first", "second"] {
                std::fs::write(format!("/proc/self/task/{own}/comm"), name).unwrap();
                assert_eq!(files.command(own).as_deref(), Some(name));
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_number_is_asked_anew_once_its_process_is_gone() {
        let files = CommandFiles::default();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let file = open(gone.id()).unwrap();
        gone.wait().unwrap();
        files.0.lock().insert(std::process::id(), Arc::new(file));
        assert_eq!(files.command(std::process::id()), command_of(std::process::id()));
        assert_eq!([files.command(0), files.command(u32::MAX)], [None, None]);
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
