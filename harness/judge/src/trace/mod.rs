pub mod calls;
pub mod cuts;
pub mod holder;
pub mod ranges;
mod trace;
pub(crate) use trace::trace_files;
pub use trace::{Traces, Wanted, attempt_of, calls, path_class};
