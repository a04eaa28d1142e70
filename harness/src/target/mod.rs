//! The mail server under test: its definition (data) and its processes.

pub mod definition;
pub mod running;
pub mod vars;
