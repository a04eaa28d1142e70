//! What rules of a device name by what lies in its file system, looked up on the mounted one when they are armed.
//!
//! A rule is given the sectors that the files and directories have then, and keeps them: what is written elsewhere later is not
//! struck there, and what comes to lie in those sectors is.

use super::extents;
use fuse_fs::rules::path_globs::PathGlobs;
use fuse_fs::rules::rule::{Holds, Rule};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use record::history::held::Held;
use record::plan::device::Filesystem;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::time::Duration;

/// A device that a fault holds up must not hold up whoever arms another.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// A rule is given no more files and directories.
const MOST: usize = 100_000;

/// What one rule names.
pub(crate) struct Sought {
    pub(crate) rule: String,
    /// A step arms it.
    pub(crate) disarmed: bool,
    holds: Vec<Holds>,
    globs: PathGlobs,
}

/// Why it is not known where that lies.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(
        "where the files of fault `{rule}` lie is not known: the device did not tell within {LONGEST_LOOK:?}; heal what holds it up \
         before the fault is armed"
    )]
    Late { rule: String },
    #[error("where the files of fault `{rule}` lie is not known: {}: {source}", path.display())]
    Unread { rule: String, path: PathBuf, source: io::Error },
    #[error("fault `{rule}` names more than {MOST} files and directories; narrow its `path`")]
    TooMany { rule: String },
    #[error("the paths of fault `{rule}` cannot be compiled together: {why}; use fewer or simpler globs")]
    Globs { rule: String, why: String },
}

/// Takes out of `rules` what they ask of files: calls of a device have no paths.
///
/// # Errors
/// The globs of a rule are too large together.
pub(crate) fn take_out(rules: &mut [Rule]) -> Result<Vec<Arc<Sought>>, LookError> {
    let asking = rules.iter_mut().filter(|rule| rule.selector.holds.iter().any(|what| what.moves()));
    asking.map(|rule| sought(rule).map(Arc::new)).collect()
}

fn sought(rule: &mut Rule) -> Result<Sought, LookError> {
    let globs = PathGlobs::of(&rule.selector)
        .map_err(|error| LookError::Globs { rule: rule.name.clone(), why: error.to_string() })?;
    rule.selector.path.clear();
    rule.selector.not_path.clear();
    let holds = rule.selector.holds.clone();
    Ok(Sought { rule: rule.name.clone(), disarmed: rule.trigger.disarmed, holds, globs })
}

impl Sought {
    /// Looks it up below `root` in a mounted file system, and lets the kernel forget what it has read of it: so the next read asks
    /// the device. Waits for the device, within a bound.
    ///
    /// # Errors
    /// The device does not answer in time, or with an error.
    pub(crate) fn look(
        self: &Arc<Sought>,
        root: &Path,
        filesystem: Filesystem,
    ) -> Result<Vec<Held>, LookError> {
        let (sender, receiver) = mpsc::channel();
        let given_up = Arc::new(AtomicBool::new(false));
        let (sought, at, stop) = (self.clone(), root.to_owned(), given_up.clone());
        let walk = move || {
            let walk = Walk { sought: &sought, root: &at, filesystem, given_up: &stop, found: Vec::new() };
            // Nobody listens any more if it took too long.
            let _ = sender.send(walk.all());
        };
        let began = std::thread::Builder::new().name("look".to_owned()).spawn(walk);
        began.map_err(|source| self.unread(root, source))?;
        receiver.recv_timeout(LONGEST_LOOK).unwrap_or_else(|_| {
            given_up.store(true, Relaxed);
            Err(LookError::Late { rule: self.rule.clone() })
        })
    }

    fn unread(&self, path: &Path, source: io::Error) -> LookError {
        LookError::Unread { rule: self.rule.clone(), path: path.to_owned(), source }
    }

    fn names(&self, what: Holds, path: &Path) -> bool {
        self.holds.contains(&what) && self.globs.take(path)
    }
}

struct Walk<'a> {
    sought: &'a Sought,
    root: &'a Path,
    filesystem: Filesystem,
    given_up: &'a AtomicBool,
    found: Vec<Held>,
}

impl Walk<'_> {
    fn all(mut self) -> Result<Vec<Held>, LookError> {
        let mut left = vec![PathBuf::new()];
        while let Some(directory) = left.pop().filter(|_| !self.given_up.load(Relaxed)) {
            let entries = self.entries(&directory).map_err(|error| self.unread(&directory, error))?;
            self.take(Holds::Directory, &directory)?;
            for entry in entries {
                let path = directory.join(entry.file_name());
                match entry.file_type().map_err(|error| self.unread(&path, error))? {
                    kind if kind.is_dir() => left.push(path),
                    kind if kind.is_file() => self.take(Holds::Data, &path)?,
                    _ => {}
                }
            }
        }
        self.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(self.found)
    }

    fn unread(&self, path: &Path, error: io::Error) -> LookError {
        self.sought.unread(&self.root.join(path), error)
    }

    /// A directory that is gone holds nothing; the root is there.
    fn entries(&self, directory: &Path) -> io::Result<Vec<DirEntry>> {
        match fs::read_dir(self.root.join(directory)) {
            Err(error) if is_gone(&error) && directory != Path::new("") => Ok(Vec::new()),
            entries => entries?.collect(),
        }
    }

    fn take(&mut self, what: Holds, path: &Path) -> Result<(), LookError> {
        if !self.sought.names(what, path) || self.given_up.load(Relaxed) {
            return Ok(());
        }
        let at = match self.place(what, path) {
            Err(error) if is_gone(&error) => return Ok(()),
            at => at.map_err(|error| self.unread(path, error))?,
        };
        if self.found.len() == MOST {
            return Err(LookError::TooMany { rule: self.sought.rule.clone() });
        }
        if !at.is_empty() {
            self.found.push(Held { path: path.to_string_lossy().into_owned(), at });
        }
        Ok(())
    }

    fn place(&self, what: Holds, path: &Path) -> io::Result<Vec<(u64, u64)>> {
        let file = open(&self.root.join(path))?;
        let at = extents::of(&file, self.filesystem)?;
        if what == Holds::Data {
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        }
        Ok(at.into_iter().map(|range| (range.start, range.end)).collect())
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Without a trace of it in the access times.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOATIME;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}
