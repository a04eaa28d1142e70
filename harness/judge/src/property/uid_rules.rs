//! UIDs rise, are never used twice, and name one unchanging message (RFC 3501, 2.3.1.1).
//!
//! Content is content-intact's business; here a UID is held to its message, its INTERNALDATE and its order.
//! Readings after a rebuild of the index are left out: UIDs may change there. So is what was seen in a time that a storage
//! took back.
//! A UIDVALIDITY that rises is legal (clients lose their caches: a warning); one that falls is a violation.

use super::checker::{Checker, Harm};
use crate::case::Case;
use crate::case::finding::{Anomalies, Finding, Violation};
use fuse_fs::clock::Nanos;
use record::history::{Attempt, MessageId, Uid};
use record::ledger::entry::{MailboxId, Reading};
use reports::kit::figures::counted;
use std::ops::Range;

pub(crate) const CHECKER: Checker = Checker {
    name: "uid-rules",
    harm: Harm::Rules,
    title: "Message numbers (UIDs) keep their rules",
    definition: "Within one UIDVALIDITY, UIDs are given in rising order, never to a second message, and the \
                 message's INTERNALDATE never changes; UIDVALIDITY and UIDNEXT never fall.",
    promise: Some("RFC 3501, 2.3.1.1: UIDs rise, and each stands for one message for ever"),
    check,
};

/// One statement about a UID.
#[derive(Clone, Copy)]
struct Claim {
    place: MailboxId,
    uid: Uid,
    message: Option<MessageId>,
    attempt: Option<Attempt>,
    date: u64,
    begun: Nanos,
    ended: Nanos,
    /// It tells where a new copy went.
    arrival: bool,
}

fn check(case: &Case<'_>) -> Finding {
    let mut claims = claims(case);
    let mut anomalies = Anomalies::default();
    claims.sort_unstable_by_key(|c| (c.place, c.uid, c.begun));
    for same in claims.chunk_by(|a, b| (a.place, a.uid) == (b.place, b.uid)) {
        one_message(same, &mut anomalies);
    }
    let mut rises = 0;
    claims.sort_unstable_by_key(|c| (c.place, c.begun));
    for there in claims.chunk_by(|a, b| a.place == b.place) {
        rises += u64::from(validity_steps(there, &mut anomalies));
        rising(there, &mut anomalies);
    }
    uid_next(case, &mut anomalies);
    let n = anomalies.count;
    let sentence = match n {
        0 => "UIDs rose, none was used twice.".to_owned(),
        n => format!("{} of the rules for UIDs.", counted(n, "violation", "violations")),
    };
    let warning = format!(
        "UIDVALIDITY changed in {}: clients must load everything again.",
        counted(rises, "mailbox", "mailboxes")
    );
    Finding::of(anomalies, sentence).warn((rises > 0).then_some(warning))
}

fn claims(case: &Case<'_>) -> Vec<Claim> {
    let honest = |c: &Claim| !case.place_lied_about(c.place) && !taken_back(case, c);
    let rebuilt = rebuilt(case);
    let before = |index: usize| !rebuilt.iter().any(|range| range.contains(&index));
    let seen = case.ledger.seen.iter().enumerate().filter(|(i, _)| before(*i)).map(|(_, s)| Claim {
        place: s.place,
        uid: s.uid,
        message: s.attempt.map(|a| a.message),
        attempt: s.attempt,
        date: s.date,
        begun: s.begun,
        ended: s.ended,
        arrival: false,
    });
    let answered = case.ledger.ops.iter().filter(|op| op.certain()).filter_map(|op| {
        let place = if op.kind.stores() { op.place } else { op.to? };
        Some(Claim {
            place,
            uid: op.found?,
            message: Some(op.attempt.message),
            attempt: op.kind.stores().then_some(op.attempt),
            date: 0,
            begun: op.invoked,
            ended: op.ended,
            arrival: true,
        })
    });
    seen.chain(answered).filter(honest).collect()
}

/// Where the copies of readings after a rebuild stand; adjacent ones are one.
fn rebuilt(case: &Case<'_>) -> Vec<Range<usize>> {
    let readings = case.ledger.readings.iter().filter(|r| r.name == crate::reason::remains::READING);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for copies in readings.map(|r| r.copies.clone()) {
        match ranges.last_mut() {
            Some(last) if last.end == copies.start => last.end = copies.end,
            Some(_) | None => ranges.push(copies),
        }
    }
    ranges
}

