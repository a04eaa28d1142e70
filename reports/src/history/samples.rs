//! A history for the tests of its renderers.

use super::model::{History, Night, Point, Regression, Row, SCHEMA_VERSION};
use crate::kit::verdict::Verdict;

fn night(n: usize, build: Option<&str>) -> Night {
    Night {
        name: format!("firmware 1.{n}"),
        directory: format!("nights/{n}"),
        build: build.map(str::to_owned),
        began: format!("2026-11-2{n}T01:00:00Z"),
    }
}

fn point(night: usize, verdict: Verdict) -> Point {
    let shown = |of: Verdict| if verdict == of { 2 } else { 0 };
    Point {
        night,
        verdict,
        target_version: Some("2.3.19".to_owned()),
        other_scenario: false,
        runs: 5,
        invalid: shown(Verdict::Invalid),
        unknown: shown(Verdict::Unknown),
        acknowledged: 2_911,
        lost: u64::from(shown(Verdict::Invalid)) * 3,
        p50_s: Some(0.0042),
        p99_s: Some(0.02 * (night + 1) as f64),
        violated: (verdict == Verdict::Invalid)
            .then(|| "acknowledged-durable".to_owned())
            .into_iter()
            .collect(),
    }
}

pub(crate) fn history() -> History {
    let cell = "dovecot-maildir, power-cut on xfs".to_owned();
    let points = vec![point(0, Verdict::Valid), point(1, Verdict::Invalid), point(2, Verdict::Invalid)];
    let other = Point { other_scenario: true, p99_s: None, ..point(2, Verdict::Unknown) };
    History {
        schema_version: SCHEMA_VERSION,
        sentence: "1 regression in 2 cells over 3 nights, 1 of them not seen to be gone.".to_owned(),
        version: "0.1.0".to_owned(),
        nights: vec![night(0, Some("00112233aabbccdd")), night(1, Some("11112233aabbccdd")), night(2, None)],
        rows: vec![
            Row { cell: cell.clone(), points },
            Row { cell: "half\u{1b}[2J, baseline".to_owned(), points: vec![point(0, Verdict::Valid), other] },
        ],
        regressions: vec![Regression {
            cell,
            property: "acknowledged-durable".to_owned(),
            since: 1,
            before: 0,
            before_runs: 5,
            gone: None,
            last: 2,
            seed: 3,
            started: "2026-11-21T01:07:00Z".to_owned(),
            reproduce: "fermoposta run power-cut --target dovecot-maildir --seed 3".to_owned(),
        }],
        notes: vec!["The nights were not run on one machine.".to_owned()],
        reproduce: "fermoposta history nights/0 nights/1 nights/2".to_owned(),
    }
}
