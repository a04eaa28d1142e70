//! A run directory made up for tests: a history, the calls of a trace, the records of power cuts.

use crate::judge::Recorded;
use crate::judge::*;
use crate::trace::Traces;
use crate::trace::cuts::Cuts;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::{CutMode, CutReport, EffectLine, Fate, Missing};
use fuse_fs::durability::profile::Persistence;
use fuse_fs::mount::trace::FsEvent;
use record::history::event::Event;
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
    let (plan, messages) = (plan.clone(), Messages::of(&ledger));
    Recorded { plan, ledger, messages, traces: Traces::default(), cuts: Cuts::default() }
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
    calls: Vec<FsEvent>,
    cuts: usize,
}

impl RunDir {
    pub(crate) fn empty() -> RunDir {
        let directory = tempfile::tempdir().expect("a directory for the run");
        RunDir { directory, plan: synthetic::plan(), calls: Vec::new(), cuts: 0 }
    }

    /// A call on inode 5 at 1.002 s and `micros`, errno 0, of 4,096 bytes if it writes.
    pub(crate) fn call(&mut self, micros: u64, op: Op, path: &str) -> &mut FsEvent {
        let at = Nanos(1_002_000_000 + micros * 1000);
        let len = if op == Op::Write { 4096 } else { 0 };
        self.calls.push(FsEvent {
            at,
            end: Some(at),
            seq: self.calls.len() as u64,
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
            fired: Vec::new(),
            mark: None,
        });
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
        world.write(&Event::Cut { at, back, storage: "mail".to_owned(), record, report });
    }

    /// Judges what `world` did.
    pub(crate) fn judge_world(&self, world: Mail) -> Report {
        let run = self.directory.path();
        std::fs::write(run.join("history.jsonl"), world.finish()).expect("the history is written");
        let plan = serde_json::to_vec(&self.plan).expect("a plan is always JSON");
        std::fs::write(run.join("plan.json"), plan).expect("the plan is written");
        let lines: Vec<String> = self.calls.iter().map(line).collect();
        std::fs::write(run.join("trace-mail.jsonl"), lines.concat()).expect("the trace is written");
        judge(run).expect("the run can be judged")
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
