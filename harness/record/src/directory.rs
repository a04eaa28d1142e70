//! The run directory: where everything of one run lies, and under which names.

use anyhow::Context;
use std::io;
use std::path::{Path, PathBuf};

/// How the name of a trace begins, before its storage's.
const TRACE: &str = "trace-";
const TRACE_END: &str = ".jsonl";

/// What a run that fails finds room with to say why, also on a disk that it has filled: bytes.
const RESERVE: usize = 64 << 10;

/// A run directory.
#[derive(Clone, Debug)]
pub struct RunDirectory(PathBuf);

/// A path that somebody took for the directory of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not the directory of a run: it holds no plan.json; `fermoposta run` prints where it recorded", .0.display())]
pub struct NotARun(pub PathBuf);

impl RunDirectory {
    /// Makes a new one below `base`, named after scenario, target and seed; a number is added if it exists.
    pub fn create(base: &Path, scenario: &str, target: &str, seed: u64) -> io::Result<RunDirectory> {
        RunDirectory::named(base, &format!("{}-{}-{seed}", file_name(scenario), file_name(target)))
    }

    /// Makes a new one of that name below `base`; a number is added if it exists.
    pub fn named(base: &Path, name: &str) -> io::Result<RunDirectory> {
        std::fs::create_dir_all(base)?;
        let base = base.canonicalize()?;
        for n in 1..10_000 {
            let path = base.join(if n == 1 { name.to_owned() } else { format!("{name}.{n}") });
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(RunDirectory(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{} has ten thousand runs named {name}; remove some", base.display())))
    }

    /// That of a run; its path as given.
    ///
    /// # Errors
    /// There is no run in it.
    pub fn of_run(path: &Path) -> Result<RunDirectory, NotARun> {
        let directory = RunDirectory::existing(path);
        if directory.plan().is_file() { Ok(directory) } else { Err(NotARun(path.to_owned())) }
    }

    /// An existing one; its path as given.
    pub fn existing(path: &Path) -> RunDirectory {
        RunDirectory(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// Backing directories by storage.
    pub fn places(&self) -> PathBuf {
        self.0.join("places.json")
    }

    /// The scenario's text.
    pub fn scenario(&self) -> PathBuf {
        self.0.join("scenario.toml")
    }

    /// What the run stood on.
    pub fn environment(&self) -> PathBuf {
        self.0.join("environment.json")
    }

    pub fn history(&self) -> PathBuf {
        self.0.join("history.jsonl")
    }

    /// File-system calls of one storage.
    pub fn trace(&self, storage: &str) -> PathBuf {
        self.0.join(format!("{TRACE}{}{TRACE_END}", file_name(storage)))
    }

    /// The traces that are there, with their storages' names in files.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn traces(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut traces = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let storage = name.strip_prefix(TRACE).and_then(|rest| rest.strip_suffix(TRACE_END));
            traces.extend(storage.map(|storage| (storage.to_owned(), path)));
        }
        traces.sort();
        Ok(traces)
    }

    /// A copy of a target file of the user's, where it is found beside the copy of the scenario.
    pub fn target_file(&self, server: &str) -> PathBuf {
        self.0.join("targets").join(format!("{}.toml", file_name(server)))
    }

    /// A copy of a sender file of the user's, likewise.
    pub fn sender_file(&self, sender: &str) -> PathBuf {
        self.0.join("senders").join(format!("{}.toml", file_name(sender)))
    }

    /// What is read to judge the run, beside traces and records: each may be there.
    pub fn judged(&self) -> [PathBuf; 5] {
        [self.plan(), self.scenario(), self.environment(), self.history(), self.failure()]
    }

    pub fn report(&self) -> PathBuf {
        self.0.join("report.json")
    }

    /// The judgement as a page for people.
    pub fn page(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// Every acknowledged message that is not as it must be; only if there are any.
    pub fn lost_mail(&self) -> PathBuf {
        self.0.join("lost-mail.csv")
    }

    /// Why the run was not done to its end, in words for the user.
    pub fn failure(&self) -> PathBuf {
        self.0.join("failure.txt")
    }

    fn reserve(&self) -> PathBuf {
        self.0.join("reserve")
    }

    /// Sets room aside for [`RunDirectory::fail`].
    ///
    /// # Errors
    /// There is none.
    pub fn set_room_aside(&self) -> io::Result<()> {
        std::fs::write(self.reserve(), vec![0x5a_u8; RESERVE])
    }

    /// Gives back what was set aside; nothing was, if it is not there.
    pub fn give_room_back(&self) {
        let _ = std::fs::remove_file(self.reserve());
    }

    /// Writes down why the run was not done to its end.
    ///
    /// # Errors
    /// It cannot be written; nothing of it is left then, for half a reason is none.
    pub fn fail(&self, why: &str) -> io::Result<()> {
        self.give_room_back();
        std::fs::write(self.failure(), format!("{}\n", why.trim_end()))
            .inspect_err(|_| drop(std::fs::remove_file(self.failure())))
    }

    /// Why the run was not done to its end, if that was written down.
    pub fn why_it_failed(&self) -> Option<String> {
        let why = std::fs::read(self.failure()).ok()?;
        Some(String::from_utf8_lossy(&why).trim_end().to_owned()).filter(|why| !why.is_empty())
    }

    /// The mail server's configuration, sockets and logs.
    pub fn target(&self) -> PathBuf {
        self.0.join("target")
    }

    /// Records of power cuts.
    pub fn cuts(&self) -> PathBuf {
        self.0.join("cuts")
    }

    /// Name of the record of one storage's part in the n-th power cut, below the run directory.
    pub fn cut_name(n: u32, storage: &str) -> String {
        format!("cuts/{n}-{}", file_name(storage))
    }

    /// Name of the n-th file of what came back as a damaged message, below the run directory; `token` is the attempt's.
    pub fn specimen_name(token: &str, n: usize, reading: &str) -> String {
        format!("damaged/{}/{n}-{}.eml", file_name(token), file_name(reading))
    }

    /// Name of the file of what was sent as a message that came back damaged, below the run directory.
    pub fn sent_name(token: &str) -> String {
        format!("damaged/{}/sent.eml", file_name(token))
    }

    /// Messages that came back with other bytes than were sent.
    pub fn damaged(&self) -> PathBuf {
        self.0.join("damaged")
    }

    /// What the durability model of one storage cannot hold in memory.
    pub fn spill(&self, storage: &str) -> PathBuf {
        self.0.join("spill").join(file_name(storage))
    }

    /// The state of one storage that step `index` goes back to.
    pub fn snapshot(&self, index: usize, storage: &str) -> PathBuf {
        self.0.join("snapshots").join(format!("{index}-{}", file_name(storage)))
    }

    /// Where each user's link to its storage lies.
    pub fn links(&self) -> PathBuf {
        self.0.join("links")
    }

    /// What the front door's spool holds.
    pub fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    /// Locked by the process that cleans up after a crash, as long as it lives.
    pub fn guard(&self) -> PathBuf {
        self.0.join("guard.lock")
    }

    /// Where the mount points lie.
    pub fn mountpoints(&self) -> PathBuf {
        self.0.join("mnt")
    }

    /// Mount point of one storage.
    pub fn mountpoint(&self, storage: &str) -> PathBuf {
        self.mountpoints().join(file_name(storage))
    }

    /// Mount point of a storage that is a device: no mail server sees it.
    pub fn device_mountpoint(&self, storage: &str) -> PathBuf {
        self.0.join("devices").join(file_name(storage))
    }

    /// Backing directory of one storage, unless the user gave one.
    pub fn backing(&self, storage: &str) -> PathBuf {
        self.0.join("storage").join(file_name(storage))
    }
}

/// One of its JSON files.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let read = || format!("cannot read {}", path.display());
    let text = std::fs::read_to_string(path).with_context(read)?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// `name` with everything but letters, digits, dot, dash and underscore replaced.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_given_back_to_say_why_a_run_failed() {
        let place = tempfile::tempdir().expect("a directory");
        let run = RunDirectory::existing(place.path());
        run.set_room_aside().expect("there is room");
        assert_eq!(run.why_it_failed(), None);
        run.fail("no room\n").expect("written");
        assert_eq!(run.why_it_failed().as_deref(), Some("no room"));
        assert!(!run.reserve().exists());
        std::fs::write(run.failure(), "").expect("written");
        assert_eq!(run.why_it_failed(), None, "half a reason is none");
    }
}
