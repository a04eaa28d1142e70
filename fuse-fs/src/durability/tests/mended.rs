//! Kinds of sequences that the rules once had wrong, each by its smallest ones (`mended.txt`): what was measured, and
//! nothing else where the order is certain.

use super::measured::{SYSTEMS, difference, random_outcomes};
use super::rig::Rig;
use super::sequence::{self, Sequence};
use super::tree::{NodeContent, Tree};
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use std::fmt::Write as _;

const SEEDS: u64 = 400;

#[track_caller]
fn they_are_as_measured(ids: &[&str]) {
    let sequences = sequence::all(sequence::MENDED);
    let all: Vec<&Sequence> = sequences.iter().collect();
    let mut wrong = String::new();
    for id in ids {
        let sequence = all.iter().find(|sequence| sequence.id == *id).expect("an ID of mended.txt");
        for (system, profile) in SYSTEMS {
            if let Some(text) = difference(sequence, &all, system, profile) {
                let _ = writeln!(wrong, "{system} {id} ({}):\n{text}", sequence.title);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn xfs_sets_a_size_only_when_writeback_that_a_truncation_started_has_ended() {
    they_are_as_measured(&["X1", "X2", "X3", "X4"]);
}

#[test]
fn a_truncation_to_the_size_that_a_file_has_is_a_change() {
    they_are_as_measured(&["X5", "XI"]);
}

#[test]
fn a_preallocation_that_keeps_the_size_makes_no_size_durable() {
    they_are_as_measured(&["X6"]);
}

#[test]
fn ext4_grows_into_the_blocks_of_writeback_that_was_started() {
    they_are_as_measured(&["X7"]);
}

#[test]
fn xfs_writes_what_a_new_size_covers_before_it_sets_that() {
    they_are_as_measured(&["X8", "XK"]);
}

#[test]
fn ext4_commits_the_block_of_which_it_zeroed_a_part() {
    they_are_as_measured(&["XD", "XG"]);
}

#[test]
fn ext4_may_take_the_last_block_and_the_next_for_one() {
    they_are_as_measured(&["XE", "XF"]);
}

#[test]
fn btrfs_logs_no_departure_from_a_name_that_was_another_files() {
    they_are_as_measured(&["X9", "XJ"]);
}

#[test]
fn btrfs_logs_the_smaller_size_with_a_new_name() {
    they_are_as_measured(&["XB"]);
}

#[test]
fn btrfs_logs_nothing_of_a_file_whose_name_was_given_to_another() {
    they_are_as_measured(&["XC"]);
}

#[test]
fn btrfs_takes_a_name_out_of_its_log_again() {
    they_are_as_measured(&["XH"]);
}

/// Outcomes of many draws after a program's calls, one of each.
fn drawn(profile: Profile, calls: impl Fn(&Rig)) -> Vec<Tree> {
    let played = || {
        let rig = Rig::new(Persistence { profile, ..Persistence::default() });
        calls(&rig);
        rig
    };
    let draw = |seed| {
        let mut rig = played();
        rig.cut(CutMode::Random, seed).expect("a cut");
        rig.tree()
    };
    played().different_cuts(CutMode::Random, 0..SEEDS).map(draw).collect()
}

fn write_new(rig: &Rig, path: &str, len: usize) {
    let file = rig.open(path, libc::O_CREAT | libc::O_WRONLY, 0o644).expect("a new file");
    rig.write(&file, 0, &vec![b'n'; len]).expect("room");
    rig.close(file).expect("an open file");
}

fn content<'t>(tree: &'t Tree, path: &str) -> Option<&'t [u8]> {
    match &tree.0.get(path)?.kind {
        NodeContent::File(data) => Some(data),
        _ => None,
    }
}

/// Writeback may be under way when another's commit comes: of an fsync of the file itself, or for the kernel's own reasons.
#[test]
fn under_ext4_any_new_file_may_have_its_size_and_zeros() {
    let trees = drawn(Profile::Ext4Ordered, |rig| write_new(rig, "message", 6000));
    assert!(trees.iter().any(|tree| content(tree, "message") == Some(&[0; 6000][..])));
    assert!(trees.iter().any(|tree| content(tree, "message") == Some(&[b'n'; 6000][..])));
}

/// The block is written, then the truncation is committed: between the two the power may go.
#[test]
fn under_ext4_what_a_truncation_zeroed_may_be_zero_although_the_size_is_the_old_one() {
    let truncated = |profile| {
        drawn(profile, |rig| {
            write_new(rig, "message", 8192);
            rig.sync_all();
            rig.truncate("message", 500).expect("a file");
        })
    };
    let zeroed = [vec![b'n'; 500], vec![0; 3596], vec![b'n'; 4096]].concat();
    let shows = |profile, expected: &[u8]| {
        truncated(profile).iter().any(|tree| content(tree, "message") == Some(expected))
    };
    assert!(shows(Profile::Ext4Ordered, &zeroed));
    assert!(shows(Profile::Ext4Ordered, &[b'n'; 8192]) && shows(Profile::Ext4Ordered, &[b'n'; 500]));
    assert!(!shows(Profile::Btrfs, &zeroed));
}

#[test]
fn under_xfs_and_btrfs_a_new_file_never_shows_zeros() {
    for profile in [Profile::Xfs, Profile::Btrfs] {
        let trees = drawn(profile, |rig| write_new(rig, "message", 6000));
        assert!(trees.iter().all(|tree| content(tree, "message").is_none_or(|data| !data.contains(&0))));
    }
}

#[test]
fn what_was_not_synced_may_survive_out_of_order() {
    for profile in [Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs] {
        let trees = drawn(profile, |rig| {
            write_new(rig, "message", 6000);
            write_new(rig, "index", 100);
        });
        let inverted = |tree: &Tree| {
            content(tree, "index") == Some(&[b'n'; 100][..]) && content(tree, "message") == Some(&[][..])
        };
        assert!(trees.iter().any(inverted), "{profile}");
    }
}

/// Else a reader that breaks on a record cut off in the middle would pass here and fail on ext4.
#[test]
fn strict_posix_shows_growth_cut_off_inside() {
    let sequences = sequence::all(sequence::MENDED);
    for (id, shown) in [("XE", "a/mbox=12288[o*12000 0*288]"), ("XF", "a/wal=4096[o*32 0*4064]")] {
        let sequence = sequences.iter().find(|sequence| sequence.id == id).expect("an ID of mended.txt");
        let mut outcomes = random_outcomes(sequence, Profile::StrictPosix);
        let drawn = outcomes.any(|drawn| drawn.trim_end_matches(" [canary]") == shown);
        assert!(drawn, "{id}: {shown} was never drawn");
    }
}
