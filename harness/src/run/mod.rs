//! A run: the outer half plans and judges, the inner half breaks things and records.
//!
//! Teardown order of the inner half: answer every parked call, stop the mail server, unmount, read the disk. The
//! harness itself never touches a mount: it reads back through the protocol, or the backing directory.

pub(crate) mod accounts;
mod arrival;
pub(crate) mod arrived;
pub(crate) mod astray;
pub(crate) mod backing;
pub(crate) mod busy;
pub(crate) mod clients;
pub(crate) mod command;
mod copies;
pub(crate) mod disk;
pub(crate) mod disk_stack;
pub(crate) mod drain;
pub(crate) mod ending;
pub(crate) mod entrance;
pub(crate) mod guard;
pub(crate) mod inner;
pub(crate) mod inspection;
mod keeping;
pub(crate) mod kernel;
mod made;
pub(crate) mod migration;
#[cfg(feature = "cli")]
mod moving;
pub(crate) mod outer;
pub(crate) mod owners;
pub(crate) mod placement;
pub(crate) mod places;
mod placing;
pub(crate) mod possible;
pub(crate) mod power;
pub(crate) mod progress;
pub(crate) mod read_back;
pub(crate) mod reading;
pub(crate) mod recovery;
pub(crate) mod sent;
pub(crate) mod settled;
pub(crate) mod stage;
pub(crate) mod step_words;
pub(crate) mod steps;
pub(crate) mod storage;
pub(crate) mod storages;
pub(crate) mod store;
pub(crate) mod structure;
pub(crate) mod supervise;
pub(crate) mod volumes;
