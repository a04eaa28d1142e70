//! Compared stores for a terminal.

use super::model::{Finding, Kind, Stores};
use super::tables;
use crate::kit::columns::wrap;
use crate::kit::figures::{counted, grouped};
use crate::kit::inert;
use crate::kit::style::{Style, bold, paint, section};

/// Of each kind, this many are shown on a terminal.
const SHOWN: usize = 10;

/// The answer, the sums, and what differs by name.
#[must_use]
pub fn render(stores: &Stores, style: Style) -> String {
    let stores = inert::copy(stores);
    let sections = [
        headline(&stores, style),
        section("Messages", &tables::sums(&stores.sums).text(), style),
        section("What differs or is not known", &kinds(&stores), style),
        section("By name", &names(&stores, style), style),
        section("Users", &users(&stores), style),
        section("Inventories", &tables::sides(&stores).text(), style),
        section("To know", &list(&stores.notes, style), style),
        format!("{}  {}\n", bold("Compare again", style), stores.reproduce),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

/// For a file.
#[must_use]
pub fn plain(stores: &Stores) -> String {
    render(stores, Style::default())
}

fn headline(stores: &Stores, style: Style) -> String {
    let word = stores.verdict.word();
    let sentence = wrap(&stores.sentence, word.len() + 2, style.width);
    format!("{}  {sentence}\n", paint(word, stores.verdict, style))
}

fn list(sentences: &[String], style: Style) -> String {
    sentences.iter().map(|sentence| format!("  - {}\n", wrap(sentence, 4, style.width))).collect()
}

fn kinds(stores: &Stores) -> String {
    let table = tables::kinds(stores);
    if table.rows.is_empty() { String::new() } else { table.text_without_head() }
}

fn users(stores: &Stores) -> String {
    let same = format!("  {} the same\n", counted(stores.users_same, "user is", "users are"));
    if stores.users.is_empty() { same } else { format!("{same}{}", tables::users(stores).text()) }
}

fn names(stores: &Stores, style: Style) -> String {
    Kind::ALL.into_iter().map(|kind| named(stores, kind, style)).collect()
}

fn named(stores: &Stores, kind: Kind, style: Style) -> String {
    let of: Vec<&Finding> = stores.findings.iter().filter(|finding| finding.kind == kind).collect();
    let lines: String = of.iter().take(SHOWN).map(|finding| line(finding, style)).collect();
    let count = stores.kinds.iter().find(|one| one.kind == kind).map_or(0, |one| one.count);
    match count.saturating_sub(of.len().min(SHOWN) as u64) {
        0 => lines,
        more => format!(
            "{lines}  and {} more of `{}`: --export FILE.json names them\n",
            grouped(more),
            kind.name()
        ),
    }
}

fn line(finding: &Finding, style: Style) -> String {
    let Finding { kind, user, folder, uid, message_id, subject, what } = finding;
    let place = folder.as_ref().map_or(String::new(), |folder| format!(" folder `{folder}`"));
    let uid = uid.map_or(String::new(), |uid| format!(" UID {uid}"));
    let id = message_id.as_ref().map_or(String::new(), |id| format!(" {id}"));
    let subject = subject.as_ref().map_or(String::new(), |subject| format!(" \"{subject}\""));
    let words = format!("{}: user {user}{place}{uid}{id}{subject}: {what}", kind.name());
    format!("  {}\n", wrap(&words, 6, style.width))
}
