//! The durability model against reality: every measured sequence under the profile of every measured file system.
//!
//! With everything dropped that the profile allows to drop, the model must show an outcome that was measured, where writeback that
//! calls started lasts or where it has ended before the next commit, as on the disk in memory that was measured; and it must
//! be able to show each that was; and where nothing but the calls themselves can have written or committed anything, as in the
//! measurements, it must not show another. Not compared: what is left out says why (`Sequence::left_out`), and waiting, which in
//! the measurements let background writeback run and here does nothing.

use super::sequence;

use super::rig::Rig;
use super::sequence::Sequence;
use crate::durability::cut::CutMode;
use crate::durability::profile::{Persistence, Profile};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Seeds tried to see every measured outcome.
const SEEDS: u64 = 400;
/// Seeds tried to see one that was not measured.
const OTHER_SEEDS: u64 = 6;

/// The measured file systems and their profiles.
pub(super) const SYSTEMS: [(&str, Profile); 3] =
    [("ext4", Profile::Ext4Ordered), ("xfs", Profile::Xfs), ("btrfs", Profile::Btrfs)];

/// Differences that are known, by file system and sequence, with the reason. One that no longer shows is an error.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("ext4", "8o.s1", SAME_TICK),
    ("xfs", "8o.s1", SAME_TICK),
    ("xfs", "8u.s1", SAME_TICK),
    ("xfs", "9v.none", ZEROED_TAIL),
    ("xfs", "9v.s3", ZEROED_TAIL),
    ("xfs", "9v.u2", ZEROED_TAIL),
    ("btrfs", "6b.s1", NEW_CHUNK),
    ("btrfs", "6b.s2", NEW_CHUNK),
    ("btrfs", "6b.s4", NEW_CHUNK),
    ("btrfs", "6b.s5", NEW_CHUNK),
    ("btrfs", "6b.u1", NEW_CHUNK),
    ("btrfs", "6b.u3", NEW_CHUNK),
    ("btrfs", "6b.u4", NEW_CHUNK),
    ("btrfs", "8m.s1", NEW_CHUNK),
    ("btrfs", "8m.s2", NEW_CHUNK),
];

/// The same for the sequences of `mixed.txt` and `held_out.txt`.
const IN_MIXED: &[(&str, &str, &str)] = &[
    ("ext4", "F105", SAME_TICK),
    ("ext4", "F116", SAME_TICK),
    ("ext4", "F123", NEXT_WRITE),
    ("ext4", "F189", NEXT_WRITE),
    ("ext4", "F217", NEXT_WRITE),
    ("xfs", "F105", SAME_TICK),
    ("xfs", "F116", SAME_TICK),
];
const IN_HELD_OUT: &[(&str, &str, &str)] = &[
    ("ext4", "H099", SAME_TICK),
    ("ext4", "H112", SAME_TICK),
    ("ext4", "H116", SAME_TICK),
    ("ext4", "H211", CACHED),
    ("xfs", "H056", SAME_TICK),
    ("xfs", "H068", SAME_TICK),
    ("xfs", "H099", SAME_TICK),
    ("xfs", "H112", SAME_TICK),
    ("xfs", "H116", SAME_TICK),
];

const SAME_TICK: &str = "an overwrite in the clock tick of the file's last change does not dirty the inode, so that its \
    fsync commits nothing else; the model takes every write for a change";
const NEXT_WRITE: &str = "a race between writeback that was started and the next write to the same page, won by the write in each of \
    these trials; others show both (F125, F155, F211)";
const CACHED: &str = "the kernel takes the last block of a file with the next one, and does not let it grow inside the first, \
    unless the cache holds that; the profile does not count on the cache after an fsync";
const ZEROED_TAIL: &str = "XFS writes zeros into the old last block when a truncated file is extended, before the \
    truncation is durable (and only if the device's cache keeps it); the profile never loses synced bytes so";
const NEW_CHUNK: &str = "so much data needed a new chunk in the small measured images, which makes the fsync a commit of \
    everything; the profile does not count on that";

/// The least share of sequences that a profile must reproduce.
const SHARE: f64 = 0.95;

/// One outcome of the model.
pub(super) fn outcome(sequence: &Sequence, profile: Profile, mode: CutMode, seed: u64) -> String {
    outcome_on(Rig::new(Persistence { profile, ..Persistence::default() }), sequence, mode, seed)
}

fn outcome_on(mut rig: Rig, sequence: &Sequence, mode: CutMode, seed: u64) -> String {
    let before = sequence.play(&rig);
    rig.cut(mode, seed).unwrap_or_else(|error| panic!("{}: {mode}, seed {seed}: {error}", sequence.id));
    sequence.look(&rig.tree(), &before)
}

/// With everything dropped, where writeback that calls started has ended before the next commit, as in nearly all trials on a disk
/// in memory. A profile lets it last longer, as it does on a slow disk.
fn dropped_on_a_fast_disk(sequence: &Sequence, profile: Profile) -> String {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    rig.end_writeback_at_once();
    outcome_on(rig, sequence, CutMode::DropUnsynced, 0)
}

