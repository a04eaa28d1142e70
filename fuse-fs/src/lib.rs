//! A FUSE file system that breaks on purpose.
//!
//! One [`mount::Mount`] passes every call through to a backing directory, by inode, and asks the
//! [`engine::Engine`] before each of them. A [`rule::Rule`] says where, when and what; a firing
//! is recorded in the trace ([`trace::FsEvent`]) with the call it struck.
//!
//! The engine, its rules and its draws are pure: no I/O, no clock of their own. `fuse.rs` is the
//! only file that names the FUSE library, `fs` the only module that touches the backing directory.

pub mod call;
pub mod clock;
pub mod compiled;
mod connection;
pub mod control;
pub mod counters;
pub mod draw;
pub mod effects;
pub mod engine;
pub mod errno;
mod fs;
mod fuse;
pub mod inode;
pub mod lies;
mod matcher;
pub mod mount;
pub mod nearest;
pub mod opset;
pub mod parking;
pub mod problems;
pub mod recorder;
pub mod rule;
mod service;
pub mod trace;
mod trigger;
pub mod units;
pub mod volatile;
