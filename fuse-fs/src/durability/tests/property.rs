//! Random calls under every profile, then a power cut: the tree must be one that the reference allows, and over many
//! seeds every kind of outcome that a profile allows must occur. Without a cut, the model changes nothing.

use super::call;

use super::call::{Call, Draw};
use super::coverage::{Outcome, outcomes};
use super::reference::{Judge, allowed};
use super::rig::Rig;
use super::tree::Tree;
use super::world::History;
use crate::clock::testing::pass;
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::collections::BTreeSet;
use std::time::Duration;
use strum::VariantArray;

/// Random call sequences tried for each profile.
const CASES: u32 = 250;

/// Calls and how the power goes after them.
#[derive(Clone, Debug)]
struct Round {
    draws: Vec<Draw>,
    mode: CutMode,
    seed: u64,
}

fn round() -> impl Strategy<Value = Round> {
    let mode = prop_oneof![
        4 => Just(CutMode::Random),
        1 => Just(CutMode::DropUnsynced),
        1 => Just(CutMode::KeepAllButOne)
    ];
    (vec(call::draw(), 1..40), mode, any::<u64>()).prop_map(|(draws, mode, seed)| Round { draws, mode, seed })
}

/// One round, sometimes another on what the first left.
fn rounds() -> impl Strategy<Value = Vec<Round>> {
    vec(round(), 1..=2)
}

fn storage(profile: Profile) -> Rig {
    Rig::new(Persistence { profile, ..Persistence::default() })
}

/// Nested directories and files of different sizes, one with two names; all durable.
pub(crate) fn prepare(rig: &Rig) {
    let mut history = History::from_tree(&Tree::default());
    let mut held = None;
    let path = |path: &str| path.to_owned();
    let write = |file: &str, len| Call::Write { path: path(file), offset: 0, len };
    for file in ["d/f", "d/e/g", "e/f", "e/g"] {
        for directory in ["d", "d/e", "e"].into_iter().filter(|d| file.starts_with(d)) {
            history.perform(rig, &mut held, Call::Mkdir(path(directory)));
        }
        history.perform(rig, &mut held, Call::Create(path(file)));
    }
    for call in [write("d/f", 5000), write("d/e/g", 300), write("e/f", 8192), write("e/g", 12000)] {
        history.perform(rig, &mut held, call);
    }
    history.perform(rig, &mut held, Call::Link { from: path("e/f"), to: path("e/d") });
    history.perform(rig, &mut held, Call::SyncAll);
}

/// Resolves and does calls; what they did, and what they were.
fn play(rig: &Rig, draws: &[Draw]) -> History {
    let mut history = History::from_tree(&rig.tree());
    let mut held = None;
    for draw in draws {
        for call in draw.resolve(history.now(), history.is_holding()) {
            history.perform(rig, &mut held, call);
        }
    }
    history
}

fn script(history: &History) -> String {
    let lines = history.steps.iter().enumerate().map(|(n, step)| format!("  {}: {:?}", n + 1, step.call));
    lines.collect::<Vec<_>>().join("\n")
}

/// Does a round and cuts; says what is wrong with the tree, or what kinds of outcome are in it.
fn cut(rig: &mut Rig, profile: Profile, round: &Round) -> Result<BTreeSet<Outcome>, String> {
    let before = rig.tree();
    let history = play(rig, &round.draws);
    let (mode, seed, calls) = (round.mode, round.seed, script(&history));
    let wrong = |why: String| format!("{profile}, {mode}, seed {seed}: {why}\n{calls}\nbefore: {before:#?}");
    rig.cut(mode, seed).map_err(|error| wrong(format!("the cut failed: {error}")))?;
    let tree = rig.tree();
    let judge = Judge { history: &history, profile, dropped: mode == CutMode::DropUnsynced };
    allowed(judge, &tree).map_err(|why| wrong(format!("{why:?}\nafter: {tree:#?}")))?;
    let found = judge.find(&tree).map_err(|why| wrong(format!("{why:?}")))?;
    Ok(outcomes(&judge, &found))
}

