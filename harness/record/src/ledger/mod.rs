pub mod entry;
mod ledger;
pub use ledger::{Ledger, LedgerError};
pub(crate) mod line;
pub mod messages;
