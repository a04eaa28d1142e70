pub mod agreement;
pub mod because;
pub mod cohort;
pub mod disturbance;
pub mod in_force;
pub mod redelivery;
pub mod store_seen;
