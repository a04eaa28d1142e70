//! A trace, read for evidence: which files held which attempt, and what the storage answered about them.
//!
//! Model: a file is an inode number from its creation, or from the first write that carried an attempt's mark, until
//! another mark is written to it or another file is created under the number. Read twice: first a summary of every file
//! ([`Traces`]), then, for the few messages that are accused, their calls ([`calls`]). A torn last line is the end; other
//! lines that make no sense are counted.

pub mod beneath;
pub mod cuts;
pub mod damage;
pub mod difference;
pub mod holder;
mod ranges;
pub mod recorded;

use crate::checker::fate::Messages;
use crate::history::{Attempt, MessageId};
use crate::ledger::Ledger;
use crate::plan::MAIL_VOLUME;
use cuts::Cuts;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::trace::FsEvent;
use holder::{Failure, Holder, answered};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Calls kept per accused message.
const CALLS: usize = 40;
/// Struck calls shown on other files of each accused message's user.
const BESIDE: usize = 5;

/// A struck call that took longer was held back.
const HELD: Duration = Duration::from_millis(1);

/// Directory syncs: (started, ended, errno).
type DirectorySyncs = HashMap<(u32, String), Vec<(Nanos, Nanos, i32)>>;
/// What held an inode, in the order of the calls: (first call, attempt).
type Held = HashMap<(u32, u64), Vec<(u64, Attempt)>>;

/// The summary of every trace of a run.
#[derive(Debug, Default)]
pub struct Traces {
    files: Vec<PathBuf>,
    holders: HashMap<Attempt, Vec<Holder>>,
    held: Held,
    current: HashMap<(u32, u64), (Attempt, usize)>,
    /// Files made and not yet known to hold an attempt: first call, when, name.
    created: HashMap<(u32, u64), (u64, Nanos, String)>,
    directory_syncs: DirectorySyncs,
    /// Firings by (storage, rule): (operation, class of path) to count.
    pub struck: BTreeMap<(String, String), BTreeMap<(String, String), u64>>,
    /// Attempts whose file a lying rule struck, and the rule.
    pub lied_about: HashMap<Attempt, String>,
    /// Top-level names below which a lying rule struck a file that held no message, and the rule.
    pub lied_below: HashMap<String, String>,
    /// When faults struck calls, in order.
    firings: Vec<Nanos>,
    /// From when until when faults held calls back; the end of time if they were never answered.
    held_back: Vec<(Nanos, Nanos)>,
    /// Calls that are held back, by storage and ordinal, while the trace is read.
    parked: HashMap<(u32, u64), Nanos>,
    /// Lines that made no sense.
    pub damaged: u64,
    /// What the disks did by themselves.
    pub beneath: beneath::Beneath,
}

/// What the history tells a reader of traces.
struct Known<'a> {
    ledger: &'a Ledger,
    messages: &'a Messages,
    lying: HashSet<(String, String)>,
}

impl Known<'_> {
    fn acknowledged(&self, attempt: Attempt) -> Option<Nanos> {
        let op = self.messages.store(self.ledger, attempt)?;
        op.certain().then_some(op.ended)
    }
}

impl Traces {
    /// Reads every `trace-*.jsonl` of a run directory.
    pub fn read(run: &Path, ledger: &Ledger, messages: &Messages) -> std::io::Result<Traces> {
        let lying = ledger.rules.iter().filter(|r| r.lying);
        let lying = lying.map(|r| (r.storage.clone(), r.rule.clone())).collect();
        let known = Known { ledger, messages, lying };
        let mut traces = Traces { files: trace_files(run)?, ..Traces::default() };
        for (storage, path) in traces.files.clone().into_iter().enumerate() {
            let name = storage_name(&path);
            traces.damaged +=
                stream(&path, |event: FsEvent| traces.take(storage as u32, &name, &known, &event))?;
        }
        (traces.current, traces.created) = (HashMap::new(), HashMap::new());
        traces.held_back.extend(traces.parked.drain().map(|(_, at)| (at, Nanos(u64::MAX))));
        traces.firings.sort_unstable();
        Ok(traces)
    }

