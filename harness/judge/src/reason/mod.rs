pub(crate) mod agreement;
pub(crate) mod because;
pub(crate) mod cohort;
pub(crate) mod disturbance;
pub(crate) mod in_force;
pub(crate) mod redelivery;
pub(crate) mod remains;
pub(crate) mod store_seen;
