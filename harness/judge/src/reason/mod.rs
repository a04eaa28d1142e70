pub mod agreement;
pub mod because;
pub mod cohort;
pub mod redelivery;
