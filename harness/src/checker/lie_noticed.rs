//! Under a lying storage the question is whether the lie was noticed.
//!
//! A struck message is one whose file a lying rule struck, or whose user had another file (index, UID list)
//! struck. It was noticed if the message was refused, or if reading it gave an error. It was not noticed if the
//! message was acknowledged and is gone, or is served with other content as if nothing were wrong.

use super::content_intact::damaged;
use super::{Anomalies, Case, Checker, Finding, Found, counted};
use std::collections::HashSet;

/// The property.
pub const CHECKER: Checker = Checker {
    name: "lie-noticed",
    definition: "No acknowledged message that a lying storage struck is gone, or served with other content, \
                 without an error.",
    check,
};

fn check(case: &Case<'_>) -> Finding {
    let mut anomalies = Anomalies::default();
    let struck = |slot: &usize| case.lied_about(*slot);
    let all = (0..case.fates.len()).filter(struck).count() as u64;
    if all == 0 {
        return Finding::of(anomalies, "No message was struck by a lie.".to_owned());
    }
    let mut blamed = HashSet::new();
    for seen in case.ledger.seen.iter().filter(|s| damaged(case, s)) {
        let slot = seen.attempt.and_then(|a| case.messages.slot(a.message));
        if let Some(slot) = slot.filter(|s| struck(s) && blamed.insert(*s)) {
            let sentence = format!("{} damaged a message, and it was served as if intact.", liar(case, slot));
            anomalies.add(|| Found { read_at: Some(seen.ended), ..case.about(slot, sentence) });
        }
    }
    for (slot, fate) in case.fates.iter().enumerate().filter(|(slot, _)| struck(slot)) {
        if fate.acknowledged && fate.missing > 0 && blamed.insert(slot) {
            let sentence = format!("{} struck an acknowledged message, and it is gone.", liar(case, slot));
            anomalies.add(|| case.about(slot, sentence));
        }
    }
    let struck = counted(all, "message was struck by a lie", "messages were struck by a lie");
    let sentence = match anomalies.count {
        0 => format!("{struck}; none is gone or served damaged."),
        n => format!("{struck}; of {} nobody noticed it.", super::grouped(n)),
    };
    Finding::of(anomalies, sentence)
}

/// Which device lied, as far as is known.
fn liar(case: &Case<'_>, slot: usize) -> String {
    let mut stores = case.ops(slot).filter(|op| op.kind.stores());
    let own = stores.find_map(|op| case.traces.lied_about.get(&op.attempt));
    let rule = own.or_else(|| case.traces.lied_below.values().next());
    rule.map_or("The storage".to_owned(), |rule| format!("The storage (fault `{rule}`)"))
}
