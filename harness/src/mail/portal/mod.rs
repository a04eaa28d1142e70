mod page;
pub use page::{content, furnish};
pub mod server;
pub mod visitor;
pub(crate) use page::file_name;
