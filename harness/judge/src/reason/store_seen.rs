//! The mail was where faults could reach it: on the storage that is said to hold it.
//!
//! A message was seen there if the trace has a file of it, or if the reading of the disk found it. A queue's file is none,
//! nor is a bounce. Where the store is a Maildir, a message that the server shows in the end was seen; elsewhere at least one
//! of each user. A store whose form hides messages (compressed, encrypted) shows none: then at least so much was written as
//! an eighth of what was acknowledged, more than an index needs.
//!
//! A user that a migration moved has mail on the storage that it was moved to.

use crate::case::Case;
use crate::trace::holder::Holder;
use crate::trace::queued;
use fuse_fs::clock::Nanos;
use record::history::UserId;
use record::history::event::MigrationState;
use record::ledger::entry::{ClientOp, MigrationDone};
use record::plan::CohortPlan;
use record::plan::server::Layout;
use reports::kit::figures::{counted, grouped};
use std::collections::{BTreeMap, BTreeSet};

/// A store that hides messages is taken to need no less than this share of them.
const LEAST_SHARE: u64 = 8;

/// What was not where it is said to be, for the coverage.
pub(crate) fn gaps(case: &Case<'_>) -> Vec<String> {
    if !judgeable(case) {
        return Vec::new();
    }
    let mail = Mail::of(case);
    let unseen = if mail.shows { mail.unseen() } else { mail.unwritten() };
    unseen.into_iter().chain(mail.moved_nothing_words()).collect()
}

/// Users who were moved, by the step that did, and of whose mail nothing was seen where they went.
pub(crate) fn moved_nothing(case: &Case<'_>) -> BTreeSet<(usize, UserId)> {
    if judgeable(case) { Mail::of(case).moved_nothing() } else { BTreeSet::new() }
}

/// A trace that is not whole is a gap of its own, and shows nothing by what is not in it.
fn judgeable(case: &Case<'_>) -> bool {
    !case.traces.is_empty() && case.traces.doubts.is_empty() && case.ledger.ended
}

/// The run's mail, and where it may be.
struct Mail<'a, 'c> {
    case: &'a Case<'c>,
    maildir: bool,
    /// The store's files show which message they hold.
    shows: bool,
    /// What came before was stored by the run that this one begins with.
    since: Nanos,
    /// Storages that each user was on, by their numbers in the traces.
    on: Vec<Vec<u32>>,
}

impl<'a, 'c> Mail<'a, 'c> {
    fn of(case: &'a Case<'c>) -> Mail<'a, 'c> {
        let maildir = matches!(case.plan.target.definition.layout, Layout::Maildir { .. });
        let since = case.ledger.phases.first().map_or(Nanos(0), |(at, _)| *at);
        let mut mail = Mail { case, maildir, shows: maildir, since, on: Vec::new() };
        let users = (0..case.ledger.users.len()).map(|n| UserId(n as u32));
        let numbers =
            |user| mail.storages(user).into_iter().filter_map(|name| case.traces.storage(name)).collect();
        mail.on = users.map(numbers).collect();
        let shows = maildir || mail.expected().any(|(slot, _)| mail.seen(slot));
        Mail { shows, ..mail }
    }

    /// Messages that lie in the store in the end, and whose they are.
    fn expected(&self) -> impl Iterator<Item = (usize, UserId)> {
        let fates = self.case.fates.iter().enumerate();
        let there = fates.filter(|(_, fate)| fate.acknowledged && fate.missing == 0 && !fate.absent);
        there.filter_map(|(slot, _)| {
            self.stores(slot).next()?;
            Some((slot, self.case.ledger.user_of(self.case.origin(slot)?)))
        })
    }

    /// Acknowledged attempts of this run.
    fn stores(&self, slot: usize) -> impl Iterator<Item = &ClientOp> {
        self.case.ops(slot).filter(|op| op.kind.stores() && op.certain() && op.ended >= self.since)
    }

    fn seen(&self, slot: usize) -> bool {
        let Some(user) = self.case.origin(slot).map(|place| self.case.ledger.user_of(place)) else {
            return false;
        };
        let numbers = self.on.get(user.0 as usize).map_or(&[][..], Vec::as_slice);
        let mut stores = self.stores(slot);
        stores.any(|op| {
            let mut holders = self.case.traces.holders(op.attempt).iter();
            holders.any(|holder| numbers.contains(&holder.storage) && self.is_mail(holder, user))
                || !self.case.disk.lacks(op.attempt)
        })
    }

    /// A file of a mailbox, by its name.
    fn is_mail(&self, holder: &Holder, user: UserId) -> bool {
        let has = |name: &str| holder.path.split('/').any(|part| part == name);
        let bounce = self.case.plan.workload.bounce_user().is_some_and(has);
        !queued(&holder.path) && !bounce && (!self.maildir || has(&self.case.ledger.user_name(user)))
    }

