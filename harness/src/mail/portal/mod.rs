mod page;
pub(crate) use page::file_name;
pub use page::{content, furnish};
pub mod server;
pub mod visitor;
