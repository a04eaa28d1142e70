//! From the text of a scenario or of a campaign to what it says, with every mistake of spelling or type, not only the first.
//!
//! The reader stops at its first error. So what it stumbled over is cut out of the parsed tree and it reads again,
//! until it gets through. An error that only the cut caused ("missing field" of what was cut) is not shown. What is left can be looked
//! through for other mistakes, but for the tables that something was cut out of.

use super::errors::Trouble;
use super::file::Scenario;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// More mistakes than anybody corrects at once.
const MOST: usize = 40;

/// How the reader says that an enum's table is empty or holds several choices.
const CHOICE: &str = "wanted exactly 1 element";

/// A text as far as it can be read.
pub(crate) struct Readable<T> {
    /// Without what is misspelt; none if whole tables had to go, to which others may refer.
    pub value: Option<T>,
    /// Everything that is misspelt.
    pub troubles: Vec<Trouble>,
    /// Tables that lack something: what else is wrong in them may only follow from that.
    pub incomplete: Vec<String>,
}

/// Reads a scenario, or says everything that is misspelt in it.
pub(crate) fn parse(text: &str) -> Result<Scenario, Vec<Trouble>> {
    let Readable { value, troubles, .. } = read(text, REFERENCE);
    value.filter(|_| troubles.is_empty()).ok_or(troubles)
}

/// Where all that a scenario may say is written down.
pub(super) const REFERENCE: &str = "docs/scenario-reference.md";

/// Reads what can be read; `reference` is where all that may be written is said.
pub(crate) fn read<T: DeserializeOwned>(text: &str, reference: &str) -> Readable<T> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    let mut troubles: Vec<Trouble> =
        errors.iter().take(MOST).map(|error| trouble(error, reference)).collect();
    let (mut cut, mut value): (Vec<Cut>, _) = (Vec::new(), None);
    while errors.is_empty() && cut.len() < MOST {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(rest) => {
                value = Some(rest).filter(|_| !cut.iter().any(Cut::is_whole_item));
                break;
            }
            Err(error) => error,
        };
        if !caused_by(&cut, error.message()) {
            troubles.push(trouble(&error, reference));
        }
        let Some(path) = error.span().and_then(|span| cut_out(table.get_mut(), &span)) else { break };
        cut.push(Cut(path));
    }
    Readable { value, troubles, incomplete: cut.iter().map(Cut::table).collect() }
}

/// The path of what was cut out: keys, and positions in arrays.
struct Cut(Vec<String>);

impl Cut {
    /// Empty for an item of an array.
    fn key(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Those behind it have other positions now.
    fn is_whole_item(&self) -> bool {
        self.key().is_empty()
    }

    /// The table of the file that it was in: `workload`, `fault.1`.
    fn table(&self) -> String {
        let item = self.0.get(1).filter(|position| position.parse::<usize>().is_ok());
        self.0.iter().take(1).chain(item).cloned().collect::<Vec<_>>().join(".")
    }
}

fn trouble(error: &Error, reference: &str) -> Trouble {
    let message = if error.message().starts_with(CHOICE) {
        "exactly one choice belongs here".to_owned()
    } else {
        error.message().to_owned()
    };
    Trouble { message, help: way_out(error.message(), reference), span: error.span() }
}

fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// For an unknown key or name the nearest one that is known; for other mistakes where to look.
fn way_out(message: &str, reference: &str) -> Option<String> {
    if message.starts_with("unknown") {
        let mut words = quoted(message);
        let wrong = words.next()?;
        return fuse_fs::nearest::nearest(wrong, words).map(|nearest| format!("did you mean `{nearest}`?"));
    }
    if message.starts_with(CHOICE) {
        return Some(format!("{reference} lists the choices and how they are written"));
    }
    let field = quoted(message).next().filter(|_| message.starts_with("missing field"))?;
    Some(format!("add `{field} = ...`; {reference} says what it may hold"))
}

/// Whether an error is there only because something was cut out.
fn caused_by(cut: &[Cut], message: &str) -> bool {
    let missing = message.starts_with("missing field")
        && quoted(message).next().is_some_and(|field| cut.iter().any(|cut| cut.key() == field));
    missing || !cut.is_empty() && message.starts_with(CHOICE)
}

/// Cuts out the smallest entry that holds `span`; its path, or nothing if there is none.
fn cut_out(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    let below = |(key, value): (&Spanned<_>, &mut Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        Some(joined(key.to_string(), cut_below(value.get_mut(), span)?))
    };
    if let Some(path) = table.iter_mut().find_map(below) {
        return Some(path);
    }
    let holds = |place: Range<usize>| place.start <= span.start && span.end <= place.end;
    let (key, _) = table.iter().find(|(key, value)| holds(key.span()) || holds(value.span()))?;
    let key: Spanned<_> = key.clone();
    table.remove(&key);
    Some(vec![key.into_inner().into_owned()])
}

fn joined(first: String, rest: Vec<String>) -> Vec<String> {
    std::iter::once(first).chain(rest).collect()
}

fn cut_below(value: &mut DeValue<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    match value {
        DeValue::Table(table) => cut_out(table, span),
        DeValue::Array(items) => {
            let below = |(position, item): (usize, &mut Spanned<DeValue<'_>>)| {
                Some(joined(position.to_string(), cut_below(item.get_mut(), span)?))
            };
            if let Some(path) = items.iter_mut().enumerate().find_map(below) {
                return Some(path);
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
            Some(vec![String::new()])
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}
