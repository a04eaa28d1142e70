//! Calls on names in different directories at once, as the kernel lets them come: each thread has directories of its own.

use super::rig::{Rig, Sync};
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use crate::fs::request::Outcome;
use std::collections::BTreeSet;
use std::sync::Barrier;
use strum::VariantArray;

const USERS: usize = 4;
const MESSAGES: usize = 40;
/// Enough that two threads come at the same moment.
const FILES: usize = 300;

fn prepared(profile: Profile) -> Outcome<Rig> {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    for user in 0..USERS {
        for directory in ["", "/tmp", "/new"] {
            rig.mkdir(&format!("{user}{directory}"))?;
        }
    }
    rig.sync_all();
    Ok(rig)
}

/// Stored and synced as a careful mail server does it; returns what it is called.
fn deliver(rig: &Rig, user: usize, message: usize) -> Outcome<String> {
    let (tmp, name) = (format!("{user}/tmp/{message}"), format!("{user}/new/{message}"));
    let file = rig.open(&tmp, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY, 0o644)?;
    rig.write(&file, 0, &[b'm'; 100])?;
    rig.sync(&file, Sync::Full)?;
    rig.close(file)?;
    rig.rename(&tmp, &name, 0)?;
    rig.sync_path(&format!("{user}/new"), Sync::Full)?;
    Ok(name)
}

/// Every third message is deleted, durably.
fn use_mailbox(rig: &Rig, user: usize) -> Outcome<BTreeSet<String>> {
    let mut kept = BTreeSet::new();
    for message in 0..MESSAGES {
        let name = deliver(rig, user, message)?;
        if message % 3 == 0 {
            rig.unlink(&name)?;
        } else {
            kept.insert(name);
        }
    }
    rig.sync_path(&format!("{user}/new"), Sync::Full)?;
    Ok(kept)
}

/// What a user's directory holds now, with sizes.
fn held(rig: &Rig, user: usize) -> BTreeSet<(String, u64)> {
    let entries = std::fs::read_dir(rig.backing().join(format!("{user}/new"))).expect("it is there");
    let held = entries.map(|entry| {
        let entry = entry.expect("it can be read");
        let size = entry.metadata().expect("it is there").len();
        (format!("{user}/new/{}", entry.file_name().to_string_lossy()), size)
    });
    held.collect()
}

/// Which of its names is the last one, only whoever is alone can know.
#[test]
fn a_file_that_loses_all_its_names_at_once_has_them_again_after_a_cut() {
    let mut rig = prepared(Profile::StrictPosix).expect("an empty storage");
    let name = |user: usize, file: usize| format!("{user}/new/{file}");
    for file in 0..FILES {
        let first = deliver(&rig, 0, file).expect("room");
        (1..USERS).for_each(|user| rig.link(&first, &name(user, file)).expect("another name"));
    }
    rig.sync_all();
    let (all, before) = (Barrier::new(USERS), (0..USERS).map(|user| held(&rig, user)).collect::<Vec<_>>());
    // Looked at afterwards: whoever ends early leaves the others waiting.
    let unlink_all = |user| {
        let unlink = |file| {
            all.wait();
            rig.unlink(&name(user, file))
        };
        (0..FILES).map(unlink).collect::<Vec<Outcome<()>>>()
    };
    let done: Vec<Outcome<()>> = std::thread::scope(|scope| {
        let unlink_all = &unlink_all;
        let users: Vec<_> = (0..USERS).map(|user| scope.spawn(move || unlink_all(user))).collect();
        users.into_iter().flat_map(|user| user.join().expect("no panic")).collect()
    });
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    rig.cut(CutMode::DropUnsynced, 1).expect("the cut ends");
    assert_eq!((0..USERS).map(|user| held(&rig, user)).collect::<Vec<_>>(), before);
}

#[test]
fn what_was_synced_in_directories_that_change_at_once_is_there_after_a_cut_and_what_was_deleted_is_not() {
    for &profile in Profile::VARIANTS {
        let mut rig = prepared(profile).expect("an empty storage");
        let kept: BTreeSet<String> = std::thread::scope(|scope| {
            let rig = &rig;
            let users: Vec<_> =
                (0..USERS).map(|user| scope.spawn(move || use_mailbox(rig, user).expect("it can"))).collect();
            users.into_iter().flat_map(|user| user.join().expect("no panic")).collect()
        });
        rig.cut(CutMode::DropUnsynced, 1).expect("the cut ends");
        let found: BTreeSet<(String, u64)> = (0..USERS).flat_map(|user| held(&rig, user)).collect();
        let wanted: BTreeSet<(String, u64)> = kept.into_iter().map(|name| (name, 100)).collect();
        assert_eq!(found, wanted, "{profile}");
        assert_eq!(rig.volatile().limbo.inodes().expect("it can be read").len(), 0, "{profile}");
    }
}
