//! Sequences that the random ones found, each on a storage of its own, cut in every mode with many seeds.

use super::call::Call;
use super::property::prepare;
use super::reference::{Judge, allowed};
use super::rig::{Rig, Sync};
use super::world::History;
use crate::volatile::cut::CutMode;
use crate::volatile::profile::{Persistence, Profile};
use strum::VariantArray;

const SEEDS: u64 = 40;

/// The calls under these profiles leave only trees that they allow.
#[track_caller]
fn every_cut_is_allowed(profiles: &[Profile], calls: &[Call]) {
    for &profile in profiles {
        for &mode in CutMode::VARIANTS {
            for seed in 0..SEEDS {
                let why = cut(profile, mode, seed, calls);
                assert_eq!(why, None, "{profile}, {mode}, seed {seed}");
            }
        }
    }
}

/// What is wrong with the tree after the calls and a cut.
fn cut(profile: Profile, mode: CutMode, seed: u64, calls: &[Call]) -> Option<String> {
    let mut rig = Rig::new(Persistence { profile, ..Persistence::default() });
    prepare(&rig);
    let mut history = History::from_tree(&rig.tree());
    let mut held = None;
    for call in calls {
        history.perform(&rig, &mut held, call.clone());
    }
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
fn a_page_written_again_after_its_writeback_was_started_is_not_zero() {
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("e/g", 4097), write("e/g", 0, 1)]);
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("e/g", 1), write("e/g", 0, 1), mkdir("f"), fsync(".")]);
}

#[test]
fn a_rewritten_file_that_shows_its_new_size_shows_its_new_data() {
    every_cut_is_allowed(Profile::VARIANTS, &[rewrite("d/e/g", 1), mkdir("f")]);
}
