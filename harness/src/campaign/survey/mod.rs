pub mod cells;
pub mod options;
pub mod result;
pub mod summary;
mod survey;
pub use survey::run;
