pub mod command;
pub mod fetch;
pub mod idle;
pub mod messages;
pub mod reader;
pub mod search;
mod session;
pub(crate) use session::session;
