pub mod case;
pub mod findings;
mod judge;
pub use judge::{JudgeError, judge, properties};
pub mod property;
pub mod reason;
pub mod recorded;
pub mod statement;
pub mod summary;
pub mod testing;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod words;

pub mod corpus;
pub mod doubt;
pub mod seal;
