//! A run directory made up for tests: a history, the calls of a trace, the records of power cuts.

use crate::judge::{Recorded, *};
use crate::trace::Traces;
use crate::trace::cuts::Cuts;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::{CutMode, CutReport, EffectLine, Fate, Missing};
use fuse_fs::durability::profile::Persistence;
use fuse_fs::mount::trace::{Closed, Closing, FsEvent};
use record::history::event::Event;
use record::history::trace_label;
use record::ledger::Ledger;
use record::ledger::messages::Messages;
use record::plan::Plan;
use record::synthetic;
use record::synthetic::{OK, World};
use reports::kit::verdict::Verdict;
use reports::run::{Property, Report};
use std::path::Path;

pub(crate) type Mail = World<Vec<u8>>;

/// Where message `n` of user1 is written, and where it gets its name.
pub(crate) fn tmp(n: u64) -> String {
    format!("user1/Maildir/tmp/{n}")
}

pub(crate) fn new(n: u64) -> String {
    format!("user1/Maildir/new/{n}")
}

/// Judges a history without a trace.
pub(crate) fn judge_text(plan: &Plan, text: &[u8]) -> Report {
    judge_ledger(plan, Ledger::read(text).expect("the history is well-formed"))
}

pub(crate) fn judge_ledger(plan: &Plan, ledger: Ledger) -> Report {
    judgement(plan, ledger).report
}

pub(crate) fn judgement(plan: &Plan, ledger: Ledger) -> Judgement {
    let (plan, messages) = (plan.clone(), Messages::of(&ledger));
    Recorded { plan, ledger, messages, traces: Traces::default(), cuts: Cuts::default(), failure: None }
        .judge(Path::new("run"))
}

pub(crate) fn with_verdict(report: &Report, verdict: Verdict) -> Vec<&str> {
    report.properties.iter().filter(|p| p.verdict == verdict).map(|p| p.name.as_str()).collect()
}

pub(crate) fn blamed(report: &Report) -> Vec<&str> {
    with_verdict(report, Verdict::Invalid)
}

pub(crate) fn answer<'a>(report: &'a Report, name: &str) -> &'a Property {
    report.properties.iter().find(|p| p.name == name).expect("every property is reported")
}

/// Sentences of the anomalies of one property, a line each.
pub(crate) fn anomalies(report: &Report, name: &str) -> String {
    let lines = answer(report, name).anomalies.iter().map(|a| a.sentence.as_str());
    lines.collect::<Vec<&str>>().join("\n")
}

/// Evidence of the first anomaly of one property by one witness, a line each.
pub(crate) fn evidence(report: &Report, name: &str, who: &str) -> String {
    let lines = answer(report, name).anomalies[0].evidence.iter().filter(|m| m.who == who);
    lines.map(|m| format!("{:.3} {}", m.at_s, m.what)).collect::<Vec<String>>().join("\n")
}

pub(crate) struct RunDir {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) plan: Plan,
    /// The trace shows every acknowledged message, and not only those that the test shows.
    pub(crate) shows_mail: bool,
    /// It shows every firing that the history counts.
    pub(crate) shows_firings: bool,
    calls: Vec<FsEvent>,
    /// Calls on other storages.
    others: Vec<(String, FsEvent)>,
    cuts: usize,
}

impl RunDir {
    pub(crate) fn empty() -> RunDir {
        let directory = tempfile::tempdir().expect("a directory for the run");
        let (calls, others, plan) = (Vec::new(), Vec::new(), synthetic::plan());
        RunDir { directory, plan, shows_mail: true, shows_firings: true, calls, others, cuts: 0 }
    }

    /// A call on inode 5 at 1.002 s and `micros`, errno 0, of 4,096 bytes if it writes.
    pub(crate) fn call(&mut self, micros: u64, op: Op, path: &str) -> &mut FsEvent {
        let at = Nanos(1_002_000_000 + micros * 1000);
        self.calls.push(event(at, self.calls.len() as u64, op, path));
        self.calls.last_mut().expect("it was pushed")
    }

    /// A write of message 1, attempt 1.
    pub(crate) fn write(&mut self, micros: u64) -> &mut FsEvent {
        let call = self.call(micros, Op::Write, &tmp(1));
        call.mark = Some("1a2b3c4d-1-1".to_owned());
        call
    }

