//! A trace, read for evidence: which files held which attempt, and what the storage answered about them.
//!
//! Model: a file is an inode number from its creation, or from the first write that carried an attempt's mark, until
//! another mark is written to it or another file is created under the number. Read twice: first a summary of every file
//! ([`Traces`]), then, for the few messages that are accused, their calls ([`calls`]). A torn last line is the end; other
//! lines that make no sense are counted.

use super::beneath::Beneath;
use super::files::stream;
use super::holder::{Failure, Holder, answered};
use super::placed::Sectors;
use crate::trace::lasting::Lasting;
use crate::trace::whole;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use record::directory::RunDirectory;
use record::history::{Attempt, MessageId, UserId};
use record::ledger::messages::Messages;
use record::ledger::{Bearers, Ledger};
use record::plan::{MAIL_VOLUME, Plan, QUEUE_VOLUME};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
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
/// What held an inode, in the order of the calls: (first call, attempts). Several are recipients of one message whose copies
/// are one file.
type Held = HashMap<(u32, u64), Vec<(u64, Bearers)>>;
/// Attempts that a file holds, each with its place among their holders.
type Current = SmallVec<[(Attempt, usize); 1]>;

/// The summary of every trace of a run.
#[derive(Debug, Default)]
pub struct Traces {
    /// By the storages' names, in their order.
    files: Vec<(String, PathBuf)>,
    holders: HashMap<Attempt, Vec<Holder>>,
    held: Held,
    current: HashMap<(u32, u64), Current>,
    /// Files made and not yet known to hold an attempt: first call, when, name.
    created: HashMap<(u32, u64), (u64, Nanos, String)>,
    directory_syncs: DirectorySyncs,
    /// Firings by (storage, rule): (operation, class of path) to count. Of a device's fault that names files, the file in whose sectors
    /// the call was, as it is called.
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
    /// What faults for good struck when all mail was read: storage and user (nobody's where no path says whose), and the rule.
    gone: HashMap<(u32, Option<UserId>), String>,
    /// Bytes written, by storage, but to its queue.
    written: HashMap<u32, u64>,
    /// Lines that made no sense.
    pub damaged: u64,
    /// Storages whose trace proves nothing by what it does not show, and why: it is absent, or not what the run closed.
    pub doubts: BTreeMap<String, String>,
    /// What the disks did by themselves.
    pub beneath: Beneath,
}

/// What the history tells a reader of traces.
struct Known<'a> {
    ledger: &'a Ledger,
    messages: &'a Messages,
    lying: HashSet<(String, String)>,
    lasting: Lasting<'a>,
    sectors: Sectors<'a>,
}

impl Known<'_> {
    fn acknowledged(&self, attempt: Attempt) -> Option<Nanos> {
        let op = self.messages.store(self.ledger, attempt)?;
        op.certain().then_some(op.ended)
    }

    /// The token that several recipients' attempts carry; none if it is an attempt's own.
    fn token(&self, attempt: Attempt) -> Option<Attempt> {
        self.messages.store(self.ledger, attempt)?.carries.map(|message| Attempt { message, n: attempt.n })
    }
}

impl Traces {
    /// Reads every `trace-*.jsonl` of a run directory.
    pub fn read(run: &Path, plan: &Plan, ledger: &Ledger, messages: &Messages) -> std::io::Result<Traces> {
        let lying = ledger.rules.iter().filter(|r| r.lying);
        let lying = lying.map(|r| (r.storage.clone(), r.rule.clone())).collect();
        let known = Known {
            ledger,
            messages,
            lying,
            lasting: Lasting::of(plan, ledger),
            sectors: Sectors::of(ledger),
        };
        let mut traces = Traces { files: RunDirectory::existing(run).traces()?, ..Traces::default() };
        let mut all = BTreeMap::new();
        for (storage, (name, path)) in traces.files.clone().into_iter().enumerate() {
            let found = whole::read(&path, |event| traces.take(storage as u32, &name, &known, &event))?;
            traces.damaged += found.damaged;
            all.insert(name, found);
        }
        traces.doubts = whole::doubts(plan, ledger, &all);
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
        if let Some(token) = e.mark.as_deref().and_then(|mark| attempt_of(mark, &known.ledger.run)) {
            self.hold(key, token, known, e);
        }
        if let (Op::Link, 0, Some(to)) = (e.op, e.errno, &e.new_path) {
            self.share(key, to, known, e);
        }
        self.count_firings(name, known, key, e);
        if let Some((rule, user)) = known.lasting.struck(name, e) {
            self.gone.entry((storage, user)).or_insert(rule);
        }
        if !e.fired.is_empty() {
            self.note_held(storage, e);
        }
        if e.op == Op::Write && e.errno == 0 && !queued(&e.path) {
            *self.written.entry(storage).or_default() += e.done.unwrap_or_default();
        }
        if e.op == Op::Fsyncdir && answered(e) {
            let ended = e.end.unwrap_or(Nanos(u64::MAX));
            self.directory_syncs.entry((storage, e.path.clone())).or_default().push((e.at, ended, e.errno));
        }
        for (attempt, index) in self.current.get(&key).into_iter().flatten() {
            if let Some(list) = self.holders.get_mut(attempt) {
                list[*index].note(e);
            }
        }
    }

