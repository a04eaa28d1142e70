pub mod args;
mod mount;
pub use mount::{Request, run};
pub mod mounted;
pub mod socket;
