//! A sweep for the tests of its renderers.

use super::model::{BadCase, ClassCount, Matrix, Row, SCHEMA_VERSION, Sweep};
use crate::kit::class::Class;
use crate::kit::verdict::Verdict;

fn row(position: u64, call: &str, cells: [Option<Class>; 3]) -> Row {
    Row { position, call: call.to_owned(), cells: cells.to_vec() }
}

pub(crate) fn sweep() -> Sweep {
    let rows = vec![
        row(4, "(the client has its answer)", [None, None, Some(Class::Lost)]),
        row(
            2,
            "fsync-1 user1/tmp/*",
            [Some(Class::PermanentRefusal), Some(Class::LiedTo), Some(Class::Unanswered)],
        ),
        row(1, "write-1 user1/tmp/*", [Some(Class::TemporaryRefusal), None, Some(Class::NotReached)]),
        row(3, "rename-1 user1/tmp/* -> user1/new/\u{1b}[2J*", [Some(Class::Intact), None, None]),
    ];
    let columns = ["eio", "fsync-ext4-data", "cut-xfs"].map(str::to_owned).to_vec();
    let classes = [Class::Lost, Class::PermanentRefusal, Class::NotReached, Class::LiedTo, Class::Intact];
    Sweep {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "2 of 7 cases are bad, the worst: acknowledged and lost; 1 is open.".to_owned(),
        target: "example".to_owned(),
        target_version: Some("1.0".to_owned()),
        version: "0.1.0".to_owned(),
        shard: None,
        seed: 1,
        reproduce: "fermoposta sweep example".to_owned(),
        directory: "fermoposta-runs/sweep-example".to_owned(),
        classes: classes.map(|class| ClassCount { class, cases: 1 }).to_vec(),
        deliveries: vec![Matrix { title: "LMTP, to a user who has mail".to_owned(), columns, rows }],
        bad: vec![lost()],
        speed: "7 cases in 4 s: 6,300 an hour".to_owned(),
    }
}

fn lost() -> BadCase {
    BadCase {
        case: "lmtp.later.answer.cut-xfs".to_owned(),
        class: Class::Lost,
        call: "(the client has its answer)".to_owned(),
        fault: "power cut after it (xfs, drop-unsynced)".to_owned(),
        told: "accepted".to_owned(),
        found: "acknowledged-durable: gone with \u{202e} the power".to_owned(),
        bad: 5,
        runs: 5,
        directory: Some("fermoposta-runs/sweep-example/runs/0007".to_owned()),
        reproduce: "fermoposta sweep example --case lmtp.later.answer.cut-xfs".to_owned(),
    }
}
