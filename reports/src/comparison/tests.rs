//! The rule of the module docs, case by case.

use super::like::unlike;
use super::limits::{Limits, Measure};
use super::model::*;
use super::samples::{again, before, deliver, never_again, of, side};
use super::{markdown, text};
use crate::kit::inert::is_dangerous;
use crate::kit::json::to_json;
use crate::kit::verdict::Verdict;
use crate::run::{Operation, Report};

fn judged(comparison: &Comparison, of: &str, measure: Measure) -> (Judgement, Option<Doubt>) {
    let row = comparison.rows.iter().find(|row| row.of == of && row.measure == measure);
    row.map(|row| (row.judgement, row.doubt)).expect("there is such a row")
}

fn p99(comparison: &Comparison) -> (Judgement, Option<Doubt>) {
    judged(comparison, "deliver", Measure::P99)
}

fn after(p99s: &[f64]) -> Vec<Report> {
    side("after", p99s)
}

/// Like the baseline.
const ALIKE: [f64; 5] = [0.018, 0.020, 0.019, 0.0186, 0.0196];
/// Less than three times the baseline, and more than twice.
const SLOW: [f64; 5] = [0.050, 0.051, 0.052, 0.0505, 0.0515];

/// The lines of the table.
#[test]
fn the_interval_and_the_ranks_decide() {
    let answer = |p99s: &[f64]| p99(&of(&before(), &after(p99s)));
    assert_eq!(answer(&[0.030, 0.031, 0.030, 0.032, 0.030]), (Judgement::Within, None));
    assert_eq!(answer(&ALIKE), (Judgement::WithinNoise, None));
    assert_eq!(answer(&SLOW), (Judgement::Beyond, None));
    assert_eq!(answer(&[0.020, 0.050, 0.120, 0.018, 0.030]), (Judgement::CannotTell, Some(Doubt::TooNoisy)));
    let chance = Doubt::MayBeChance { tested: 6, need: 5 };
    assert_eq!(answer(&SLOW[..3]), (Judgement::CannotTell, Some(chance)));
}

#[test]
fn outcomes_follow_the_rows() {
    let outcome = |p99s: &[f64]| of(&before(), &after(p99s)).outcome;
    assert_eq!(outcome(&ALIKE), Outcome::Within);
    assert_eq!(outcome(&SLOW), Outcome::Beyond);
    assert_eq!(outcome(&[0.020, 0.050, 0.120, 0.018, 0.030]), Outcome::CannotTell);
    assert_eq!(of(&before(), &[]).outcome, Outcome::CannotTell);
    assert_eq!(of(&[], &[]).outcome, Outcome::CannotTell);
}

/// One run a side called a threefold latency beyond, and was as often wrong as a coin where the sides were alike.
#[test]
fn one_run_on_each_side_decides_no_figure() {
    let one = of(&before()[..1], &after(&[0.060]));
    let few = Doubt::TooFewRuns { baseline: 1, candidate: 1, within: 3, beyond: 5 };
    assert_eq!(p99(&one), (Judgement::CannotTell, Some(few)));
    assert_eq!(one.outcome, Outcome::CannotTell);
    insta::assert_snapshot!(one.decides.join("\n"));
    let one = of(&before()[..1], &after(&[0.019]));
    assert_eq!((p99(&one), one.outcome), ((Judgement::CannotTell, Some(few)), Outcome::CannotTell));
}

#[test]
fn a_lost_message_decides_from_one_run() {
    let mut after = after(&[0.019]);
    after[0].messages.lost = 1;
    let one = of(&before()[..1], &after);
    assert_eq!(judged(&one, "mail", Measure::Lost), (Judgement::Beyond, None));
    assert_eq!(one.outcome, Outcome::Beyond);
}