    fn take(&mut self, storage: u32, name: &str, known: &Known<'_>, e: &FsEvent) {
        let key = (storage, e.ino);
        self.beneath.take(name, e);
        if e.op == Op::Create && e.errno == 0 {
            self.current.remove(&key);
            self.created.insert(key, (e.seq, e.end.unwrap_or(e.at), e.path.clone()));
        }
        if let Some(attempt) = e.mark.as_deref().and_then(|mark| attempt_of(mark, &known.ledger.run)) {
            self.hold(key, attempt, known, e);
        }
        self.count_firings(name, &known.lying, key, e);
        if !e.fired.is_empty() {
            self.note_held(storage, e);
        }
        if e.op == Op::Fsyncdir && answered(e) {
            let ended = e.end.unwrap_or(Nanos(u64::MAX));
            self.directory_syncs.entry((storage, e.path.clone())).or_default().push((e.at, ended, e.errno));
        }
        if let Some((attempt, index)) = self.current.get(&key)
            && let Some(list) = self.holders.get_mut(attempt)
        {
            list[*index].note(e);
        }
    }

    fn hold(&mut self, key: (u32, u64), attempt: Attempt, known: &Known<'_>, e: &FsEvent) {
        if self.current.get(&key).is_some_and(|(held, _)| *held == attempt) {
            return;
        }
        let mut holder = match self.created.remove(&key) {
            Some((seq, at, path)) => Holder::new(key.0, seq, &path, Some(at), e),
            None => Holder::new(key.0, e.seq, &e.path, None, e),
        };
        if let Some(at) = known.acknowledged(attempt) {
            holder.acknowledge(at);
        }
        self.held.entry(key).or_default().push((holder.from, attempt));
        let list = self.holders.entry(attempt).or_default();
        list.push(holder);
        self.current.insert(key, (attempt, list.len() - 1));
    }

    /// A parked call stands in the trace twice: when it was parked, without an end, and when it ended.
    fn note_held(&mut self, storage: u32, e: &FsEvent) {
        match e.end {
            None => _ = self.parked.insert((storage, e.seq), e.at),
            Some(end) if end.since(e.at) >= HELD => {
                self.parked.remove(&(storage, e.seq));
                self.held_back.push((e.at, end));
            }
            Some(_) => _ = self.parked.remove(&(storage, e.seq)),
        }
    }

    fn count_firings(&mut self, name: &str, lying: &HashSet<(String, String)>, key: (u32, u64), e: &FsEvent) {
        for (rule, _) in &e.fired {
            let rule_key = (name.to_owned(), rule.clone());
            let lies = lying.contains(&rule_key);
            let class = (e.op.to_string(), path_class(&e.path));
            // A frozen call stands in the trace twice: when it was parked, without an end, and when it ended.
            let ended = u64::from(e.end.is_some());
            *self.struck.entry(rule_key).or_default().entry(class).or_default() += ended;
            self.firings.extend(e.end.map(|_| e.at));
            match self.current.get(&key) {
                Some((attempt, _)) if lies => {
                    self.lied_about.insert(*attempt, rule.clone());
                }
                None if lies => {
                    self.lied_below.insert(owner(&e.path).to_owned(), rule.clone());
                }
                Some(_) | None => {}
            }
        }
    }

    /// Takes over what the cuts show of lies: a storage that answered a sync and did nothing. `rule` names the fault of
    /// a storage that may have done it.
    pub fn believe(&mut self, cuts: &Cuts, ledger: &Ledger, rule: impl Fn(&str) -> String) {
        let liar = |cut: usize| rule(&ledger.cuts[cut].storage);
        for (attempt, cut) in &cuts.lied_about {
            self.lied_about.entry(*attempt).or_insert_with(|| liar(*cut));
        }
        for (user, cut) in &cuts.lied_below {
            self.lied_below.entry(ledger.user_name(*user)).or_insert_with(|| liar(*cut));
        }
    }

