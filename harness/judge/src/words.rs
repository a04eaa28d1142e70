//! A judgement in words: the sentence, the counts, the evidence.

use crate::case::Case;
use crate::case::generator::{lateness_in_words, never_begun_in_words};
use crate::case::lateness::Lateness;
use crate::property::acknowledged_durable::hidden;
use crate::property::content_intact::damaged_slots;
use crate::property::{coverage, full_disk, gone_for_good, gravity, overload};
use crate::reason::remains::on_disk;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use record::history::said::Said;
use record::history::{Ingress, Outcome};
use record::ledger::Ledger;
use record::ledger::entry::{ClientOp, CutDone, OpKind};
use reports::kit::figures::{counted, grouped};
use reports::kit::verdict::Verdict;
use reports::run::{Fault, Messages, Moment, Property};
use std::collections::BTreeSet;

/// Counts messages. Struck by a lie or not makes no difference here.
pub(crate) fn messages(case: &Case<'_>) -> Messages {
    let mut sum = Messages { acknowledged_under_fault: coverage::under_fault(case), ..Messages::default() };
    let damaged = damaged_slots(case);
    for (slot, fate) in case.fates.iter().enumerate() {
        let mut stores = case.ops(slot).filter(|op| op.kind.stores()).peekable();
        if stores.peek().is_none() {
            continue;
        }
        if stores.all(ClientOp::unsent) {
            sum.never_begun += 1;
            continue;
        }
        sum.submitted += 1;
        sum.acknowledged += u64::from(fate.acknowledged);
        sum.refused += u64::from(fate.refused);
        sum.uncertain += u64::from(!fate.acknowledged && !fate.refused);
        if !fate.acknowledged {
            continue;
        }
        if gone_for_good::cause(case, slot).is_some() {
            sum.lost += 1;
            continue;
        }
        match (fate.missing > 0, damaged.contains(&slot)) {
            (true, _) if fate.absent && on_disk(case, slot) == Some(true) => {
                sum.invisible += 1;
                sum.hidden += u64::from(hidden(case, slot));
            }
            (true, _) => sum.lost += 1,
            (false, true) => sum.damaged += 1,
            (false, false) if !fate.judged => sum.unread += 1,
            (false, false) if fate.absent && fate.queued => sum.queued += 1,
            (false, false) if fate.absent && fate.bounced => sum.bounced += 1,
            (false, false) => sum.intact += u64::from(!fate.absent),
        }
    }
    sum
}

/// The answer in one sentence. The gravest finding first; what is only not proved last.
pub(crate) fn sentence(
    case: &Case<'_>,
    verdict: Verdict,
    failure: Option<&str>,
    n: &Messages,
    properties: &[Property],
    faults: &[Fault],
) -> String {
    let worst = properties.iter().find(|p| p.verdict == verdict);
    let said = || worst.map_or(String::new(), |p| format!("{}: {}", p.name, p.sentence));
    let open = || {
        if let Some(why) = failure {
            return format!("it was not done to its end: {why}");
        }
        let said =
            worst.map_or("the history is cut short.", |p| p.sentence.trim_start_matches("Not proved: "));
        let full = full_disk::gaps(case).next().map(|gap| format!("{gap}."));
        let refused = || crate::findings::refused_in_warm_up::everything(case);
        full.or_else(refused).unwrap_or_else(|| said.to_owned())
    };
    match verdict {
        Verdict::Valid => format!("{}; {}.", intact(n), happened(case, faults)),
        Verdict::Unknown => format!("This run proves nothing: {}", open()),
        Verdict::Invalid => match harm(n) {
            Some(harm) => {
                let besides = [cut_clause(case), liars(case, faults), gone(case)].concat();
                format!("{harm}{besides}.{}", others(gravity::besides_harm(properties)))
            }
            None => format!("{}{}", said(), others(gravity::besides_the_worst(properties))),
        },
    }
}

/// How much else is wrong.
fn others(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => " 1 other property is violated.".to_owned(),
        n => format!(" {n} other properties are violated."),
    }
}