/// Outcomes when nothing was written or committed but by a call; none if writeback that a call started is under way.
fn outcomes_of_calls_alone(sequence: &Sequence, profile: Profile) -> BTreeSet<String> {
    let played = || {
        let rig = Rig::new(Persistence { profile, ..Persistence::default() });
        rig.hold_off_writeback();
        let before = sequence.play(&rig);
        (rig, before)
    };
    let first = played().0;
    let seeds = if first.is_in_writeback() { 0..0 } else { 0..OTHER_SEEDS };
    let outcome = |seed| {
        let (mut rig, before) = played();
        rig.cut(CutMode::Random, seed).unwrap_or_else(|error| panic!("{}: {profile}: {error}", sequence.id));
        sequence.look(&rig.tree(), &before)
    };
    first.different_cuts(CutMode::Random, seeds).map(outcome).collect()
}

/// Outcomes of cuts at random, one for each way in which they end, as they are asked for.
pub(super) fn random_outcomes(sequence: &Sequence, profile: Profile) -> impl Iterator<Item = String> {
    let rig = Rig::new(Persistence { profile, ..Persistence::default() });
    sequence.play(&rig);
    rig.different_cuts(CutMode::Random, 0..SEEDS)
        .map(move |seed| outcome(sequence, profile, CutMode::Random, seed))
}

/// What was measured on a file system.
fn measured(sequence: &Sequence, system: &str) -> BTreeSet<String> {
    let outcomes = sequence.outcomes(system);
    assert!(!outcomes.is_empty(), "{}: nothing measured on {system}", sequence.id);
    outcomes
}

/// What the model may show with all dropped: what was measured; and where ext4 committed only because it read the synced
/// inode from the disk just then (as `cold` and `warm` of 23a to 23g show), which the profile does not count on, what
/// was measured without that sync.
fn droppable(sequence: &Sequence, all: &[&Sequence], system: &str) -> BTreeSet<String> {
    let mut outcomes = measured(sequence, system);
    if system == "ext4" && sequence.ends_with_a_sync_that_commits_by_chance() {
        let without = sequence.id.split_once('.').map(|(family, _)| format!("{family}.none"));
        let without = all.iter().find(|other| Some(other.id) == without.as_deref());
        outcomes.extend(without.map(|other| measured(other, system)).unwrap_or_default());
    }
    outcomes
}

/// What differs, if anything.
pub(super) fn difference(
    sequence: &Sequence,
    all: &[&Sequence],
    system: &str,
    profile: Profile,
) -> Option<String> {
    let dropped = outcome(sequence, profile, CutMode::DropUnsynced, 0);
    let mut text = String::new();
    let allowed = droppable(sequence, all, system);
    if !allowed.contains(&dropped) && !allowed.contains(&dropped_on_a_fast_disk(sequence, profile)) {
        let _ =
            writeln!(text, "    with all dropped: {dropped}\n    measured: {:?}", measured(sequence, system));
    }
    let mut unseen = measured(sequence, system);
    unseen.remove(&dropped);
    let mut shown = (!unseen.is_empty()).then(|| random_outcomes(sequence, profile)).into_iter().flatten();
    while let (false, Some(outcome)) = (unseen.is_empty(), shown.next()) {
        unseen.remove(&outcome);
    }
    if !unseen.is_empty() {
        let _ = writeln!(text, "    never seen in {SEEDS} seeds: {unseen:?}");
    }
    let others: BTreeSet<String> = outcomes_of_calls_alone(sequence, profile)
        .into_iter()
        .filter(|shown| !allowed.contains(shown))
        .collect();
    if !others.is_empty() {
        let _ = writeln!(text, "    shown, and never measured: {others:?}");
    }
    (!text.is_empty()).then_some(text)
}

/// Differences of all sequences on one file system, by sequence; the work is shared out to the processors.
fn differences(sequences: &[&Sequence], system: &str, profile: Profile) -> BTreeMap<&'static str, String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(sequence) = sequences.get(next.fetch_add(1, Relaxed)) {
            found.extend(difference(sequence, sequences, system, profile).map(|text| (sequence.id, text)));
        }
        found
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(2, |n| n.get());
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|worker| worker.join().expect("a worker that did not panic")).collect()
    })
}

