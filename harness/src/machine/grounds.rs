//! Where a run may write, and under which paths its mail servers see their own things.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Short, without anything that a configuration file, a shell or a socket's address could stumble over, whatever the path
/// of the run directory is.
const SHOWN_BELOW: &str = "/var/spool/fermoposta";

/// Directories, and the paths under which a mail server sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown(Vec<(PathBuf, PathBuf)>);

impl Shown {
    /// The path under which a mail server sees `path`.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        let below = |(from, at): &(PathBuf, PathBuf)| Some(at.join(path.strip_prefix(from).ok()?));
        let seen = self.0.iter().find_map(below).unwrap_or_else(|| path.to_owned());
        // Joined with nothing, a path would end with a slash.
        seen.components().collect()
    }

    /// Shows `directory` as `name` too.
    pub(crate) fn show(&mut self, directory: &Path, name: &str) {
        self.0.push((directory.to_owned(), Path::new(SHOWN_BELOW).join(name)));
    }

    /// What is shown, and where.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(PathBuf, PathBuf)> {
        self.0.iter()
    }
}

/// The places of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grounds {
    writable: Vec<PathBuf>,
    shown: Shown,
}

impl Grounds {
    /// Of a run that writes below `run` and where its storages lie; a mail server writes to `shown` only, directories
    /// below it.
    pub(crate) fn new(run: &Path, backings: &[(String, PathBuf)], shown: &[PathBuf]) -> Grounds {
        let mut writable = vec![run.to_owned()];
        for (_, backing) in backings {
            // What a power cut may bring back lies beside a storage, on the same mount.
            let place = backing.parent().unwrap_or(backing);
            if !writable.iter().any(|known| place.starts_with(known)) {
                writable.push(place.to_owned());
            }
        }
        let mut seen = Shown::default();
        for directory in shown {
            seen.show(directory, &directory.file_name().unwrap_or_default().to_string_lossy());
        }
        Grounds { writable, shown: seen }
    }

    /// Directories in which the run writes.
    pub(crate) fn writable(&self) -> &[PathBuf] {
        &self.writable
    }

    /// What mail servers see.
    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_writes_into_its_directory_and_beside_its_storages_only() {
        let run = Path::new("/srv/w w/run");
        let backings = [("a", "/srv/w w/run/storage/a"), ("b", "/disk/run/b"), ("c", "/disk/run/c")];
        let backings = backings.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
        let grounds = Grounds::new(run, &backings, &[run.join("target"), run.join("mnt")]);
        assert_eq!(grounds.writable(), [run, Path::new("/disk/run")]);
    }

    #[test]
    fn a_mail_server_sees_plain_paths() {
        let run = Path::new("/srv/w w/run");
        let grounds = Grounds::new(run, &[], &[run.join("target"), run.join("mnt")]);
        let seen = |path: &str| grounds.shown().seen(Path::new(path)).display().to_string();
        assert_eq!(seen("/srv/w w/run/target"), "/var/spool/fermoposta/target");
        assert_eq!(seen("/srv/w w/run/mnt/mail/queue"), "/var/spool/fermoposta/mnt/mail/queue");
        assert_eq!(seen("/usr/bin/x"), "/usr/bin/x");
    }
}