    pub(crate) fn rename(&mut self, micros: u64) -> &mut FsEvent {
        let call = self.call(micros, Op::Rename, &tmp(1));
        call.new_path = Some(new(1));
        call
    }

    /// Message `n` of user1 is created, written, synced, and renamed to its place on inode 100 + n, between `at` and
    /// the next millisecond. Returns the ordinal of the first call.
    pub(crate) fn delivered(&mut self, n: u64, at: Nanos) -> u64 {
        let first = self.calls.len() as u64;
        let micros = (at.0 - 1_002_000_000) / 1000;
        self.call(micros + 100, Op::Create, &tmp(n)).ino = 100 + n;
        let write = self.call(micros + 200, Op::Write, &tmp(n));
        (write.ino, write.mark) = (100 + n, Some(format!("1a2b3c4d-{n}-1")));
        self.call(micros + 300, Op::Fsync, &tmp(n)).ino = 100 + n;
        let rename = self.call(micros + 400, Op::Rename, &tmp(n));
        (rename.ino, rename.new_path) = (100 + n, Some(new(n)));
        first
    }

    /// The calls from this ordinal on.
    pub(crate) fn calls_from(&mut self, first: u64) -> &mut [FsEvent] {
        &mut self.calls[first as usize..]
    }

    /// The power of storage `mail` goes now; these effects were not durable.
    pub(crate) fn cut(&mut self, world: &mut Mail, effects: &[EffectLine]) {
        self.cuts += 1;
        let record = format!("cuts/{}-mail", self.cuts);
        let directory = self.directory.path().join(&record);
        std::fs::create_dir_all(&directory).expect("a directory for the record");
        let lines: Vec<String> = effects.iter().map(line).collect();
        std::fs::write(directory.join("effects.jsonl"), lines.concat()).expect("the record is written");
        let at = world.tick();
        let fate = |fate: Fate| effects.iter().filter(|e| e.fate == fate).count() as u64;
        let report = CutReport {
            at,
            persistence: Persistence::default(),
            mode: CutMode::Random,
            seed: 1,
            pending: effects.len() as u64,
            kept: fate(Fate::Kept),
            dropped: fate(Fate::Dropped),
            partial: fate(Fate::Partial),
            last_call: self.calls.len() as u64,
        };
        let back = world.tick();
        world.write(&Event::Cut {
            at,
            back,
            storage: "mail".to_owned(),
            with: Vec::new(),
            profile: None,
            record,
            unflushed: None,
            report,
        });
    }

    /// Judges what `world` did.
    pub(crate) fn judge_world(&self, world: Mail) -> Report {
        self.record(world);
        judge(self.directory.path()).expect("the run can be judged")
    }

    /// Writes what `world` did: plan, history, and a trace of each storage that is whole, and that shows a file of each
    /// acknowledged message that no call of the test shows.
    pub(crate) fn record(&self, world: Mail) {
        let plan = serde_json::to_vec(&self.plan).expect("a plan is always JSON");
        self.put("plan.json", &plan);
        let mut history = world.finish();
        let ledger = Ledger::read(history.as_slice()).expect("the history is well-formed");
        for storage in self.plan.storages.keys() {
            let others = self.others.iter().filter(|(name, _)| name == storage);
            let own: Vec<FsEvent> = match storage.as_str() {
                "mail" => self.calls.clone(),
                _ => others.map(|(_, call)| call.clone()).collect(),
            };
            let calls = [own, self.unshown(storage, &ledger)].concat();
            let closed = self.trace(storage, &calls);
            let at = ledger.last;
            let event = line(&Event::Trace { at, storage: storage.clone(), closed });
            let of_the_last_two = history.rsplit(|b| *b == b'\n').skip(1).take(2).map(|line| line.len() + 1);
            let end = history.len() - of_the_last_two.sum::<usize>();
            history.splice(end..end, event.into_bytes());
        }
        let history = synthetic::closed(&history);
        self.put("history.jsonl", &history);
    }

    /// A write of a message of user1 on another storage, after all that happened.
    pub(crate) fn shown_on(&mut self, storage: &str, message: u64, path: &str) {
        let mark = Some(format!("{}-{message}-1", synthetic::RUN));
        let at = Nanos(10_000_000_000);
        self.others.push((storage.to_owned(), FsEvent { mark, ..event(at, message, Op::Write, path) }));
    }

    /// The trace of `mail` with these lines, closed as if they were all.
    pub(crate) fn close_anew(&self, lines: &[String]) {
        let calls = lines.iter().map(|line| serde_json::from_str(line).expect("a call"));
        self.trace("mail", &calls.collect::<Vec<FsEvent>>());
    }

