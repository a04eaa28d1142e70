//! The source: messages on a machine that stays on, in a Maildir or behind the built-in mail server.

use super::place;
use crate::server::movers::USER;
use anyhow::{Context, Result, bail};
use judge::movers::held::Held;
use record::history::token::RunToken;
use record::message::Outgoing;
use record::plan::mover::Source as Kind;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The built-in server greets within this long, and is done with a connection that broke within this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

pub(super) struct Source {
    root: PathBuf,
    server: Option<Server>,
}

/// The built-in mail server in front of it.
struct Server {
    process: Child,
    port: u16,
}

impl Source {
    /// Filled with the messages. A Maildir lies in `maildir`, another source in the new directory `store`.
    ///
    /// # Errors
    /// It cannot be made, or not be served.
    pub(super) fn new(
        kind: Kind,
        (maildir, store): (&Path, &Path),
        password: &str,
        messages: &[Outgoing],
    ) -> Result<Source> {
        let root = if kind == Kind::Maildir { maildir.to_owned() } else { store.join(USER).join("Maildir") };
        ["new", "cur", "tmp"].iter().try_for_each(|name| fs::create_dir_all(root.join(name)))?;
        for (number, message) in (1_u32..).zip(messages) {
            let (name, bytes) = file(kind, number, message);
            fs::write(root.join(name), bytes)?;
        }
        let server = match kind {
            Kind::Maildir => None,
            Kind::Imap | Kind::ImapDeleted => Some(Server::start(store, password)?),
        };
        Ok(Source { root, server })
    }

    /// Where it listens, if it does.
    pub(super) fn port(&self) -> Option<u16> {
        self.server.as_ref().map(|server| server.port)
    }

    /// What it holds, when everything that it was told before is done: nobody may be connected to it for long.
    ///
    /// # Errors
    /// It cannot be read, or goes on working.
    pub(super) fn held(&self, run: RunToken) -> Result<Held> {
        if let Some(server) = &self.server {
            server.is_done()?;
        }
        place::held(run, &self.root)
    }
}

/// A Maildir keeps LF, a mail server the bytes of the protocol.
fn file(kind: Kind, number: u32, message: &Outgoing) -> (String, Vec<u8>) {
    let name = format!("167438880{number}.M{number}P1.source");
    let lines = || message.bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    match kind {
        Kind::Maildir => (format!("new/{name}"), lines()),
        Kind::Imap => (format!("new/{name}"), message.bytes.clone()),
        Kind::ImapDeleted => (format!("cur/{name}:2,ST"), message.bytes.clone()),
    }
}

impl Server {
    fn start(store: &Path, password: &str) -> Result<Server> {
        // It is let go before the server takes it; nobody else is in this network namespace.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new("/proc/self/exe");
        command.arg("__reference-server").arg("--store").arg(store).args(["--password", password, "--imap"]);
        command.arg(address.to_string()).env("FERMOPOSTA_SELF", "1");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut server = Server { process: process.context("the source cannot be started")?, port };
        server.listens_at(address)?;
        Ok(server)
    }

    fn listens_at(&mut self, address: SocketAddr) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&address, PATIENCE).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the built-in mail server, which is the source, ended with {status}");
            }
            anyhow::ensure!(
                Instant::now() < until,
                "the built-in mail server, which is the source, did not listen within {PATIENCE:?}"
            );
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }

    /// Of every connection both ends are closed.
    fn is_done(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while connected(&fs::read_to_string("/proc/self/net/tcp")?, self.port) {
            anyhow::ensure!(
                Instant::now() < until,
                "{PATIENCE:?} after the mover was gone somebody was still connected to the source"
            );
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// States of a socket whose owner has not closed it: established, and closed by the other end only.
const OPEN: [&str; 2] = ["01", "08"];

/// Whether the server holds a connection open, by the kernel's table.
fn connected(table: &str, port: u16) -> bool {
    let local = format!(":{port:04X}");
    let open = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1).is_some_and(|address| address.ends_with(&local))
            && fields.get(3).is_some_and(|state| OPEN.contains(state))
    };
    table.lines().any(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_until_the_server_has_closed_it() {
        let line = |local: &str, remote: &str, state: &str| {
            format!("   0: 0100007F:{local} 0100007F:{remote} {state} 00000000:00000000 00:00000000 0 0 1\n")
        };
        let of = |lines: &[String]| connected(&lines.concat(), 0x8f);
        assert!(!of(&[line("008F", "0000", "0A"), line("1234", "008F", "01"), line("008F", "1234", "06")]));
        assert!(of(&[line("008F", "1234", "01")]) && of(&[line("008F", "1234", "08")]));
    }
}
