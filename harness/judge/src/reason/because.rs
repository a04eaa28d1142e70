//! Why something acknowledged is gone after a power cut: the lost effect that explains it, in words.
//!
//! An absent message is explained by a lost name outside `tmp/`, else by its lost creation, else by a lost directory
//! above it, else by lost data. A lost rename from one finished name to another (a change of flags) explains no absence:
//! the older name was durable. Where the power went after the acknowledgement and nothing that it took explains the
//! loss, that is said too; it is claimed only if every record was read and every file of the user is known by its path.

use crate::case::Case;
use crate::trace::cuts::{Taken, above, after};
use crate::trace::holder::{finished, parent};
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::Fate;
use record::history::{Attempt, UserId};
use record::ledger::entry::{ClientOp, CutDone};
use record::plan::server::Layout;

/// Effects shown as evidence of one anomaly.
const SHOWN: usize = 10;

/// A sentence with its reason, if there is one.
pub(crate) fn because(sentence: &str, reason: Option<String>) -> String {
    match reason {
        Some(reason) => format!("{sentence}: {reason}."),
        None => format!("{sentence}."),
    }
}

/// Why an acknowledged message is not there; `on_disk` if its file is.
pub(crate) fn absence(case: &Case<'_>, slot: usize, on_disk: bool) -> Option<String> {
    let since = case.acknowledged_at(slot)?;
    if on_disk {
        return others_or_itself(case, slot, since, "its file");
    }
    let lost = taken(case, slot, since).filter_map(|t| Some((names_then_data(t)?, t)));
    let folders = folders(case, slot, since).map(|t| (2, t));
    let nearest = lost.chain(folders).min_by_key(|(rank, t)| (*rank, t.cut, t.effect.id));
    let reason = nearest.map(|(_, t)| t.sentence(case.ledger));
    reason.or_else(|| others_or_itself(case, slot, since, "everything of it"))
}

/// How directly the loss of an effect explains that a message is not there: 0 most.
fn names_then_data(taken: &Taken) -> Option<u8> {
    let effect = &taken.effect;
    match effect.kind.as_str() {
        "link" => Some(0),
        "rename" if !finished(&effect.path) || effect.fate == Fate::Partial => Some(0),
        "create" => Some(1),
        "write" | "truncate" | "allocate" => Some(3),
        _ => None,
    }
}

/// Why a message's content is not what was sent.
pub(crate) fn damage(case: &Case<'_>, slot: usize, read: Nanos) -> Option<String> {
    let since = case.acknowledged_at(slot)?;
    let data = |t: &&Taken| matches!(t.effect.kind.as_str(), "write" | "truncate" | "allocate");
    let lost = taken(case, slot, since).filter(|t| case.ledger.cuts[t.cut].at < read);
    lost.filter(data).min_by_key(|t| (t.cut, t.effect.id)).map(|t| t.sentence(case.ledger))
}

/// Why an acknowledged change of these flags is not visible.
pub(crate) fn flags(case: &Case<'_>, slot: usize, bits: u64) -> Option<String> {
    let touches = |op: &&ClientOp| op.certain() && (op.add.0 | op.remove.0) & bits != 0;
    let op = case.ops(slot).filter(touches).max_by_key(|op| op.invoked)?;
    let within = |t: &Taken| t.effect.kind == "rename" && !leaves(t);
    let renamed = nearest(case, slot, op, within);
    renamed.or_else(|| others_or_itself(case, slot, op.ended, "its file"))
}

/// Why a removed message is back.
pub(crate) fn undone(case: &Case<'_>, slot: usize) -> Option<String> {
    let removes = |op: &&ClientOp| op.kind.removes() && op.certain();
    let op = case.ops(slot).filter(removes).max_by_key(|op| op.invoked)?;
    let removes = |t: &Taken| matches!(t.effect.kind.as_str(), "unlink" | "rename");
    let removed = nearest(case, slot, op, leaves).or_else(|| nearest(case, slot, op, removes));
    removed.or_else(|| others_or_itself(case, slot, op.ended, "its removal"))
}

/// It takes a finished name away: from then on the file is no longer in that mailbox.
fn leaves(taken: &Taken) -> bool {
    let mailbox = |path: &str| parent(parent(path)).to_owned();
    let from = &taken.effect.path;
    let stays = |to: &String| finished(to) && mailbox(to) == mailbox(from);
    finished(from)
        && match taken.effect.kind.as_str() {
            "unlink" => true,
            "rename" => !taken.effect.new_path.as_ref().is_some_and(stays),
            _ => false,
        }
}

/// The lost effect of this kind that belongs to an operation: made while it ran, else the last one before its end.
fn nearest(case: &Case<'_>, slot: usize, op: &ClientOp, kind: impl Fn(&Taken) -> bool) -> Option<String> {
    let lost = taken(case, slot, op.ended).filter(|t| kind(t) && t.effect.at <= op.ended);
    lost.max_by_key(|t| t.effect.id).map(|t| t.sentence(case.ledger))
}

