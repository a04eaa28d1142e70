//! What the fault did: to the calls of the storage, to clients, to other volumes and storages, and how it was noticed.

use super::answer::Answer;
use super::view::{Outage, View};
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use record::history::{Outcome, Trouble};
use record::ledger::entry::{ClientOp, OpKind};
use reports::kit::figures::{counted, grouped};
use std::time::Duration;

/// Calls under way when the fault first fired had been decided: this long after it, one may still be answered.
const UNDER_WAY: Duration = Duration::from_millis(20);

/// What became of the calls of a storage while a fault held.
#[derive(Default)]
struct Calls {
    reads: u64,
    writes: u64,
    on_handles: u64,
    on_paths: u64,
    answered: u64,
    first_answered: Option<String>,
}

impl Calls {
    fn struck(&mut self, op: Op) {
        self.reads += u64::from(reads(op));
        self.writes += u64::from(writes(op));
        self.on_handles += u64::from(on_handle(op));
        self.on_paths += u64::from(on_path(op));
    }

    fn answered(&mut self, event: &FsEvent) {
        self.answered += 1;
        self.first_answered.get_or_insert_with(|| format!("{} {}", event.op, event.path));
    }
}

fn reads(op: Op) -> bool {
    matches!(op, Op::Read | Op::Readdir | Op::Lookup | Op::Getattr | Op::Open | Op::Opendir | Op::Readlink)
}

fn writes(op: Op) -> bool {
    let names =
        matches!(op, Op::Create | Op::Mknod | Op::Mkdir | Op::Unlink | Op::Rmdir | Op::Rename | Op::Link);
    let content = matches!(op, Op::Write | Op::Truncate | Op::Fallocate | Op::CopyFileRange);
    names || content || matches!(op, Op::Symlink | Op::Fsync | Op::Fsyncdir)
}

fn on_handle(op: Op) -> bool {
    matches!(
        op,
        Op::Read
            | Op::Write
            | Op::Readdir
            | Op::Fsync
            | Op::Fsyncdir
            | Op::Flush
            | Op::Fallocate
            | Op::CopyFileRange
    )
}

fn on_path(op: Op) -> bool {
    matches!(
        op,
        Op::Lookup
            | Op::Open
            | Op::Opendir
            | Op::Create
            | Op::Mknod
            | Op::Mkdir
            | Op::Unlink
            | Op::Rename
            | Op::Link
    )
}

pub(crate) fn total_loss(view: &View<'_, '_>, fault: &str, volume: Option<&str>) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let below = |path: &str| volume.is_none_or(|volume| path.split('/').next() == Some(volume));
    let mut calls = Calls::default();
    let read = view.case.traces.each(outage.storage(), |event| {
        let within = event.at >= outage.from && event.at <= outage.to && below(&event.path);
        let struck = event.fired.iter().any(|(rule, _)| rule == fault);
        // A call that was parked stands in the trace twice; its end does not count again.
        let ended = event.end.is_some_and(|end| end < outage.to);
        match (within, struck) {
            (true, true) if event.end.is_none() || ended => calls.struck(event.op),
            (true, false)
                if ended && event.at > outage.from + UNDER_WAY && (reads(event.op) || writes(event.op)) =>
            {
                calls.answered(&event);
            }
            _ => {}
        }
    });
    if !read {
        return Answer::unknown(format!("There is no whole trace of `{}`.", outage.storage()));
    }
    loss(view, &outage, &calls)
}

