pub(super) mod append;
pub(super) mod directory;
pub(super) mod maildir;
pub(super) mod queue;
mod reading;
pub(super) mod store;
