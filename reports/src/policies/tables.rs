//! The table of compared policies.

use super::model::{Policies, PolicyRow};
use crate::kit::figures::grouped;
use crate::kit::page::class;
use crate::kit::table::{Cell, Column, Look, Table};

/// A row for each sender and policy.
pub(super) fn senders(policies: &Policies) -> Table {
    let words = ["sender", "policy", "run"].map(Column::words);
    let numbers = ["submitted", "lost", "late", "bounced", "given up", "queued", "stored", "delay p95"]
        .map(Column::numbers);
    Table {
        head: words.into_iter().chain(numbers).collect(),
        rows: policies.rows.iter().map(|row| cells(row, policies)).collect(),
    }
}

fn cells(row: &PolicyRow, policies: &Policies) -> Vec<Cell> {
    let PolicyRow { submitted, lost, late, bounced, given_up, queued, stored, .. } = *row;
    let counts = [submitted, lost, late, bounced, given_up, queued, stored].map(grouped);
    let delay = row.delay_p95_s.map_or("-".to_owned(), |seconds| policies.clock().delay(seconds).to_string());
    let words = [
        Look::Name.of(&row.sender),
        Look::Word.of(&row.policy),
        Look::Colour(class(row.verdict)).of(row.verdict.word().to_lowercase()),
    ];
    words.into_iter().chain(counts.into_iter().chain([delay]).map(|number| Look::Number.of(number))).collect()
}
