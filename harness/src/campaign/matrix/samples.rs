//! Campaigns for tests.

use super::canary::CanaryOutline;
use super::options::Options;
use super::outline::{Cell, Length, Outline};
use super::result::Ran;
use crate::campaign::signs::Sign;
use record::plan::keeper::Keeper;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;

/// Of so many cells, with seeds from 1 on, two runs at a time.
pub(super) fn outline(length: Length, cells: usize) -> Outline {
    let cell = |n: usize| Cell {
        id: format!("id{n}"),
        scenario: "power-cut".to_owned(),
        target: format!("server{n}"),
        storage: Some("xfs".parse::<Keeper>().expect("a storage")),
    };
    Outline {
        name: "nightly".to_owned(),
        options: Options {
            file: "nightly.toml".into(),
            seed: None,
            label: None,
            jobs: 2,
            directory: "d".into(),
            shard: Shard::WHOLE,
        },
        first_seed: 1,
        length,
        servers: Vec::new(),
        cells: (0..cells).map(cell).collect(),
        canary: CanaryOutline {
            key: "canary".to_owned(),
            scenario: "power-cut".to_owned(),
            target: "reference".to_owned(),
            storage: None,
            defects: vec!["no-directory-fsync".to_owned()],
            property: "acknowledged-durable".to_owned(),
        },
        expected: Vec::new(),
    }
}

/// A run of a cell; if it failed, mail was lost.
pub(super) fn ran(cell: &Cell, seed: u64, failed: bool) -> Ran {
    Ran {
        run: cell.key(seed),
        build: "build".to_owned(),
        cell: cell.title(),
        canary: None,
        target_version: Some("1".to_owned()),
        seed,
        started: format!("2026-11-30T01:{:02}:00Z", seed % 60),
        took_s: 1.0,
        scenario: None,
        verdict: if failed { Verdict::Invalid } else { Verdict::Valid },
        sentence: "as it is".to_owned(),
        signs: failed.then(|| sign("acknowledged-durable", Verdict::Invalid)).into_iter().collect(),
        acknowledged: 10,
        lost: u64::from(failed),
        p50_s: Some(0.001 * seed as f64),
        p99_s: None,
        reproduce: format!("again {seed}"),
        report: None,
        directory: None,
    }
}

pub(super) fn sign(of: &str, verdict: Verdict) -> Sign {
    Sign { of: of.to_owned(), verdict, sentence: format!("{of} was judged."), evidence: Vec::new() }
}
