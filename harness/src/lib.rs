//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

pub mod campaign;
pub mod cli;
pub mod exit;
pub mod front_door;
pub mod machine;
pub mod mail;
pub mod run;
pub mod scenario;
pub mod server;
pub mod testing;
