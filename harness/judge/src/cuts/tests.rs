use super::compare::compare;
use super::judge::{Tally, judge};
use record::series::damage::Damage;
use record::series::line::{FORM, Host, Line, Outcome, Phase, Series, Smart};
use record::series::stream::Stream;
use reports::cuts::{Cuts, Trial};
use reports::kit::verdict::Verdict;

const AT: &str = "2026-11-30T18:00:00Z";

fn first(cuts: u32) -> Vec<Line> {
    let series = Series { form: FORM, id: "s".into(), seed: 1, keep: 100, version: "0".into() };
    vec![Line::Series(series), Line::Opened { at: AT.into(), cuts }]
}

fn hello(boot: u32) -> Line {
    let clock = AT.parse::<jiff::Timestamp>().unwrap().as_second();
    Line::Hello {
        at: AT.into(),
        host: Box::new(Host { boot_id: boot.to_string(), clock, ..Host::default() }),
    }
}

fn done(n: u64) -> Line {
    Line::Done { stream: Stream::Queue, n }
}

fn begun(cut: u32, phase: Phase) -> Line {
    Line::CutBegun { cut, phase, at: AT.into(), slowest_ms: 3 }
}

fn ended(cut: u32, trouble: Option<&str>, silent: bool) -> Vec<Line> {
    let outcome = Outcome { seconds: 1.0, trouble: trouble.map(str::to_owned) };
    vec![Line::CutEnded { cut, outcome }, Line::Silent { cut, silent }]
}

fn lost(n: u64) -> Line {
    Line::Lost { stream: Stream::Queue, n, damage: Damage::Zeros }
}

const VERIFIED: Line = Line::Verified { checked: 5 };

/// A cut as it should be: `boot` is the start before it.
fn whole(cut: u32, boot: u32, found: Vec<Line>) -> Vec<Line> {
    let before = vec![hello(boot), VERIFIED, done(u64::from(cut)), begun(cut, Phase::Working)];
    [before, ended(cut, None, true), vec![hello(boot + 1)], found, vec![VERIFIED]].concat()
}

fn judged(lines: &[Line]) -> Cuts {
    judge(lines, "digest".into(), "again".into())
}

/// Verdict, counted and bad, and what became of each cut.
fn shown(lines: &[Line]) -> String {
    let cuts = judged(lines);
    let rows = cuts.cuts.iter().map(|cut| format!("\n{} {:?}: {}", cut.number, cut.trial, cut.what));
    let (counted, bad) = (cuts.numbers.counted, cuts.numbers.bad);
    format!(
        "{} {counted} counted, {bad} bad: {}{}",
        cuts.verdict.word(),
        cuts.sentence,
        rows.collect::<String>()
    )
}

