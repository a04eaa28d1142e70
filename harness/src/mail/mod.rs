pub mod client;
pub mod message;
pub mod portal;
pub mod readback;
pub mod sender;
pub mod workload;
