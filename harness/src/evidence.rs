//! A trace, read for evidence: which files held which attempt, and what the storage answered about them.
//!
//! Model: a file is an inode number from the first write that carried an attempt's mark until another mark is
//! written to it. Read twice: first a summary of every file ([`Traces`]), then, for the few messages that are
//! accused, their calls ([`calls`]). A torn last line is the end; other lines that make no sense are counted.

use crate::history::{Attempt, MessageId};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::trace::FsEvent;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Calls kept per accused message.
const CALLS: usize = 40;

/// A failure the storage reported about a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// When.
    pub at: Nanos,
    /// Which call.
    pub op: Op,
    /// What the caller got.
    pub errno: i32,
}

/// One file that held an attempt.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    written: Option<Nanos>,
    failed_write: Option<Failure>,
    failed_sync: Option<Failure>,
    named: Option<(Nanos, String)>,
}

/// Directory syncs: (started, ended, errno).
type DirectorySyncs = HashMap<(u32, String), Vec<(Nanos, Nanos, i32)>>;

/// The summary of every trace of a run.
#[derive(Debug, Default)]
pub struct Traces {
    files: Vec<PathBuf>,
    holders: HashMap<Attempt, Vec<(u32, Holder)>>,
    current: HashMap<(u32, u64), (Attempt, usize)>,
    directory_syncs: DirectorySyncs,
    /// Firings by (storage, rule): (operation, class of path) to count.
    pub struck: BTreeMap<(String, String), BTreeMap<(String, String), u64>>,
    /// Attempts whose file a lying rule struck, and the rule.
    pub lied_about: HashMap<Attempt, String>,
    /// Top-level names below which a lying rule struck a file that held no message, and the rule.
    pub lied_below: HashMap<String, String>,
    /// Lines that made no sense.
    pub damaged: u64,
}

impl Traces {
    /// Reads every `trace-*.jsonl` of a run directory. `lying` tells the rules that lie, as (storage, rule).
    pub fn read(run: &Path, run_token: &str, lying: &HashSet<(String, String)>) -> std::io::Result<Traces> {
        let mut traces = Traces { files: trace_files(run)?, ..Traces::default() };
        for (storage, path) in traces.files.clone().into_iter().enumerate() {
            let name = storage_name(&path);
            traces.damaged +=
                stream(&path, |event| traces.take(storage as u32, &name, run_token, lying, &event))?;
        }
        traces.current = HashMap::new();
        Ok(traces)
    }

    fn take(&mut self, storage: u32, name: &str, run: &str, lying: &HashSet<(String, String)>, e: &FsEvent) {
        if let Some(attempt) = e.mark.as_deref().and_then(|mark| attempt_of(mark, run)) {
            self.hold(storage, e.ino, attempt);
        }
        let key = (storage, e.ino);
        self.count_firings(name, lying, key, e);
        if e.op == Op::Fsyncdir {
            let ended = e.end.unwrap_or(Nanos(u64::MAX));
            self.directory_syncs.entry((storage, e.path.clone())).or_default().push((e.at, ended, e.errno));
        }
        if let Some((attempt, index)) = self.current.get(&key)
            && let Some(list) = self.holders.get_mut(attempt)
        {
            list[*index].1.note(e);
        }
    }

    fn hold(&mut self, storage: u32, ino: u64, attempt: Attempt) {
        if self.current.get(&(storage, ino)).is_some_and(|(held, _)| *held == attempt) {
            return;
        }
        let list = self.holders.entry(attempt).or_default();
        list.push((storage, Holder::default()));
        self.current.insert((storage, ino), (attempt, list.len() - 1));
    }

    fn count_firings(&mut self, name: &str, lying: &HashSet<(String, String)>, key: (u32, u64), e: &FsEvent) {
        for (rule, _) in &e.fired {
            let rule_key = (name.to_owned(), rule.clone());
            let lies = lying.contains(&rule_key);
            let class = (e.op.to_string(), path_class(&e.path));
            // A frozen call stands in the trace twice: when it was parked, without an end, and when it ended.
            let ended = u64::from(e.end.is_some());
            *self.struck.entry(rule_key).or_default().entry(class).or_default() += ended;
            match self.current.get(&key) {
                Some((attempt, _)) if lies => {
                    self.lied_about.insert(*attempt, rule.clone());
                }
                None if lies => {
                    let top = e.path.split('/').next().unwrap_or_default().to_owned();
                    self.lied_below.insert(top, rule.clone());
                }
                Some(_) | None => {}
            }
        }
    }

