//! The mail server under test: its definition (data) and its processes.

pub(crate) mod accounts;
pub(crate) mod assemble;
mod doorway;
pub(crate) mod error;
pub(crate) mod find;
pub(crate) mod leash;
mod logs;
pub(crate) mod movers;
pub(crate) mod needs;
pub(crate) mod packages;
pub(crate) mod running;
mod server;
pub(crate) mod services;
pub(crate) mod stage;
mod underway;
pub(crate) mod vars;
pub(crate) mod view;
mod witness;
