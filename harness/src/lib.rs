//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

mod campaign;
pub mod cli;
mod device;
mod exit;
mod front_door;
mod machine;
mod mail;
mod persistence;
mod run;
mod scenario;
mod server;
pub mod testing;
mod tls;
