//! A rehearsal as Markdown.

use super::rows;

use super::model::{OwnMail, Rehearsal, word};
use super::rows::{DRAINS, FIGURES, PARTS};
use crate::kit::inert;
use crate::kit::markdown::{escaped, row};
use std::fmt::Write as _;

/// The whole rehearsal.
#[must_use]
pub(crate) fn render(rehearsal: &Rehearsal) -> String {
    let rehearsal = &inert::copy(rehearsal);
    let mut out = format!(
        "# {}: rehearsal of a migration with {}\n\n{}\n",
        word(rehearsal.verdict),
        escaped(&rehearsal.target),
        escaped(&rehearsal.sentence)
    );
    if !rehearsal.reasons.is_empty() {
        out += "\n";
    }
    rehearsal.reasons.iter().for_each(|reason| out += &format!("- {}\n", escaped(reason)));
    out += "\n## Parts\n\n";
    out += &table(&PARTS, rehearsal.parts.iter().map(|part| rows::part(part).to_vec()));
    for part in rehearsal.parts.iter() {
        let Some(command) = &part.reproduce else { continue };
        let _ = write!(out, "\n{}: {}\n\n    {command}\n", escaped(&part.name), escaped(&part.about));
    }
    out += &rehearsal.own_mail.as_ref().map_or_else(String::new, own_mail);
    out += &comparison(rehearsal);
    if let Some(plan) = &rehearsal.reopening {
        let _ = write!(out, "\n## Reopening\n\n{}\n\n", escaped(&plan.sentence));
        out += &table(&DRAINS, plan.tries.iter().map(|drain| rows::drain(drain).to_vec()));
    }
    if !rehearsal.figures.is_empty() {
        out += "\n## Figures\n\n";
        out += &table(&FIGURES, rehearsal.figures.iter().map(|figure| rows::figure(figure).to_vec()));
    }
    out + &last_lines(rehearsal)
}

fn own_mail(mail: &OwnMail) -> String {
    let rows = rows::own_mail(mail).into_iter();
    let rows: String = rows.map(|(name, value)| format!("- {name}: {}\n", escaped(&value))).collect();
    let inside = deeper(&crate::stores::markdown::render(&mail.stores));
    format!("\n## Your own mail\n\n{rows}\n{inside}")
}

fn comparison(rehearsal: &Rehearsal) -> String {
    let Some(comparison) = &rehearsal.comparison else { return String::new() };
    let inside = deeper(&crate::comparison::markdown::shown(comparison));
    format!("\nThe old disk is the baseline, the new one the candidate.\n\n{inside}")
}

/// Headings go one level down: it is a part of this document.
fn deeper(document: &str) -> String {
    let lines = document.lines().map(|line| match line.starts_with('#') {
        true => format!("#{line}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

fn table<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: String = rows.map(|cells| row(&cells)).collect();
    format!("{}|{}\n{rows}", row(&head.map(str::to_owned)), "---|".repeat(N))
}

fn last_lines(rehearsal: &Rehearsal) -> String {
    let mut out = "\n## The rehearsal\n\n".to_owned();
    for (name, value) in &rehearsal.about {
        let _ = writeln!(out, "- {}: {}", escaped(name), escaped(value));
    }
    let version = rehearsal.target_version.as_ref().map_or(String::new(), |version| format!(", {version}"));
    let _ = writeln!(out, "- Rehearsed with: {}", escaped(&format!("{}{version}", rehearsal.target)));
    let _ = writeln!(out, "- Seed: {}", rehearsal.seed);
    if let Some(fingerprint) = rehearsal.short_fingerprint() {
        let _ = writeln!(out, "- Fingerprint of the evidence: {}", escaped(&fingerprint));
    }
    let _ = write!(out, "\n{}. Run it again:\n\n    {}\n", escaped(&rehearsal.speed), rehearsal.reproduce);
    out
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::samples;

    use super::*;

    #[test]
    fn as_the_terminal_shows_it() {
        insta::assert_snapshot!(render(&samples::rehearsal()));
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let shown = render(&samples::hostile());
        assert!(!shown.chars().any(|one| crate::kit::inert::is_dangerous(one) && one != '\n'));
        // What is indented by four is code: it is shown as it is.
        assert!(shown.lines().all(|line| line.starts_with("    ") || !line.contains("<script>")));
    }
}