    fn put(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.directory.path().join(file), bytes).expect("it can be written");
    }

    /// Writes a trace of these calls, as a run closes it.
    fn trace(&self, storage: &str, calls: &[FsEvent]) -> Closed {
        let lines: String = calls.iter().map(line).collect();
        let closed = Closed {
            of: trace_label(synthetic::RUN, storage),
            lines: calls.len() as u64,
            lost: 0,
            blake3: blake3::hash(lines.as_bytes()).to_hex().to_string(),
        };
        let text = lines + &line(&Closing { closing: closed.clone() });
        self.put(&format!("trace-{storage}.jsonl"), text.as_bytes());
        closed
    }

    /// After all that happened: writes of a file for each acknowledged attempt of the storage's users without one, and what
    /// the plan's rules did besides.
    fn unshown(&self, storage: &str, ledger: &Ledger) -> Vec<FsEvent> {
        let late = Nanos(ledger.last.0 + 1_000_000);
        let shown = |call: &dyn Fn(&FsEvent) -> bool| self.calls.iter().any(call);
        let stored = ledger.ops.iter().filter(|op| op.kind.stores() && op.certain());
        let here = stored.filter(|op| self.shows_mail && self.home(ledger.user_of(op.place)) == storage);
        let mut calls = Vec::new();
        for op in here.filter(|op| !shown(&|call| call.mark == Some(ledger.token(op.attempt)))) {
            let n = 9_000 + calls.len() as u64;
            let path = format!("{}/Maildir/new/late-{n}", ledger.user_name(ledger.user_of(op.place)));
            let mark = Some(ledger.token(op.attempt));
            calls.push(FsEvent { ino: n, mark, ..event(late, n, Op::Write, &path) });
        }
        for rule in ledger.rules.iter().filter(|rule| self.shows_firings && rule.storage == storage) {
            let firing = |n: u64| (rule.rule.clone(), n);
            for n in (1..=rule.fired).filter(|n| !shown(&|call| call.fired.contains(&firing(*n)))) {
                let call = event(late, 8_000 + n, Op::Statfs, "of-nobody/at-all");
                calls.push(FsEvent { ino: 8_000 + n, fired: vec![firing(n)], ..call });
            }
        }
        calls
    }

    fn home(&self, user: record::history::UserId) -> &str {
        let cohort = self.plan.cohorts.iter().find(|cohort| cohort.user_ids().any(|one| one == user));
        cohort.map_or(&self.plan.target.storage, |cohort| &cohort.storage)
    }

    /// One message of user1, acknowledged at 1.003 s and read; then the recovery and `spoil`.
    pub(crate) fn judge(&self, lying: bool, spoil: impl Fn(&mut Mail)) -> Report {
        let mut world = World::new(Vec::new(), 1);
        world.deliver(0, 1, 1, OK);
        world.fetch(0, "INBOX", 1);
        world.recover(900);
        spoil(&mut world);
        if lying {
            let at = world.tick();
            world.rule(at, true);
        }
        self.judge_world(world)
    }
}

/// A call that ends well.
fn event(at: Nanos, seq: u64, op: Op, path: &str) -> FsEvent {
    let len = if op == Op::Write { 4096 } else { 0 };
    FsEvent {
        at,
        end: Some(at),
        seq,
        op,
        ino: 5,
        parent: None,
        path: path.to_owned(),
        new_path: None,
        offset: 0,
        len,
        done: (op == Op::Write).then_some(len),
        errno: 0,
        pid: 1,
        command: None,
        fired: Vec::new(),
        mark: None,
    }
}

fn line<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("it is always JSON") + "\n"
}

/// An effect of call `call` on inode `ino` that the cut dropped.
pub(crate) fn dropped(call: u64, ino: u64, kind: &str, path: &str, new_path: Option<&str>) -> EffectLine {
    let directories = vec![path.rsplit_once('/').map_or("", |(d, _)| d).to_owned()];
    EffectLine {
        id: call,
        call,
        at: Nanos(1_002_000_000),
        kind: kind.to_owned(),
        ino,
        path: path.to_owned(),
        new_path: new_path.map(str::to_owned),
        offset: 0,
        len: 4096,
        fate: Fate::Dropped,
        missing: Missing::DirectorySync { directories },
    }
}
