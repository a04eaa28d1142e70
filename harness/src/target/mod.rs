//! The mail server under test: its definition (data) and its processes.

mod accounts;
pub mod assemble;
pub mod definition;
pub mod find;
pub mod leash;
mod possible;
pub mod render;
pub mod running;
pub mod server;
pub(crate) mod shell;
pub mod vars;
mod underway;
mod view;
