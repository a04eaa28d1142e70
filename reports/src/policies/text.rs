//! Compared policies for a terminal.

use super::model::{Policies, Policy};
use super::tables::senders;
use crate::kit::columns::wrap;
use crate::kit::inert;

/// Columns of a terminal.
const WIDTH: usize = 100;

/// The table, what each policy came to, and the command for all. Always ends with a line break.
#[must_use]
pub fn render(policies: &Policies) -> String {
    let policies = inert::copy(policies);
    let about: String = policies.policies.iter().map(about).collect();
    format!(
        "{}\n{}\n{about}\nRun it again  {}\n",
        policies.title,
        senders(&policies).text(),
        policies.reproduce
    )
}

fn about(policy: &Policy) -> String {
    let lines = [
        policy.about.clone(),
        policy.sum_rule.clone(),
        format!("{}: {}", policy.verdict.word(), policy.sentence),
        policy.reproduce.clone(),
    ];
    let lines = lines.iter().filter(|line| !line.is_empty());
    let lines: String = lines.map(|line| format!("    {}\n", wrap(line, 6, WIDTH))).collect();
    format!("  {}\n{lines}", policy.name)
}
