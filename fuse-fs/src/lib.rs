//! A FUSE file system that breaks on purpose.
//!
//! One [`mount::Mount`] passes every call through to a backing directory, by inode, and asks the
//! [`rules::engine::Engine`] before each of them. A [`rules::rule::Rule`] says where, when and what; a firing
//! is recorded in the trace ([`mount::trace::FsEvent`]) with the call it struck.
//!
//! The engine, its rules and its draws are pure: no I/O, no clock of their own. `mount/fuse.rs` is the
//! only file that names the FUSE library; `fs` touches the backing directory, and so does `durability` at a cut.

pub mod call;
pub mod clock;
pub mod durability;
pub mod errno;
mod fs;
mod inode;
pub mod mount;
pub mod nearest;
pub mod rig;
pub mod rules;
pub mod units;
