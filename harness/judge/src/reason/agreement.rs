//! Where mail is read through another server than the one under test, both readings of it must agree: what that server
//! shows of a Maildir, and what lies in it on the disk. If they do not, one of them is not what it is taken for, and
//! the run proves nothing.
//!
//! Where a layout is declared, it must be that of the mail: Maildirs that hold nothing while the mail server shows mail are others.
//!
//! Compared are, for each user, the attempts with their digests. Left out is what another checker answers for: mail that
//! a lie struck, and acknowledged mail that is hidden or damaged. Mail that was in the queue may arrive between the two.

use crate::case::Case;
use record::history::digest::Digest;
use record::history::{Attempt, UserId};
use record::ledger::entry::Seen;
use record::plan::server::Layout;
use reports::kit::figures::counted;
use std::collections::{BTreeMap, BTreeSet};

type Content = BTreeSet<(Attempt, [u8; 16])>;

/// What the two readings disagree on, for the coverage; nothing where they agree or there are not two of them.
pub(crate) fn disagreement(case: &Case<'_>) -> Option<String> {
    let maildir = matches!(case.plan.target.definition.layout, Layout::Maildir { .. });
    if case.plan.target.has_imap_during_traffic() || !maildir {
        return None;
    }
    let (shown, stored) = (through_imap(case), on_disk(case));
    let mut users = stored.iter().map(|(user, stored)| {
        let shown = shown.get(user).unwrap_or(const { &BTreeSet::new() });
        let only_shown = shown.difference(stored).filter(|c| !explained(case, c)).count();
        let only_stored = stored.difference(shown).filter(|c| !explained(case, c)).count();
        (*user, (only_shown + only_stored) as u64)
    });
    let (user, n) = users.find(|(_, n)| *n > 0)?;
    let what = counted(n, "message", "messages");
    let name = case.ledger.user_name(user);
    Some(format!("the reading through IMAP and the reading of the disk disagree on {what} of {name}"))
}

/// The Maildirs that the target file names hold nothing, and the mail server shows mail: they are not where its mail is.
pub(crate) fn layout_elsewhere(case: &Case<'_>) -> Option<String> {
    let Layout::Maildir { path } = &case.plan.target.definition.layout else { return None };
    let seen = |seen: &&Seen| seen.attempt.is_some();
    let finals = case.ledger.readings.iter().filter(|reading| reading.name == "final" && reading.complete);
    let shown = finals.flat_map(|reading| &case.ledger.seen[reading.copies.clone()]).filter(seen).count();
    let mut disks = case.ledger.disks.iter().filter(|disk| disk.name == "final").peekable();
    if shown == 0 || disks.peek().is_none() || !disks.all(|disk| disk.complete && disk.copies.is_empty()) {
        return None;
    }
    let shown = counted(shown as u64, "message", "messages");
    Some(format!(
        "the mail server shows {shown} in the end, and the Maildirs that the target's `layout` names (`{path}` below the store) \
         hold none: correct `layout`, or remove it"
    ))
}

fn explained(case: &Case<'_>, (attempt, _): &(Attempt, [u8; 16])) -> bool {
    let Some(slot) = case.messages.slot(attempt.message) else { return false };
    let fate = &case.fates[slot];
    case.lied_about(slot) || case.elsewhere.queued(*attempt) || (fate.acknowledged && fate.missing > 0)
}

fn through_imap(case: &Case<'_>) -> BTreeMap<UserId, Content> {
    let mut users: BTreeMap<UserId, Content> = BTreeMap::new();
    for reading in case.ledger.readings.iter().filter(|r| r.name == "final" && r.complete) {
        let seen = &case.ledger.seen[reading.copies.clone()];
        let known = seen.iter().filter_map(|seen| pair(seen.attempt, seen.digest));
        users.entry(case.ledger.user_of(reading.place)).or_default().extend(known);
    }
    users
}

fn on_disk(case: &Case<'_>) -> BTreeMap<UserId, Content> {
    let mut users: BTreeMap<UserId, Content> = BTreeMap::new();
    for disk in case.ledger.disks.iter().filter(|d| d.name == "final" && d.complete) {
        let finished = case.ledger.disk_copies[disk.copies.clone()].iter().filter(|copy| !copy.unfinished);
        let known = finished.filter_map(|copy| pair(copy.attempt, copy.digest));
        users.entry(disk.user).or_default().extend(known);
    }
    users
}

fn pair(attempt: Option<Attempt>, digest: Option<Digest>) -> Option<(Attempt, [u8; 16])> {
    Some((attempt?, digest?.0))
}
