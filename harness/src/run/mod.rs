//! A run: the outer half plans and judges, the inner half breaks things and records.
//!
//! Teardown order of the inner half: answer every parked call, stop the mail server, unmount, read the disk. The
//! harness itself never touches a mount: it reads back through the protocol, or the backing directory.

pub mod arrival;
pub mod arrived;
pub mod astray;
pub mod backing;
pub mod busy;
pub mod clients;
pub mod command;
pub mod disk;
pub mod drain;
pub mod ending;
pub mod entrance;
pub mod guard;
pub mod inner;
pub mod inspection;
pub mod migration;
pub mod outer;
pub mod owners;
pub mod placement;
pub mod possible;
pub mod power;
pub mod progress;
pub mod read_back;
pub mod reading;
pub mod recovery;
pub mod sent;
pub mod settled;
pub mod stage;
pub mod step_words;
pub mod steps;
pub mod storage;
pub mod store;
pub mod structure;
pub mod supervise;
pub mod volumes;
