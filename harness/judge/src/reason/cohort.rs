//! Many losses that share one thing, said once: whole users, a whole storage, one stretch of time, the oldest mail.
//!
//! It only adds words before the single losses; counts and verdict stay. A group is said to be lost if at least nine
//! tenths of it are and other groups exist that are not.

use crate::case::Case;
use fuse_fs::clock::Nanos;
use reports::kit::figures::{counted, grouped};
use std::collections::BTreeMap;

/// Fewer losses are told one by one.
const FEWEST: usize = 5;
const NAMES: usize = 5;

/// One acknowledged message that must be there.
#[derive(Clone, Copy, Debug)]
struct Kept {
    user: u32,
    place: u32,
    storage: Option<u32>,
    at: Nanos,
    lost: bool,
}

/// What the lost messages among the acknowledged ones have in common, if anything.
pub(crate) fn shared(case: &Case<'_>, lost: &[usize], all: &[usize]) -> Option<String> {
    if lost.len() < FEWEST {
        return None;
    }
    let mut lost = lost.to_vec();
    lost.sort_unstable();
    let look = |&slot: &usize| message(case, slot, lost.binary_search(&slot).is_ok());
    let mut mail: Vec<Kept> = all.iter().filter_map(look).collect();
    mail.sort_unstable_by_key(|m| m.at);
    let user = |id: u32| case.ledger.user_name(record::history::UserId(id));
    let storage = |id: u32| format!("storage `{}`", case.traces.storage_name(id));
    by(case, &mail, |m| Some(m.user), ("user", "users"), user)
        .or_else(|| by(case, &mail, |m| m.storage, ("storage", "storages"), storage))
        .or_else(|| window(case, &mail))
        .or_else(|| oldest(&mail))
}

fn message(case: &Case<'_>, slot: usize, lost: bool) -> Option<Kept> {
    let place = case.origin(slot)?;
    let attempt = case.spokesman(slot)?;
    let storage = case.traces.holders(attempt).first().map(|h| h.storage);
    Some(Kept {
        user: case.ledger.user_of(place).0,
        place: place.0,
        storage,
        at: case.acknowledged_at(slot)?,
        lost,
    })
}

/// Messages of one group.
#[derive(Clone, Copy, Default)]
struct Group {
    lost: u64,
    /// Acknowledged until the last that was lost, of any group: what came later was never in danger.
    early: u64,
    late: u64,
}

impl Group {
    fn is_lost(&self) -> bool {
        self.lost * 10 >= self.early * 9 && self.lost > self.late
    }
}

/// Whole groups are lost, and not all of them. `mail` is in time order.
fn by(
    case: &Case<'_>,
    mail: &[Kept],
    key: impl Fn(&Kept) -> Option<u32>,
    (one, many): (&str, &str),
    name: impl Fn(u32) -> String,
) -> Option<String> {
    let last = mail.iter().rposition(|m| m.lost)?;
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    for (index, message) in mail.iter().enumerate() {
        let group = groups.entry(key(message)?).or_default();
        group.lost += u64::from(message.lost);
        *(if index <= last { &mut group.early } else { &mut group.late }) += 1;
    }
    let total = groups.len();
    let hit: Vec<(u32, Group)> = groups.into_iter().filter(|(_, group)| group.is_lost()).collect();
    let sum = |count: fn(&Group) -> u64| hit.iter().map(|(_, group)| count(group)).sum::<u64>();
    let (lost, early, late) = (sum(|g| g.lost), sum(|g| g.early), sum(|g| g.late));
    if hit.len() == total || lost < FEWEST as u64 {
        return None;
    }
    let others = match mail.iter().filter(|m| m.lost).count() as u64 - lost {
        0 => format!("no other {one} lost any"),
        n => format!("other {many} lost {} in all", grouped(n)),
    };
    let messages = match lost == early {
        true => format!("All {}", counted(early, "message", "messages")),
        false => format!("{} of {}", grouped(lost), counted(early, "message", "messages")),
    };
    let until = format!(" acknowledged until {}", case.ledger.moment(mail[last].at));
    let until = if late == 0 { "" } else { &until };
    let names: Vec<String> = hit.iter().take(NAMES).map(|(id, _)| name(*id)).collect();
    Some(format!("{messages} of {}{until} are gone; {others}.", whose(&names, hit.len(), total, many)))
}

/// `user3`, or `2 of 20 users (user3, user7)`.
fn whose(names: &[String], hit: usize, total: usize, many: &str) -> String {
    let more = if hit > names.len() { " and others" } else { "" };
    match hit {
        1 => names.join(""),
        n => format!("{n} of {total} {many} ({}{more})", names.join(", ")),
    }
}

/// All that was acknowledged in one stretch of time is lost, and nothing before or after. `mail` is in time order.
fn window(case: &Case<'_>, mail: &[Kept]) -> Option<String> {
    let first = mail.iter().position(|m| m.lost)?;
    let last = mail.iter().rposition(|m| m.lost)?;
    if first == 0 || !mail[first..=last].iter().all(|m| m.lost) {
        return None;
    }
    let n = grouped((last - first + 1) as u64);
    let (from, to) = (case.ledger.moment(mail[first].at), case.ledger.moment(mail[last].at));
    Some(if last + 1 == mail.len() {
        format!(
            "The {n} lost messages are all that were acknowledged from {from} on, and none before is lost: as if \
             the store had gone back to then."
        )
    } else {
        format!(
            "The {n} lost messages are all that were acknowledged from {from} to {to}, and none before or \
             after is lost: as if the store had gone back once."
        )
    })
}

/// In each mailbox that lost any, all that are lost are older than all that are left. `mail` is in time order.
fn oldest(mail: &[Kept]) -> Option<String> {
    let mut left: BTreeMap<u32, bool> = BTreeMap::new();
    for message in mail {
        let any = left.entry(message.place).or_default();
        if message.lost && *any {
            return None;
        }
        *any |= !message.lost;
    }
    let lost = mail.iter().filter(|m| m.lost);
    let some_left = lost.clone().any(|m| left[&m.place]);
    some_left.then(|| {
        format!(
            "The {} lost messages are the oldest of their mailboxes: each was acknowledged before all that are left \
             there.",
            grouped(lost.count() as u64)
        )
    })
}