    /// When faults struck and held calls, for the report's pictures.
    pub fn over_time(&self) -> crate::series::Calls<'_> {
        crate::series::Calls { struck: &self.firings, held: &self.held_back }
    }

    /// How often faults struck calls that began between the two instants; `None` if there is no trace.
    pub fn firings_between(&self, from: Nanos, to: Nanos) -> Option<usize> {
        let upto = |at: Nanos| self.firings.partition_point(|fired| *fired < at);
        (!self.files.is_empty()).then(|| upto(Nanos(to.0.saturating_add(1))).saturating_sub(upto(from)))
    }

    /// Every file that the trace saw of an attempt.
    pub fn holders(&self, attempt: Attempt) -> &[Holder] {
        self.holders.get(&attempt).map_or(&[], Vec::as_slice)
    }

    /// The attempt that an inode held at the call with this ordinal.
    pub fn held_at(&self, storage: u32, ino: u64, call: u64) -> Option<Attempt> {
        let held = self.held.get(&(storage, ino))?;
        let next = held.partition_point(|(from, _)| *from <= call);
        Some(held[next.checked_sub(1)?].1)
    }

    /// Shows every call in the trace of a storage; false if there is none, or it cannot be read to its end.
    pub fn each(&self, storage: &str, each: impl FnMut(FsEvent)) -> bool {
        let file = self.files.iter().find(|path| storage_name(path) == storage);
        file.is_some_and(|file| stream(file, each).is_ok())
    }

    /// The number of a storage, if it has a trace.
    pub fn storage(&self, name: &str) -> Option<u32> {
        self.files.iter().position(|path| storage_name(path) == name).map(|index| index as u32)
    }

    /// A storage by its number.
    pub fn storage_name(&self, number: u32) -> String {
        self.files.get(number as usize).map_or(String::new(), |path| storage_name(path))
    }

    /// The attempt's files all carry a reported failure that stood when it was acknowledged: which.
    /// `None` if one file is sound, or if the trace knows no file that was there then.
    pub fn failure_before(&self, attempt: Attempt) -> Option<Failure> {
        let holders = self.holders(attempt).iter().filter(|h| h.was_there());
        let failures = holders.map(|h| h.standing().or_else(|| self.directory_failure(h)));
        failures.collect::<Option<Vec<Failure>>>()?.into_iter().next()
    }

    /// The storage reported any failure about the attempt's files before it was acknowledged, if it was.
    pub fn met_error(&self, attempt: Attempt) -> bool {
        self.holders(attempt).iter().any(|h| h.met_error() || self.failed_sync(h).is_some())
    }

    /// A directory sync failed after the file got its name there, and none succeeded before the acknowledgement.
    /// Names are not pages: a sync of the directory that succeeds later has written them.
    fn directory_failure(&self, holder: &Holder) -> Option<Failure> {
        let succeeded = self.syncs(holder).any(|s| s.2 == 0);
        if succeeded { None } else { self.failed_sync(holder) }
    }

    fn failed_sync(&self, holder: &Holder) -> Option<Failure> {
        let failed = self.syncs(holder).find(|s| s.2 != 0)?;
        Some(Failure { at: failed.0, op: Op::Fsyncdir, errno: failed.2, retried: false })
    }

    /// Syncs of the directory that holds the file's name, after it got it and before the acknowledgement.
    fn syncs<'a>(&'a self, holder: &'a Holder) -> impl Iterator<Item = &'a (Nanos, Nanos, i32)> {
        let until = holder.acknowledged.unwrap_or(Nanos(u64::MAX));
        let named = holder.named().map(|(at, directory)| (*at, (holder.storage, directory.clone())));
        let syncs = named.and_then(|(at, key)| Some((at, self.directory_syncs.get(&key)?)));
        let all = syncs.into_iter().flat_map(|(at, syncs)| syncs.iter().map(move |s| (at, s)));
        all.filter(move |(at, s)| s.0 >= *at && s.1 <= until).map(|(_, s)| s)
    }

    /// A sync of this directory failed between the two instants.
    pub fn directory_sync_failed(&self, storage: u32, directory: &str, from: Nanos, to: Nanos) -> bool {
        let syncs = self.directory_syncs.get(&(storage, directory.to_owned()));
        syncs.into_iter().flatten().any(|s| s.2 != 0 && s.0 >= from && s.1 <= to)
    }
}

/// Messages whose calls are asked for, and the name of the user each is for.
pub type Wanted = HashMap<MessageId, String>;

