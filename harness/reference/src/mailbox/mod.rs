pub mod change;
mod mailbox;
pub(crate) use mailbox::{Mailbox, Stored, View};
pub mod offline;
pub mod scan;
pub mod table;
