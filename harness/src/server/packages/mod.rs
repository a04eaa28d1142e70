pub(crate) mod debian;
pub(crate) mod install;
mod list;
pub(crate) use list::list;
pub(crate) mod manifest;
pub(crate) mod place;
pub(crate) mod registry;
pub(crate) mod tool;
