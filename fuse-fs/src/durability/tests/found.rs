//! Sequences that the random ones found, each on a storage of its own, cut in every mode with many seeds.

use super::call::Call;
use super::property::prepare;
use super::reference::{Judge, allowed};
use super::rig::{Rig, Sync};
use super::world::History;
use crate::durability::cut::CutMode;
use crate::durability::profile::{FsyncModel, Persistence, Profile};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU64;
use strum::VariantArray;

const SEEDS: u64 = 100;

/// The calls under these profiles leave only trees that they allow.
#[track_caller]
fn every_cut_is_allowed(profiles: &[Profile], calls: &[Call]) {
    for &profile in profiles {
        for &mode in CutMode::VARIANTS {
            for seed in played(profile, calls).0.different_cuts(mode, 0..SEEDS) {
                let why = cut(profile, mode, seed, calls);
                assert_eq!(why, None, "{profile}, {mode}, seed {seed}");
            }
        }
    }
}

fn played(profile: Profile, calls: &[Call]) -> (Rig, History) {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    prepare(&rig);
    let mut history = History::from_tree(&rig.tree());
    let mut held = None;
    for call in calls {
        history.perform(&rig, &mut held, call.clone());
    }
    (rig, history)
}

/// What is wrong with the tree after the calls and a cut.
fn cut(profile: Profile, mode: CutMode, seed: u64, calls: &[Call]) -> Option<String> {
    let (mut rig, history) = played(profile, calls);
    if let Err(error) = rig.cut(mode, seed) {
        return Some(error.to_string());
    }
    let judge = Judge { history: &history, profile, dropped: mode == CutMode::DropUnsynced };
    allowed(judge, &rig.tree()).err().map(|why| format!("{why:?}"))
}

fn path(path: &str) -> String {
    path.to_owned()
}

fn mkdir(at: &str) -> Call {
    Call::Mkdir(path(at))
}

fn write(at: &str, offset: u64, len: u64) -> Call {
    Call::Write { path: path(at), offset, len }
}

fn rewrite(at: &str, len: u64) -> Call {
    Call::Rewrite { path: path(at), len }
}

fn rename(from: &str, to: &str) -> Call {
    Call::Rename { from: path(from), to: path(to) }
}

fn fsync(at: &str) -> Call {
    Call::Sync { path: path(at), sync: Sync::Full }
}

#[test]
fn a_file_does_not_grow_by_a_write_after_a_dropped_name() {
    every_cut_is_allowed(Profile::VARIANTS, &[mkdir("f"), mkdir("g"), write("d/e/g", 0, 4097)]);
}

#[test]
fn a_directory_that_arrived_durably_has_left_its_old_place() {
    every_cut_is_allowed(Profile::VARIANTS, &[rename("d", "e/e"), fsync("e")]);
}