fn intact(n: &Messages) -> String {
    let all = counted(n.intact, "acknowledged message", "acknowledged messages");
    let were = if n.intact == 1 { "was" } else { "were" };
    let elsewhere = [(n.queued, "queued"), (n.bounced, "bounced")];
    let elsewhere = elsewhere.iter().filter(|(n, _)| *n > 0);
    let elsewhere: String = elsewhere.map(|(n, what)| format!(", {} {what}", grouped(*n))).collect();
    if !elsewhere.is_empty() {
        let all = counted(n.acknowledged, "acknowledged message", "acknowledged messages");
        return format!("{} of {all} {were} found intact{elsewhere}", grouped(n.intact));
    }
    let kept = if n.intact < n.acknowledged { " that nobody asked to remove" } else { "" };
    format!("All {all}{kept} {were} found intact")
}

/// Faults and power cuts; faults that never fired are not worth a word where the power was cut.
fn happened(case: &Case<'_>, faults: &[Fault]) -> String {
    match power(case) {
        Some(power) if faults.iter().all(|f| f.fired == 0) => power,
        Some(power) => format!("{}, {power}", fault_words(faults)),
        None => fault_words(faults),
    }
}

/// How often the power went and what the storages promise: "the power went 2 times (profile ext4-ordered)".
fn power(case: &Case<'_>) -> Option<String> {
    let cuts = &case.ledger.cuts;
    let profiles: BTreeSet<String> = cuts.iter().map(CutDone::profile).collect();
    let profiles: Vec<String> = profiles.into_iter().collect();
    let often =
        if cuts.len() == 1 { "once".to_owned() } else { format!("{} times", grouped(cuts.len() as u64)) };
    (!cuts.is_empty()).then(|| format!("the power went {often} (profile {})", profiles.join(", ")))
}

fn cut_clause(case: &Case<'_>) -> String {
    power(case).map_or(String::new(), |power| format!("; {power}"))
}

fn fault_words(faults: &[Fault]) -> String {
    let fired: u64 = faults.iter().map(|f| f.fired).sum();
    match faults.iter().filter(|f| f.fired > 0).count() as u64 {
        0 => "no fault fired".to_owned(),
        n => format!("{} fired {}", counted(n, "fault", "faults"), counted(fired, "time", "times")),
    }
}

/// "3 of 2,911 acknowledged messages were lost, 1 damaged".
fn harm(n: &Messages) -> Option<String> {
    let kinds = [
        (n.lost, "lost"),
        (n.damaged, "damaged"),
        (n.invisible - n.hidden, "on the disk but invisible"),
        (n.hidden, "hidden until the index is rebuilt, not lost"),
    ];
    let mut harmed = kinds.iter().filter(|(n, _)| *n > 0);
    let (first, what) = harmed.next()?;
    let all = counted(n.acknowledged, "acknowledged message", "acknowledged messages");
    let were = if *first == 1 { "was" } else { "were" };
    let rest: String = harmed.map(|(n, what)| format!(", {} {what}", grouped(*n))).collect();
    Some(format!("{} of {all} {were} {what}{rest}", grouped(*first)))
}

/// Which storages lied, so that the server is not taken for the only culprit.
fn liars(case: &Case<'_>, faults: &[Fault]) -> String {
    let rules = faults.iter().filter(|f| f.lying && f.fired > 0);
    let rules = rules.map(|f| format!("storage `{}` with fault `{}`", f.storage, f.name));
    let back = case.ledger.rollbacks.iter().map(|b| format!("storage `{}` went back in time", b.storage));
    let forgot = crate::case::forgetful(case.plan, case.ledger).into_iter();
    let forgot = forgot.map(|name| format!("storage `{name}` lost what it had acknowledged"));
    let lied: Vec<String> = rules.chain(back).chain(forgot).collect();
    if lied.is_empty() { String::new() } else { format!("; the device lied: {}", lied.join(", ")) }
}

/// What took mail with it, so that the server is not taken for the culprit.
fn gone(case: &Case<'_>) -> String {
    let causes: BTreeSet<gone_for_good::Cause> =
        (0..case.fates.len()).filter_map(|slot| gone_for_good::cause(case, slot)).collect();
    causes.iter().map(|cause| format!("; {}", cause.words())).collect()
}

/// Each storage once: what it was asked to change afterwards failed.
fn read_only(ledger: &Ledger) -> Vec<String> {
    let mut told = BTreeSet::new();
    let said = ledger.kernel.iter().filter(|(_, _, said)| *said == Said::ReadOnly);
    let first = said.filter(|(_, storage, _)| told.insert(storage));
    let words = |(at, storage, _): &(Nanos, String, Said)| {
        let at = ledger.moment(*at);
        format!(
            "The file system of storage `{storage}` made itself read-only at {at}; only a new mount ends that, as after a power cut."
        )
    };
    first.map(words).collect()
}

