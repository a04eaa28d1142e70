//! Movers that never were, for the tests.

use super::model::{BadCut, BadMessage, Fate, Movers, OpenCut, Row, SCHEMA_VERSION};
use crate::kit::verdict::Verdict;

fn row(mover: &str, verdict: Verdict) -> Row {
    Row {
        mover: mover.to_owned(),
        mover_version: format!("{mover} 1.0"),
        persistence: "strict-posix".to_owned(),
        verdict,
        calls: 12,
        cuts: 38,
        met: 30,
        lost: 0,
        damaged: 0,
        doubled: 0,
        fragments: 0,
        left: 0,
        open: 0,
        content_not_synced: Some(0),
        name_not_synced: Some(0),
    }
}

/// One loses, one is careful, one could not be tried.
pub(crate) fn movers() -> Movers {
    let lost = Row { lost: 4, damaged: 1, name_not_synced: Some(3), ..row("careless", Verdict::Invalid) };
    let untried = Row {
        calls: 0,
        cuts: 0,
        met: 0,
        open: 1,
        content_not_synced: None,
        name_not_synced: None,
        ..row("untried", Verdict::Unknown)
    };
    Movers {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "careless deleted at the source what was not durable at the destination: 5 of its 38 power cuts lost or damaged a message.".to_owned(),
        version: "0.1.0".to_owned(),
        messages: 3,
        seed: 1,
        reproduce: "fermoposta movers careless careful untried".to_owned(),
        rows: vec![lost, row("careful", Verdict::Valid), untried],
        bad: vec![bad()],
        open: vec![OpenCut {
            mover: "untried".to_owned(),
            persistence: "strict-posix".to_owned(),
            case: String::new(),
            why: "it ended with 1 and moved 0 of 3 messages\u{1b}[2J".to_owned(),
        }],
    }
}

fn bad() -> BadCut {
    BadCut {
        mover: "careless".to_owned(),
        persistence: "strict-posix".to_owned(),
        case: "12.drop-unsynced".to_owned(),
        call: "write Maildir/new/a|b\u{202e}".to_owned(),
        fate: Fate::Lost,
        messages: vec![BadMessage {
            message_id: "<1a2b3c4d.1.1@fermoposta.invalid>".to_owned(),
            fate: Fate::Lost,
            found: "gone when the power was back: its file was not synced".to_owned(),
        }],
        reproduce: "fermoposta movers careless --persistence strict-posix --case 12.drop-unsynced".to_owned(),
    }
}
