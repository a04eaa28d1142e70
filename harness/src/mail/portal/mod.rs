mod page;
pub use page::{content, furnish};
pub mod server;
pub mod visitor;
