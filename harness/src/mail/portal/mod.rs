mod page;
pub(crate) use page::furnish;
pub(crate) mod server;
pub(crate) mod visitor;
