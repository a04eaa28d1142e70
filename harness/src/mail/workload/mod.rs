pub mod clients;
mod context;
pub use context::{Apart, Context, Endpoints, Sent, Setup, WorkloadError};
pub mod ended;
#[cfg(test)]
pub(crate) mod fake;
pub mod health;
pub mod ledger;
pub mod maker;
pub mod operation;
pub mod patience;
pub mod progress;
pub mod schedule;
pub mod senders;
pub mod single;
pub mod store;
pub mod touch;
pub mod traffic;
pub mod warm_up;
