pub mod change;
mod mailbox;
pub(crate) use mailbox::{
    Entry, LEAVES, Mailbox, RENAME_RACES, State, Stored, TOMBSTONE, UIDLIST, UNDO_TRIES, View, check_size,
    fresh_base, process_mark,
};
pub mod offline;
pub mod scan;
pub mod table;
