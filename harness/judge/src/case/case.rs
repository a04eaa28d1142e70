use super::elsewhere::Elsewhere;
use super::fate::Fate;
use super::finding::Violation;
use super::readings::{Disk, Final};
use crate::trace::Traces;
use crate::trace::cuts::Cuts;
use fuse_fs::clock::Nanos;
use record::history::{Attempt, MessageId};
use record::ledger::Ledger;
use record::ledger::entry::{ClientOp, MailboxId, RolledBack};
use record::ledger::messages::Messages;
use record::plan::Plan;

/// Everything a checker may look at.
pub struct Case<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was asked and answered.
    pub ledger: &'a Ledger,
    /// What the storage did.
    pub traces: &'a Traces,
    /// What the power cuts took.
    pub cuts: &'a Cuts,
    /// Operations by message.
    pub messages: &'a Messages,
    /// The final reading.
    pub last: &'a Final,
    /// The final reading of the disk.
    pub disk: &'a Disk,
    /// The spool, the queue and the bounces.
    pub elsewhere: &'a Elsewhere,
    /// What became of each message, by its ordinal in `messages`.
    pub fates: &'a [Fate],
}

impl Case<'_> {
    /// Operations of a message.
    pub fn ops(&self, slot: usize) -> impl Iterator<Item = &ClientOp> + Clone {
        self.messages.ops(slot).iter().map(|&i| &self.ledger.ops[i as usize])
    }

    /// The attempt that stands for a message: the first that was acknowledged, else the first.
    pub fn spokesman(&self, slot: usize) -> Option<Attempt> {
        let stores = || self.ops(slot).filter(|op| op.kind.stores());
        stores().find(|op| op.certain()).or_else(|| stores().next()).map(|op| op.attempt)
    }

    /// Where it was first stored.
    pub fn origin(&self, slot: usize) -> Option<MailboxId> {
        self.ops(slot).find(|op| op.kind.stores()).map(|op| op.place)
    }

    /// A violation about a message.
    pub fn about(&self, slot: usize, sentence: String) -> Violation {
        Violation { attempt: self.spokesman(slot), place: self.origin(slot), ..Violation::general(sentence) }
    }

    /// When the message was first acknowledged.
    pub fn acknowledged_at(&self, slot: usize) -> Option<Nanos> {
        self.ops(slot).filter(|op| op.kind.stores() && op.certain()).map(|op| op.ended).min()
    }

    /// A lying storage struck this message. The properties of an honest storage leave it out.
    pub fn lied_about(&self, slot: usize) -> bool {
        self.struck(slot) || self.rolled_back(slot).is_some()
    }

    /// A lying rule struck a file of this message, or a file of its user that holds no message.
    pub fn struck(&self, slot: usize) -> bool {
        if self.lying_device(slot).is_some() {
            return true;
        }
        let lies = self.traces;
        if lies.lied_about.is_empty() && lies.lied_below.is_empty() {
            return false;
        }
        let mut stores = self.ops(slot).filter(|op| op.kind.stores());
        let own = stores.any(|op| lies.lied_about.contains_key(&op.attempt));
        own || self.ops(slot).any(|op| self.place_lied_about(op.place))
    }

    /// The rule by which the device lied that this message lies on: of its sectors nobody knows whose they are.
    pub fn lying_device(&self, slot: usize) -> Option<&str> {
        self.lying_devices().find(|(storage, _)| self.on_storage(slot, storage)).map(|(_, rule)| rule)
    }

    /// Storages on devices that lied, each with the rule by which its device did.
    fn lying_devices(&self) -> impl Iterator<Item = (&str, &str)> {
        let lied = |device: &str| {
            let mut rules = self.ledger.rules.iter();
            rules.find(|rule| rule.lying && rule.fired > 0 && rule.storage == device).map(|rule| &*rule.rule)
        };
        let devices = self.plan.storages.iter().filter_map(|(name, s)| Some((name, s.on.as_ref()?)));
        devices.filter_map(move |(name, on)| Some((name.as_str(), lied(&on.device)?)))
    }

    /// The rollback that may have undone an operation on this message, by the history's order.
    pub fn rolled_back(&self, slot: usize) -> Option<usize> {
        self.rollback_of(slot, |_| true)
    }

    /// The rollback that may have undone how a copy of this message came to be. One that undid later changes only
    /// explains no loss.
    pub fn arrival_rolled_back(&self, slot: usize) -> Option<usize> {
        self.rollback_of(slot, |op| op.kind.stores() || op.to.is_some())
    }

    fn rollback_of(&self, slot: usize, which: impl Fn(&ClientOp) -> bool) -> Option<usize> {
        let undid = |back: &RolledBack| {
            let undone = |op: &ClientOp| !op.unsent() && which(op) && back.undoes(op.invoked, op.ended);
            self.on_storage(slot, &back.storage) && self.ops(slot).any(undone)
        };
        self.ledger.rollbacks.iter().position(undid)
    }

    /// The message lies on this storage: the trace saw a file of it there, or the mail server's store is there.
    fn on_storage(&self, slot: usize, name: &str) -> bool {
        let number = self.traces.storage(name);
        let mut holders = self.ops(slot).flat_map(|op| self.traces.holders(op.attempt)).peekable();
        match holders.peek() {
            Some(_) => holders.any(|holder| Some(holder.storage) == number),
            None => self.plan.target.storage == name,
        }
    }

    /// A lying rule struck a file of this place's user that holds no message.
    pub fn place_lied_about(&self, place: MailboxId) -> bool {
        let user = self.ledger.user_of(place);
        let placed = self.plan.cohorts.iter().find(|cohort| cohort.user_ids().any(|member| member == user));
        let home = placed.map_or(&self.plan.target.storage, |cohort| &cohort.storage);
        if self.lying_devices().any(|(storage, _)| storage == home) {
            return true;
        }
        let below = &self.traces.lied_below;
        !below.is_empty() && (below.contains_key("") || below.contains_key(&self.ledger.user_name(user)))
    }

    /// A message by id, if the history knows it, is subject to a lie.
    pub fn message_lied_about(&self, message: MessageId) -> bool {
        self.messages.slot(message).is_some_and(|slot| self.lied_about(slot))
    }

    /// Ordinals of messages that the honest properties judge.
    pub fn honest(&self) -> impl Iterator<Item = (usize, &Fate)> {
        self.fates.iter().enumerate().filter(|(slot, _)| !self.lied_about(*slot))
    }
}

/// Storages that lost power and may then lose what they had acknowledged.
pub(crate) fn forgetful<'p>(plan: &'p Plan, ledger: &Ledger) -> Vec<&'p str> {
    let lied = |name: &str| ledger.cuts.iter().any(|cut| cut.took(name));
    let storages = plan.storages.iter().filter(|(name, s)| !s.loses_acknowledged.0.is_zero() && lied(name));
    storages.map(|(name, _)| name.as_str()).collect()
}
