//! Faults that are for good, and what they struck when all mail was read: whoever's that was cannot be read any more.

use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use fuse_fs::rules::effects::definition::Contract;
use record::history::UserId;
use record::ledger::Ledger;
use record::plan::Plan;
use std::collections::{HashMap, HashSet};

/// The honest ones of a plan: a storage that lies for good is another matter.
pub(super) struct Lasting<'a> {
    /// Storage and name.
    rules: HashSet<(&'a str, &'a str)>,
    users: HashMap<&'a str, UserId>,
    /// When everything else had been repaired.
    since: Nanos,
}

impl<'a> Lasting<'a> {
    pub(super) fn of(plan: &'a Plan, ledger: &'a Ledger) -> Lasting<'a> {
        let all = plan
            .storages
            .iter()
            .flat_map(|(name, storage)| storage.rules.iter().map(move |rule| (name, rule)));
        let honest = all.filter(|(_, rule)| rule.for_good && rule.effect.contract() == Contract::Honest);
        let users = ledger.users.iter().enumerate().map(|(n, name)| (name.as_str(), UserId(n as u32)));
        let recovery = ledger.phases.iter().find(|(_, name)| name == "recovery");
        Lasting {
            rules: honest.map(|(storage, rule)| (storage.as_str(), rule.name.as_str())).collect(),
            users: users.collect(),
            since: recovery.map_or(Nanos(u64::MAX), |(at, _)| *at),
        }
    }

    /// The rule that struck this call, and whose file or directory it was on, if the path says so.
    pub(super) fn struck(&self, storage: &str, e: &FsEvent) -> Option<(String, Option<UserId>)> {
        if self.rules.is_empty() || e.at < self.since {
            return None;
        }
        let (rule, _) = e.fired.iter().find(|(rule, _)| self.rules.contains(&(storage, rule.as_str())))?;
        let user = e.path.split('/').find_map(|name| self.users.get(name).copied());
        Some((rule.clone(), user))
    }
}
