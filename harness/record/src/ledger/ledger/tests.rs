use super::*;
use crate::synthetic::World;

/// A history of migrations: instant, user, state.
fn migrated(states: &[(u64, u32, MigrationState)]) -> Ledger {
    let mut world = World::new(Vec::new(), 3);
    for &(at, user, state) in states {
        let (from, to) = ("old".to_owned(), "new".to_owned());
        world.write(&Event::Migration {
            at: Nanos(at),
            step: 0,
            user: UserId(user),
            from,
            to,
            state,
            detail: None,
        });
    }
    Ledger::read(world.finish().as_slice()).expect("well-formed")
}

#[test]
fn a_user_is_kept_out_while_it_is_held_and_nobody_else_is() {
    use crate::history::event::MigrationState::{Back, Copying, Held, Switched};
    let ledger = migrated(&[
        (10, 0, Copying),
        (15, 1, Copying),
        (20, 0, Held),
        (25, 1, Held),
        (30, 0, Switched),
        (50, 0, Copying),
        (60, 0, Held),
        (70, 0, Back),
    ]);
    let out = |user, from, to| ledger.kept_out(UserId(user), Nanos(from), Nanos(to));
    for (from, to, expected) in [
        (0, 19, false),
        (0, 20, true),
        (21, 29, true),
        (30, 40, true),
        (31, 59, false),
        (0, 100, true),
        (65, 80, true),
        (71, 100, false),
    ] {
        assert_eq!(out(0, from, to), expected, "user 0 from {from} to {to}");
    }
    assert!(!out(1, 0, 24));
    assert!(out(1, 1_000, 2_000), "a migration that never ended keeps out for good");
    assert!(!out(2, 0, 1_000));
}
