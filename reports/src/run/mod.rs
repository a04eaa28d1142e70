pub mod csv;
pub mod difference;
pub mod forms;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod model;
pub use model::{
    Anomaly, ClientClass, Example, Fault, Finding, Generator, Messages, Migration, Moment, Operation,
    Property, Quantiles, Recorded, Report, Run, SCHEMA_VERSION, Sender, Statement,
};
pub mod openmetrics;
pub mod promise;
pub mod runs;
#[cfg(test)]
pub(crate) mod samples;
pub mod senders;
pub mod series;
mod story_words;
pub mod text;