/// A storage went back to a time before this was said.
fn taken_back(case: &Case<'_>, claim: &Claim) -> bool {
    let mut rollbacks = case.ledger.rollbacks.iter();
    // Users of cohorts may be on any storage.
    let beneath = |storage: &str| !case.plan.cohorts.is_empty() || storage == case.plan.target.storage;
    rollbacks.any(|b| beneath(&b.storage) && b.undoes(claim.begun, claim.ended))
}

fn found(claim: &Claim, sentence: String) -> Violation {
    Violation {
        attempt: claim.attempt,
        place: Some(claim.place),
        read_at: Some(claim.ended),
        ..Violation::general(sentence)
    }
}

/// Claims about one UID agree on message and date.
fn one_message(same: &[Claim], anomalies: &mut Anomalies) {
    let first = same.iter().find(|c| c.message.is_some());
    let other = first.and_then(|f| same.iter().find(|c| c.message.is_some() && !agree(f, c)));
    if let Some(other) = other {
        let uid = other.uid.uid;
        anomalies.add(|| found(other, format!("UID {uid} was given to a second message.")));
        return;
    }
    let dated = same.iter().find(|c| c.date != 0);
    let changed = dated.and_then(|f| same.iter().find(|c| c.date != 0 && c.date != f.date));
    if let Some(other) = changed {
        let uid = other.uid.uid;
        anomalies.add(|| found(other, format!("INTERNALDATE of UID {uid} changed.")));
    }
}

fn agree(a: &Claim, b: &Claim) -> bool {
    a.message == b.message && (a.attempt == b.attempt || a.attempt.is_none() || b.attempt.is_none())
}

/// UIDVALIDITY never falls. Tells whether it rose. `there` is sorted by beginning.
fn validity_steps(there: &[Claim], anomalies: &mut Anomalies) -> bool {
    let first = there[0].uid.validity;
    if there.iter().all(|c| c.uid.validity == first) {
        return false;
    }
    let fell = in_order(there.iter(), |c| u64::from(c.uid.validity), |known, new| new < known);
    if let Some(claim) = fell {
        anomalies.add(|| found(claim, format!("UIDVALIDITY fell to {}.", claim.uid.validity)));
        return false;
    }
    true
}

/// A copy that arrived after another's UID was known has a greater one.
fn rising(there: &[Claim], anomalies: &mut Anomalies) {
    let arrivals = there.iter().filter(|c| c.arrival);
    let rank = |c: &Claim| u64::from(c.uid.validity) << 32 | u64::from(c.uid.uid);
    let fell = in_order(arrivals, rank, |known, new| new < known && new >> 32 == known >> 32);
    if let Some(claim) = fell {
        anomalies.add(|| found(claim, format!("UID {} was given after a greater one.", claim.uid.uid)));
    }
}

/// The first claim whose rank is `wrong` against the greatest rank among claims that ended before it began.
fn in_order<'a>(
    claims: impl Iterator<Item = &'a Claim>,
    rank: impl Fn(&Claim) -> u64,
    wrong: impl Fn(u64, u64) -> bool,
) -> Option<&'a Claim> {
    let claims: Vec<&Claim> = claims.collect();
    let mut by_end = claims.clone();
    by_end.sort_unstable_by_key(|c| c.ended);
    let (mut known, mut ended) = (0, by_end.iter().peekable());
    for claim in claims {
        while let Some(earlier) = ended.next_if(|e| e.ended < claim.begun) {
            known = known.max(rank(earlier));
        }
        if wrong(known, rank(claim)) {
            return Some(claim);
        }
    }
    None
}

/// UIDNEXT does not fall, and lies above every UID of its reading.
fn uid_next(case: &Case<'_>, anomalies: &mut Anomalies) {
    let judged = |r: &&Reading| {
        r.uid_next > 0 && r.name != crate::reason::remains::READING && !case.place_lied_about(r.place)
    };
    let readings = case.ledger.readings.iter().filter(judged);
    let mut known: std::collections::BTreeMap<(MailboxId, u32), u32> = std::collections::BTreeMap::new();
    for reading in readings {
        let top = case.ledger.seen[reading.copies.clone()].iter().map(|s| s.uid.uid).max().unwrap_or(0);
        let before = known.insert((reading.place, reading.validity), reading.uid_next).unwrap_or(0);
        if reading.uid_next < before || reading.uid_next <= top {
            let floor = before.max(top + 1);
            let sentence = format!("UIDNEXT is {}, but must be at least {floor}.", reading.uid_next);
            let (place, read_at) = (Some(reading.place), Some(reading.at));
            anomalies.add(|| Violation { place, read_at, ..Violation::general(sentence) });
        }
    }
}