    /// The file holds what carries this token: the attempt of whoever is named in its path, or of all whom it was for.
    fn hold(&mut self, key: (u32, u64), token: Attempt, known: &Known<'_>, e: &FsEvent) {
        let holds = |one: &(Attempt, usize)| known.ledger.groups.all(token).contains(&one.0);
        if self.current.get(&key).is_some_and(|held| held.iter().any(holds)) {
            return;
        }
        let holder = match self.created.remove(&key) {
            Some((seq, at, path)) => Holder::new(key.0, seq, &path, Some(at), e),
            None => Holder::new(key.0, e.seq, &e.path, None, e),
        };
        let bearers = known.ledger.groups.at(token, &holder.path, &known.ledger.users);
        self.held.entry(key).or_default().push((holder.from, bearers.clone()));
        self.current.remove(&key);
        for attempt in bearers {
            self.add(key, attempt, holder.clone(), known);
        }
    }

    /// One more recipient's copy is the same file under another name.
    fn share(&mut self, key: (u32, u64), to: &str, known: &Known<'_>, e: &FsEvent) {
        let Some((first, index)) = self.current.get(&key).and_then(|held| held.first()).copied() else {
            return;
        };
        let Some(token) = known.token(first) else { return };
        for attempt in known.ledger.groups.at(token, to, &known.ledger.users) {
            if self.current.get(&key).is_some_and(|held| held.iter().any(|(one, _)| *one == attempt)) {
                continue;
            }
            let holder = self.holders[&first][index].clone();
            let mut bearers = self.held[&key].last().map(|(_, bearers)| bearers.clone()).unwrap_or_default();
            bearers.push(attempt);
            self.held.entry(key).or_default().push((e.seq, bearers));
            self.add(key, attempt, holder, known);
        }
    }