/// Deterministic: the kinds of outcome that occur must not depend on luck.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Kinds of outcome seen under a profile; every tree was allowed.
fn survey(profile: Profile) -> BTreeSet<Outcome> {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let result = runner(CASES).run(&rounds(), |rounds| {
        let mut rig = storage(profile);
        prepare(&rig);
        for round in &rounds {
            seen.borrow_mut().extend(cut(&mut rig, profile, round).map_err(TestCaseError::fail)?);
            let tree = rig.tree();
            rig.cut(CutMode::DropUnsynced, round.seed)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&rig.tree(), &tree, "what survived a cut is durable");
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    seen.into_inner()
}

/// Every profile has these.
const COMMON: [Outcome; 10] = [
    Outcome::CreateKept,
    Outcome::CreateDropped,
    Outcome::RenameKept,
    Outcome::RenameDropped,
    Outcome::UnlinkKept,
    Outcome::UnlinkDropped,
    Outcome::AttributeKept,
    Outcome::AttributeDropped,
    Outcome::NewData,
    Outcome::OldData,
];

fn must_show(profile: Profile, special: &[Outcome], never: &[Outcome]) {
    let seen = survey(profile);
    println!("{profile}: {seen:?}");
    for outcome in COMMON.iter().chain(special) {
        assert!(seen.contains(outcome), "{profile}: {outcome:?} never occurred");
    }
    for outcome in never {
        assert!(!seen.contains(outcome), "{profile}: {outcome:?} occurred");
    }
}

#[test]
fn ext4_ordered_is_a_prefix_with_loose_data() {
    use super::coverage::Outcome::*;
    must_show(
        Profile::Ext4Ordered,
        &[MixedPages, TornPage, GrownWithZeros, EmptyFile],
        &[BothNames, LostByUnlink, LostSynced],
    );
}

#[test]
fn xfs_is_a_prefix_that_never_shows_a_size_without_data() {
    use super::coverage::Outcome::*;
    must_show(
        Profile::Xfs,
        &[MixedPages, TornPage, EmptyFile],
        &[GrownWithZeros, BothNames, LostByUnlink, LostSynced],
    );
}

#[test]
fn ordered_is_a_prefix_with_its_data() {
    use super::coverage::Outcome::*;
    must_show(
        Profile::Ordered,
        &[MixedPages],
        &[TornPage, GrownWithZeros, BothNames, LostByUnlink, LostSynced],
    );
}

#[test]
fn btrfs_keeps_what_its_log_carries() {
    use super::coverage::Outcome::*;
    must_show(
        Profile::Btrfs,
        &[EmptyFile, BothNames, LostByUnlink, OldPath],
        &[TornPage, GrownWithZeros, LostSynced],
    );
}

#[test]
fn strict_posix_keeps_each_effect_or_not() {
    use super::coverage::Outcome::*;
    must_show(
        Profile::StrictPosix,
        &[MixedPages, TornPage, GrownWithZeros, EmptyFile, BothNames, LostByUnlink, LostSynced],
        &[],
    );
}

/// Does calls with time between them, then lets all of it become old.
fn age(rig: &Rig, draws: &[(Draw, u8)]) -> History {
    let mut history = History::from_tree(&rig.tree());
    let mut held = None;
    let wait = |seconds: u8| {
        for _ in 0..seconds {
            pass(Duration::from_secs(1));
            rig.volatile().age();
        }
    };
    for (draw, seconds) in draws {
        for call in draw.resolve(history.now(), history.is_holding()) {
            history.perform(rig, &mut held, call);
        }
        wait(*seconds);
    }
    wait(130);
    history
}

#[test]
fn what_is_old_survives_and_nothing_is_kept_for_it() {
    let draws = vec((call::draw(), prop_oneof![3 => Just(0), 1 => 0..20_u8]), 1..40);
    let profile =
        prop::sample::select(vec![Profile::Ext4Ordered, Profile::Xfs, Profile::Btrfs, Profile::Ordered]);
    let result = runner(CASES).run(&(draws, profile), |(draws, profile)| {
        let mut rig = storage(profile);
        prepare(&rig);
        let history = age(&rig, &draws);
        let (kept, tree) = (rig.volatile().held_in_memory(), rig.tree());
        prop_assert_eq!((kept, rig.volatile().pending()), (0, 0), "{}:\n{}", profile, script(&history));
        rig.cut(CutMode::DropUnsynced, 1).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&rig.tree(), &tree, "{}:\n{}", profile, script(&history));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// What both rigs must have in common: all but inode numbers and times.
fn comparable(rig: &Rig) -> Tree {
    let mut tree = rig.tree();
    for node in tree.0.values_mut() {
        (node.ino, node.mtime) = (0, 0);
    }
    tree
}

#[test]
fn without_a_cut_the_backing_directory_is_as_without_the_model() {
    let strategy = (vec(call::draw(), 1..40), prop::sample::select(Profile::VARIANTS));
    let result = runner(CASES).run(&strategy, |(draws, profile)| {
        let (rig, plain) = (storage(profile), Rig::plain());
        prepare(&rig);
        prepare(&plain);
        let (history, reference) = (play(&rig, &draws), play(&plain, &draws));
        prop_assert_eq!(script(&history), script(&reference));
        prop_assert_eq!(comparable(&rig), comparable(&plain));
        let found = Judge { history: &history, profile, dropped: false };
        let tree = rig.tree();
        let found = found.find(&tree).map_err(|why| TestCaseError::fail(format!("{why:?}")))?;
        prop_assert_eq!(&found.names, &history.now().names);
        for (id, node) in &found.nodes {
            prop_assert_eq!(&super::world::inode(node), &history.now().inodes[id]);
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
