//! Compared stores for the tests of their renderers.

use super::model::{Finding, Kind, KindCount, SCHEMA_VERSION, Side, Stores, Sums, UserSums, verdict};

fn side(name: &str, messages: u64) -> Side {
    Side {
        name: name.into(),
        source: format!("maildir:/srv/{name}/%u"),
        started: "2026-11-28T22:00:00Z".into(),
        finished: "2026-11-28T22:40:00Z".into(),
        resumed: 0,
        users: 60,
        folders: 600,
        messages,
        bytes: messages * 75_000,
        unread: 0,
        blake3: "6f8a".repeat(16),
    }
}

fn finding(kind: Kind, n: u32, what: &str) -> Finding {
    Finding {
        kind,
        user: "anna@example.it".into(),
        folder: Some("Lavoro/Città".into()),
        uid: Some(n),
        message_id: Some(format!("<{n}@example.it>")),
        subject: Some(format!("Verbale {n}")),
        what: what.into(),
    }
}

fn kinds(counts: &[(Kind, u64, bool)]) -> Vec<KindCount> {
    let of = |kind| counts.iter().find(|(own, ..)| *own == kind);
    let one = |kind| KindCount {
        kind,
        count: of(kind).map_or(0, |(_, count, _)| *count),
        accepted: of(kind).is_some_and(|(.., accepted)| *accepted),
    };
    Kind::ALL.into_iter().map(one).collect()
}

pub(crate) fn different() -> Stores {
    let sums = Sums {
        a: 4_489,
        b: 4_481,
        same: 4_460,
        altered: 18,
        moved: 1,
        changed: 1,
        missing: 9,
        doubled: 1,
        ..Sums::default()
    };
    let kinds = kinds(&[
        (Kind::Missing, 9, false),
        (Kind::Changed, 1, false),
        (Kind::Moved, 1, false),
        (Kind::Doubled, 1, false),
        (Kind::Dates, 18, true),
    ]);
    Stores {
        schema_version: SCHEMA_VERSION,
        verdict: verdict(&kinds, sums.a + sums.b),
        sentence: "B is not what A is: 9 messages of A that are not in B.".into(),
        a: side("old", sums.a),
        b: side("new", sums.b),
        sums,
        kinds,
        findings: vec![
            finding(Kind::Missing, 500, "it is not in B"),
            finding(Kind::Missing, 1_000, "it is not in B"),
            finding(Kind::Changed, 7, "other bytes, as many: 2204; in B it is UID 7"),
            finding(Kind::Moved, 8, "in B it is in Archivio UID 1"),
            finding(Kind::Doubled, 9, "B has more copies of it than A"),
            finding(Kind::Dates, 10, "2020-03-04T10:00:00Z became 2026-11-28T23:10:00Z"),
        ],
        users: vec![UserSums { user: "anna@example.it".into(), sums }],
        users_same: 59,
        users_named: 1,
        notes: vec!["UIDs and UIDVALIDITY are the same in 600 folders.".into()],
        version: "0.1.0".into(),
        reproduce: "fermoposta compare-stores old.inventory new.inventory --accept dates".into(),
    }
}

pub(crate) fn same() -> Stores {
    let sums = Sums { a: 4_489, b: 4_489, same: 4_489, ..Sums::default() };
    let kinds = kinds(&[]);
    Stores {
        verdict: verdict(&kinds, sums.a + sums.b),
        sentence: "B holds what A holds, 4,489 messages.".into(),
        b: side("new", sums.b),
        sums,
        kinds,
        findings: Vec::new(),
        users: Vec::new(),
        users_same: 60,
        users_named: 0,
        ..different()
    }
}

pub(crate) fn unknown() -> Stores {
    let kinds = kinds(&[(Kind::Unread, 1, false)]);
    let unread = Finding {
        folder: None,
        uid: None,
        message_id: None,
        subject: None,
        ..finding(Kind::Unread, 1, "B: cannot log in: NO [AUTHENTICATIONFAILED] Authentication failed.")
    };
    Stores {
        verdict: verdict(&kinds, 1),
        sentence: "Nothing different was found, but not all is known: 1 mailbox could not be read.".into(),
        kinds,
        findings: vec![unread],
        ..same()
    }
}