/// The removal of a refused attempt that a cut undid.
fn removal<'a>(case: &'a Case<'_>, attempt: Attempt) -> Option<&'a Taken> {
    let refused = case.messages.store(case.ledger, attempt)?.ended;
    let removes = |t: &&Taken| matches!(t.effect.kind.as_str(), "unlink" | "rename");
    let taken = case.cuts.of(attempt).iter().filter(|t| after(case.ledger, t, refused));
    taken.filter(removes).max_by_key(|t| t.effect.id)
}

/// Why a refused attempt is there.
pub(crate) fn phantom(case: &Case<'_>, attempt: Attempt) -> Option<String> {
    removal(case, attempt).map(|t| t.sentence(case.ledger))
}

/// The removal of a refused attempt was undone by a cut, and the storage had refused to make it durable: the server
/// could do no more than not answer.
pub(crate) fn removal_was_denied(case: &Case<'_>, attempt: Attempt) -> bool {
    let Some(taken) = removal(case, attempt) else { return false };
    let cut = &case.ledger.cuts[taken.cut];
    let Some(storage) = case.traces.storage(&cut.storage) else { return false };
    let directory = parent(&taken.effect.path);
    case.traces.directory_sync_failed(storage, directory, taken.effect.at, cut.at)
}

/// Lost effects to show with an anomaly, each at the instant of its cut: of the message, else of its user.
pub(crate) fn shown(case: &Case<'_>, slot: Option<usize>, user: Option<UserId>) -> Vec<(Nanos, String)> {
    let own: Vec<&Taken> = slot.into_iter().flat_map(|slot| taken(case, slot, Nanos(0))).collect();
    let others = || user.into_iter().flat_map(|user| case.cuts.others(user).rev());
    let chosen: Vec<&Taken> = if own.is_empty() { others().take(SHOWN).collect() } else { own };
    let line = |t: &&Taken| (case.ledger.cuts[t.cut].at, t.moment(case.ledger));
    chosen.iter().take(SHOWN).map(line).collect()
}

/// Effects on the files of a message's attempts that a cut after `since` took, the nearest explanation first.
fn taken<'a>(case: &'a Case<'_>, slot: usize, since: Nanos) -> impl Iterator<Item = &'a Taken> {
    let stores = case.ops(slot).filter(|op| op.kind.stores());
    let mut all: Vec<&Taken> = stores.flat_map(|op| case.cuts.of(op.attempt)).collect();
    all.retain(|t| after(case.ledger, t, since));
    all.sort_by_key(|t| (names_then_data(t).unwrap_or(u8::MAX), t.cut, t.effect.id));
    all.into_iter()
}

/// Lost directories above the files of a message.
fn folders<'a>(case: &'a Case<'_>, slot: usize, since: Nanos) -> impl Iterator<Item = &'a Taken> {
    let holders: Vec<_> = case.ops(slot).flat_map(|op| case.traces.holders(op.attempt)).collect();
    let user = case.origin(slot).map(|place| case.ledger.user_of(place));
    let others = user.into_iter().flat_map(|user| case.cuts.others(user));
    others.filter(move |t| after(case.ledger, t, since) && holders.iter().any(|h| above(t, h)))
}

/// Nothing of the message's own files explains it: other files of the user that the cuts took something of, or nothing.
fn others_or_itself(case: &Case<'_>, slot: usize, since: Nanos, what: &str) -> Option<String> {
    let cuts = cuts(case, slot, since);
    if cuts.is_empty() || !case.cuts.complete() || case.traces.damaged > 0 {
        return None;
    }
    let user = case.ledger.user_of(case.origin(slot)?);
    let when = match cuts.as_slice() {
        [cut] => format!("when the power went at {}", case.ledger.moment(cut.at)),
        several => format!("each of the {} times the power went", several.len()),
    };
    if let Some(other) = case.cuts.others(user).rfind(|t| after(case.ledger, t, since)) {
        let name = case.ledger.user_name(user);
        let lost = other.sentence(case.ledger);
        return Some(format!("{what} was durable {when}, other files of {name} were not: {lost}"));
    }
    let known =
        matches!(&case.plan.target.definition.layout, Layout::Maildir { path } if path.contains("{user}"));
    known.then(|| format!("{what} was durable {when}: the mail server lost it itself"))
}

/// Cuts of storages that held the message, after `since`.
fn cuts<'a>(case: &'a Case<'_>, slot: usize, since: Nanos) -> Vec<&'a CutDone> {
    let holds = |cut: &&CutDone| {
        let storage = case.traces.storage(&cut.storage);
        let mut holders = case.ops(slot).flat_map(|op| case.traces.holders(op.attempt));
        cut.at > since && holders.any(|h| Some(h.storage) == storage)
    };
    case.ledger.cuts.iter().filter(holds).collect()
}
