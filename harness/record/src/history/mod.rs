pub mod canonical;
pub(crate) mod closing;
pub mod corpus;
pub mod digest;
pub mod event;
pub mod extension;
pub mod header;
pub mod held;
mod history;
pub use history::{
    Action, Attempt, Bounce, Copy, DiskCopy, Ingress, MessageId, OpId, Outcome, Protocol, Source, Specimen,
    Trouble, Uid, UserId, trace_label,
};
pub mod identity;
pub mod recorder;
pub mod said;
pub(crate) mod seal;
pub mod specimens;
pub mod token;
pub mod tokens;
pub mod trial;
