//! Acknowledged changes of flags are there at the end.
//!
//! Model: for each flag, the last acknowledged change decides, unless another change may have happened after or
//! during it. Judged are messages of which there can be one copy only; which copy of several a change was about
//! is not modelled. \Deleted is not judged (expunge uses it), nor are flags nobody changed.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use crate::reason::because::{because, flags};
use fuse_fs::clock::Nanos;
use record::ledger::entry::{ClientOp, OpKind, Seen};
use reports::kit::figures::counted;

pub(crate) const CHECKER: Checker = Checker {
    name: "flags-durable",
    harm: Harm::Rules,
    title: "Marks such as read and flagged stay as they were set",
    definition: "Every acknowledged change of a flag is visible at the end, unless a later change may have \
                 undone it.",
    promise: None,
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let mut judged = 0u64;
    for (slot, _) in case.honest().filter(|(_, fate)| fate.acknowledged) {
        let Some((seen, on, off)) = compared(case, slot) else { continue };
        judged += u64::from((on | off).count_ones());
        let wrong = (on & !seen.flags.0) | (off & seen.flags.0);
        if wrong != 0 {
            anomalies.add(|| lost(case, slot, seen, wrong));
        }
    }
    let changes = counted(judged, "acknowledged change of a flag", "acknowledged changes of flags");
    let sentence = match anomalies.count {
        0 => format!("{changes}, none lost."),
        n => format!("{changes}; {} with other flags at the end.", counted(n, "message is", "messages are")),
    };
    let overflow = "More than 64 different flags were used; the others were not judged.".to_owned();
    Finding::of(anomalies, sentence).of_cases(judged).warn(case.ledger.flags_overflowed.then_some(overflow))
}

/// The only copy of a message, and the flags it must and must not have.
fn compared<'a>(case: &'a Case<'_>, slot: usize) -> Option<(&'a Seen, u64, u64)> {
    let [found] = case.last.copies(slot) else { return None };
    let deleted = case.ledger.flag_names.iter().position(|n| n == "\\deleted");
    let deleted = deleted.map_or(0, |bit| 1u64 << bit);
    let (on, off) = demanded(case, slot)?;
    Some((&case.ledger.seen[found.seen as usize], on & !deleted, off & !deleted))
}

/// The copy of a message and its flags that are not as the last acknowledged changes left them, if there are any.
pub(crate) fn wrong<'a>(case: &'a Case<'_>, slot: usize) -> Option<(&'a Seen, u64)> {
    let (seen, on, off) = compared(case, slot)?;
    Some((seen, (on & !seen.flags.0) | (off & seen.flags.0))).filter(|(_, wrong)| *wrong != 0)
}

/// Flags that must be set and flags that must not, if there can be one copy only.
fn demanded(case: &Case<'_>, slot: usize) -> Option<(u64, u64)> {
    let stores = case.ops(slot).filter(|op| op.kind.stores() && op.possible()).count();
    if stores != 1 || case.ops(slot).any(|op| op.kind == OpKind::Copy && !op.unsent()) {
        return None;
    }
    let changes = || case.ops(slot).filter(|op| op.kind == OpKind::Flag || op.kind.stores());
    let touched = changes().fold(0, |all, op| all | op.add.0 | op.remove.0);
    if touched == 0 {
        return None;
    }
    let (mut on, mut off) = (0, 0);
    for bit in (0..64).map(|n| 1u64 << n).filter(|bit| touched & bit != 0) {
        match settled(changes(), bit) {
            Some(true) => on |= bit,
            Some(false) => off |= bit,
            None => {}
        }
    }
    Some((on, off))
}

/// The value a flag must have, if it must have one.
fn settled<'a>(changes: impl Iterator<Item = &'a ClientOp> + Clone, bit: u64) -> Option<bool> {
    let about = changes.filter(|op| (op.add.0 | op.remove.0) & bit != 0 && !op.unsent());
    let last = about.clone().filter(|op| op.certain()).max_by_key(|op| op.invoked)?;
    let value = last.add.0 & bit != 0;
    let rival = |op: &ClientOp| (op.add.0 & bit != 0) != value && acts_until(op) > last.invoked;
    (!about.clone().any(rival)).then_some(value)
}

/// A refused change may have been half done; one without an answer may be done at any time.
fn acts_until(op: &ClientOp) -> Nanos {
    op.settled()
}

fn lost(case: &Case<'_>, slot: usize, seen: &Seen, wrong: u64) -> Violation {
    let names = case.ledger.flag_names.iter().enumerate().filter(|(bit, _)| wrong & (1 << bit) != 0);
    let names: Vec<&str> = names.map(|(_, name)| name.as_str()).collect();
    let what = format!("An acknowledged change of {} is not visible at the end", names.join(", "));
    let sentence = because(&what, flags(case, slot, wrong));
    Violation::seen(seen, sentence)
}
