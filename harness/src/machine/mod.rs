//! The edge to the kernel: namespaces, process trees, what the machine is.
//!
//! A run lives in PID, mount and network namespaces of its own (and a user namespace when not root), with the
//! recording process as init. However that process ends, the kernel takes every mount and process with it. The
//! network namespace holds a loopback interface only: no run can send mail anywhere, and ports never collide.

pub mod confine;
pub mod copy_tree;
pub mod environment;
pub mod idle;
pub mod listening;
pub mod load;
pub mod process;
pub mod stop;
pub mod sync_tree;
pub mod syslog;
pub mod tool;
pub mod view;
