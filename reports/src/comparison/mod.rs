pub(crate) mod change;
pub(crate) mod compare;
pub(crate) mod decision;
pub mod forms;
mod generator;
pub mod html;
pub(crate) mod judgement;
pub mod like;
pub mod limits;
pub(crate) mod markdown;
pub(crate) mod measured;
mod model;
pub use model::{
    Change, ChangeUnit, Compared, Comparison, Difference, Doubt, Judgement, Outcome, Row, SCHEMA_VERSION,
    Side, Spread,
};
pub(crate) mod phrases;
pub(crate) mod picture;
pub mod ranks;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
pub mod text;
