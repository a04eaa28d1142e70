pub(crate) mod answer;
mod answers;
pub(crate) use answers::{Answered, DEFINITION, PROPERTY, TITLE, answers, finding, reported};
pub(crate) mod mail;
pub(crate) mod onset;
pub(crate) mod outage;
pub(crate) mod reopening;
pub(crate) mod repair;
pub(crate) mod view;
