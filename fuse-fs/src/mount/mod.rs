pub mod control;
pub mod encode;
pub mod fuse;
mod mount;
pub use mount::{Mount, MountError, MountOptions, detach};
pub mod parking;
pub mod recorder;
pub mod service;
pub mod trace;
