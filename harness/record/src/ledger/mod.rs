pub mod entry;
mod groups;
pub use groups::{Bearers, Groups};
mod ledger;
pub use ledger::{Ledger, LedgerError};
pub(crate) mod line;
pub mod messages;
