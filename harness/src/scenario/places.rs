//! Where in the text a field stands: from a path such as `fault.2.where.op` to bytes.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A parsed text that knows its places.
pub(crate) struct Places<'t>(Option<Spanned<DeTable<'t>>>);

impl<'t> Places<'t> {
    /// Of a text that may be broken; then nothing has a place.
    pub(crate) fn new(text: &'t str) -> Places<'t> {
        Places(DeTable::parse(text).ok())
    }

    /// The value at `path`, or the nearest thing above it that exists.
    pub(super) fn of(&self, path: &str) -> Option<Range<usize>> {
        let mut table = self.0.as_ref()?.get_ref();
        let (mut found, mut left) = (None, path);
        while let Some((name, mut value, below)) = entry(table, left) {
            (found, left) = (Some(span(name.span(), value)), below);
            if let DeValue::Array(items) = value.get_ref() {
                let (index, below) = left.split_once('.').unwrap_or((left, ""));
                if let Ok(index) = index.parse::<usize>() {
                    let Some(item) = items.get(index) else { break };
                    (found, left, value) = (Some(item.span()), below, item);
                }
            }
            let DeValue::Table(inner) = value.get_ref() else { break };
            table = inner;
        }
        found
    }
}

/// The entry that a path begins with, and the rest of the path. A key may hold dots itself, as the name of a file does:
/// the longest is meant.
fn entry<'a, 't>(
    table: &'a DeTable<'t>,
    path: &'a str,
) -> Option<(&'a Spanned<DeString<'t>>, &'a Spanned<DeValue<'t>>, &'a str)> {
    let below = |key: &str| match path.strip_prefix(key)? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    };
    let entries = table.iter().filter_map(|(name, value)| Some((name, value, below(name.get_ref())?)));
    entries.min_by_key(|(.., rest)| rest.len())
}

/// A table's own span may be that of its whole body: its key says more.
fn span(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    match value.get_ref() {
        DeValue::Table(_) => key,
        DeValue::Array(items) if items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_))) => key,
        _ => value.span(),
    }
}
