//! What a storage takes with it that is broken for good.
//!
//! A scenario may say of a fault that nobody repairs it. Then all mail is read with the fault still there, and what it keeps
//! from being read is lost to its owner. No mail server can give back what it had on that storage alone, so this is charged
//! to the storage and to nobody else: a message counts here if it lies beneath, whole or not, where such a fault struck when
//! everything was read. One that was acknowledged and is not even there stays the mail server's.

use crate::case::Case;
use crate::case::finding::{Anomalies, Finding};
use crate::property::checker::{Checker, Harm};
use crate::reason::remains::on_disk;
use crate::reason::remains::refused;
use fuse_fs::clock::Nanos;
use record::history::UserId;
use reports::kit::figures::{counted, grouped};

/// The property.
pub(crate) const CHECKER: Checker = Checker {
    name: "gone-for-good",
    harm: Harm::Lost,
    title: "No acknowledged message is lost with a storage",
    definition: "Every acknowledged message can be read although a fault of the storage is for good.",
    promise: None,
    check,
};

/// What took a message with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cause {
    /// Storage.
    pub storage: String,
    /// Fault.
    pub fault: String,
}

impl Cause {
    /// "storage `mail` is gone for good with fault `dead`".
    pub(crate) fn words(&self) -> String {
        format!("storage `{}` is gone for good with fault `{}`", self.storage, self.fault)
    }
}

fn check(case: &Case<'_>) -> Finding {
    let Some(fault) = fault(case) else {
        return Finding::untested("No fault that is for good struck.");
    };
    let mut anomalies = Anomalies::default();
    let mut silent = 0;
    for slot in 0..case.fates.len() {
        let Some(cause) = cause(case, slot) else { continue };
        let said = case.fates[slot].missing == 0 || refused(case, slot, Nanos(0));
        silent += u64::from(!said);
        let how =
            if said { "reading it gives an error" } else { "it is said not to be there, without an error" };
        anomalies.add(|| {
            case.about(
                slot,
                format!("An acknowledged message cannot be read any more: {}; {how}.", cause.words()),
            )
        });
    }
    let sentence = match anomalies.count {
        0 => format!("Fault `{fault}` is for good, and all acknowledged mail can be read."),
        n => {
            let what = counted(n, "acknowledged message", "acknowledged messages");
            let silent = if silent > 0 {
                format!(", {} of them said not to be there", grouped(silent))
            } else {
                String::new()
            };
            format!("{what} cannot be read any more{silent}: fault `{fault}` is for good.")
        }
    };
    Finding::of(anomalies, sentence)
}

/// A fault that is for good and has struck.
pub(crate) fn fault<'a>(case: &Case<'a>) -> Option<&'a str> {
    let mut rules = case
        .plan
        .storages
        .iter()
        .flat_map(|(name, storage)| storage.rules.iter().map(move |rule| (name, rule)));
    let struck = |storage: &str, name: &str| {
        case.ledger
            .rules
            .iter()
            .any(|count| count.storage == storage && count.rule == name && count.fired > 0)
    };
    rules
        .find(|(storage, rule)| rule.for_good && struck(storage, &rule.name))
        .map(|(_, rule)| rule.name.as_str())
}

/// What keeps an acknowledged message from being read, if it lies beneath.
pub(crate) fn cause(case: &Case<'_>, slot: usize) -> Option<Cause> {
    let fate = &case.fates[slot];
    if !fate.acknowledged || (fate.missing == 0 && fate.unseen == 0) {
        return None;
    }
    let user = case.ledger.user_of(case.origin(slot)?);
    let mut there = storages(case, slot).into_iter();
    there.find_map(|number| {
        let fault = case.traces.gone(number, user)?.to_owned();
        Some(Cause { storage: case.traces.storage_name(number), fault })
    })
}

/// Storages on which a file of the message lies: by the reading of the disk where it was read, else by the trace.
fn storages(case: &Case<'_>, slot: usize) -> Vec<u32> {
    let holders = case.ops(slot).filter(|op| op.kind.stores()).flat_map(|op| case.traces.holders(op.attempt));
    let there = holders.filter(|holder| holder.is_there()).map(|holder| holder.storage);
    if on_disk(case, slot) == Some(false) { Vec::new() } else { there.collect() }
}

/// A fault that is for good struck what this user has when all mail was read.
pub(crate) fn took_from(case: &Case<'_>, user: UserId) -> bool {
    let mut storages = case.plan.storages.keys().filter_map(|name| case.traces.storage(name));
    storages.any(|number| case.traces.gone(number, user).is_some())
}