    /// The attempt's files all carry a reported failure that stood when it was acknowledged: which.
    /// `None` if one file is sound, or if the trace knows no file of it.
    pub fn failure_before(&self, attempt: Attempt, acknowledged: Nanos) -> Option<Failure> {
        let holders = self.holders.get(&attempt)?;
        let failures = holders.iter().map(|(storage, h)| self.failure_of(*storage, h, acknowledged));
        failures.collect::<Option<Vec<Failure>>>()?.into_iter().next()
    }

    fn failure_of(&self, storage: u32, holder: &Holder, acknowledged: Nanos) -> Option<Failure> {
        let before = |f: &&Failure| f.at < acknowledged;
        let own = holder.failed_write.as_ref().filter(before).or(holder.failed_sync.as_ref().filter(before));
        own.cloned().or_else(|| self.directory_failure(storage, holder, acknowledged))
    }

    /// A directory sync failed after the file got its name there, and none succeeded before the acknowledgement.
    fn directory_failure(&self, storage: u32, holder: &Holder, acknowledged: Nanos) -> Option<Failure> {
        let (named, directory) = holder.named.as_ref()?;
        let syncs = self.directory_syncs.get(&(storage, directory.clone()))?;
        let between = || syncs.iter().filter(|s| s.0 >= *named && s.1 <= acknowledged);
        if between().any(|s| s.2 == 0) {
            return None;
        }
        between().next().map(|s| Failure { at: s.0, op: Op::Fsyncdir, errno: s.2 })
    }
}

impl Holder {
    fn note(&mut self, e: &FsEvent) {
        let failure = || Failure { at: e.at, op: e.op, errno: e.errno };
        match e.op {
            Op::Write if e.errno != 0 => self.failed_write = Some(failure()),
            Op::Write => {
                self.written = Some(e.at);
                (self.failed_write, self.failed_sync) = (None, None);
            }
            // A later success says nothing about pages that an earlier failed sync gave up.
            Op::Fsync if e.errno != 0 => self.failed_sync = Some(failure()),
            Op::Rename | Op::Link if e.errno == 0 => {
                self.named = e.new_path.as_ref().map(|path| (e.at, parent(path)));
            }
            Op::Create if self.named.is_none() => self.named = Some((e.at, parent(&e.path))),
            _ => {}
        }
    }
}

/// The calls that touched files of the given messages, in time order, at most [`CALLS`] each.
pub fn calls(traces: &Traces, run: &str, wanted: &HashSet<MessageId>) -> HashMap<MessageId, Vec<FsEvent>> {
    let mut out: HashMap<MessageId, Vec<FsEvent>> = HashMap::new();
    if wanted.is_empty() {
        return out;
    }
    for path in &traces.files {
        let mut held: HashMap<u64, MessageId> = HashMap::new();
        let read = stream(path, |event| {
            if let Some(attempt) = event.mark.as_deref().and_then(|mark| attempt_of(mark, run)) {
                held.insert(event.ino, attempt.message);
            }
            let Some(message) = held.get(&event.ino).filter(|m| wanted.contains(m)) else { return };
            let list = out.entry(*message).or_default();
            if list.len() < CALLS {
                list.push(event);
            }
        });
        // The first reading succeeded; should this one not, less evidence is shown and nothing else changes.
        if read.is_err() {
            break;
        }
    }
    out
}

/// `RUN-MESSAGE-ATTEMPT` of this run.
pub fn attempt_of(mark: &str, run: &str) -> Option<Attempt> {
    let mut parts = mark.trim().split('-');
    let (Some(token), Some(message), Some(n), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let message = MessageId(message.parse().ok()?);
    (token == run).then_some(Attempt { message, n: n.parse().ok()? })
}

/// A path with everything that varies replaced, so that firings can be counted by where they struck.
pub fn path_class(path: &str) -> String {
    let classes: Vec<String> = path.split('/').map(component_class).collect();
    classes.join("/")
}

fn component_class(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) && name.len() > 8 {
        return "*".to_owned();
    }
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' if out.ends_with('*') => {}
            '0'..='9' => out.push('*'),
            other => out.push(other),
        }
    }
    out
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(directory, _)| directory.to_owned())
}

fn trace_files(run: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(run)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("trace-") && name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn storage_name(path: &Path) -> String {
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.trim_start_matches("trace-").to_owned()
}

/// Reads a trace line by line; returns how many lines made no sense.
fn stream(path: &Path, mut each: impl FnMut(FsEvent)) -> std::io::Result<u64> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut damaged) = (Vec::new(), 0);
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Ok(damaged);
        }
        match serde_json::from_slice(&text) {
            Ok(event) => each(event),
            Err(_) => damaged += 1,
        }
    }
}
