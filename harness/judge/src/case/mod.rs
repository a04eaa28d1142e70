mod case;
pub use case::Case;
pub(crate) use case::forgetful;
pub mod elsewhere;
pub mod fate;
pub mod finding;
pub mod latency;
pub mod readings;
pub mod spool;