/// The calls that touched files of the given messages, in time order, at most [`CALLS`] each; and a few calls on other
/// files of their users (directories, indexes) that a rule struck so that it lied or the call failed.
pub fn calls(traces: &Traces, ledger: &Ledger, wanted: &Wanted) -> HashMap<MessageId, Vec<FsEvent>> {
    let mut found = Calls {
        ledger,
        wanted,
        held: HashMap::new(),
        created: HashMap::new(),
        out: HashMap::new(),
        beside: HashMap::new(),
    };
    if wanted.is_empty() {
        return found.out;
    }
    for path in &traces.files {
        let storage = storage_name(path);
        found.held.clear();
        found.created.clear();
        // The first reading succeeded; should this one not, less evidence is shown and nothing else changes.
        if stream(path, |event: FsEvent| found.take(&storage, event)).is_err() {
            break;
        }
    }
    found.out
}

struct Calls<'a> {
    ledger: &'a Ledger,
    wanted: &'a Wanted,
    held: HashMap<u64, MessageId>,
    /// Files made and not yet known to hold an attempt.
    created: HashMap<u64, FsEvent>,
    out: HashMap<MessageId, Vec<FsEvent>>,
    /// Calls taken on other files of a user.
    beside: HashMap<String, usize>,
}

impl Calls<'_> {
    fn take(&mut self, storage: &str, event: FsEvent) {
        if event.op == Op::Create && event.errno == 0 {
            self.held.remove(&event.ino);
            // One that a fault struck is evidence by itself, whatever the file comes to hold.
            if event.fired.is_empty() || !self.tells(storage, &event) {
                self.created.insert(event.ino, event);
                return;
            }
        }
        if let Some(attempt) = event.mark.as_deref().and_then(|mark| attempt_of(mark, &self.ledger.run)) {
            self.hold(event.ino, attempt.message);
        }
        match self.held.get(&event.ino) {
            Some(message) if self.wanted.contains_key(message) => {
                let list = self.out.entry(*message).or_default();
                if list.len() < CALLS {
                    list.push(event);
                }
            }
            None if !event.fired.is_empty() && self.tells(storage, &event) => self.beside(&event),
            Some(_) | None => {}
        }
    }

    /// The calls of a message's file begin with the one that made it.
    fn hold(&mut self, ino: u64, message: MessageId) {
        let before = self.held.insert(ino, message);
        let created = self.created.remove(&ino).filter(|_| before != Some(message));
        if let Some(created) = created.filter(|_| self.wanted.contains_key(&message)) {
            self.out.entry(message).or_default().push(created);
        }
    }

    /// The call failed, or the rule lies.
    fn tells(&self, storage: &str, event: &FsEvent) -> bool {
        let lies =
            |name: &str| self.ledger.rules.iter().any(|r| r.lying && r.storage == storage && r.rule == name);
        event.end.is_some() && (event.errno != 0 || event.fired.iter().any(|(name, _)| lies(name)))
    }

    fn beside(&mut self, event: &FsEvent) {
        let user = owner(&event.path);
        let taken = self.beside.entry(user.to_owned()).or_default();
        if *taken == BESIDE {
            return;
        }
        *taken += 1;
        for (message, _) in self.wanted.iter().filter(|(_, name)| *name == user) {
            self.out.entry(*message).or_default().push(event.clone());
        }
    }
}

/// `RUN-MESSAGE-ATTEMPT` of this run at the beginning of a mark. What follows its last digit is not part of it: a queue
/// file may go on with something else than a line's end.
pub fn attempt_of(mark: &str, run: &str) -> Option<Attempt> {
    let rest = mark.trim_start().strip_prefix(run)?.strip_prefix('-')?;
    let (message, rest) = rest.split_once('-')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(Attempt { message: MessageId(message.parse().ok()?), n: rest[..end].parse().ok()? })
}

/// The directory of a user that a path is in or is; empty for what is everybody's.
fn owner(path: &str) -> &str {
    let mut names = path.split('/');
    match names.next() {
        Some(MAIL_VOLUME) => names.next().unwrap_or_default(),
        first => first.unwrap_or_default(),
    }
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

/// Reads lines of JSON; returns how many made no sense.
fn stream<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> std::io::Result<u64> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut damaged) = (Vec::new(), 0);
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Ok(damaged);
        }
        match serde_json::from_slice(&text) {
            Ok(line) => each(line),
            Err(_) => damaged += 1,
        }
    }
}
