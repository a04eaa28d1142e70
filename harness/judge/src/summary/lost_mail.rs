//! Every acknowledged message that is not as it must be, by name: for whoever has to restore it. A report names the first
//! [`KEPT`](crate::case::finding::KEPT) of each property.

use crate::case::Case;
use crate::property::acknowledged_durable::loss;
use crate::property::content_intact::damaged_slots;
use crate::property::gone_for_good;
use serde::Serialize;

/// One such message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LostMail {
    /// What its `X-Fermoposta-Attempt` line says.
    pub token: String,
    pub user: String,
    /// Where it was stored first.
    pub mailbox: String,
    /// When it was acknowledged, seconds since the traffic began; negative in the warm-up.
    pub acknowledged: f64,
    /// Of what was sent.
    pub bytes: u32,
    /// In one sentence.
    pub what: String,
}

/// All of them, in the order in which they were first sent.
pub(crate) fn list(case: &Case<'_>) -> Vec<LostMail> {
    let damaged = damaged_slots(case);
    let lost = case.fates.iter().enumerate().filter(|(_, fate)| fate.acknowledged);
    lost.filter_map(|(slot, fate)| match (gone_for_good::cause(case, slot), fate.missing > 0) {
        (Some(_), _) => named(case, slot, "It lies on what was taken away for good.".to_owned()),
        (None, true) => named(case, slot, loss(case, slot)),
        (None, false) if damaged.contains(&slot) => {
            named(case, slot, "It is served with other content than was sent.".to_owned())
        }
        (None, false) => None,
    })
    .collect()
}

fn named(case: &Case<'_>, slot: usize, what: String) -> Option<LostMail> {
    let attempt = case.spokesman(slot)?;
    let stored = case.messages.store(case.ledger, attempt)?;
    let mut carried = attempt;
    carried.message = stored.carries.unwrap_or(attempt.message);
    let place = &case.ledger.places[stored.place.0 as usize];
    Some(LostMail {
        token: case.ledger.token(carried),
        user: case.ledger.user_name(place.user),
        mailbox: place.mailbox.clone(),
        acknowledged: (case.acknowledged_at(slot)?.0 as f64 - case.ledger.start.0 as f64) / 1e9,
        bytes: stored.size,
        what,
    })
}
