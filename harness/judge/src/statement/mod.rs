pub mod answer;
mod answers;
pub use answers::{Answered, DEFINITION, PROPERTY, TITLE, answers, finding, reported};
pub mod mail;
pub mod onset;
pub mod outage;
pub mod reopening;
pub mod repair;
pub mod view;