    fn add(&mut self, key: (u32, u64), attempt: Attempt, mut holder: Holder, known: &Known<'_>) {
        if let Some(at) = known.acknowledged(attempt) {
            holder.acknowledge(at);
        }
        let list = self.holders.entry(attempt).or_default();
        list.push(holder);
        self.current.entry(key).or_default().push((attempt, list.len() - 1));
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

    fn count_firings(&mut self, name: &str, known: &Known<'_>, key: (u32, u64), e: &FsEvent) {
        for (rule, _) in &e.fired {
            let rule_key = (name.to_owned(), rule.clone());
            let lies = known.lying.contains(&rule_key);
            let held = known.sectors.touched(name, rule, e);
            let class = (e.op.to_string(), held.map_or_else(|| path_class(&e.path), str::to_owned));
            // A frozen call stands in the trace twice: when it was parked, without an end, and when it ended.
            let ended = u64::from(e.end.is_some());
            *self.struck.entry(rule_key).or_default().entry(class).or_default() += ended;
            self.firings.extend(e.end.map(|_| e.at));
            match self.current.get(&key) {
                Some(held) if lies => {
                    self.lied_about.extend(held.iter().map(|(attempt, _)| (*attempt, rule.clone())));
                }
                None if lies => {
                    self.lied_below.insert(owner(&e.path).to_owned(), rule.clone());
                }
                Some(_) | None => {}
            }
        }
    }

    /// When faults struck and held calls, for the report's pictures.
    pub fn over_time(&self) -> super::calls::Calls<'_> {
        super::calls::Calls { struck: &self.firings, held: &self.held_back }
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

    /// The attempts that an inode held at the call with this ordinal.
    pub fn held_at(&self, storage: u32, ino: u64, call: u64) -> Option<&Bearers> {
        let held = self.held.get(&(storage, ino))?;
        let next = held.partition_point(|(from, _)| *from <= call);
        Some(&held[next.checked_sub(1)?].1)
    }

    /// Shows every call in the trace of a storage; false if there is none, or it is not whole.
    pub fn each(&self, storage: &str, each: impl FnMut(FsEvent)) -> bool {
        let file =
            self.storage(storage).and_then(|number| self.files.get(number as usize)).map(|(_, path)| path);
        file.is_some_and(|file| stream(file, each).is_ok() && !self.doubts.contains_key(storage))
    }

    /// The number of a storage, if it has a trace.
    pub fn storage(&self, name: &str) -> Option<u32> {
        let name = whole::file_name(name);
        self.files.iter().position(|(known, _)| *known == *name).map(|index| index as u32)
    }

    /// The fault for good that struck what a user has on a storage, or what everybody has, when all mail was read.
    pub fn gone(&self, storage: u32, user: UserId) -> Option<&str> {
        let own = self.gone.get(&(storage, Some(user)));
        own.or_else(|| self.gone.get(&(storage, None))).map(String::as_str)
    }

    /// There is none at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes written to a storage, but to its queue.
    pub fn written(&self, storage: u32) -> u64 {
        self.written.get(&storage).copied().unwrap_or_default()
    }

    /// Some file was seen to hold an attempt.
    pub fn knows_attempts(&self) -> bool {
        !self.holders.is_empty()
    }

    /// A storage by its number.
    pub fn storage_name(&self, number: u32) -> String {
        self.files.get(number as usize).map_or(String::new(), |(name, _)| name.clone())
    }

    /// The attempt's files all carry a reported failure that stood when it was acknowledged: which.
    /// `None` if one file is sound, or if the trace knows no file that was there then.
    pub fn failure_before(&self, attempt: Attempt) -> Option<Failure> {
        let holders = self.holders(attempt).iter().filter(|h| h.was_there());
        let failures = holders.map(|h| h.standing().or_else(|| self.directory_failure(h)));
        failures.collect::<Option<Vec<Failure>>>()?.into_iter().next()
    }

    /// A file of the attempt had a name when it was acknowledged, if it was.
    pub fn was_there(&self, attempt: Attempt) -> bool {
        self.holders(attempt).iter().any(Holder::was_there)
    }

    /// A failure that the storage reported about the attempt's files before it was acknowledged, made good or not.
    pub fn reported(&self, attempt: Attempt) -> Option<Failure> {
        self.holders(attempt).iter().find_map(|h| h.reported().or_else(|| self.failed_sync(h)))
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
pub(crate) type Wanted = HashMap<MessageId, String>;

/// The calls that touched files of the given messages, in time order, at most [`CALLS`] each; and a few calls on other
/// files of their users (directories, indexes) that a rule struck so that it lied or the call failed.
pub(crate) fn calls(traces: &Traces, ledger: &Ledger, wanted: &Wanted) -> HashMap<MessageId, Vec<FsEvent>> {
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
    for (storage, path) in &traces.files {
        found.held.clear();
        found.created.clear();
        // The first reading succeeded; should this one not, less evidence is shown and nothing else changes.
        if stream(path, |event: FsEvent| found.take(storage, event)).is_err() {
            break;
        }
    }
    found.out
}

struct Calls<'a> {
    ledger: &'a Ledger,
    wanted: &'a Wanted,
    held: HashMap<u64, Bearers>,
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
        if let Some(token) = event.mark.as_deref().and_then(|mark| attempt_of(mark, &self.ledger.run)) {
            self.hold(event.ino, self.ledger.groups.at(token, &event.path, &self.ledger.users));
        }
        match self.held.get(&event.ino) {
            Some(bearers) => {
                for message in
                    bearers.iter().map(|one| one.message).filter(|one| self.wanted.contains_key(one))
                {
                    let list = self.out.entry(message).or_default();
                    if list.len() < CALLS {
                        list.push(event.clone());
                    }
                }
            }
            None if !event.fired.is_empty() && self.tells(storage, &event) => self.beside(&event),
            None => {}
        }
    }

    /// The calls of a message's file begin with the one that made it.
    fn hold(&mut self, ino: u64, bearers: Bearers) {
        let before = self.held.insert(ino, bearers.clone());
        let created = self.created.remove(&ino).filter(|_| before.as_ref() != Some(&bearers));
        for message in bearers.iter().map(|one| one.message).filter(|one| self.wanted.contains_key(one)) {
            self.out.entry(message).or_default().extend(created.clone());
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
pub(crate) fn attempt_of(mark: &str, run: &str) -> Option<Attempt> {
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

/// It lies in a mail server's queue: the directory that a run makes for it at the root of its storage.
pub(crate) fn queued(path: &str) -> bool {
    path.split('/').next() == Some(QUEUE_VOLUME)
}

/// A path with everything that varies replaced, so that firings can be counted by where they struck.
pub(crate) fn path_class(path: &str) -> String {
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
