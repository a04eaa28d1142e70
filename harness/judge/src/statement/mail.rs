//! What became of the mail: beneath the fault, by the sum, by its UIDs.

use super::answer::Answer;
use super::view::View;
use crate::property::expectations::{inspected, inspections};
use crate::property::{sum_rule as sums, uid_rules as uids};
use reports::kit::figures::counted;
use reports::kit::verdict::Verdict;

pub(crate) fn intact_beneath(view: &View<'_, '_>, fault: &str) -> Answer {
    let names = inspections(view.case);
    let outage = match view.outage(fault) {
        Ok(outage) => outage,
        Err(why) => return Answer::unknown(why),
    };
    let within = |name: &&&str| {
        let mut reads = view.case.ledger.disks.iter().filter(|disk| disk.name == ***name).peekable();
        reads.peek().is_some() && reads.all(|disk| outage.holds(disk.at))
    };
    let during = names.iter().filter(within).count() as u64;
    if names.is_empty() {
        return Answer::unknown("The disk was never inspected.");
    }
    let found = inspected(view.case, &names);
    let seen = format!(
        "{}, {during} of them while `{fault}` held: {}",
        counted(names.len() as u64, "inspection", "inspections"),
        found.sentence
    );
    match (found.verdict, during) {
        (Verdict::Valid, 0) | (Verdict::Unknown, _) => Answer::unknown(seen),
        (verdict, _) => Answer::that(verdict == Verdict::Valid, seen),
    }
}

pub(crate) fn sum_rule(view: &View<'_, '_>) -> Answer {
    let lost = sums::Sum::of(sums::ends(view.case).iter()).lost;
    if view.case.ledger.sent.is_empty() {
        return Answer::unknown("The run has no senders: there is nothing to add up.");
    }
    let finding = (sums::CHECKER.check)(view.case);
    match (finding.verdict, lost) {
        (Verdict::Valid, 1..) => Answer::that(false, finding.sentence),
        _ => Answer::of(finding),
    }
}

pub(crate) fn uid_rules(view: &View<'_, '_>) -> Answer {
    Answer::of((uids::CHECKER.check)(view.case))
}
