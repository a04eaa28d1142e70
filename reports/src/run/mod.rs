pub(crate) mod csv;
pub mod difference;
pub mod forms;
pub mod html;
pub mod json;
pub(crate) mod junit;
pub mod markdown;
mod model;
pub use model::{
    Anomaly, ClientClass, Example, Fault, Finding, Generator, LeftOut, Messages, Migration, Moment,
    Operation, Property, Quantiles, Recorded, Report, Run, SCHEMA_VERSION, Sender, Statement,
};
pub(crate) mod openmetrics;
pub(crate) mod promise;
pub(crate) mod runs;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod senders;
pub mod series;
mod story_words;
pub mod text;