fn loss(view: &View<'_, '_>, outage: &Outage<'_>, calls: &Calls) -> Answer {
    let spared = outage.rule.matched.saturating_sub(outage.rule.fired);
    let [reads, writes, handles, paths] =
        [calls.reads, calls.writes, calls.on_handles, calls.on_paths].map(grouped);
    let answered = match &calls.first_answered {
        None => "none was answered".to_owned(),
        Some(first) => {
            format!("{} answered, the first of them {first}", counted(calls.answered, "was", "were"))
        }
    };
    let seen = format!(
        "In {} it struck calls that read ({reads}), that write ({writes}), on open handles ({handles}) and on paths ({paths}); \
         of the others {answered}; let through of those it matched: {}.",
        view.length(outage.to.since(outage.from)),
        grouped(spared),
    );
    let every_kind = [calls.reads, calls.writes, calls.on_handles, calls.on_paths].iter().all(|n| *n > 0);
    match (calls.answered, spared) {
        (0, 0) if every_kind => Answer::that(true, seen),
        (0, 0) => Answer::unknown(seen),
        _ => Answer::that(false, seen),
    }
}

pub(crate) fn time_out_not_error(
    view: &View<'_, '_>,
    fault: &str,
    until_phase: Option<&str>,
    at_most: f64,
) -> Answer {
    let until = until_phase.map(|name| view.phase(name)).transpose();
    let (outage, until) = match (view.outage(fault), until) {
        (Ok(outage), Ok(until)) => (outage, until),
        (Err(why), _) | (_, Err(why)) => return Answer::unknown(why),
    };
    let to = until.map_or(outage.to, |until| until.min(outage.to));
    let limit = view.case.plan.workload.timeout.0;
    let ledger = view.case.ledger;
    // A user whose migration the fault interrupted is refused by the front door, not by the storage.
    let moving = |op: &ClientOp| ledger.kept_out(ledger.user_of(op.place), op.invoked, op.ended);
    let within = |op: &&ClientOp| op.invoked >= outage.from && op.invoked + limit <= to && !op.unsent();
    let (left_out, counted_ops): (Vec<&ClientOp>, Vec<&ClientOp>) =
        ledger.ops.iter().filter(within).partition(|op| moving(op));
    let ops = || counted_ops.iter().copied();
    let silent = ops().filter(|op| silence(op)).count() as u64;
    let errors = ops().filter(|op| op.outcome != Outcome::Ok && !silence(op)).count() as u64;
    let share = errors as f64 / (silent + errors).max(1) as f64;
    let seen = format!(
        "Of operations begun and due within {}, {} into the time limit and {} a definite error ({:.1} %); {} succeeded{}.",
        view.length(to.since(outage.from)),
        counted(silent, "ran", "ran"),
        counted(errors, "got", "got"),
        share * 100.0,
        grouped(ops().filter(|op| op.certain()).count() as u64),
        match left_out.len() {
            0 => String::new(),
            n => format!("; {n} for users amid their move are left out"),
        },
    );
    if silent + errors == 0 {
        Answer::unknown(seen)
    } else {
        Answer::that(silent > 0 && share <= at_most, seen)
    }
}

/// No answer came in time.
fn silence(op: &ClientOp) -> bool {
    match (op.outcome, op.trouble) {
        (Outcome::Fail | Outcome::Info, Some(Trouble::TimedOut)) | (Outcome::Info, None) => true,
        (Outcome::Ok, _) | (Outcome::Fail | Outcome::Info, _) => false,
    }
}

pub(crate) fn collateral_volume(
    view: &View<'_, '_>,
    (storage, volume): (&str, &str),
    fault: &str,
    before_mail: bool,
) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let requests = || view.case.ledger.requests.iter().filter(|r| r.storage == storage && r.volume == volume);
    let failed = || requests().filter(|r| !r.ok && r.end >= outage.from && r.at <= outage.to);
    let Some(first) = failed().map(|r| r.at).min() else {
        let seen = format!("No request for {storage}/{volume} failed while `{fault}` held.");
        let asked = requests().any(|r| outage.holds(r.at));
        return if asked { Answer::that(false, seen) } else { Answer::unknown(seen) };
    };
    let Some(back) = requests().filter(|r| r.ok && r.at > first).map(|r| r.end).min() else {
        return Answer::that(false, format!("{storage}/{volume} failed and did not come back."));
    };
    let mail = first_delivery(view, storage, outage.from);
    let seen = format!(
        "{} for {storage}/{volume} failed, from {} on; it was back at {}, mail there {}.",
        counted(failed().count() as u64, "request", "requests"),
        view.moment(first),
        view.moment(back),
        mail.map_or("never".to_owned(), |at| format!("at {}", view.moment(at))),
    );
    Answer::that(!before_mail || mail.is_none_or(|mail| back < mail), seen)
}

