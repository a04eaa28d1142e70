//! The built-in reference mail server: LMTP, SMTP and IMAP4rev1 (UIDPLUS, MOVE, IDLE) over Maildir.
//!
//! Every acknowledgement follows the fsync of the message, of its directory and of the UID table. Any error of the
//! storage becomes a refusal (4xx, or a tagged NO) with nothing left visible. If the storage also refuses the
//! removal of a refused message, the message is hidden while the process lives. It adds no header to a message.
//!
//! One thread per connection, at most [`CONNECTION_LIMIT`] per listener: a call that the storage never answers holds
//! one connection and the lock of one mailbox. A connection buffers at most one message of [`MESSAGE_LIMIT_BYTES`] in
//! each direction. [`Defect`]s can be switched on to prove that the checkers find them.

use crate::listen;

use crate::defect::{DefectChoice, Defects};
use crate::files::Disk;
use crate::lists::Lists;
use crate::store::Store;
use anyhow::Context;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// Command line of the reference server.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Directory of the mail store; must exist.
    #[arg(long)]
    pub store: PathBuf,
    /// Address for LMTP.
    #[arg(long)]
    pub lmtp: Option<SocketAddr>,
    /// Address for SMTP.
    #[arg(long)]
    pub smtp: Option<SocketAddr>,
    /// Address for IMAP.
    #[arg(long)]
    pub imap: Option<SocketAddr>,
    /// Password of every user.
    #[arg(long)]
    pub password: String,
    /// Lists that SMTP delivers to their members, `list1=user1,user2 list2=user3`.
    #[arg(long, default_value = "")]
    pub lists: Lists,
    /// Seeded defect, NAME or NAME=N; may be repeated.
    #[arg(long = "defect")]
    pub defects: Vec<DefectChoice>,
}

/// Runs the server until SIGTERM or SIGINT. Prints `ready` once every listener accepts.
pub fn main(options: &Options) -> anyhow::Result<()> {
    exit_on_signals()?;
    let store = Store::new(options.store.clone(), Arc::new(Disk), Defects::new(&options.defects));
    let store = Arc::new(store.with_lists(options.lists.clone()));
    let listeners = [
        (options.lmtp, listen::Protocol::Lmtp),
        (options.smtp, listen::Protocol::Smtp),
        (options.imap, listen::Protocol::Imap),
    ];
    let mut threads = Vec::new();
    for (address, protocol) in listeners {
        let Some(address) = address else { continue };
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        let (store, password) = (store.clone(), options.password.clone());
        threads.push(std::thread::spawn(move || listen::serve(&listener, protocol, &store, &password)));
    }
    println!("ready");
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a listener stopped"))?;
    }
    Ok(())
}

/// Ends at once on SIGTERM and SIGINT. The default action is not enough: the kernel does not take it for the first
/// process of a PID namespace.
fn exit_on_signals() -> anyhow::Result<()> {
    use nix::sys::signal::{SigHandler, Signal, signal};
    extern "C" fn leave(_: libc::c_int) {
        // SAFETY: _exit is async-signal-safe and touches no state of the process.
        unsafe { libc::_exit(0) }
    }
    for kind in [Signal::SIGTERM, Signal::SIGINT] {
        // SAFETY: the handler only calls _exit, which is async-signal-safe.
        unsafe { signal(kind, SigHandler::Handler(leave)) }.context("cannot install a signal handler")?;
    }
    Ok(())
}
