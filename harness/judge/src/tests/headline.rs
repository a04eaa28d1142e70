//! Several properties are violated: the worst is said first, and that there are others.

use super::table::{alter, copy_of, drop_copy, lived_in};
use crate::testing::run_dir::{Mail, blamed, judge_text};
use record::history::digest::Digest;
use record::synthetic;
use reports::run::Report;

fn spoilt(spoil: impl Fn(&mut Mail)) -> Report {
    let mut world = lived_in();
    spoil(&mut world);
    judge_text(&synthetic::plan(), &world.finish())
}

fn without_a_flag(world: &mut Mail) {
    alter(world, 1, "INBOX", 4, |copy| copy.flags.retain(|flag| flag != "\\Flagged"));
}

fn twice(world: &mut Mail) {
    let copy = copy_of(world, 0, "INBOX", 1);
    world.at(0, "INBOX").add(&copy);
}

#[test]
fn mail_that_is_there_twice_is_said_before_a_flag_that_is_gone() {
    let report = spoilt(|world| {
        without_a_flag(world);
        twice(world);
    });
    assert_eq!(blamed(&report), ["no-duplicate", "flags-durable"]);
    insta::assert_snapshot!(report.sentence, @"no-duplicate: 1 message was duplicated by the server. 1 duplicate is explained by answers that never came. 1 other property is violated.");
}

#[test]
fn lost_mail_is_said_before_damaged_mail_and_everything_else_is_counted() {
    let report = spoilt(|world| {
        without_a_flag(world);
        twice(world);
        alter(world, 2, "INBOX", 7, |copy| copy.digest = Some(Digest([1; 16])));
        drop_copy(world, 0, "Archive", 2);
    });
    assert_eq!(blamed(&report), ["acknowledged-durable", "content-intact", "no-duplicate", "flags-durable"]);
    insta::assert_snapshot!(report.sentence, @"1 of 7 acknowledged messages was lost, 1 damaged. 2 other properties are violated.");
}

#[test]
fn one_violation_alone_is_said_alone() {
    insta::assert_snapshot!(spoilt(without_a_flag).sentence, @"flags-durable: 2 acknowledged changes of flags; 1 message is with other flags at the end.");
    insta::assert_snapshot!(spoilt(|world| drop_copy(world, 0, "INBOX", 1)).sentence, @"1 of 7 acknowledged messages was lost.");
}

#[test]
fn the_page_about_verdicts_shows_the_order() {
    let page = include_str!("../../../../docs/verdict.md");
    let named = |harm: crate::property::checker::Harm| {
        let of = crate::property::ALL.iter().filter(|checker| checker.harm == harm);
        of.map(|checker| format!("`{}`", checker.name)).collect::<Vec<_>>().join(", ")
    };
    use crate::property::checker::Harm::{AtRisk, Damaged, Lost, Misplaced, Multiplied};
    for harm in [Lost, Damaged, Multiplied, Misplaced, AtRisk] {
        assert!(page.contains(&named(harm)), "docs/verdict.md does not show {}", named(harm));
    }
}
