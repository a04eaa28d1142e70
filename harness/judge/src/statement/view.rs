//! What claims ask again and again of a run: when a fault struck and was repaired, when phases began, who is in a cohort;
//! and times in words, on both clocks.

use crate::case::Case;
use crate::summary::migrations::storage_at;
use fuse_fs::clock::Nanos;
use fuse_fs::rules::rule::Rule;
use record::history::UserId;
use record::ledger::entry::{ClientOp, RuleCount};
use record::plan::CohortPlan;
use record::plan::step::StepAction;
use std::time::Duration;

/// A case, with questions.
pub(crate) struct View<'a, 'c> {
    pub(super) case: &'a Case<'c>,
}

/// From a fault's first firing to its repair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage<'a> {
    pub(super) from: Nanos,
    /// When the repair began that ended it, or else the end of its arming.
    pub(super) to: Nanos,
    /// When the repair was done: in between the fault may still fire.
    pub(super) repaired: Nanos,
    pub(super) rule: &'a RuleCount,
}

impl Outage<'_> {
    pub(super) fn holds(&self, at: Nanos) -> bool {
        at >= self.from && at <= self.to
    }

    pub(super) fn storage(&self) -> &str {
        &self.rule.storage
    }
}

/// What a claim asks about never was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NeverWas {
    #[error("Fault `{0}` never fired.")]
    Fault(String),
    #[error("The phase `{0}` never began.")]
    Phase(String),
}

impl From<NeverWas> for String {
    fn from(never: NeverWas) -> String {
        never.to_string()
    }
}

impl<'a, 'c> View<'a, 'c> {
    pub(super) fn new(case: &'a Case<'c>) -> View<'a, 'c> {
        View { case }
    }

    /// The fault as the scenario has it.
    pub(super) fn rule(&self, fault: &str) -> Option<&'c Rule> {
        self.case.plan.storages.values().flat_map(|storage| &storage.rules).find(|rule| rule.name == fault)
    }

    /// When the fault held; why that is not known otherwise.
    pub(super) fn outage(&self, fault: &str) -> Result<Outage<'c>, NeverWas> {
        let rule = self.case.ledger.rules.iter().find(|rule| rule.rule == fault);
        let (rule, from) = rule
            .and_then(|rule| Some((rule, rule.first?)))
            .ok_or_else(|| NeverWas::Fault(fault.to_owned()))?;
        let heals = self.case.ledger.steps.iter().filter(|step| {
            let action = self.case.plan.steps.get(step.index).map(|step| &step.action);
            step.at > from && step.error.is_none() && action.is_some_and(|action| repairs(action, rule))
        });
        let disarmed = rule.armed.iter().map(|(_, to)| (*to, *to)).filter(|(to, _)| *to > from);
        let ended = heals.map(|step| (step.at, step.end)).chain(disarmed).min();
        let (to, repaired) = ended.unwrap_or((self.case.ledger.last, self.case.ledger.last));
        Ok(Outage { from, to, repaired, rule })
    }

    /// When a phase began; why that is not known otherwise.
    pub(super) fn phase(&self, name: &str) -> Result<Nanos, NeverWas> {
        let began = self.case.ledger.phases.iter().find(|(_, known)| known == name).map(|(at, _)| *at);
        began.ok_or_else(|| NeverWas::Phase(name.to_owned()))
    }

    pub(super) fn cohort(&self, name: &str) -> Option<&'c CohortPlan> {
        self.case.plan.cohorts.iter().find(|cohort| cohort.name == name)
    }

    pub(super) fn user(&self, op: &ClientOp) -> UserId {
        self.case.ledger.user_of(op.place)
    }

    /// Operations for users of a cohort that were really started.
    pub(super) fn ops_of(&self, cohort: &'c CohortPlan) -> impl Iterator<Item = &'c ClientOp> {
        let users = cohort.first.0..cohort.first.0 + cohort.users;
        let ledger = self.case.ledger;
        let theirs = move |op: &&ClientOp| users.contains(&ledger.user_of(op.place).0) && !op.unsent();
        ledger.ops.iter().filter(theirs)
    }

    /// A client was served by the mail server: not by the front door's spool.
    pub(super) fn served(&self, op: &ClientOp) -> bool {
        op.certain() && !(op.kind.stores() && self.case.elsewhere.spool.took(op.attempt))
    }

    /// The first time that a client of the cohort, asking from this instant on, was served.
    pub(super) fn served_again(&self, cohort: &'c CohortPlan, from: Nanos) -> Option<Nanos> {
        let served = self.ops_of(cohort).filter(|op| op.invoked >= from && self.served(op));
        served.map(|op| op.ended).min()
    }

    /// The storage beneath a user's mail.
    pub(super) fn storage_of(&self, user: UserId, at: Nanos) -> &'c str {
        let mut cohorts = self.case.plan.cohorts.iter();
        let cohort = cohorts.find(|c| (c.first.0..c.first.0 + c.users).contains(&user.0));
        let begun = cohort.map_or(self.case.plan.target.storage.as_str(), |cohort| &cohort.storage);
        storage_at(self.case.ledger, user, at, begun)
    }

    /// How long something took, on both clocks.
    pub(super) fn length(&self, span: Duration) -> String {
        self.case.ledger.clock.delay(span.as_secs_f64()).to_string()
    }

    /// An instant from the start of the traffic, on both clocks.
    pub(super) fn moment(&self, at: Nanos) -> String {
        self.case.ledger.moment(at)
    }
}

fn repairs(action: &StepAction, rule: &RuleCount) -> bool {
    match action {
        StepAction::Heal { storage, fault, .. } => {
            storage.as_ref().is_none_or(|name| *name == rule.storage)
                && fault.as_ref().is_none_or(|name| *name == rule.rule)
        }
        _ => false,
    }
}

/// A quantile of sorted values: the smallest that so great a share does not exceed.
pub(crate) fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}
