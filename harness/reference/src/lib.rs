mod careless;
pub mod defect;
mod files;
mod flags;
mod imap;
mod listen;
mod lists;
mod mailbox;
pub mod offline;
mod server;
pub use server::{Options, main};
mod smtp;
mod store;
pub mod testing;
#[cfg(test)]
mod tests;
mod uidlist;
mod wire;
