pub mod calls;
pub mod cuts;
pub mod files;
pub mod holder;
pub mod ranges;
mod trace;
pub use trace::{Traces, Wanted, attempt_of, calls, path_class, queued};
pub mod lasting;
pub mod whole;
