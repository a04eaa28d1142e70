//! An agreement as Markdown, to be published.

use super::model::Agreement;
use super::tables;
use crate::kit::inert;
use crate::kit::markdown::{escaped, word};
use std::fmt::Write as _;

/// The whole of it.
#[must_use]
pub(super) fn render(agreement: &Agreement) -> String {
    let agreement = &inert::copy(agreement);
    let mut out = format!(
        "# {}: profiles and file systems\n\n{}\n",
        word(agreement.verdict),
        escaped(&agreement.sentence)
    );
    out += &format!("\n{}", tables::standings(agreement).markdown());
    out += &format!("\n{}\n", tables::losses(agreement).markdown());
    for row in &agreement.rows {
        let _ = writeln!(out, "- {}", escaped(&tables::unseen(row)));
    }
    for of in &agreement.differences {
        let head = format!("{} and {}, sequence {}, {}", of.filesystem, of.profile, of.number, of.moment);
        let _ = writeln!(out, "\n## {}\n", escaped(&head));
        for (name, text) in
            [("set", &of.before), ("do", &of.calls), ("shown", &of.shown), ("least", &of.least)]
        {
            let _ = writeln!(out, "    {name:5} {text}");
        }
    }
    for of in &agreement.not_compared {
        let _ = writeln!(out, "\n{} could not be compared: {}\n", escaped(&of.filesystem), escaped(&of.why));
        let _ = writeln!(out, "    do    {}", of.calls);
    }
    let environment = agreement.environment.iter().map(|(name, value)| format!("{name} {value}"));
    let environment: Vec<String> = environment.collect();
    let made_on = escaped(&environment.join(", "));
    let _ = writeln!(
        out,
        "\nMade by version {} ({made_on}).\n\n    {}",
        escaped(&agreement.version),
        agreement.reproduce
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::samples;

    #[test]
    fn as_it_is_published() {
        insta::assert_snapshot!(render(&samples::differing()));
    }
}
