pub(crate) mod change;
mod mailbox;
pub(crate) use change::{Moved, is_in_doubt};
pub(crate) use mailbox::{Mailbox, Stored, View};
pub(crate) mod offline;
pub(crate) mod scan;
pub(crate) mod table;
