//! A whole outage, made up: healthy, struck at a number, closed, repaired, looked at, opened again. Each switch of a
//! [`Script`] spoils one thing in it.

use super::run_dir::{Mail, RunDir};
use crate::tests::sender::sender;
use crate::tests::table::drop_copy;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::units::Span;
use record::history::event::{Event, SenderEvent};
use record::history::{Copy, DiskCopy, UserId};
use record::plan::claim::Claim;
use record::plan::expect::StatementPlan;
use record::plan::step::{StepAction, StepPlan};
use record::plan::{CohortPlan, Plan};
use record::synthetic::{OK, REFUSED, VANISHED, World};
use reports::run::Report;
use std::time::Duration;

/// The fault first fires and the storage is repaired, milliseconds on the clock; the traffic begins at 1,001.
const FIRST: u64 = 1_100;
const REPAIR: u64 = 1_300;

/// What goes otherwise than it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Script {
    pub(crate) never_fires: bool,
    pub(crate) fails_early: bool,
    pub(crate) late_by: u64,
    pub(crate) warned: bool,
    pub(crate) slower: bool,
    pub(crate) answered: bool,
    pub(crate) only_writes: bool,
    pub(crate) refused: bool,
    pub(crate) damaged: bool,
    pub(crate) not_inspected: bool,
    pub(crate) volume_unharmed: bool,
    pub(crate) volume_late: bool,
    pub(crate) isolated_fails: bool,
    pub(crate) opened_first: bool,
    pub(crate) lost: bool,
    pub(crate) uid_spoiled: bool,
    pub(crate) fires_again: bool,
    pub(crate) rolled_back: bool,
    pub(crate) swapped: bool,
    pub(crate) drains_slowly: bool,
    pub(crate) starved: bool,
    pub(crate) held_first: bool,
    pub(crate) no_scale: bool,
    pub(crate) probe_fails: bool,
}

fn ms(n: u64) -> Nanos {
    Nanos(n * 1_000_000)
}

fn upto(world: &mut Mail, to: u64) {
    while world.tick() < ms(to - 1) {}
}

/// The report of the story with one statement.
pub(crate) fn told(claim: &str, script: Script) -> Report {
    let claim: Claim = toml::from_str(claim).expect("a claim");
    let mut run = RunDir::empty();
    plan(&mut run.plan, claim, script);
    trace(&mut run, script);
    let mut world = World::new(Vec::new(), 3);
    world.fired = 0;
    healthy(&mut world, script);
    outage(&mut world, script);
    reopening(&mut world, script);
    rule(&mut world, script);
    run.judge_world(world)
}

pub(crate) fn plan(plan: &mut Plan, claim: Claim, script: Script) {
    let rule = serde_json::json!({
        "name": "threshold",
        "when": { "counter": "renames", "at": 100 },
        "effect": { "freeze": {} },
    });
    let storage = plan.storages.get_mut("mail").expect("there is one");
    storage.rules = vec![serde_json::from_value(rule).expect("a rule")];
    plan.storages.insert("pec".to_owned(), Default::default());
    let cohort = |name: &str, first, storage: &str| CohortPlan {
        name: name.to_owned(),
        first: UserId(first),
        users: 1,
        storage: storage.to_owned(),
        own_entrance: false,
    };
    plan.cohorts = vec![cohort("one", 0, "mail"), cohort("two", 1, "mail"), cohort("pec", 2, "pec")];
    plan.story_scale = (!script.no_scale).then_some(1000.0);
    plan.workload.timeout = Span(Duration::from_millis(20));
    let phase = |name: &str| StepAction::Phase { name: name.to_owned() };
    let heal = StepAction::Heal { storage: None, fault: None, fail_with: None };
    let actions = [heal, StepAction::Inspect {}, StepAction::Inspect {}, phase("closed"), phase("open")];
    let step = |action| StepPlan {
        at: Some(Span::default()),
        after_fired: None,
        at_counter: None,
        may_fail: false,
        action,
    };
    plan.steps = actions.into_iter().map(step).collect();
    plan.statements = vec![StatementPlan { id: "L1".to_owned(), says: "It is so.".to_owned(), claim }];
}

/// Calls before the fault, struck by it, and after the repair.
fn trace(run: &mut RunDir, script: Script) {
    let at = |ms: u64| (ms - 1_002) * 1_000;
    for n in 0..40 {
        let call = run.call(at(1_010 + 2 * n), Op::Write, "user1/Maildir/tmp/1");
        let took = if script.slower && n >= 20 { 60 } else { 1 };
        call.end = Some(call.at + Duration::from_millis(took));
        call.errno = if script.warned && n == 30 { 5 } else { 0 };
        if call.end > Some(ms(FIRST)) {
            call.end = Some(ms(FIRST));
        }
    }
    let kinds =
        [(Op::Write, "user1/Maildir/tmp/1"), (Op::Read, "user1/Maildir/new/1"), (Op::Lookup, "user2")];
    for (op, path) in kinds.into_iter().filter(|_| !script.never_fires) {
        if script.only_writes && op != Op::Write {
            continue;
        }
        let call = run.call(at(FIRST), op, path);
        (call.end, call.fired) = (None, vec![("threshold".to_owned(), 1)]);
    }
    if script.answered {
        run.call(at(FIRST + 50), Op::Getattr, "user2/Maildir");
    }
    for n in 0..30 {
        run.call(at(REPAIR + 2 + n), Op::Write, "user2/Maildir/tmp/2");
    }
}

