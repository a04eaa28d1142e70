pub mod compare;
pub mod decision;
pub mod forms;
mod generator;
pub mod html;
pub mod judgement;
pub mod like;
pub mod limits;
pub mod markdown;
pub mod measured;
mod model;
pub use model::{
    Compared, Comparison, Difference, Doubt, Judgement, Outcome, Row, SCHEMA_VERSION, Side, Spread,
};
pub mod phrases;
pub mod picture;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
pub mod text;
