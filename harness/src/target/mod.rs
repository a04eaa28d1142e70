//! The mail server under test: its definition (data) and its processes.

mod accounts;
pub mod assemble;
pub mod definition;
mod doorway;
pub mod find;
mod logs;
mod possible;
pub mod render;
pub mod running;
pub mod server;
pub mod vars;
mod view;
