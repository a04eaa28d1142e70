mod case;
pub mod findings;
mod judge;
pub use judge::{JudgeError, Judgement, judge, judgement, properties};
pub mod movers;
pub mod property;
mod reason;
pub mod recorded;
mod statement;
pub mod stores;
pub mod summary;
mod testing;
#[cfg(test)]
mod tests;
mod trace;
pub use trace::events;
mod words;

pub mod chance;
mod corpus;
pub mod cuts;
mod doubt;
pub mod seal;
