pub mod debian;
pub mod install;
mod list;
pub use list::list;
pub mod manifest;
pub mod place;
pub mod registry;
pub mod tool;
