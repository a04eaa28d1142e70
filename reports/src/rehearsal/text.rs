//! The terminal form of a rehearsal: the answer, what speaks against it, the parts, both disks, the reopening plan.

use super::rows;

use super::model::{OwnMail, Rehearsal, word};
use super::rows::{DRAINS, FIGURES, PARTS};
use crate::kit::columns::{align, wrap};
use crate::kit::inert;
use crate::kit::style::Style;

/// Columns of a terminal.
const WIDTH: usize = 110;

/// The whole rehearsal.
#[must_use]
pub fn render(rehearsal: &Rehearsal) -> String {
    let rehearsal = &inert::copy(rehearsal);
    let mut parts = vec![answer(rehearsal), runs(rehearsal)];
    parts.extend(rehearsal.own_mail.as_ref().map(own_mail));
    parts.extend(rehearsal.comparison.as_ref().map(|comparison| {
        format!(
            "Old disk (baseline) and new disk (candidate)\n{}",
            crate::comparison::text::shown(comparison, Style::default())
        )
    }));
    parts.extend(reopening(rehearsal));
    if !rehearsal.figures.is_empty() {
        parts.push(figures(rehearsal));
    }
    parts.push(last_lines(rehearsal));
    parts.join("\n")
}

fn answer(rehearsal: &Rehearsal) -> String {
    let word = word(rehearsal.verdict);
    let mut out = format!("{word}  {}\n", wrap(&rehearsal.sentence, word.len() + 2, WIDTH));
    for reason in &rehearsal.reasons {
        out += &format!("  - {}\n", wrap(reason, 4, WIDTH));
    }
    out
}

fn runs(rehearsal: &Rehearsal) -> String {
    let [name, verdict, moved, kept_out, found] = PARTS.map(str::to_owned);
    let mut rows = vec![vec![name, verdict, moved, kept_out]];
    let mut notes = String::new();
    for part in &rehearsal.parts {
        let [name, verdict, moved, kept_out, found] = rows::part(part);
        notes += &format!("  {name}: {}\n", wrap(&found, 4, WIDTH));
        notes += &part.directory.as_ref().map_or(String::new(), |directory| format!("    {directory}\n"));
        rows.push(vec![name, verdict, moved, kept_out]);
    }
    format!("Parts\n{}\n{}\n{notes}", align(&rows, &[false; 4]), capital(&found))
}

fn own_mail(mail: &OwnMail) -> String {
    let rows = rows::own_mail(mail).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    let rows: Vec<Vec<String>> = rows.collect();
    format!("Your own mail\n{}\n{}", align(&rows, &[false, false]), crate::stores::text::plain(&mail.stores))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn reopening(rehearsal: &Rehearsal) -> Option<String> {
    let plan = rehearsal.reopening.as_ref()?;
    let head = DRAINS.map(str::to_owned).to_vec();
    let rows = std::iter::once(head).chain(plan.tries.iter().map(|drain| rows::drain(drain).to_vec()));
    let rows: Vec<Vec<String>> = rows.collect();
    let right = [true, true, true, true, true, false];
    Some(format!("Reopening\n  {}\n{}", wrap(&plan.sentence, 2, WIDTH), align(&rows, &right)))
}

fn figures(rehearsal: &Rehearsal) -> String {
    let rows = rehearsal.figures.iter().map(rows::figure);
    let head = [FIGURES[0].to_owned(), FIGURES[1].to_owned(), FIGURES[2].to_owned()];
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).map(|row| row.to_vec()).collect();
    format!("Figures\n{}", align(&rows, &[false, true, false]))
}

fn last_lines(rehearsal: &Rehearsal) -> String {
    let version = rehearsal.target_version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let server = ("Rehearsed with".to_owned(), format!("{}{version}", rehearsal.target));
    let last = [
        ("Speed", &rehearsal.speed),
        ("Everything", &rehearsal.directory),
        ("Run it again", &rehearsal.reproduce),
    ];
    let last = last.map(|(name, value)| (name.to_owned(), value.clone()));
    let fingerprint = rehearsal.short_fingerprint().map(|short| ("Fingerprint".to_owned(), short));
    let rows = std::iter::once(server).chain(rehearsal.about.iter().cloned()).chain(fingerprint).chain(last);
    let rows: Vec<Vec<String>> = rows.map(|(name, value)| vec![name, value]).collect();
    align(&rows, &[false, false])
}

#[cfg(test)]
mod tests {
    use crate::rehearsal::samples;

    use super::*;

    #[test]
    fn the_answer_comes_first_and_each_part_says_where_it_lies() {
        insta::assert_snapshot!(render(&samples::rehearsal()));
    }

    #[test]
    fn hostile_strings_do_nothing() {
        let shown = render(&samples::hostile());
        assert!(!shown.chars().any(|one| crate::kit::inert::is_dangerous(one) && one != '\n'));
    }
}
