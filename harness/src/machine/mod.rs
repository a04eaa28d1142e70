//! The edge to the kernel: namespaces, process trees, what the machine is.
//!
//! A run lives in PID, mount and network namespaces of its own (and a user namespace when not root), with the
//! recording process as init. However that process ends, the kernel takes every mount and process with it. The
//! network namespace holds a loopback interface only: no run can send mail anywhere, and ports never collide.
//!
//! A run cannot change the machine. Its mount namespace is read-only but for the run's own places ([`seal`]); a mail server
//! sees other devices and another `/run` ([`private`]), has no capability over the machine ([`capabilities`]), and is locked
//! in a user namespace that has none to give ([`own_user_namespace`]).

pub(crate) mod apart;
pub(crate) mod ask;
mod attributes;
pub(crate) mod binds;
pub(crate) mod build;
pub(crate) mod capabilities;
pub(crate) mod confine;
pub(crate) mod contents;
pub(crate) mod copy_tree;
pub(crate) mod daemons;
pub(crate) mod environment;
mod extents;
pub(crate) mod filesystem;
pub(crate) mod grounds;
pub(crate) mod idle;
pub(crate) mod io_flusher;
pub(crate) mod kernel_log;
pub(crate) mod listening;
pub(crate) mod load;
pub(crate) mod loop_device;
pub(crate) mod mounts;
mod own_user_namespace;
mod private;
pub(crate) mod process;
pub(crate) mod room;
mod seal;
pub(crate) mod sectors;
pub(crate) mod shield;
mod sockets;
pub(crate) mod stop;
pub(crate) mod survivor;
pub(crate) mod sync_tree;
pub(crate) mod syslog;
pub(crate) mod tool;
pub(crate) mod view;
