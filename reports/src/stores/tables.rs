//! The tables of compared stores.

use super::model::{Finding, KindCount, Stores, Sums, UserSums};
use crate::kit::figures::{bytes, grouped};
use crate::kit::table::{Cell, Column, Look, Table};

/// The two inventories beside each other.
pub(super) fn sides(stores: &Stores) -> Table {
    let row = |name: &str, values: [String; 2]| {
        std::iter::once(Look::Name.of(name)).chain(values.map(|value| Look::Text.of(value))).collect()
    };
    let both = [&stores.a, &stores.b];
    Table {
        head: ["", "A, before", "B, after"].map(Column::words).into(),
        rows: vec![
            row("given", both.map(|side| side.name.clone())),
            row("read of", both.map(|side| side.source.clone())),
            row("from", both.map(|side| side.started.clone())),
            row("to", both.map(|side| side.finished.clone())),
            row("users", both.map(|side| grouped(side.users))),
            row("folders", both.map(|side| grouped(side.folders))),
            row("messages", both.map(|side| grouped(side.messages))),
            row("bytes", both.map(|side| bytes(side.bytes as f64))),
            row("not read", both.map(|side| grouped(side.unread))),
            row("BLAKE3", both.map(|side| side.blake3.clone())),
        ],
    }
}

/// Each message once, on each side.
pub(super) fn sums(sums: &Sums) -> Table {
    let Sums { a, b, same, altered, partly, moved, changed, missing, doubled, extra, untold_a, untold_b } =
        *sums;
    let rows = [
        ("the same bytes, folder, flags, keywords and date", Some(same), Some(same)),
        ("the same bytes and folder; other flags, keywords or date", Some(altered), Some(altered)),
        (
            "the same bytes and folder; one side does not tell flags, keywords or date",
            Some(partly),
            Some(partly),
        ),
        ("the same bytes in another folder", Some(moved), Some(moved)),
        ("the same message with other bytes", Some(changed), Some(changed)),
        ("missing: only in A", Some(missing), None),
        ("doubled: B has more copies than A", None, Some(doubled)),
        ("extra: only in B", None, Some(extra)),
        ("not known: the other side was not read there", Some(untold_a), Some(untold_b)),
        ("all that was read", Some(a), Some(b)),
    ];
    let cell = |n: Option<u64>| Look::Number.of(n.map_or("-".to_owned(), grouped));
    Table {
        head: vec![Column::words("messages"), Column::numbers("A"), Column::numbers("B")],
        rows: rows.into_iter().map(|(name, a, b)| vec![Look::Name.of(name), cell(a), cell(b)]).collect(),
    }
}

/// A row for each kind that there is.
pub(super) fn kinds(stores: &Stores) -> Table {
    let cells = |one: &KindCount| {
        let class = match (one.accepted, one.kind.is_unknown()) {
            (true, _) => "apart",
            (false, true) => "unknown",
            (false, false) => "invalid",
        };
        let word = match class {
            "apart" => "accepted",
            "unknown" => "not known",
            _ => "different",
        };
        vec![
            Look::Code.of(one.kind.name()),
            Look::Number.of(grouped(one.count)),
            Look::Colour(class).of(word),
            Look::Word.of(one.kind.meaning()),
        ]
    };
    Table {
        head: vec![Column::words("kind"), Column::numbers("count"), Column::words(""), Column::words("")],
        rows: stores.kinds.iter().filter(|one| one.count > 0).map(cells).collect(),
    }
}

/// A row for each user of whom something differs or is not known.
pub(super) fn users(stores: &Stores) -> Table {
    let numbers = [
        "A",
        "B",
        "same",
        "altered",
        "partly",
        "moved",
        "changed",
        "missing",
        "doubled",
        "extra",
        "not known",
    ];
    Table {
        head: std::iter::once(Column::words("user")).chain(numbers.map(Column::numbers)).collect(),
        rows: stores.users.iter().map(user).collect(),
    }
}

fn user(UserSums { user, sums }: &UserSums) -> Vec<Cell> {
    let counts = [
        sums.a,
        sums.b,
        sums.same,
        sums.altered,
        sums.partly,
        sums.moved,
        sums.changed,
        sums.missing,
        sums.doubled,
        sums.extra,
        sums.untold_a + sums.untold_b,
    ];
    std::iter::once(Look::Name.of(user)).chain(counts.map(|n| Look::Number.of(grouped(n)))).collect()
}

/// A row for each of these.
pub(super) fn findings<'a>(of: impl Iterator<Item = &'a Finding>) -> Table {
    let head = ["kind", "user", "folder", "UID", "Message-ID", "subject", "what"];
    Table { head: head.map(Column::words).into(), rows: of.map(finding).collect() }
}

fn finding(finding: &Finding) -> Vec<Cell> {
    let Finding { kind, user, folder, uid, message_id, subject, what } = finding;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        Look::Code.of(kind.name()),
        Look::Word.of(user),
        Look::Word.of(or_none(folder)),
        Look::Word.of(uid.map_or("-".to_owned(), |uid| uid.to_string())),
        Look::Text.of(or_none(message_id)),
        Look::Text.of(or_none(subject)),
        Look::Text.of(what),
    ]
}
