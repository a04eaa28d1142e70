//! How the storage was repaired, and whether it was looked at before it was opened.

use super::answer::Answer;
use super::view::View;
use crate::property::expectations::{inspected, inspections};
use fuse_fs::clock::Nanos;
use reports::kit::figures::grouped;
use reports::kit::verdict::Verdict;

pub(crate) fn fixed_in_place(view: &View<'_, '_>, fault: &str, calls: u64) -> Answer {
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let storage = outage.storage();
    let (mut at_repair, mut last) = (0, 0);
    let read = view.case.traces.each(storage, |event| {
        last = last.max(event.seq);
        if event.at <= outage.repaired {
            at_repair = at_repair.max(event.seq);
        }
    });
    if !read {
        return Answer::unknown(format!("There is no whole trace of `{storage}`."));
    }
    let again = outage.rule.last.is_some_and(|fired| fired > outage.repaired);
    let replaced = replaced(view, storage, outage.from);
    let more = last - at_repair;
    let seen = format!(
        "`{storage}` was repaired at {}; {} came after that, counted on from call {}; `{fault}` {}; {}.",
        view.moment(outage.repaired),
        reports::kit::figures::counted(more, "call", "calls"),
        grouped(at_repair),
        if again { "fired again" } else { "did not fire again" },
        replaced.as_deref().unwrap_or("it is the same storage throughout"),
    );
    if again || replaced.is_some() {
        return Answer::that(false, seen);
    }
    if more < calls { Answer::unknown(seen) } else { Answer::that(true, seen) }
}

/// What makes it another storage than it was.
fn replaced(view: &View<'_, '_>, storage: &str, from: Nanos) -> Option<String> {
    let ledger = view.case.ledger;
    let cut = ledger.cuts.iter().find(|cut| cut.took(storage) && cut.at >= from);
    let back = ledger.rollbacks.iter().find(|back| back.storage == storage && back.at >= from);
    back.map(|back| format!("it was rolled back at {}", view.moment(back.at)))
        .or_else(|| cut.map(|cut| format!("its power went at {}", view.moment(cut.at))))
}

pub(crate) fn opened_after_inspection(view: &View<'_, '_>, fault: &str, phase: &str) -> Answer {
    let (outage, opened) = match (view.outage(fault), view.phase(phase)) {
        (Ok(outage), Ok(opened)) => (outage, opened),
        (Err(why), _) | (_, Err(why)) => return Answer::unknown(why),
    };
    let when = format!("Repaired at {}, `{phase}` at {}", view.moment(outage.repaired), view.moment(opened));
    if opened < outage.repaired {
        return Answer::that(false, format!("{when}: it was opened before the repair."));
    }
    let between = |name: &&str| {
        let mut reads = view.case.ledger.disks.iter().filter(|disk| disk.name == **name);
        reads.all(|disk| disk.at >= outage.repaired && disk.at <= opened)
    };
    let names: Vec<&str> = inspections(view.case).into_iter().filter(between).collect();
    if names.is_empty() {
        return Answer::that(false, format!("{when}: nobody looked between the two."));
    }
    let found = inspected(view.case, &names);
    let seen = format!("{when}; looked at between the two: {}", found.sentence);
    match found.verdict {
        Verdict::Unknown => Answer::unknown(seen),
        verdict => Answer::that(verdict == Verdict::Valid, seen),
    }
}
