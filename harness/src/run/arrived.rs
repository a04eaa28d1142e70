use super::disk::{nobody, read_user};
use super::placement::Placement;
use crate::mail::workload::Sent;
use record::history::Attempt;
use record::history::token::RunToken;
use record::plan::server::Layout;
use std::collections::BTreeSet;

/// Where deliveries arrive.
pub(crate) struct Store {
    /// Where each user's mail is.
    pub placement: Placement,
    /// How mail lies in it.
    pub layout: Layout,
    /// User names, by their ids.
    pub users: Vec<String>,
    /// The run's token.
    pub run: RunToken,
}

impl Store {
    /// Arrivals can be seen.
    pub(crate) fn readable(&self) -> bool {
        matches!(self.layout, Layout::Maildir { .. })
    }

    /// Whether a delivery lies in the store, finished.
    pub(crate) fn has(&self, sent: Sent) -> bool {
        self.arrived(&[sent]).contains(&sent.attempt)
    }

    /// Finished attempts in the store of the users of `sent`.
    pub(crate) fn arrived(&self, sent: &[Sent]) -> BTreeSet<Attempt> {
        let users: BTreeSet<&String> =
            sent.iter().filter_map(|sent| self.users.get(sent.user.0 as usize)).collect();
        let read = |user: &String| {
            let root = self.placement.disk_root(user).ok()?;
            Some(read_user(&root, &self.layout, user, self.run, &mut nobody).copies)
        };
        let finished = users.into_iter().filter_map(read).flatten().filter(|copy| !copy.unfinished);
        finished.filter_map(|copy| copy.attempt).collect()
    }
}
