//! What becomes of a good file.

use super::*;
use fuse_fs::durability::profile::{Persistence, Profile};
use record::plan::keeper::Keeper;
use std::time::Duration;

#[test]
fn a_plan_is_a_pure_function_of_text_and_seed() {
    let of = |seed| plan(Path::new("t.toml"), GOOD, &Overrides { seed, ..Overrides::default() }).unwrap();
    assert_eq!(of(1), of(1));
    assert_eq!(Plan { seed: 2, ..of(1) }, of(2));
}

#[test]
fn a_repeated_step_comes_once_in_each_stretch_at_an_instant_of_the_seed() {
    let text = GOOD.to_owned() + "[[step]]\nat = \"1s\"\nevery = \"500ms\"\ntimes = 6\ndo.power-cut = {}\n";
    let times = |seed| {
        let overrides = Overrides { seed, ..Overrides::default() };
        let plan = plan(Path::new("t.toml"), &text, &overrides).expect("a good scenario");
        plan.steps.iter().map(|step| step.at.expect("a time").0).collect::<Vec<_>>()
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
    assert_eq!(times(1).len(), 6);
    for (n, at) in (0..).zip(times(1)) {
        let from = Duration::from_millis(1_000 + n * 500);
        assert!(from <= at && at < from + Duration::from_millis(500), "{at:?} is not in its stretch");
    }
}

#[test]
fn a_profile_of_the_command_line_holds_for_every_storage_and_enters_the_reproduce_command() {
    let text = GOOD.to_owned() + "[storage.mail]\npersistence = \"strict-posix\"\nrename-may-part = true\n";
    let with = |persistence| {
        let overrides = Overrides { persistence, ..Overrides::default() };
        plan(Path::new("t.toml"), &text, &overrides).expect("a good scenario")
    };
    let of = |plan: &Plan| plan.storages["mail"].persistence;
    assert!(of(&with(None)).rename_may_part);
    assert!(of(&with(Some(Keeper::Model(Profile::StrictPosix)))).rename_may_part);
    assert_eq!(
        of(&with(Some(Keeper::Model(Profile::Xfs)))),
        Persistence { profile: Profile::Xfs, ..Persistence::default() }
    );
    insta::assert_snapshot!(
        with(Some(Keeper::Model(Profile::Xfs))).reproduce(),
        @"fermoposta run t.toml --target reference --seed 0 --persistence xfs"
    );
}