fn healthy(world: &mut Mail, script: Script) {
    sender(world, 1, "postfix", SenderEvent::Submitted);
    world.deliver(0, 1, 1, OK);
    sender(world, 1, "postfix", SenderEvent::Delivered);
    world.deliver(1, 2, 1, OK);
    world.deliver(2, 3, 1, OK);
    if script.fails_early {
        world.deliver(0, 4, 1, REFUSED);
    }
    request(world, true);
}

fn outage(world: &mut Mail, script: Script) {
    upto(world, FIRST + 2);
    phase(world, 3, "closed");
    sender(world, 20, "postfix", SenderEvent::Submitted);
    world.deliver(0, 20, 1, if script.refused { REFUSED } else { VANISHED });
    world.fetch(2, "INBOX", 3);
    if script.isolated_fails {
        world.deliver(2, 30, 1, VANISHED);
    }
    request(world, script.volume_unharmed);
    for class in ["webmail", "held"] {
        client(world, class, false);
    }
    let (at, up) = (world.tick(), !script.probe_fails);
    world.write(&Event::Probe { at, service: "imap".to_owned(), up });
    if script.opened_first {
        phase(world, 4, "open");
    }
    if !script.not_inspected {
        upto(world, 1_200);
        inspect(world, 1, script.damaged);
    }
}

fn reopening(world: &mut Mail, script: Script) {
    upto(world, REPAIR);
    let at = world.tick();
    let step = |at, index| Event::Step { at, end: at, index, what: String::new(), error: None };
    world.write(&step(at, 0));
    if !script.not_inspected {
        inspect(world, 2, false);
    }
    if script.rolled_back {
        let (at, storage) = (world.tick(), "mail".to_owned());
        world.write(&Event::RolledBack { at, back: at, storage, to: ms(FIRST) });
    }
    if !script.volume_late {
        request(world, true);
    }
    if !script.opened_first {
        phase(world, 4, "open");
    }
    if !script.drains_slowly {
        redelivered(world);
    }
    let order = if script.swapped { [1, 0] } else { [0, 1] };
    order.into_iter().for_each(|user| world.fetch(user, "INBOX", u64::from(user) + 1));
    world.fetch(2, "INBOX", 3);
    request(world, true);
    sender(world, 21, "postfix", SenderEvent::Submitted);
    upto(world, if script.starved { 1_900 } else { 1_340 });
    world.deliver(0, 21, 1, OK);
    sender(world, 21, "postfix", SenderEvent::Delivered);
    let order = if script.held_first { ["held", "webmail"] } else { ["webmail", "held"] };
    order.into_iter().for_each(|class| client(world, class, true));
    if script.drains_slowly {
        upto(world, 1_900);
        redelivered(world);
    }
    world.recover(900);
    if script.lost {
        drop_copy(world, 0, "INBOX", 1);
    }
    if script.uid_spoiled {
        world.at(0, "INBOX").next = 1;
    }
}

/// A message that waited is acknowledged: to user2 where cohorts are served in the wrong order it comes after them.
fn redelivered(world: &mut Mail) {
    world.deliver(0, 20, 2, OK);
    sender(world, 20, "postfix", SenderEvent::Delivered);
}

fn rule(world: &mut Mail, script: Script) {
    let end = world.tick();
    let fires = !script.never_fires;
    let last = if script.fires_again { ms(REPAIR + 50) } else { ms(FIRST + 100) };
    world.write(&Event::Rule {
        storage: "mail".to_owned(),
        rule: "threshold".to_owned(),
        lying: false,
        matched: if fires { 3 } else { 0 },
        fired: if fires { 3 } else { 0 },
        first: fires.then_some(ms(FIRST)),
        last: fires.then_some(last),
        counted: fires.then_some(100 + script.late_by),
        armed: vec![(Nanos(0), end)],
        parked: 0,
    });
}

fn phase(world: &mut Mail, index: usize, name: &str) {
    let at = world.tick();
    world.write(&Event::Phase { at, name: name.to_owned() });
    world.write(&Event::Step { at, end: at, index, what: String::new(), error: None });
}

fn client(world: &mut Mail, class: &str, up: bool) {
    let (at, class) = (world.tick(), class.to_owned());
    world.write(&Event::Client { at, class, number: 1, user: UserId(0), up, detail: None });
}

fn request(world: &mut Mail, ok: bool) {
    let at = world.tick();
    let (storage, volume) = ("mail".to_owned(), "portal".to_owned());
    world.write(&Event::Request { at, end: at, storage, volume, ok, detail: None });
}

/// The backing disk as it is; without message 1 if it is damaged.
fn inspect(world: &mut Mail, index: usize, damaged: bool) {
    let on_disk = |copy: &Copy| DiskCopy {
        path: "user1/Maildir/new/1".to_owned(),
        ino: 5,
        attempt: copy.attempt,
        digest: copy.digest,
        size: 1,
        unfinished: false,
    };
    for user in 0..3 {
        let copies = world.at(user, "INBOX").copies.clone();
        let there = copies.iter().filter(|c| !damaged || c.attempt.is_none_or(|a| a.message.0 != 1));
        let (at, reading, copies) = (world.tick(), format!("inspect-{index}"), there.map(on_disk).collect());
        world.write(&Event::Disk { at, reading, user: UserId(user), complete: true, error: None, copies });
    }
    let at = world.tick();
    world.write(&Event::Step { at, end: at, index, what: String::new(), error: None });
}