    /// Storages that the user was on.
    fn storages(&self, user: UserId) -> BTreeSet<&'a str> {
        let arrived = |done: &&MigrationDone| done.user == user && done.state == MigrationState::Switched;
        let moves = self.case.ledger.migrations.iter().filter(arrived).map(|done| done.to.as_str());
        moves.chain([self.begun(user)]).collect()
    }

    fn begun(&self, user: UserId) -> &'a str {
        let plan = self.case.plan;
        let has = |cohort: &&CohortPlan| (cohort.first.0..cohort.first.0 + cohort.users).contains(&user.0);
        let cohort = plan.cohorts.iter().find(has);
        cohort.map_or(plan.target.storage.as_str(), |cohort| cohort.storage.as_str())
    }

    fn unseen(&self) -> Option<String> {
        let mut users: BTreeMap<UserId, (u64, u64)> = BTreeMap::new();
        for (slot, user) in self.expected() {
            let (all, unseen) = users.entry(user).or_default();
            (*all, *unseen) = (*all + 1, *unseen + u64::from(!self.seen(slot)));
        }
        users.retain(|_, (all, unseen)| *unseen > 0 && (self.maildir || unseen == all));
        let (first, _) = users.first_key_value()?;
        let messages =
            counted(users.values().map(|(_, n)| n).sum(), "acknowledged message", "acknowledged messages");
        let of = counted(users.len() as u64, "user", "users");
        let (name, storage) = (self.case.ledger.user_name(*first), self.begun(*first));
        let said = format!(
            "{messages} of {of} (first {name}) were never seen on storage `{storage}`, which is said to hold them"
        );
        Some(said + &self.elsewhere())
    }

    /// For a store that shows no message.
    fn unwritten(&self) -> Option<String> {
        let acknowledged: u64 =
            self.expected().flat_map(|(slot, _)| self.stores(slot)).map(|op| u64::from(op.size)).sum();
        let users: BTreeSet<UserId> = self.expected().map(|(_, user)| user).collect();
        let storages: BTreeSet<&str> = users.iter().flat_map(|user| self.storages(*user)).collect();
        let numbers = storages.iter().filter_map(|name| self.case.traces.storage(name));
        let written: u64 = numbers.map(|number| self.case.traces.written(number)).sum();
        let names: Vec<String> = storages.iter().map(|name| format!("`{name}`")).collect();
        let said = || {
            format!(
                "{} bytes were written to storage {}, which is said to hold {} bytes of acknowledged mail",
                grouped(written),
                names.join(", "),
                grouped(acknowledged)
            )
        };
        (written < acknowledged / LEAST_SHARE).then(|| said() + &self.elsewhere())
    }

    /// Where it may be, or what to look at.
    fn elsewhere(&self) -> String {
        let on_other = || {
            let unseen = self.expected().filter(|(slot, _)| !self.seen(*slot));
            let mut attempts = unseen.flat_map(|(slot, _)| self.stores(slot)).map(|op| op.attempt);
            let holder = attempts.find_map(|attempt| self.case.traces.holders(attempt).first())?;
            Some(format!(
                "; mail was written to {} on storage `{}`",
                holder.path,
                self.case.traces.storage_name(holder.storage)
            ))
        };
        match self.case.ledger.astray.first() {
            Some(astray) => {
                let files = counted(astray.files, "file", "files");
                format!(
                    "; {files} with mail of this run lie in `{}` of the run directory, first {}",
                    astray.place, astray.first
                )
            }
            None => on_other()
                .unwrap_or_else(|| "; the target has to keep all its mail below `{store}`".to_owned()),
        }
    }

    /// Users who were moved by a step, and of whose mail nothing was seen where they went.
    fn moved_nothing(&self) -> BTreeSet<(usize, UserId)> {
        let moves = self.case.ledger.migrations.iter();
        let arrived = moves.filter(|done| self.shows && done.state == MigrationState::Switched);
        arrived.filter(|done| self.went_without_mail(done)).map(|done| (done.step, done.user)).collect()
    }

    fn moved_nothing_words(&self) -> Option<String> {
        let empty = self.moved_nothing();
        let (step, first) = empty.first()?;
        let of_step = |done: &&MigrationDone| done.step == *step && done.user == *first;
        let to = self.case.ledger.migrations.iter().find(of_step).map_or("", |done| done.to.as_str());
        let users: BTreeSet<UserId> = empty.iter().map(|(_, user)| *user).collect();
        let n = counted(users.len() as u64, "user was", "users were");
        let first = self.case.ledger.user_name(*first);
        Some(format!("{n} moved (first {first}, to storage `{to}`), and none of their mail was seen there"))
    }

    fn went_without_mail(&self, done: &MigrationDone) -> bool {
        let number = self.case.traces.storage(&done.to);
        let last = self
            .case
            .ledger
            .migrations
            .iter()
            .rfind(|other| other.user == done.user && other.state == MigrationState::Switched);
        let stays = last.is_some_and(|last| last.to == done.to);
        let had = |slot: &usize| self.stores(*slot).any(|op| op.ended < done.at);
        let own = self.expected().filter(|(_, user)| *user == done.user).map(|(slot, _)| slot);
        let mail: Vec<usize> = own.filter(had).collect();
        let arrived = |slot: &usize| {
            self.stores(*slot).any(|op| {
                let holders = self.case.traces.holders(op.attempt);
                holders.iter().any(|holder| Some(holder.storage) == number)
                    || (stays && !self.case.disk.lacks(op.attempt))
            })
        };
        !mail.is_empty() && !mail.iter().any(arrived)
    }
}