/// With the whole range for the noise, one outlier hid what all other runs showed.
#[test]
fn an_outlier_in_ten_baselines_hides_no_threefold_latency() {
    let ten = |p99_s: f64| (0..10).map(|n| p99_s * (1.0 + f64::from(n) / 100.0)).collect::<Vec<_>>();
    let mut outlier = ten(0.02);
    outlier[4] = 0.120;
    let threefold = of(&side("before", &outlier), &after(&ten(0.06)));
    assert_eq!(p99(&threefold), (Judgement::Beyond, None));
    assert_eq!(threefold.outcome, Outcome::Beyond);
}

#[test]
fn more_runs_tell_more() {
    let noisy = |runs: usize| {
        let values = |by: f64| (0..runs).map(|n| by * [1.0, 1.9, 1.2, 0.7, 1.5][n % 5]).collect::<Vec<_>>();
        p99(&of(&side("before", &values(0.02)), &after(&values(0.026)))).0
    };
    assert_eq!(
        [3, 5, 10, 20].map(noisy),
        [Judgement::CannotTell, Judgement::CannotTell, Judgement::WithinNoise, Judgement::Within]
    );
}

/// Runs of one distribution, held against the limit that they just keep.
#[test]
fn equals_are_beyond_no_more_often_than_stated() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let ten = proptest::collection::vec(0.01..0.05f64, 10);
    let mut drawn = |name: &str| {
        let p99s = ten.new_tree(&mut runner).expect("ten runs").current();
        let only_deliver = |mut run: Report| {
            run.operations.truncate(1);
            run
        };
        side(name, &p99s).into_iter().map(only_deliver).collect::<Vec<_>>()
    };
    let limits = ["p95=1", "p99=1", "ok-share=0"].map(|limit| limit.parse().expect("a limit"));
    let limits = limits.into_iter().fold(Limits::default(), Limits::with);
    let mut answer = || Comparison::of(&drawn("before"), &drawn("after"), &limits, String::new()).outcome;
    let beyond = (0..2_000).filter(|_| answer() == Outcome::Beyond).count();
    assert!((1..=100).contains(&beyond), "{beyond} of 2,000");
}

#[test]
fn the_documented_example_comes_out_as_documented() {
    let example = of(&side("before", &[0.018, 0.020, 0.019]), &after(&[0.030, 0.031, 0.029]));
    let row = example.rows.iter().find(|row| row.measure == Measure::P99).expect("deliver p99");
    assert_eq!(super::phrases::change(row), "1.579 (1.45 to 1.722)");
    assert_eq!(p99(&example), (Judgement::Within, None));
}