/// The first delivery begun from `from` on that the mail server itself acknowledged, for a user whose mail is on this storage.
fn first_delivery(view: &View<'_, '_>, storage: &str, from: Nanos) -> Option<Nanos> {
    let there = |op: &&ClientOp| {
        op.kind == OpKind::Deliver
            && op.invoked >= from
            && view.served(op)
            && view.storage_of(view.user(op), op.ended) == storage
    };
    view.case.ledger.ops.iter().filter(there).map(|op| op.ended).min()
}

pub(crate) fn isolated(view: &View<'_, '_>, cohort: &str, fault: &str, at_least: u64) -> Answer {
    let (outage, cohort) = match (view.outage(fault), view.cohort(cohort)) {
        (Ok(outage), Some(cohort)) => (outage, cohort),
        (Err(why), _) => return Answer::unknown(why),
        (_, None) => return Answer::unknown(format!("There is no cohort `{cohort}`.")),
    };
    let during = || view.ops_of(cohort).filter(|op| outage.holds(op.invoked));
    let ok = during().filter(|op| op.certain()).count() as u64;
    let failed = || during().filter(|op| !op.certain());
    let first = failed().next().map_or(String::new(), |op| {
        let kind: &str = op.kind.into();
        format!(", the first of them the {kind} at {}", view.moment(op.invoked))
    });
    let failed = failed().count() as u64;
    let seen = format!(
        "For users of `{}`, {} while `{fault}` held and {failed} did not{first}.",
        cohort.name,
        counted(ok, "operation succeeded", "operations succeeded"),
    );
    match failed {
        0 if ok < at_least => Answer::unknown(seen),
        n => Answer::that(n == 0, seen),
    }
}

pub(crate) fn first_signal(view: &View<'_, '_>, fault: &str, within: Option<Duration>) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let ops = view.case.ledger.ops.iter().enumerate();
    let replies = &view.case.ledger.replies;
    let reply = |index: usize| replies.get(&(index as u32)).map_or("", |reply| reply);
    let honest = |(index, op): &(usize, &ClientOp)| op.ended >= outage.from && refusal(op, reply(*index));
    let refused = ops.filter(honest).map(|(index, op)| {
        let reply = reply(index);
        (op.ended, format!("a client was refused: {reply}").trim_end_matches([':', ' ']).to_owned())
    });
    let probes = view.case.ledger.probes.iter().filter(|(at, _, up)| *at >= outage.from && !up);
    let probed = probes.map(|(at, service, _)| (*at, format!("a probe of {service} was not answered")));
    match refused.chain(probed).min() {
        Some((at, what)) => {
            let took = at.since(outage.from);
            let seen = format!("{} after `{fault}` first fired: {what}.", view.length(took));
            Answer::that(within.is_none_or(|within| took <= within), seen)
        }
        None => {
            Answer::that(false, format!("None, from the first firing of `{fault}` to the end of the run."))
        }
    }
}

/// A definite answer that it cannot be served: 4xx, 5xx, NO, BAD, BYE.
fn refusal(op: &ClientOp, reply: &str) -> bool {
    match op.trouble {
        Some(Trouble::RefusedTransient | Trouble::RefusedPermanent) => true,
        Some(Trouble::Disconnected) => reply.contains("BYE"),
        Some(Trouble::TimedOut | Trouble::Garbled | Trouble::Saturated | Trouble::Insecure) | None => false,
    }
}
