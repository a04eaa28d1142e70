//! The edge to the kernel: namespaces, process trees, what the machine is.
//!
//! A run lives in PID, mount and network namespaces of its own (and a user namespace when not root), with the
//! recording process as init. However that process ends, the kernel takes every mount and process with it. The
//! network namespace holds a loopback interface only: no run can send mail anywhere, and ports never collide.
//!
//! A run cannot change the machine. Its mount namespace is read-only but for the run's own places ([`seal`]); a mail server
//! sees other devices and another `/run` ([`private`]), has no capability over the machine ([`capabilities`]), and is locked
//! in a user namespace that has none to give ([`own_user_namespace`]).

pub mod ask;
mod attributes;
pub mod capabilities;
pub mod confine;
pub mod copy_tree;
pub mod daemons;
pub mod environment;
pub mod grounds;
pub mod idle;
pub mod listening;
pub mod load;
pub mod mounts;
mod own_user_namespace;
mod private;
pub mod process;
mod seal;
mod sockets;
pub mod stop;
pub mod sync_tree;
pub mod syslog;
pub mod tool;
pub mod view;
