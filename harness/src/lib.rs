//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

pub mod checker;
pub mod client;
pub mod corpus;
pub mod disk;
pub mod evidence;
pub mod history;
pub mod judge;
pub mod ledger;
pub mod message;
pub mod plan;
pub mod readback;
pub mod recorder;
pub mod summarize;
pub mod synthetic;
pub mod target;
pub mod workload;
