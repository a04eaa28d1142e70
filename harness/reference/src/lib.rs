pub mod careless;
pub mod defect;
pub mod files;
pub mod flags;
pub mod imap;
pub mod listen;
pub mod mailbox;
pub mod offline;
mod server;
pub use server::{Options, main};
pub mod smtp;
pub mod store;
pub mod testing;
#[cfg(test)]
mod tests;
pub mod uidlist;
pub mod wire;
