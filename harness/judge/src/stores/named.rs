//! What differs, counted without a limit and named up to one.

use super::pairs::Item;
use record::inventory::folder::FolderName;
use record::inventory::line::Unread;
use reports::stores::{Finding, Kind, KindCount};
use std::collections::BTreeMap;

pub(super) struct Named {
    /// Of each kind, this many are named.
    most: u64,
    counts: BTreeMap<Kind, u64>,
    pub(super) findings: Vec<Finding>,
}

impl Named {
    pub(super) fn new(most: u64) -> Named {
        Named { most, counts: BTreeMap::new(), findings: Vec::new() }
    }

    pub(super) fn message(&mut self, kind: Kind, user: &str, item: &Item<'_>, what: impl FnOnce() -> String) {
        self.add(kind, || Finding {
            kind,
            user: user.to_owned(),
            folder: Some(item.folder.to_string()),
            uid: item.message.uid,
            message_id: item.message.facts.message_id.clone(),
            subject: item.message.facts.subject.clone(),
            what: what(),
        });
    }

    pub(super) fn place(&mut self, kind: Kind, user: &str, folder: Option<&FolderName>, what: &str) {
        self.add(kind, || Finding {
            kind,
            user: user.to_owned(),
            folder: folder.map(FolderName::to_string),
            uid: None,
            message_id: None,
            subject: None,
            what: what.to_owned(),
        });
    }

    pub(super) fn unread(&mut self, side: &str, user: &str, unread: &Unread) {
        let what = match &unread.message {
            Some(message) => format!("{side}: {message} could not be read: {}", unread.why),
            None => format!("{side}: {}", unread.why),
        };
        self.place(Kind::Unread, user, unread.folder.as_ref(), &what);
    }

    fn add(&mut self, kind: Kind, finding: impl FnOnce() -> Finding) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= self.most {
            self.findings.push(finding());
        }
    }

    /// All kinds, the gravest first.
    pub(super) fn kinds(&self, accepted: &[Kind]) -> Vec<KindCount> {
        let of = |kind| KindCount {
            kind,
            count: self.counts.get(&kind).copied().unwrap_or(0),
            accepted: accepted.contains(&kind),
        };
        Kind::ALL.into_iter().map(of).collect()
    }
}
