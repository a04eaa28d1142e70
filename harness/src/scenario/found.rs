//! What is wrong with a scenario, as it is found.

use super::errors::Trouble;
use super::places::Places;
use fuse_fs::nearest::nearest;

/// Problems found so far, with the places of the text.
pub(super) struct Found<'t> {
    pub(super) places: Places<'t>,
    pub(super) troubles: Vec<Trouble>,
}

impl Found<'_> {
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>, help: impl Into<String>) {
        let span = self.places.of(field);
        self.troubles.push(Trouble { message: message.into(), help: Some(help.into()), span });
    }

    /// `name` must be one of `known`.
    pub(super) fn one_of(&mut self, field: &str, what: &str, name: &str, known: &[String]) {
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
