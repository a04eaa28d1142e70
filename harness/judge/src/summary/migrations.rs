//! How far each migration came, for the report: one entry for each step that moved users.

use crate::case::latency::{latencies, quantiles};
use fuse_fs::clock::Nanos;
use record::history::UserId;
use record::history::event::MigrationState;
use record::ledger::Ledger;
use record::ledger::entry::MigrationDone;
use reports::run::Migration;
use std::collections::{BTreeMap, BTreeSet};

/// Users named with what went wrong.
const NAMED: usize = 10;

/// Every migration, in the order of its steps.
pub(crate) fn migrations(ledger: &Ledger, empty: &BTreeSet<(usize, UserId)>) -> Vec<Migration> {
    let mut steps: BTreeMap<usize, BTreeMap<UserId, Vec<&MigrationDone>>> = BTreeMap::new();
    for done in &ledger.migrations {
        steps.entry(done.step).or_default().entry(done.user).or_default().push(done);
    }
    steps.iter().map(|(step, users)| summary(ledger, users, &|user| empty.contains(&(*step, user)))).collect()
}

/// Whoever came without any of its mail has not arrived.
fn summary(
    ledger: &Ledger,
    users: &BTreeMap<UserId, Vec<&MigrationDone>>,
    empty: &dyn Fn(UserId) -> bool,
) -> Migration {
    let all = || users.values().flatten();
    let ended = |state| users.values().filter(|moves| last(moves) == Some(state)).count() as u64;
    let without =
        users.iter().filter(|(user, moves)| last(moves) == Some(MigrationState::Switched) && empty(**user));
    let without = without.count() as u64;
    let (switched, back) = (ended(MigrationState::Switched) - without, ended(MigrationState::Back));
    let begun = all().map(|done| done.at).min().unwrap_or_default();
    let arrivals = all().filter(|done| done.state == MigrationState::Switched).map(|done| done.at).max();
    let ended = arrivals.or_else(|| all().map(|done| done.at).max()).unwrap_or_default();
    let mut held = latencies();
    for wait in users.values().flat_map(|moves| waits(moves)) {
        held.saturating_record((wait.as_micros() as u64).max(1));
    }
    let one = all().next();
    Migration {
        from: one.map_or(String::new(), |done| done.from.clone()),
        to: one.map_or(String::new(), |done| done.to.clone()),
        users: users.len() as u64,
        switched,
        back,
        between: users.len() as u64 - switched - back,
        from_s: ledger.seconds(begun),
        to_s: ledger.seconds(ended),
        held: quantiles(&held),
        trouble: trouble(ledger, users, empty),
    }
}

fn last(moves: &[&MigrationDone]) -> Option<MigrationState> {
    moves.last().map(|done| done.state)
}

/// From each time that nobody was let in to the next change.
fn waits(moves: &[&MigrationDone]) -> Vec<std::time::Duration> {
    let until = |pair: &[&MigrationDone]| {
        (pair[0].state == MigrationState::Held).then(|| pair[1].at.since(pair[0].at))
    };
    moves.windows(2).filter_map(until).collect()
}

/// Users that are not served from the new storage, with the last words said about them.
fn trouble(
    ledger: &Ledger,
    users: &BTreeMap<UserId, Vec<&MigrationDone>>,
    empty: &dyn Fn(UserId) -> bool,
) -> Vec<(String, String)> {
    let words = |user: UserId, moves: &[&MigrationDone]| match last(moves) {
        Some(MigrationState::Switched) if !empty(user) => None,
        Some(MigrationState::Switched) => {
            moves.last().map(|done| format!("none of its mail was seen on {}", done.to))
        }
        _ => moves.iter().rev().find_map(|done| done.detail.clone()),
    };
    let all = users.iter().filter_map(|(user, moves)| Some((ledger.user_name(*user), words(*user, moves)?)));
    all.take(NAMED).collect()
}

/// The storage beneath a user's mail at an instant, given where it was when the run began.
pub(crate) fn storage_at<'a>(ledger: &'a Ledger, user: UserId, at: Nanos, begun: &'a str) -> &'a str {
    let moves = ledger.migrations.iter().filter(|done| done.user == user && done.at <= at);
    let mut placed = moves.filter_map(|done| match done.state {
        MigrationState::Switched => Some(done.to.as_str()),
        MigrationState::Back => Some(done.from.as_str()),
        MigrationState::Copying | MigrationState::Held => None,
    });
    placed.next_back().unwrap_or(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(moves: &[(u64, u32, MigrationState, Option<&str>)]) -> Ledger {
        let done = |&(ms, user, state, detail): &(u64, u32, MigrationState, Option<&str>)| MigrationDone {
            at: Nanos(ms * 1_000_000),
            step: 3,
            user: UserId(user),
            from: "old".to_owned(),
            to: "new".to_owned(),
            state,
            detail: detail.map(str::to_owned),
        };
        let users = (1..=4).map(|n| format!("user{n}")).collect();
        let mut ledger = Ledger::default();
        (ledger.users, ledger.migrations) = (users, moves.iter().map(done).collect());
        ledger
    }

    #[test]
    fn each_user_counts_by_its_last_state() {
        use record::history::event::MigrationState::{Back, Copying, Held, Switched};
        let moves = [
            (0, 0, Copying, None),
            (10, 0, Held, None),
            (30, 0, Switched, None),
            (5, 1, Copying, None),
            (15, 1, Held, None),
            (25, 1, Back, Some("rsync: exit status 23")),
            (20, 2, Copying, None),
        ];
        let ledger = ledger(&moves);
        let [one] = <[Migration; 1]>::try_from(migrations(&ledger, &BTreeSet::new())).expect("one step");
        assert_eq!((one.users, one.switched, one.back, one.between), (3, 1, 1, 1));
        assert_eq!((one.from_s, one.to_s), (0.0, 0.03));
        assert_eq!(one.trouble, [("user2".to_owned(), "rsync: exit status 23".to_owned())]);
        let held = one.held.expect("two users were held");
        assert!((held.p50_s - 0.01).abs() < 0.001 && (held.max_s - 0.02).abs() < 0.001, "{held:?}");
        let place = |user, ms: u64| storage_at(&ledger, UserId(user), Nanos(ms * 1_000_000), "old");
        assert_eq!([place(0, 29), place(0, 30), place(1, 40)], ["old", "new", "old"]);
    }

    #[test]
    fn a_run_without_migration_has_none() {
        assert!(migrations(&ledger(&[]), &BTreeSet::new()).is_empty());
    }
}
