pub mod entry;
mod ledger;
pub use ledger::{Ledger, LedgerError};
pub mod line;
pub mod messages;
