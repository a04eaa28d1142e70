//! What is wrong with a scenario, as it is found.

use super::errors::Trouble;
use super::places::Places;
use fuse_fs::nearest::nearest;
use fuse_fs::units::Span;
use std::time::Duration;

/// Problems found so far, with the places of the text.
pub(crate) struct Troubles<'t> {
    pub(super) places: Places<'t>,
    pub(crate) troubles: Vec<Trouble>,
    /// Seconds of the story for one of the run, once its times are those of the run.
    pub(super) story_scale: Option<f64>,
    /// Tables of which nothing is said: something that was misspelt in them is missing.
    incomplete: Vec<String>,
}

impl<'t> Troubles<'t> {
    pub(crate) fn new(places: Places<'t>, incomplete: Vec<String>) -> Troubles<'t> {
        Troubles { places, troubles: Vec::new(), story_scale: None, incomplete }
    }

    fn is_untold(&self, field: &str) -> bool {
        let inside = |table: &String| {
            field.strip_prefix(table.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.incomplete.iter().any(inside)
    }

    /// A time of the story as its author wrote it, but for what the division rounded.
    pub(super) fn as_written(&self, span: Span) -> Span {
        let Some(scale) = self.story_scale else { return span };
        let nanos = span.0.mul_f64(scale).as_nanos();
        // A nanosecond of the run is less than a twentieth of this.
        let unit = if scale <= 50_000.0 { 1_000_000 } else { 1_000_000_000 };
        let units = u64::try_from((nanos + unit / 2) / unit).unwrap_or(u64::MAX);
        Span(if unit == 1_000_000 { Duration::from_millis(units) } else { Duration::from_secs(units) })
    }

    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>, help: impl Into<String>) {
        if self.is_untold(field) {
            return;
        }
        let span = self.places.of(field);
        self.troubles.push(Trouble { message: message.into(), help: Some(help.into()), span });
    }

    /// `name` must be one of `known`.
    pub(crate) fn one_of(&mut self, field: &str, what: &str, name: &str, known: &[String]) {
        if known.iter().any(|k| k == name) {
            return;
        }
        let meant = nearest(name, known.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`? "));
        let list = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        self.add(
            field,
            format!("there is no {what} `{name}`"),
            format!("{}{list}", meant.unwrap_or_default()),
        );
    }
}