/// Which change ends the interval, and how many runs it takes, as the page for people has it.
#[test]
fn the_documented_numbers_are_those_that_decide() {
    let page = include_str!("../../../docs/compare.md");
    for runs in 3..=12 {
        let row = format!("| {runs} | {} | {} |", runs * runs, super::ranks::end(runs, runs));
        assert!(page.contains(&row), "{row}");
    }
    for (figures, runs) in [("1", 3), ("2 to 3", 4), ("4 to 12", 5), ("13 to 46", 6), ("47 to 171", 7)] {
        let row = format!("| {figures} | {runs} |");
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn a_lost_message_is_beyond_whatever_the_baseline_lost() {
    let mut before = before();
    before.iter_mut().for_each(|run| run.messages.lost = 7);
    let mut after = after(&ALIKE);
    after[1].messages.lost = 1;
    let comparison = of(&before, &after);
    assert_eq!(judged(&comparison, "mail", Measure::Lost), (Judgement::Beyond, None));
    assert_eq!(comparison.outcome, Outcome::Beyond);
}

#[test]
fn an_invalid_candidate_is_beyond_and_an_invalid_baseline_a_caveat() {
    let mut after = after(&ALIKE);
    after[2].verdict = Verdict::Invalid;
    assert_eq!(of(&before(), &after).outcome, Outcome::Beyond);
    let swapped = of(&after, &before());
    assert_eq!(swapped.outcome, Outcome::Within);
    assert!(swapped.caveats[0].contains("invalid themselves"), "{:?}", swapped.caveats);
}

#[test]
fn a_side_that_proves_nothing_makes_no_green() {
    let mut after = after(&ALIKE);
    after[0].verdict = Verdict::Unknown;
    assert_eq!(of(&before(), &after).outcome, Outcome::CannotTell);
    assert_eq!(of(&after, &before()).outcome, Outcome::CannotTell);
}

#[test]
fn a_common_operation_of_which_there_are_too_few_cannot_be_told() {
    let with = |ok| {
        let mut after = after(&ALIKE);
        after[1].operations[0] = deliver(0.020, ok);
        of(&before(), &after)
    };
    assert_eq!(with(100).outcome, Outcome::Within);
    let few = with(99);
    assert_eq!(p99(&few).1, Some(Doubt::TooFew { have: 99, need: 100 }));
    assert_eq!(few.outcome, Outcome::Within);
    assert!(few.caveats.iter().any(|caveat| caveat.contains("deliver p99 (99 of 100)")), "{:?}", few.caveats);
    let untold = with(19);
    assert_eq!(untold.outcome, Outcome::CannotTell);
    assert_eq!(untold.decides.len(), 1, "{:?}", untold.decides);
    assert!(!untold.caveats.iter().any(|caveat| caveat.contains("deliver")), "{:?}", untold.caveats);
}

#[test]
fn a_rare_operation_is_a_caveat_unless_there_is_nothing_else() {
    let with_rare = |mut report: Report| {
        report.operations.push(Operation { name: "move".into(), ..deliver(0.01, 3) });
        report
    };
    let [before, after] =
        [before(), after(&ALIKE)].map(|side| side.into_iter().map(with_rare).collect::<Vec<_>>());
    let rare = of(&before, &after);
    assert_eq!(judged(&rare, "move", Measure::P95).0, Judgement::CannotTell);
    assert_eq!(rare.outcome, Outcome::Within);
    assert!(rare.caveats.iter().any(|caveat| caveat.contains("move p95 (3 of 20)")), "{:?}", rare.caveats);
    let alone = |mut report: Report| {
        report.operations.drain(..2);
        report
    };
    let [before, after] = [before, after].map(|side| side.into_iter().map(alone).collect::<Vec<_>>());
    assert_eq!(of(&before, &after).outcome, Outcome::CannotTell);
}

#[test]
fn more_failures_than_allowed_are_beyond() {
    let with = |fail| {
        let mut after = after(&ALIKE);
        after.iter_mut().for_each(|run| run.operations[0].fail = fail);
        judged(&of(&before(), &after), "deliver", Measure::OkShare).0
    };
    assert_eq!(with(2), Judgement::Within);
    assert_eq!(with(4), Judgement::Beyond);
}

#[test]
fn clients_that_are_never_served_again_are_beyond_a_limit_of_recovery() {
    let limits = Limits::default().with("recovery=1.5".parse().expect("a limit"));
    let (mut before, mut after) = (before(), after(&ALIKE));
    before.iter_mut().for_each(again);
    after.iter_mut().for_each(again);
    never_again(&mut after[1]);
    let of = |before: &[Report], after: &[Report]| {
        judged(&Comparison::of(before, after, &limits, String::new()), "webmail", Measure::Recovery).0
    };
    assert_eq!(of(&before, &after), Judgement::Beyond);
    assert_eq!(of(&after, &before), Judgement::WithinNoise);
    let row = judged(&super::samples::of(&before, &after), "webmail", Measure::Recovery);
    assert_eq!(row, (Judgement::NotJudged, None));
}

/// What a slow load generator added to a latency must not be charged to the candidate.
#[test]
fn latencies_of_a_late_generator_are_not_compared_and_losses_are() {
    let mut after = after(&SLOW);
    assert_eq!(of(&before(), &after).outcome, Outcome::Beyond);
    after[1].generator = crate::run::samples::late().generator;
    let late = of(&before(), &after);
    assert_eq!(p99(&late), (Judgement::CannotTell, Some(Doubt::GeneratorLate { runs: 1 })));
    assert_eq!(judged(&late, "deliver", Measure::OkShare).0, Judgement::CannotTell);
    assert_eq!(judged(&late, "mail", Measure::Lost), (Judgement::Within, None));
    assert_eq!(late.outcome, Outcome::CannotTell);
    insta::assert_snapshot!(late.decides.join("\n"), @"The load generator was late in 1 of the runs: it is not known what their latencies would have been.");
    insta::assert_snapshot!(late.caveats.join("\n"), @"
    The load generator of 1 of 5 runs of the candidate was late (at the 99th percentile 5.60 s, where more than 500 ms is late): nothing that depends on time is compared. Ask for less load, or give the machine more room.
    26 operations of the candidate were never begun, because as many as may be were under way: its mail server did not get all of the load.
    ");
    after[1].messages.lost = 1;
    assert_eq!(of(&before(), &after).outcome, Outcome::Beyond);
}

/// Reports of earlier versions count lateness as latency.
#[test]
fn reports_that_do_not_know_their_generator_are_not_compared_with_others() {
    let old = |mut report: Report| {
        report.generator = None;
        report
    };
    let after: Vec<Report> = after(&ALIKE).into_iter().map(old).collect();
    let mixed = of(&before(), &after);
    assert_eq!(p99(&mixed).1, Some(Doubt::GeneratorUnknown { runs: 5 }));
    assert_eq!(mixed.outcome, Outcome::CannotTell);
    let before: Vec<Report> = before().into_iter().map(old).collect();
    let alike = of(&before, &after);
    assert_eq!(alike.outcome, Outcome::Within);
    insta::assert_snapshot!(alike.caveats.join("\n"), @"
    5 of 5 reports of the baseline do not say how late the load generator was, and count its lateness as latency; `fermoposta analyze before/1` makes such a report anew.
    5 of 5 reports of the candidate do not say how late the load generator was, and count its lateness as latency; `fermoposta analyze after/1` makes such a report anew.
    Not told, for want of operations that ended well: fetch p99 (64 of 100).
    ");
}

#[test]
fn runs_of_different_kinds_are_not_compared() {
    let mut other = after(&[0.02]);
    assert_eq!(unlike(&before(), &other), None);
    other[0].run.target = "cyrus".into();
    insta::assert_snapshot!(unlike(&before(), &other).expect("another mail server"), @"the runs are of different mail servers: cyrus, reference");
    assert!(of(&before(), &other).caveats[0].contains("not alike"));
    other[0].run.scenario = "power-cut".into();
    insta::assert_snapshot!(unlike(&before(), &other).expect("another scenario"), @"the runs are of different scenarios: baseline, power-cut");
}

#[test]
fn a_run_named_twice_is_no_repeat() {
    let twice = [before()[0].clone(), before()[0].clone()];
    insta::assert_snapshot!(unlike(&twice, &after(&[0.02])).expect("a repeat"), @"before/1 is named twice; only different runs show what chance does");
}

#[test]
fn seeds_and_amounts_that_differ_are_named() {
    let mut after = after(&[0.018, 0.020]);
    after.iter_mut().for_each(|run| run.messages.submitted = 900);
    let caveats = of(&before(), &after).caveats;
    assert!(caveats.iter().any(|caveat| caveat.ends_with("1, 2, 3, 4, 5 against 1, 2.")), "{caveats:?}");
    assert!(caveats.iter().any(|caveat| caveat.contains("3,000 and 900")), "{caveats:?}");
}

#[test]
fn hostile_strings_come_out_inert() {
    let hostile = super::samples::hostile();
    for shown in [text::plain(&hostile), markdown::render(&hostile), to_json(&hostile)] {
        assert!(!shown.chars().any(|one| is_dangerous(one) && one != '\n'));
    }
    assert!(!markdown::render(&hostile).contains("<script>"));
}
