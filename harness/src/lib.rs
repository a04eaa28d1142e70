//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

pub mod checker;
pub mod evidence;
pub mod history;
pub mod judge;
pub mod ledger;
pub mod plan;
pub mod summarize;
pub mod target;
