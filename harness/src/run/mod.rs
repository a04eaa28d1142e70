//! A run: the outer half plans and judges, the inner half breaks things and records.
//!
//! Teardown order of the inner half: answer every parked call, stop the mail server, unmount, read the disk. The
//! harness itself never touches a mount: it reads back through the protocol, or the backing directory.

pub mod arrival;
pub mod backing;
pub mod busy;
pub mod clients;
pub mod command;
pub mod directory;
pub mod drain;
pub mod entrance;
pub mod inner;
pub mod inspection;
pub mod migration;
pub mod nemesis;
pub mod outer;
pub mod owners;
pub mod placement;
pub mod power;
pub mod read_back;
pub mod reading;
pub mod recovery;
pub mod sent;
pub mod settled;
pub mod step_words;
pub mod storage;
pub mod store;
pub mod structure;
pub mod volumes;
