//! Each claim holds in a good story and does not in one that is spoiled where the claim looks.

use crate::testing::run_dir::{answer, blamed, with_verdict};
use crate::testing::story::{Script, told};
use reports::kit::verdict::Verdict;

/// A claim, and ways to spoil the story with what the claim then comes to.
type Case = (&'static str, &'static [(&'static str, fn(&mut Script), Verdict)]);

use reports::kit::verdict::Verdict::{Invalid, Unknown};

const CASES: &[Case] = &[
    (
        "healthy-first = { fault = 'threshold', for = '50ms' }",
        &[
            ("an operation failed", |s| s.fails_early = true, Invalid),
            ("it never fired", |s| s.never_fires = true, Unknown),
        ],
    ),
    ("healthy-first = { fault = 'threshold', for = '98ms' }", &[("", |s| s.fails_early = true, Invalid)]),
    (
        "state-triggered = { fault = 'threshold' }",
        &[
            ("past its number", |s| s.late_by = 2, Invalid),
            ("it never fired", |s| s.never_fires = true, Unknown),
        ],
    ),
    (
        "no-warning = { fault = 'threshold', calls = 20 }",
        &[("an error before", |s| s.warned = true, Invalid), ("slower before", |s| s.slower = true, Invalid)],
    ),
    (
        "total-loss = { fault = 'threshold' }",
        &[
            ("a call was answered", |s| s.answered = true, Invalid),
            ("nobody read", |s| s.only_writes = true, Unknown),
        ],
    ),
    ("time-out-not-error = { fault = 'threshold' }", &[("a refusal", |s| s.refused = true, Invalid)]),
    (
        "intact-beneath = { fault = 'threshold' }",
        &[
            ("a file is gone", |s| s.damaged = true, Invalid),
            ("nobody looked", |s| s.not_inspected = true, Unknown),
        ],
    ),
    (
        "collateral-volume = { storage = 'mail', volume = 'portal', fault = 'threshold', before-mail = true }",
        &[
            ("it was not impaired", |s| s.volume_unharmed = true, Invalid),
            ("it came back after mail", |s| s.volume_late = true, Invalid),
        ],
    ),
    (
        "isolated = { cohort = 'pec', fault = 'threshold' }",
        &[
            ("one failed", |s| s.isolated_fails = true, Invalid),
            ("it never fired", |s| s.never_fires = true, Unknown),
        ],
    ),
    ("phases-in-order = { phases = ['closed', 'open', 'recovery'] }", &[]),
    ("sum-rule = {}", &[("one is lost", |s| s.lost = true, Invalid)]),
    ("uid-rules = {}", &[("UIDNEXT fell", |s| s.uid_spoiled = true, Invalid)]),
    (
        "fixed-in-place = { fault = 'threshold', calls = 20 }",
        &[
            ("it fired again", |s| s.fires_again = true, Invalid),
            ("it was rolled back", |s| s.rolled_back = true, Invalid),
        ],
    ),
    (
        "progressive-reopening = { fault = 'threshold', cohorts = ['one', 'two'], from-phase = 'open' }",
        &[
            ("one lost a message", |s| s.lost = true, Invalid),
            ("it never fired", |s| s.never_fires = true, Unknown),
        ],
    ),
    (
        "backlog = { from-phase = 'open', drained-within = '100ms', live-p95 = '100ms' }",
        &[
            ("it waited on", |s| s.drains_slowly = true, Invalid),
            ("live mail waited", |s| s.starved = true, Invalid),
        ],
    ),
    (
        "class-lag = { first = 'webmail', then = 'held' }",
        &[("the other way", |s| s.held_first = true, Invalid)],
    ),
    (
        "opened-after-inspection = { fault = 'threshold', phase = 'open' }",
        &[
            ("before the repair", |s| s.opened_first = true, Invalid),
            ("nobody looked", |s| s.not_inspected = true, Invalid),
        ],
    ),
    (
        "story-time = { fault = 'threshold', at-least = '3m' }",
        &[("no scale", |s| s.no_scale = true, Invalid)],
    ),
];

#[test]
fn each_claim_holds_in_the_good_story_and_not_in_one_that_is_spoiled() {
    for (claim, spoiled) in CASES {
        let good = told(claim, Script::default());
        assert_eq!(good.statements[0].verdict, Verdict::Valid, "{claim}: {}", good.statements[0].seen);
        assert!(!with_verdict(&good, Verdict::Unknown).contains(&"statements"), "{claim}");
        for (how, spoil, verdict) in *spoiled {
            let mut script = Script::default();
            spoil(&mut script);
            let report = told(claim, script);
            let seen = &report.statements[0].seen;
            assert_eq!(report.statements[0].verdict, *verdict, "{claim}, {how}: {seen}");
            assert!(
                with_verdict(&report, Verdict::Valid).iter().all(|name| *name != "statements"),
                "{claim}, {how}"
            );
        }
    }
}

fn verdict(claim: &str, spoil: fn(&mut Script)) -> Verdict {
    let mut script = Script::default();
    spoil(&mut script);
    told(claim, script).statements[0].verdict
}

#[test]
fn bounds_are_kept_exactly() {
    let healthy = |span: &str| format!("healthy-first = {{ fault = 'threshold', for = '{span}' }}");
    assert_eq!(verdict(&healthy("99ms"), |_| {}), Verdict::Valid);
    assert_eq!(verdict(&healthy("100ms"), |_| {}), Verdict::Invalid);
    let state = "state-triggered = { fault = 'threshold', within = 0.02 }";
    assert_eq!(verdict(state, |s| s.late_by = 2), Verdict::Valid);
    let story = "story-time = { fault = 'threshold', at-least = '5m' }";
    assert_eq!(verdict(story, |_| {}), Verdict::Invalid);
    let at_most =
        |most: &str| format!("story-time = {{ fault = 'threshold', at-least = '3m', at-most = '{most}' }}");
    assert_eq!(verdict(&at_most("4m"), |_| {}), Verdict::Valid);
    assert_eq!(verdict(&at_most("210s"), |_| {}), Verdict::Invalid);
    let phases = "phases-in-order = { phases = ['open', 'closed'] }";
    assert_eq!(verdict(phases, |_| {}), Verdict::Invalid);
    assert_eq!(verdict("phases-in-order = { phases = ['closed', 'never'] }", |_| {}), Verdict::Invalid);
    assert_eq!(
        verdict("isolated = { cohort = 'pec', fault = 'threshold', at-least = 9 }", |_| {}),
        Verdict::Unknown
    );
}

#[test]
fn cohorts_that_come_back_in_another_order_are_not_the_incident() {
    let claim = "progressive-reopening = { fault = 'threshold', cohorts = ['two', 'one'] }";
    let report = told(claim, Script::default());
    assert_eq!(report.statements[0].verdict, Verdict::Invalid);
    assert_eq!(answer(&report, "statements").verdict, Verdict::Unknown);
}

#[test]
fn a_signal_is_a_refusal_or_a_probe_without_an_answer() {
    let claim = "first-signal = { fault = 'threshold' }";
    assert_eq!(verdict(claim, |_| {}), Verdict::Invalid);
    assert_eq!(verdict(claim, |s| s.probe_fails = true), Verdict::Valid);
    let within = |span: &str| format!("first-signal = {{ fault = 'threshold', within = '{span}' }}");
    assert_eq!(verdict(&within("5ms"), |s| s.refused = true), Verdict::Valid);
    assert_eq!(verdict(&within("4ms"), |s| s.refused = true), Verdict::Invalid);
    let report = told(claim, Script { refused: true, ..Script::default() });
    insta::assert_snapshot!(report.statements[0].seen, @"5.00 ms (5.00 s) after `threshold` first fired: a client was refused.");
}

#[test]
fn one_about_the_mail_speaks_against_the_server_and_others_against_the_run() {
    let about_mail =
        told("intact-beneath = { fault = 'threshold' }", Script { damaged: true, ..Script::default() });
    assert_eq!(blamed(&about_mail), ["statements"]);
    insta::assert_snapshot!(answer(&about_mail, "statements").sentence, @"Statements that hold: 0 of 1; L1 does not hold.");
    let of_the_run =
        told("total-loss = { fault = 'threshold' }", Script { answered: true, ..Script::default() });
    assert!(blamed(&of_the_run).is_empty());
    assert_eq!(of_the_run.verdict, Verdict::Unknown);
    assert_eq!(answer(&of_the_run, "statements").verdict, Verdict::Unknown);
    let lost = told(
        "progressive-reopening = { fault = 'threshold', cohorts = ['one', 'two'] }",
        Script { lost: true, ..Script::default() },
    );
    assert_eq!(blamed(&lost), ["acknowledged-durable", "sum-rule", "statements"]);
}

#[test]
fn without_a_scale_an_outage_lasts_as_long_as_the_run_shows() {
    let unscaled = Script { no_scale: true, ..Script::default() };
    let report = told("story-time = { fault = 'threshold', at-least = '0s', at-most = '1s' }", unscaled);
    assert_eq!(report.statements[0].verdict, Verdict::Valid);
    insta::assert_snapshot!(report.statements[0].seen, @"From the first firing of `threshold` until all were served again: 215 ms.");
}

#[test]
fn a_good_story_is_valid_and_its_figures_show_both_clocks() {
    let report = told("story-time = { fault = 'threshold', at-least = '3m' }", Script::default());
    assert_eq!(report.verdict, Verdict::Valid, "{:#?}", report.properties);
    assert_eq!(report.run.story_scale, Some(1000.0));
    insta::assert_snapshot!(report.statements[0].seen, @"From the first firing of `threshold` until all were served again: 215 ms (3 min 35 s); 1 s of the run is 16 min 40 s of the story.");
    insta::assert_snapshot!(answer(&report, "statements").sentence, @"Statements that hold: 1 of 1.");
}
