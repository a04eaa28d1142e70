pub mod done;
pub mod measure;
pub mod options;
pub mod plans;
mod rehearse;
pub use rehearse::{possible, run};
pub mod rounds;
pub mod summary;
