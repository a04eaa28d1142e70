//! The mail server under test: its definition (data) and its processes.

pub mod accounts;
pub mod assemble;
mod doorway;
pub mod error;
pub mod find;
pub mod leash;
mod logs;
pub mod needs;
pub mod packages;
pub mod running;
mod server;
pub use server::{Server, greeting};
mod underway;
pub mod vars;
pub mod view;
