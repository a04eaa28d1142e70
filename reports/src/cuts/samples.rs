//! Series of cuts for the tests of their renderers.

use super::model::{Cut, Cuts, Loss, Numbers, SCHEMA_VERSION, StreamSums, Trial};
use crate::kit::verdict::Verdict;

fn cut(number: u32, lost: u64, trial: Trial, what: &str) -> Cut {
    Cut {
        number,
        at: format!("2026-11-30T18:0{number}:00Z"),
        phases: "while items were stored".to_owned(),
        acknowledged: 1_310,
        checked: if trial == Trial::NotCounted { 0 } else { 2_120 },
        lost,
        trial,
        what: what.to_owned(),
    }
}

pub(crate) fn sound() -> Cuts {
    Cuts {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Valid,
        sentence: "None of 2 power cuts lost or damaged anything that was acknowledged.".to_owned(),
        doubt: None,
        limits: vec!["At 95 % confidence at most 77.64 of 100 cuts do.".to_owned()],
        numbers: Numbers {
            wanted: 2,
            begun: 2,
            counted: 2,
            at_most: 0.776_393_202_250_021,
            confidence: 0.95,
            acknowledged: 2_620,
            ..Numbers::default()
        },
        streams: vec![StreamSums {
            stream: "queue".to_owned(),
            how: "slots of one file, overwritten in place".to_owned(),
            acknowledged: 2_620,
            failed: 0,
            lost: 0,
        }],
        cuts: vec![
            cut(1, 0, Trial::Sound, "everything is there"),
            cut(2, 0, Trial::Sound, "everything is there"),
        ],
        losses: vec![],
        machine: vec![("kernel".to_owned(), "6.1".to_owned())],
        notes: vec!["No clock of the machine under test is used.".to_owned()],
        ledger_blake3: "7f".repeat(32),
        version: "0.1.0".to_owned(),
        reproduce: "fermoposta device report cuts".to_owned(),
    }
}

pub(crate) fn bad() -> Cuts {
    let sound = sound();
    Cuts {
        verdict: Verdict::Invalid,
        sentence: "1 of 2 power cuts lost or damaged what was acknowledged.".to_owned(),
        doubt: None,
        limits: vec!["At 95 % confidence between 2.532 and 97.468 of 100 cuts do.".to_owned()],
        numbers: Numbers {
            wanted: 2,
            begun: 3,
            bad: 1,
            at_least: 0.025_320_565_519_103,
            at_most: 0.974_679_434_480_896,
            failed: 3,
            lost: 22,
            lost_elsewhere: 1,
            ..sound.numbers.clone()
        },
        streams: sound.streams.iter().map(|of| StreamSums { failed: 3, lost: 22, ..of.clone() }).collect(),
        cuts: vec![
            cut(1, 0, Trial::Sound, "everything is there"),
            cut(2, 0, Trial::NotCounted, "the machine was not off: its boot id is the same"),
            cut(3, 21, Trial::Bad, "21 acknowledged items are lost or damaged"),
        ],
        losses: (0..22)
            .map(|item| Loss {
                cut: (item > 0).then_some(3),
                stream: "queue".to_owned(),
                item: 1_200 + item,
                what: "the older item 944 is in its place\u{1b}[2J".to_owned(),
            })
            .collect(),
        ..sound
    }
}