/// What the reader should know.
pub(crate) fn warnings(case: &Case<'_>, failure: Option<&str>, mut warnings: Vec<String>) -> Vec<String> {
    let ledger = case.ledger;
    warnings.extend(failure.map(|why| format!("The run was not done to its end: {why}")));
    if !ledger.ended && failure.is_none() {
        warnings.push("The history is cut short: the run did not end by itself.".to_owned());
    }
    for rule in ledger.rules.iter().filter(|r| r.lying && r.fired > 0) {
        warnings.push(format!("Storage `{}` lied: fault `{}`.", rule.storage, rule.rule));
    }
    for back in &ledger.rollbacks {
        warnings.push(format!("Storage `{}` lied: it came back as it had been earlier.", back.storage));
    }
    if !ledger.cuts.is_empty()
        && ledger.cuts.iter().all(|cut| cut.report.dropped + cut.report.partial + cut.unflushed == 0)
    {
        warnings.push("No power cut took anything: all that was not yet durable survived.".to_owned());
    }
    warnings.extend(read_only(ledger));
    warnings.extend(generator(case));
    warnings.extend(ledger.corpus.iter().flat_map(super::corpus::told));
    warnings.extend(specimens(ledger));
    warnings.extend(read_back(ledger));
    warnings.extend(busy(case));
    warnings.extend(crate::findings::server_hung::excused(case).map(|why| {
        format!(
            "The machine was overloaded ({why}): that the mail server seemed to hang is not held against it."
        )
    }));
    if !case.plan.target.has_imap_during_traffic() {
        warnings.push("The target has no IMAP: deliveries only.".to_owned());
    }
    if case.plan.workload.deliver_by == Ingress::Append {
        warnings
            .push("The target has neither LMTP nor SMTP: deliveries were made by IMAP's APPEND.".to_owned());
    }
    // What a queue still holds is legally not there yet.
    let stale = if case.elsewhere.delays() { 0 } else { stale(case) };
    if stale > 0 {
        let what = counted(stale, "read", "reads");
        warnings.push(format!(
            "{what} did not see a message that had been acknowledged and that was there at the end."
        ));
    }
    warnings
}

/// Load that was not made as planned.
fn generator(case: &Case<'_>) -> impl Iterator<Item = String> {
    let lateness = Lateness::of(case.plan, case.ledger);
    let never_begun = case.ledger.ops.iter().filter(|op| op.unsent()).count() as u64;
    let late = lateness.was_late();
    let words = late.then(|| {
        let words = lateness_in_words(&lateness);
        format!("{words} No latency of this run is held against the mail server.")
    });
    words.into_iter().chain(never_begun_in_words(case.plan, never_begun, late))
}

/// What an overloaded machine makes of the figures.
fn busy(case: &Case<'_>) -> Option<String> {
    let why = overload::at_times(case, case.ledger.start, case.ledger.traffic_end())?;
    Some(format!("The machine was overloaded at times ({why}): latencies are partly its own."))
}

/// Mail that was read back before the traffic, where that was not the mail of everybody.
fn read_back(ledger: &Ledger) -> Vec<String> {
    let Some(done) = &ledger.read_back else { return Vec::new() };
    let few = (done.users < done.of).then(|| {
        format!(
            "Before the traffic mail was read back for {} of {} users: that of the others is taken to be readable too.",
            grouped(u64::from(done.users)),
            grouped(u64::from(done.of))
        )
    });
    let unseen = done.unseen.first().map(|(user, why)| {
        let n = counted(done.unseen.len() as u64, "user was", "users were");
        let first = ledger.user_name(*user);
        format!("Before any fault was armed {n} shown none of their own mail, which had been accepted; {first}: {why}.")
    });
    few.into_iter().chain(unseen).collect()
}

/// Bytes of damaged messages that are missing. They are evidence for people; no answer rests on them.
fn specimens(ledger: &Ledger) -> impl Iterator<Item = String> {
    let n = ledger.specimens_left_out;
    let left_out = (n > 0).then(|| {
        let what =
            counted(n, "more reading of a damaged message was", "more readings of damaged messages were");
        format!("{what} not kept: `damaged/` holds the first.")
    });
    let failed = ledger.specimens.iter().find_map(|(_, one)| one.error.as_ref());
    let failed = failed.map(|error| format!("The bytes of a damaged message could not be kept: {error}."));
    left_out.into_iter().chain(failed)
}

