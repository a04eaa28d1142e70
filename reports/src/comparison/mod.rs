pub mod decision;
pub mod html;
pub mod json;
pub mod judgement;
pub mod like;
pub mod limits;
pub mod markdown;
pub mod measured;
mod model;
pub use model::{
    Compared, Comparison, Difference, Doubt, FORMATS, Judgement, Outcome, Row, SCHEMA_VERSION, Side, Spread,
};
pub mod picture;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
pub mod text;
pub mod words;
