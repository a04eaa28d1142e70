//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

pub mod checker;
pub mod cli;
pub mod client;
pub mod corpus;
pub mod disk;
pub mod doctor;
pub mod evidence;
pub mod exit;
pub mod findings;
pub mod history;
pub mod judge;
pub mod ledger;
pub mod machine;
pub mod message;
pub mod mount_command;
pub mod plan;
pub mod progress;
pub mod readback;
pub mod recorder;
pub mod reference;
pub mod reference_docs;
pub mod replay;
pub mod run;
pub mod scenario;
pub mod seed;
pub mod servers;
pub mod summarize;
pub mod sweep;
pub mod synthetic;
pub mod target;
pub mod testing;
pub mod workload;
