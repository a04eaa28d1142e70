pub mod digest;
pub mod event;
mod history;
pub use history::{
    Action, Attempt, Bounce, Copy, DiskCopy, Entry, MessageId, OpId, Outcome, Source, Specimen, Trouble, Uid,
    UserId, trace_label,
};
pub mod identity;
pub mod recorder;
pub mod specimens;
pub mod token;
pub mod tokens;

pub mod seal;

pub mod header;

pub mod corpus;
