pub(crate) mod beneath;
pub(crate) mod calls;
pub(crate) mod cuts;
pub(crate) mod files;
pub use files::events;
pub(crate) mod holder;
pub(crate) mod ranges;
mod trace;
#[cfg(test)]
pub(crate) use trace::attempt_of;
pub(crate) use trace::{Traces, Wanted, calls, queued};
pub(crate) mod lasting;
mod placed;
pub(crate) mod whole;
