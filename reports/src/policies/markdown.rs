//! Compared policies as Markdown.

use super::model::{Policies, Policy};
use super::tables::senders;
use crate::kit::inert;
use crate::kit::markdown::escaped;

/// The table, an item for each policy, and the command for all.
#[must_use]
pub(crate) fn render(policies: &Policies) -> String {
    let policies = inert::copy(policies);
    let items: String = policies.policies.iter().map(item).collect();
    format!(
        "## {}\n\n{}\n{items}\n    {}\n",
        escaped(&policies.title),
        senders(&policies).markdown(),
        policies.reproduce
    )
}

fn item(policy: &Policy) -> String {
    let Policy { name, about, verdict: _, sentence, sum_rule, directory: _, reproduce: _ } = policy;
    let [name, about, sentence, sum_rule] = [name, about, sentence, sum_rule].map(|text| escaped(text));
    format!("- {name}: {about} {sum_rule}. {}: {sentence}\n", policy.verdict.word())
}
