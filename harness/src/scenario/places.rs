//! Where in the text a field stands: from a path such as `fault.2.where.op` to bytes.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed text that knows its places.
pub(super) struct Places<'t>(Option<Spanned<DeTable<'t>>>);

impl<'t> Places<'t> {
    /// Of a text that may be broken; then nothing has a place.
    pub(super) fn new(text: &'t str) -> Places<'t> {
        Places(DeTable::parse(text).ok())
    }

    /// The value at `path`, or the nearest thing above it that exists.
    pub(super) fn of(&self, path: &str) -> Option<Range<usize>> {
        let mut table = self.0.as_ref()?.get_ref();
        let mut found = None;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key) else {
                break;
            };
            found = Some(span(name.span(), value));
            let mut value = value;
            if let DeValue::Array(items) = value.get_ref()
                && let Some(index) = keys.peek().and_then(|index| index.parse::<usize>().ok())
            {
                keys.next();
                let Some(item) = items.get(index) else { break };
                found = Some(item.span());
                value = item;
            }
            let DeValue::Table(below) = value.get_ref() else { break };
            table = below;
        }
        found
    }
}

/// A table's own span may be that of its whole body: its key says more.
fn span(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    match value.get_ref() {
        DeValue::Table(_) => key,
        DeValue::Array(items) if items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_))) => key,
        _ => value.span(),
    }
}
