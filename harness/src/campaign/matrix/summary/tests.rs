use super::*;
use crate::campaign::many_runs::ManyRuns;
use crate::campaign::matrix::file::Expectation;
use crate::campaign::matrix::outline::{Expected, Length};
use crate::campaign::matrix::samples::{self, ran, sign};

/// Two cells, two seeds each; a known loss in the second, if it is said.
fn outline(known: bool) -> Outline {
    let mut outline = samples::outline(Length::Seeds(2), 2);
    let said = Expectation {
        scenario: "power-cut".to_owned(),
        target: "server1".to_owned(),
        storage: None,
        property: "acknowledged-durable".to_owned(),
        verdict: Verdict::Invalid,
        reason: "it was told to its makers".to_owned(),
    };
    outline.expected.extend(known.then(|| Expected { said, cells: vec![1] }));
    outline
}

fn canary(outline: &Outline, found: bool) -> Ran {
    let run = ran(&outline.cells[0], 1, found);
    Ran { run: outline.canary.key.clone(), canary: Some(found), ..run }
}

fn come_to(outline: &Outline, shard: Shard, mut runs: Vec<Ran>, found: bool) -> Campaign {
    runs.push(canary(outline, found));
    let done: Done = runs.into_iter().map(|ran| (ran.run.clone(), ran)).collect();
    let made = Made {
        shard,
        build: "fallback".to_owned(),
        environment: Vec::new(),
        reproduce: String::new(),
        speed: String::new(),
    };
    campaign(outline, &done, made)
}

/// Every run of it; those of the second cell fail with these seeds.
fn runs(outline: &Outline, failing: &[u64]) -> Vec<Ran> {
    let cells = outline.cells.iter().enumerate();
    let runs =
        cells.flat_map(|(n, cell)| [1, 2].map(|seed| ran(cell, seed, n == 1 && failing.contains(&seed))));
    runs.collect()
}

fn whole(outline: &Outline, runs: Vec<Ran>) -> Campaign {
    come_to(outline, Shard::WHOLE, runs, true)
}

fn standings(campaign: &Campaign) -> Vec<Standing> {
    campaign.cells.iter().map(|cell| cell.standing).collect()
}

#[test]
fn what_nobody_expected_is_red_and_what_is_known_is_not() {
    let strict = outline(false);
    let red = whole(&strict, runs(&strict, &[2]));
    assert_eq!((red.verdict, standings(&red)), (Verdict::Invalid, vec![Standing::New, Standing::Fine]));
    insta::assert_snapshot!(red.sentence, @"1 of 2 cells shows what nobody expected, in 4 runs.");
    let finding = &red.findings[0];
    assert_eq!((finding.shown, finding.runs, finding.seeds.as_slice()), (1, 2, &[2][..]));
    let lenient = outline(true);
    let green = whole(&lenient, runs(&lenient, &[2]));
    assert_eq!((green.verdict, standings(&green)), (Verdict::Valid, vec![Standing::Known, Standing::Fine]));
    insta::assert_snapshot!(green.sentence, @"Nothing new in 4 runs; 1 finding is known.");
    assert_eq!(green.findings[0].expected.as_deref(), Some("it was told to its makers"));
}

#[test]
fn what_does_not_show_any_more_is_said_and_decides_nothing() {
    let outline = outline(true);
    let mended = whole(&outline, runs(&outline, &[]));
    assert_eq!(mended.verdict, Verdict::Valid);
    insta::assert_snapshot!(mended.sentence, @"Nothing new in 4 runs; 1 finding is known, 1 of them not seen any more.");
    assert_eq!((mended.expected[0].shown, mended.expected[0].runs), (0, 2));
}

#[test]
fn another_property_or_verdict_than_the_known_one_is_new() {
    let outline = outline(true);
    for (of, verdict, wanted) in [
        ("no-duplicate", Verdict::Invalid, Verdict::Invalid),
        ("acknowledged-durable", Verdict::Unknown, Verdict::Unknown),
    ] {
        let mut all = runs(&outline, &[2]);
        all[3].signs.push(sign(of, verdict));
        assert_eq!(whole(&outline, all).verdict, wanted, "{of}");
    }
}

#[test]
fn without_its_canary_a_campaign_says_nothing_neither_well_nor_ill() {
    let strict = outline(false);
    for failing in [&[][..], &[1, 2]] {
        let blind = come_to(&strict, Shard::WHOLE, runs(&strict, failing), false);
        assert_eq!((blind.verdict, blind.canary.state), (Verdict::Unknown, CanaryState::NotFound));
        insta::allow_duplicates! {
            insta::assert_snapshot!(blind.sentence, @"The canary was not found: nothing here can be trusted.");
        }
    }
}

#[test]
fn what_was_not_run_is_not_known_to_be_well() {
    let outline = outline(false);
    let mut some = runs(&outline, &[]);
    some.remove(1);
    let campaign = whole(&outline, some);
    assert_eq!(campaign.verdict, Verdict::Unknown);
    insta::assert_snapshot!(campaign.sentence, @"Nothing new in 3 runs; 1 run is missing.");
    let none = whole(&outline, Vec::new());
    assert_eq!((none.verdict, standings(&none)), (Verdict::Unknown, vec![Standing::Missing; 2]));
    let mut open = runs(&outline, &[]);
    open[0].signs.push(sign("coverage", Verdict::Unknown));
    let open = whole(&outline, open);
    assert_eq!(open.verdict, Verdict::Unknown);
    insta::assert_snapshot!(open.sentence, @"Nothing new in 4 runs, but 1 of 2 cells proves nothing.");
}

#[test]
fn a_part_never_says_that_all_is_well() {
    let outline = outline(false);
    let shard = Shard::new(1, 2).expect("there is one");
    let part = come_to(&outline, shard, runs(&outline, &[]), true);
    assert_eq!((part.verdict, part.shard), (Verdict::Unknown, Some(shard)));
}

#[test]
fn while_time_decides_every_seed_counts_and_one_of_each_cell_must_be_there() {
    let mut outline = outline(false);
    outline.length = Length::Until("4h".parse().expect("a length"));
    let mut all = runs(&outline, &[]);
    all.push(ran(&outline.cells[0], 77, false));
    assert_eq!(
        (whole(&outline, all.clone()).verdict, whole(&outline, all.clone()).cells[0].runs),
        (Verdict::Valid, 3)
    );
    assert_eq!(outline.extra(&all[4]).map(|run| run.key), Some("id0-77".to_owned()));
    all.retain(|ran| ran.run != "id1-1" && ran.run != "id1-2");
    assert_eq!(whole(&outline, all).verdict, Verdict::Unknown);
}

#[test]
fn results_of_another_build_or_of_seeds_that_nobody_asked_for_do_not_count() {
    let outline = outline(false);
    let mut all = runs(&outline, &[]);
    all.push(ran(&outline.cells[1], 3, true));
    all.push(Ran { run: "other-1".to_owned(), ..ran(&outline.cells[1], 1, true) });
    assert_eq!(whole(&outline, all).verdict, Verdict::Valid);
}
