mod page;
pub use page::{content, furnish};
pub(crate) mod server;
pub(crate) mod visitor;
