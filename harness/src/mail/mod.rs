pub(crate) mod client;
pub(crate) mod inventory;
pub(crate) mod message;
pub(crate) mod portal;
pub(crate) mod readback;
pub(crate) mod users;
pub(crate) mod workload;