#[test]
fn sound_cuts_are_counted_up_to_what_was_asked_for() {
    let mut lines = [first(2), whole(1, 1, vec![])].concat();
    insta::assert_snapshot!(shown(&lines), @r"
    UNKNOWN 1 counted, 0 bad: Only 1 of 2 power cuts that were asked for are counted; none of them lost or damaged one of 1 acknowledged item.
    1 Sound: everything is there
    ");
    lines.extend(whole(2, 2, vec![]));
    insta::assert_snapshot!(shown(&lines), @r"
    VALID 2 counted, 0 bad: None of 2 counted power cuts lost or damaged one of 2 acknowledged items.
    1 Sound: everything is there
    2 Sound: everything is there
    ");
    assert_eq!(Tally::of(&lines).progress(0).counted, 2);
}

#[test]
fn a_loss_is_charged_to_the_cut_before_it() {
    let lines = [first(2), whole(1, 1, vec![]), whole(2, 2, vec![lost(1), lost(2)])].concat();
    insta::assert_snapshot!(shown(&lines), @r"
    INVALID 2 counted, 1 bad: 1 of 2 counted power cuts lost or damaged what was acknowledged: 2 of 2 acknowledged items.
    1 Sound: everything is there
    2 Bad: lost or damaged: 2 of queue
    ");
    assert!(judged(&lines).losses.iter().all(|loss| loss.cut == Some(2)));
}

#[test]
fn what_was_no_cut_is_not_counted_and_says_why() {
    let cut = |middle: Vec<Line>| [first(1), vec![hello(1), VERIFIED], middle].concat();
    let after = |boot, silent, trouble, before: Vec<Line>| {
        [before, vec![begun(1, Phase::Working)], ended(1, trouble, silent), vec![hello(boot), VERIFIED]]
            .concat()
    };
    let cases = [
        cut(after(1, true, None, vec![done(1)])),
        cut(after(1, false, Some("it ended with exit status: 1"), vec![done(1)])),
        cut(after(2, true, None, vec![])),
        cut(vec![done(1), begun(1, Phase::Working)]),
        cut([
            vec![done(1), begun(1, Phase::Working), hello(2)],
            vec![Line::NotVerified { why: "no mark".into() }],
        ]
        .concat()),
    ];
    for lines in &cases {
        assert_eq!((judged(lines).verdict, judged(lines).numbers.counted), (Verdict::Unknown, 0));
        assert_eq!(judged(lines).cuts[0].trial, Trial::NotCounted);
    }
    let why: Vec<String> = cases.iter().map(|lines| judged(lines).cuts[0].what.clone()).collect();
    insta::assert_snapshot!(why.join("\n"), @r"
    the machine was not off: its boot id is the same
    the power did not go: the writer was heard on; the command that cuts: it ended with exit status: 1
    nothing was acknowledged since the machine had started
    not everything was looked for after it
    it could not be looked for after it: no mark
    ");
}

#[test]
fn what_is_lost_without_a_counted_cut_is_lost_all_the_same() {
    let start = |boot| vec![hello(boot), VERIFIED, done(1)];
    let by_itself = [first(1), start(1), vec![hello(2), lost(1), VERIFIED]].concat();
    insta::assert_snapshot!(shown(&by_itself), @"INVALID 0 counted, 0 bad: 1 of 1 acknowledged item lost or damaged, found after no counted power cut.");
    let same_boot =
        [first(1), start(1), vec![begun(1, Phase::Working), hello(1), lost(1), VERIFIED]].concat();
    insta::assert_snapshot!(shown(&same_boot), @r"
    INVALID 0 counted, 0 bad: 1 of 1 acknowledged item lost or damaged, found after no counted power cut.
    1 NotCounted: the machine was not off: its boot id is the same
    ");
}

#[test]
fn a_second_cut_before_everything_was_looked_for_belongs_to_the_first() {
    let middle = vec![begun(1, Phase::Verifying), hello(3), lost(1), VERIFIED];
    let lines = [first(1), vec![hello(1), done(1), begun(1, Phase::Working), hello(2)], middle].concat();
    let cuts = judged(&lines);
    assert_eq!((cuts.numbers.begun, cuts.numbers.counted, cuts.numbers.bad), (1, 1, 1));
    assert_eq!(cuts.cuts[0].phases, "while items were stored, again while items were looked for");
}

/// Its lines end anywhere: what follows is the same as if it had never been stopped.
#[test]
fn a_ledger_that_is_started_again_counts_the_same() {
    let lines = [first(1), whole(1, 1, vec![lost(1)])].concat();
    for stopped in 2..lines.len() {
        let mut again = lines.clone();
        again.insert(stopped, Line::Opened { at: AT.into(), cuts: 1 });
        let (one, other) = (judged(&lines), judged(&again));
        assert_eq!((one.numbers, one.cuts, one.verdict), (other.numbers, other.cuts, other.verdict));
    }
}

/// The series of one sound cut, with the device's serial number and its count of unsafe shutdowns at the beginning and at the end.
fn with_smart(begin: (&str, u64), end: (&str, u64)) -> Cuts {
    let mut lines = [first(1), whole(1, 1, vec![])].concat();
    for (line, (serial, count)) in
        lines.iter_mut().filter(|line| matches!(line, Line::Hello { .. })).zip([begin, end])
    {
        let Line::Hello { host, .. } = line else { unreachable!() };
        let (model, firmware, serial) = ("M".to_owned(), "1".to_owned(), serial.to_owned());
        host.smart = Smart::Read { model, firmware, serial, unsafe_shutdowns: Some(count) };
    }
    judged(&lines)
}

#[test]
fn two_devices_in_one_series_and_a_device_that_kept_its_power_prove_nothing() {
    assert_eq!(with_smart(("a", 4), ("a", 5)).verdict, Verdict::Valid);
    let doubtful = [with_smart(("a", 4), ("b", 5)), with_smart(("a", 4), ("a", 4))];
    assert!(doubtful.iter().all(|cuts| cuts.verdict == Verdict::Unknown));
    insta::assert_snapshot!(doubtful.map(|cuts| cuts.sentence).join("\n"), @r"
    The device was changed during the series: its 1 counted power cut speak of no single one.
    The machine was off in 1 counted power cut, but the device counted no unsafe shutdown: its own power did not go.
    ");
    let kept = with_smart(("a", 4), ("a", 4));
    assert_eq!((kept.numbers.at_least, kept.numbers.at_most), (0.0, 1.0), "such cuts limit nothing");
    let difference = compare(&series(300, 40), &kept);
    assert_eq!(difference.verdict, Verdict::Unknown);
    insta::assert_snapshot!(difference.sentence, @"The cuts after the change prove nothing, so there is nothing to compare. The machine was off in 1 counted power cut, but the device counted no unsafe shutdown: its own power did not go.");
}

#[test]
fn cuts_in_vain_are_those_of_this_ledger() {
    let vain = |cut| {
        [vec![hello(1), VERIFIED, done(1), begun(cut, Phase::Working)], ended(cut, None, true)].concat()
    };
    let lines = [first(9), vain(1), vain(2), vain(3), vec![hello(1), VERIFIED]].concat();
    assert_eq!([0, 1, 3].map(|after| Tally::of(&lines).progress(after).in_vain), [3, 2, 0]);
}

#[test]
fn a_wrong_clock_is_told_and_decides_nothing() {
    let mut lines = [first(1), whole(1, 1, vec![])].concat();
    for line in &mut lines {
        if let Line::Hello { host, .. } = line {
            host.clock -= 86_400 * 365;
        }
    }
    let cuts = judged(&lines);
    assert_eq!(cuts.verdict, Verdict::Valid);
    let told = "The clock of the machine under test was 31,536,000 seconds behind the ledger's; no result depends on it.";
    assert!(cuts.notes.iter().any(|note| note == told), "{:?}", cuts.notes);
}

#[test]
fn limits_stand_in_words() {
    let of = |counted: u32, bad: u32| {
        let cuts = (1..=counted).flat_map(|cut| {
            let found = if cut <= bad { vec![lost(u64::from(cut))] } else { vec![] };
            whole(cut, cut, found)
        });
        judged(&first(counted).into_iter().chain(cuts).collect::<Vec<_>>()).limits.join("\n")
    };
    insta::assert_snapshot!([of(0, 0), of(1, 0), of(59, 0), of(299, 0), of(300, 3)].join("\n\n"), @r"
    No cut is counted: nothing can be said of how often one loses something.

    0 of 1 cut bad: with 95 % confidence at most 95 % of cuts lose anything acknowledged.
    To show at most 5 %, 59 cuts without a bad one are needed.

    0 of 59 cuts bad: with 95 % confidence at most 5.0 % of cuts lose anything acknowledged.
    To show at most 1 %, 299 cuts without a bad one are needed.

    0 of 299 cuts bad: with 95 % confidence at most 1.00 % of cuts lose anything acknowledged.
    To show at most 0.1 %, 2,995 cuts without a bad one are needed.

    3 of 300 cuts bad: with 95 % confidence at most 2.6 %, and with 95 % confidence at least 0.27 %, of cuts lose something acknowledged.
    ");
}

fn series(counted: u32, bad: u32) -> Cuts {
    let mut cuts = judged(&first(counted));
    cuts.numbers.counted = counted;
    cuts.numbers.bad = bad;
    cuts
}

#[test]
fn two_series_are_decided_by_their_cuts_or_not_at_all() {
    let of = |before: (u32, u32), after: (u32, u32)| {
        let difference = compare(&series(before.0, before.1), &series(after.0, after.1));
        let notes = difference.notes.join("\n  ");
        format!("{} {}\n  {notes}", difference.verdict.word(), difference.sentence)
    };
    let all = [
        of((300, 40), (300, 0)),
        of((300, 0), (300, 40)),
        of((60, 3), (60, 0)),
        of((3, 1), (3, 0)),
        of((300, 0), (300, 0)),
        of((0, 0), (300, 0)),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    VALID After the change it is better: 40 of 300 cuts bad before, 0 of 300 cuts bad after (Fisher's exact test, p < 0.0001).
      Before: with 95 % confidence at most 18 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 1.00 % of cuts lose something acknowledged.
    INVALID After the change it is worse: 0 of 300 cuts bad before, 40 of 300 cuts bad after (Fisher's exact test, p < 0.0001).
      Before: with 95 % confidence at most 1.00 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 18 % of cuts lose something acknowledged.
    UNKNOWN The cuts do not tell whether it changed: 3 of 60 cuts bad before, 0 of 60 cuts bad after; with so few cuts not even the clearest result could have told.
      Before: with 95 % confidence at most 13 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 4.9 % of cuts lose something acknowledged.
      102 cuts without a bad one after the change would tell.
    UNKNOWN The cuts do not tell whether it changed: 1 of 3 cuts bad before, 0 of 3 cuts bad after; with so few cuts not even the clearest result could have told.
      Before: with 95 % confidence at most 87 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 64 % of cuts lose something acknowledged.
      58 cuts without a bad one after the change would tell.
    UNKNOWN The cuts do not tell whether it changed: 0 of 300 cuts bad before, 0 of 300 cuts bad after; no cut was bad on either side.
      Before: with 95 % confidence at most 1.00 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 1.00 % of cuts lose something acknowledged.
    UNKNOWN A side has no counted cut (0 of 0 cuts bad before, 0 of 300 cuts bad after): there is nothing to compare.
      Before: with 95 % confidence at most 100 % of cuts lose something acknowledged.
      After: with 95 % confidence at most 1.00 % of cuts lose something acknowledged.
    ");
}
