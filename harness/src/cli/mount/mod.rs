pub(crate) mod args;
mod disk;
mod mount;
pub(crate) use mount::{Request, run};
pub(crate) mod mounted;
mod places;
pub(crate) mod socket;
