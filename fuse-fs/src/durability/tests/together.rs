//! Calls on names in different directories at once, as the kernel lets them come: each thread has directories of its own, and one file
//! has a name in all of them.

use super::rig::{Rig, Sync};
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use crate::fs::request::Outcome;
use std::collections::BTreeSet;
use strum::VariantArray;

const USERS: usize = 4;
const MESSAGES: usize = 40;

fn prepared(profile: Profile) -> Outcome<Rig> {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    let common = rig.open("common", libc::O_CREAT | libc::O_WRONLY, 0o644)?;
    rig.close(common)?;
    for user in 0..USERS {
        for directory in ["", "/tmp", "/new"] {
            rig.mkdir(&format!("{user}{directory}"))?;
        }
        rig.link("common", &format!("{user}/new/common"))?;
    }
    rig.unlink("common")?;
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

/// Every third message is deleted, durably, and so is this user's name of the common file.
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
    rig.unlink(&format!("{user}/new/common"))?;
    rig.sync_path(&format!("{user}/new"), Sync::Full)?;
    Ok(kept)
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
        let held = |user: usize| {
            let entries = std::fs::read_dir(rig.backing().join(format!("{user}/new"))).expect("it is there");
            entries.map(move |entry| {
                let entry = entry.expect("it can be read");
                let size = entry.metadata().expect("it is there").len();
                (format!("{user}/new/{}", entry.file_name().to_string_lossy()), size)
            })
        };
        let found: BTreeSet<(String, u64)> = (0..USERS).flat_map(held).collect();
        let wanted: BTreeSet<(String, u64)> = kept.into_iter().map(|name| (name, 100)).collect();
        assert_eq!(found, wanted, "{profile}");
        assert_eq!(rig.volatile().limbo.inodes().expect("it can be read").len(), 0, "{profile}");
    }
}
