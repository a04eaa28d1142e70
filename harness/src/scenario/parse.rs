//! From text to [`Scenario`], with every mistake of spelling or type, not only the first.
//!
//! The reader stops at its first error. So what it stumbled over is cut out of the parsed tree and it reads again,
//! until it gets through. An error that only the cut caused ("missing field" of what was cut) is not shown.

use super::errors::Trouble;
use super::file::Scenario;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// More mistakes than anybody corrects at once.
const MOST: usize = 40;

/// How the reader says that an enum's table is empty or holds several choices.
const CHOICE: &str = "wanted exactly 1 element";

/// Reads a scenario, or says everything that is misspelt in it.
pub(crate) fn parse(text: &str) -> Result<Scenario, Vec<Trouble>> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().take(MOST).map(trouble).collect());
    }
    let mut troubles = Vec::new();
    let mut cut = Vec::new();
    for _ in 0..MOST {
        let error = match Scenario::deserialize(Deserializer::from(table.clone())) {
            Ok(scenario) if troubles.is_empty() => return Ok(scenario),
            Ok(_) => break,
            Err(error) => error,
        };
        if !caused_by(&cut, error.message()) {
            troubles.push(trouble(&error));
        }
        let Some(name) = error.span().and_then(|span| cut_out(table.get_mut(), &span)) else { break };
        cut.push(name);
    }
    Err(troubles)
}

fn trouble(error: &Error) -> Trouble {
    let message = if error.message().starts_with(CHOICE) {
        "exactly one choice belongs here".to_owned()
    } else {
        error.message().to_owned()
    };
    Trouble { message, help: way_out(error.message()), span: error.span() }
}

fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// For an unknown key or name the nearest one that is known; for other mistakes where to look.
fn way_out(message: &str) -> Option<String> {
    if message.starts_with("unknown") {
        let mut words = quoted(message);
        let wrong = words.next()?;
        return fuse_fs::nearest::nearest(wrong, words).map(|nearest| format!("did you mean `{nearest}`?"));
    }
    if message.starts_with(CHOICE) {
        return Some("docs/scenario-reference.md lists the choices and how they are written".to_owned());
    }
    let field = quoted(message).next().filter(|_| message.starts_with("missing field"))?;
    Some(format!("add `{field} = ...`; docs/scenario-reference.md says what it may hold"))
}

/// Whether an error is there only because something was cut out.
fn caused_by(cut: &[String], message: &str) -> bool {
    let missing = message.starts_with("missing field")
        && quoted(message).next().is_some_and(|f| cut.iter().any(|c| c == f));
    missing || !cut.is_empty() && message.starts_with(CHOICE)
}

/// Cuts out the smallest entry that holds `span`; its key, or nothing if there is none.
fn cut_out(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<String> {
    if let Some(key) = table.iter_mut().find_map(|(_, value)| cut_below(value.get_mut(), span)) {
        return Some(key);
    }
    let holds = |place: Range<usize>| place.start <= span.start && span.end <= place.end;
    let (key, _) = table.iter().find(|(key, value)| holds(key.span()) || holds(value.span()))?;
    let key: Spanned<_> = key.clone();
    table.remove(&key);
    Some(key.into_inner().into_owned())
}

fn cut_below(value: &mut DeValue<'_>, span: &Range<usize>) -> Option<String> {
    match value {
        DeValue::Table(table) => cut_out(table, span),
        DeValue::Array(items) => {
            if let Some(key) = items.iter_mut().find_map(|item| cut_below(item.get_mut(), span)) {
                return Some(key);
            }
            // A faulty table of an array goes as a whole; a faulty plain item takes its array with it.
            let index = items.iter().position(|item| item.get_ref().is_table() && item.span() == *span)?;
            *items = items
                .clone()
                .into_iter()
                .enumerate()
                .filter(|(i, _)| *i != index)
                .map(|(_, item)| item)
                .collect();
            Some(String::new())
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}