/// Fetches that began after the acknowledgement, saw nothing, and no removal explains it.
fn stale(case: &Case<'_>) -> u64 {
    let blind = |op: &&ClientOp| op.kind == OpKind::Fetch && op.certain() && op.seen.0 == op.seen.1;
    let missed = |read: &&ClientOp| {
        let Some(slot) = case.messages.slot(read.attempt.message) else { return false };
        let there = |op: &ClientOp| {
            op.kind.stores() && op.certain() && op.place == read.place && op.ended < read.invoked
        };
        let removed = case.ops(slot).any(|op| op.kind.removes() && op.invoked < read.ended);
        case.fates[slot].missing == 0 && !removed && case.ops(slot).any(there)
    };
    case.ledger.ops.iter().filter(blind).filter(missed).count() as u64
}

/// A message's client operations.
pub(crate) fn operations(case: &Case<'_>, slot: usize) -> Vec<Moment> {
    let indices = case.messages.ops(slot).iter().take(50);
    indices.flat_map(|&i| operation(case.ledger, i)).collect()
}

fn operation(ledger: &Ledger, index: u32) -> Vec<Moment> {
    let op = &ledger.ops[index as usize];
    let kind: &str = op.kind.into();
    let attempt = if op.kind.stores() { format!(" attempt {}", op.attempt.n) } else { String::new() };
    let begun = format!("{kind}{attempt} in {} begins", ledger.place_name(op.place));
    let mut moments = vec![moment(ledger, op.invoked, "client", begun)];
    if op.ended != Nanos(u64::MAX) {
        let how = match op.outcome {
            Outcome::Ok => "ok",
            Outcome::Fail if op.unsent() => "it was never begun: the load generator had no room",
            Outcome::Fail => "refused",
            Outcome::Info => "no certain answer",
        };
        let reply = ledger.replies.get(&index).map_or(String::new(), |r| format!(": {r}"));
        moments.push(moment(ledger, op.ended, "client", format!("{kind}{attempt} ends: {how}{reply}")));
    }
    moments
}

/// A file-system call, and the faults that struck it.
pub(crate) fn call(ledger: &Ledger, call: &FsEvent) -> Vec<Moment> {
    let to = call.new_path.as_ref().map_or(String::new(), |path| format!(" to {path}"));
    let error = match call.errno {
        0 => String::new(),
        errno => format!(" fails with {:?}", nix::errno::Errno::from_raw(errno)),
    };
    let what = format!("{} {}{to}{}{error}", call.op, call.path, caller(call));
    let mut moments = vec![moment(ledger, call.at, "storage", what)];
    for (rule, n) in &call.fired {
        moments.push(moment(ledger, call.at, "fault", format!("{rule} strikes (firing {n})")));
    }
    moments
}

/// The process that made a call: its name, if the trace has it, and its number. What the storage did by itself nobody made.
fn caller(call: &FsEvent) -> String {
    match (&call.command, call.pid) {
        (_, 0) => String::new(),
        (Some(name), pid) => format!(" by {name} (pid {pid})"),
        (None, pid) => format!(" by pid {pid}"),
    }
}

/// An effect that a power cut took.
pub(crate) fn taken(ledger: &Ledger, (at, what): (Nanos, String)) -> Moment {
    moment(ledger, at, "power cut", what)
}

/// The reading that showed it.
pub(crate) fn reading(ledger: &Ledger, at: Nanos, sentence: &str) -> Moment {
    moment(ledger, at, "reading", sentence.trim_end_matches('.').to_owned())
}

/// What the final readings say about a message.
pub(crate) fn end(case: &Case<'_>, slot: usize) -> Moment {
    let seen = case.last.copies(slot).len() as u64;
    let served = counted(seen, "copy", "copies");
    let disk = match on_disk(case, slot) {
        Some(true) => "on the disk",
        Some(false) => "not on the disk",
        None => "disk not read",
    };
    let fate = &case.fates[slot];
    let waits = if fate.queued { ", in the queue" } else { "" };
    let failed = if fate.bounced { ", bounced" } else { "" };
    let what = format!("at the end: {served} through the server, {disk}{waits}{failed}");
    moment(case.ledger, case.ledger.last, "reading", what)
}

fn moment(ledger: &Ledger, at: Nanos, who: &str, what: String) -> Moment {
    Moment { at_s: ledger.seconds(at), who: who.to_owned(), what }
}