#[test]
fn a_directory_logged_for_a_file_of_it_is_logged_with_its_mode() {
    let calls = [
        Call::Chmod { path: path("e"), mode: 0o600 },
        Call::Link { from: path("e/d"), to: path("d/d") },
        fsync("e/d"),
        fsync("e"),
    ];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn a_renamed_directory_logged_for_a_file_of_it_has_its_new_name_after_its_own_fsync() {
    let calls = [Call::Unlink(path("e/d")), rename("e", "g"), fsync("g/f"), fsync("g")];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn what_moves_into_a_new_directory_that_was_synced_but_not_its_name_is_not_lost() {
    let calls = [
        mkdir("e/e"),
        fsync("e/e"),
        mkdir("d/g"),
        rename("e/g", "d/g/f"),
        rename("d/g", "e/e/g"),
        fsync("e/e"),
    ];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn a_directory_moved_into_a_new_one_has_left_its_old_place_when_that_is_logged() {
    every_cut_is_allowed(Profile::VARIANTS, &[mkdir("f"), rename("d/e", "f/f"), fsync(".")]);
}

#[test]
fn a_file_moved_into_a_directory_that_moved_into_a_lost_one_is_not_lost() {
    let calls = [mkdir("e/e"), mkdir("d/g"), rename("e/g", "d/g/f"), rename("d/g", "e/e/g"), fsync("e/e")];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn a_removed_directory_does_not_take_along_what_was_moved_out_of_it() {
    let rmdir = Call::Rmdir(path("d/e"));
    every_cut_is_allowed(Profile::VARIANTS, &[rename("d/e/g", "f"), rmdir.clone(), fsync("d")]);
    every_cut_is_allowed(Profile::VARIANTS, &[Call::Unlink(path("d/e/g")), rmdir, fsync("d")]);
}

#[test]
fn a_name_passed_on_twice_loses_none_of_its_holders() {
    let calls = [rename("d/f", "d/g"), rename("d/e", "d/f"), Call::Create(path("d/e")), fsync("d/e")];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn a_directory_moved_away_before_its_name_was_used_again_is_not_lost() {
    let calls = [
        Call::Link { from: path("d/e/g"), to: path("g") },
        Call::SyncAll,
        rename("d", "e/e"),
        rename("e", "d"),
        Call::Link { from: path("g"), to: path("e") },
        fsync("g"),
    ];
    every_cut_is_allowed(Profile::VARIANTS, &calls);
}

#[test]
fn a_dropped_overwrite_does_not_leave_zeros_of_a_page_that_was_written_before_it() {
    every_cut_is_allowed(Profile::VARIANTS, &[write("d/e/g", 5632, 4097), write("d/e/g", 4096, 1)]);
    every_cut_is_allowed(Profile::VARIANTS, &[write("d/e/g", 0, 4097), write("d/e/g", 0, 1)]);
}

#[test]
fn a_page_written_again_after_its_writeback_was_started_is_not_zero() {
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("e/g", 4097), write("e/g", 0, 1)]);
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("e/g", 1), write("e/g", 0, 1), mkdir("f"), fsync(".")]);
}

#[test]
fn a_rewritten_file_that_shows_its_new_size_shows_its_new_data() {
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("d/e/g", 1), mkdir("f")]);
}

#[test]
fn a_file_held_open_without_a_name_commits_when_it_is_synced() {
    let calls = [
        Call::Hold(path("e/g")),
        Call::WriteHeld { offset: 8704, len: 3585 },
        Call::Unlink(path("e/g")),
        fsync("."),
        rewrite("d/f", 1),
        Call::SyncHeld,
    ];
    every_cut_is_allowed(&[Profile::Ext4Ordered, Profile::Xfs, Profile::Ordered], &calls);
}

#[test]
fn what_is_overwritten_again_and_again_does_not_fill_memory() {
    for profile in [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs, Profile::StrictPosix] {
        let rig = Rig::new(Persistence { profile, ..Persistence::default() });
        prepare(&rig);
        let volatile = rig.volatile();
        volatile.make_durable();
        let mut held = None;
        let mut history = History::from_tree(&rig.tree());
        for _ in 0..1000 {
            history.perform(&rig, &mut held, write("e/g", 0, 4096));
            history.perform(&rig, &mut held, write("e/g", 4096, 4096));
        }
        assert!(volatile.pending() <= 4, "{profile}: {} effects for two pages", volatile.pending());
    }
}

#[test]
fn a_write_that_a_failed_fsync_gave_up_is_not_pending_when_its_file_is_gone() {
    let rig = Rig::new(Persistence { profile: Profile::Ext4Ordered, ..Persistence::default() });
    prepare(&rig);
    let volatile = rig.volatile();
    volatile.make_durable();
    let mut history = History::from_tree(&rig.tree());
    history.perform(&rig, &mut None, write("e/g", 0, 4096));
    let file = File::open(rig.backing().join("e/g")).expect("it is there");
    let ino = file.metadata().expect("it is open").ino();
    let (upto, heard) = (volatile.upto(), AtomicU64::new(0));
    let failed = volatile.fail_sync(&file.into(), ino, upto, FsyncModel::Ext4Ordered, &heard);
    assert_eq!((failed, volatile.pending()), (Err(nix::errno::Errno::EIO), 1));
    history.perform(&rig, &mut None, Call::Unlink(path("e/g")));
    history.perform(&rig, &mut None, fsync("."));
    assert_eq!(volatile.pending(), 0);
}