/// Reports one profile; returns what makes the test fail.
fn judge(
    system: &str,
    sequences: &[&Sequence],
    found: &BTreeMap<&'static str, String>,
    known: &[(&str, &str, &str)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeMap<&str, &str> =
        known.iter().filter(|d| d.0 == system).map(|&(_, id, reason)| (id, reason)).collect();
    for (id, text) in found {
        let title = sequences.iter().find(|s| s.id == *id).map_or("", |s| s.title);
        let reason = known.get(id).copied().unwrap_or("NOT EXPLAINED");
        println!("  {system} {id} ({title}): {reason}\n{text}");
        if !known.contains_key(id) {
            wrong.push(format!("{system} {id} differs and has no reason"));
        }
    }
    let stale = known.keys().filter(|id| !found.contains_key(*id));
    wrong.extend(stale.map(|id| format!("{system} {id} has a reason but does not differ")));
    let (all, same) = (sequences.len(), sequences.len() - found.len());
    let share = same as f64 / all as f64;
    println!("{system}: {same} of {all} sequences reproduced ({:.1} %)", 100.0 * share);
    if share < SHARE {
        wrong.push(format!("{system}: only {:.1} % reproduced", 100.0 * share));
    }
    wrong
}

fn left_out(sequences: &[Sequence]) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for sequence in sequences {
        if let Some(reason) = sequence.left_out() {
            reasons.entry(reason).or_default().push(sequence.id);
        }
    }
    let mut text = String::new();
    for (reason, ids) in reasons {
        let _ = writeln!(text, "left out, {reason}: {}", ids.join(" "));
    }
    text
}

#[track_caller]
fn they_do_what_was_measured(text: &'static str, known: &[(&str, &str, &str)]) {
    let sequences = sequence::all(text);
    print!("{}", left_out(&sequences));
    let offered: Vec<&Sequence> = sequences.iter().filter(|s| s.left_out().is_none()).collect();
    let mut wrong = Vec::new();
    for (system, profile) in SYSTEMS {
        wrong.extend(judge(system, &offered, &differences(&offered, system, profile), known));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_profiles_do_what_was_measured() {
    they_do_what_was_measured(sequence::MEASURED, DIFFERENCES);
}

#[test]
fn the_profiles_do_what_was_measured_of_random_and_mail_like_calls() {
    they_do_what_was_measured(sequence::MIXED, IN_MIXED);
}

#[test]
fn the_profiles_do_what_was_measured_of_other_such_calls() {
    they_do_what_was_measured(sequence::HELD_OUT, IN_HELD_OUT);
}

#[test]
fn the_data_file_holds_every_measured_sequence() {
    let sequences = sequence::all(sequence::MEASURED);
    let first_round = sequences.iter().filter(|s| s.canary).count();
    assert_eq!((first_round, sequences.len()), (781, 821));
    let ids: BTreeSet<&str> = sequences.iter().map(|s| s.id).collect();
    assert_eq!(ids.len(), sequences.len(), "each once");
    for (sequence, (system, _)) in sequences.iter().flat_map(|s| SYSTEMS.map(|system| (s, system))) {
        assert!(!sequence.outcomes(system).is_empty(), "{} on {system}", sequence.id);
    }
    let always: Vec<String> =
        left_out(&sequences).lines().filter(|line| !line.contains("root")).map(str::to_owned).collect();
    insta::assert_snapshot!(always.join("\n"), @"
    left out, O_TMPFILE is not offered by the file system: 1i 1j 1k 1l 1m
    left out, msync(MS_ASYNC) sends no request: 16b
    left out, sync_file_range ends in the kernel: FUSE has no request for it: 8o.s4 8o.s5 8u.s4 8u.s5 8a.s4 8a.s5 8p.s4 8p.s5 8b.s4 8b.s5 8h.s4 8h.s5 8m.s4 8m.s5 16f 16g 16h 25a.3 25b.3 25c.3 25d.3 25e.3 26a 26an 26b 26bn 26c 26cn
    ");
}

/// What each sequence does when nothing cuts it, against the outcome of `syncfs`: the operations are done right.
#[test]
fn without_a_cut_a_sequence_ended_by_syncfs_shows_the_measured_outcome() {
    let sequences = sequence::all(sequence::MEASURED);
    let ended = sequences.iter().filter(|s| s.id.ends_with(".syncfs") && s.left_out().is_none());
    for sequence in ended {
        let rig = Rig::plain();
        let before = sequence.play(&rig);
        let shown = sequence.look(&rig.tree(), &before);
        assert!(sequence.outcomes("ext4").contains(&shown), "{}: {shown}", sequence.id);
    }
}

#[test]
fn an_unexplained_difference_and_a_stale_reason_are_both_errors() {
    let sequences = sequence::all(sequence::MEASURED);
    let some: Vec<&Sequence> = sequences.iter().take(100).collect();
    let known = [("xfs", "2a", "a reason"), ("xfs", "2b", "not any more")];
    let found = BTreeMap::from([("1a", "one".to_owned()), ("2a", "other".to_owned())]);
    insta::assert_snapshot!(judge("xfs", &some, &found, &known).join("\n"), @"
    xfs 1a differs and has no reason
    xfs 2b has a reason but does not differ
    ");
    let many = some.iter().take(6).map(|s| (s.id, String::new())).collect();
    assert!(judge("xfs", &some, &many, &[]).iter().any(|wrong| wrong == "xfs: only 94.0 % reproduced"));
}
