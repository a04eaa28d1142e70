//! One port of the front door: open or closed, and as many connections as it has room for.
//!
//! A second socket, bound and never listening, keeps the port while it is closed: connections are refused, nobody else
//! can have it, and opening it again needs no luck.

use super::access::AccessSession;
use super::admission::Service;
use super::desk::Desk;
use super::mail::MailSession;
use super::peer::Peer;
use record::history::Protocol;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections of one port at a time.
const CONNECTIONS: usize = 1_024;
/// Connections that wait to be taken.
const BACKLOG: u32 = 1_024;
/// No connection is taken for so long after one could not be: the cause is seldom gone at once.
const BREATH: Duration = Duration::from_millis(50);

/// What a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// LMTP or SMTP.
    Mail(Protocol),
    Imap,
}

impl Speaks {
    /// What is spoken at a service of a mail server.
    pub(super) fn named(service: &str) -> Option<Speaks> {
        match service {
            "lmtp" => Some(Speaks::Mail(Protocol::Lmtp)),
            "smtp" => Some(Speaks::Mail(Protocol::Smtp)),
            "imap" => Some(Speaks::Imap),
            _ => None,
        }
    }

    fn service(self) -> Service {
        match self {
            Speaks::Mail(_) => Service::Mail,
            Speaks::Imap => Service::Access,
        }
    }
}

/// Whether a port is open, or why it cannot be.
pub(super) type PortState = Result<bool, NotOpened>;

/// A port could not be opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} cannot be opened again: {why}")]
pub(crate) struct NotOpened {
    address: SocketAddr,
    why: String,
}

pub(crate) struct Port {
    speaks: Speaks,
    backend: String,
    desk: Arc<Desk>,
    /// Never read: it is bound for as long as the port is there.
    _keeper: TcpSocket,
    address: SocketAddr,
    listener: Option<TcpListener>,
    state: watch::Sender<PortState>,
}

impl Port {
    /// Opens a port of its own on the loopback.
    pub(super) fn open(speaks: Speaks, backend: String, desk: Arc<Desk>) -> io::Result<Port> {
        let keeper = socket(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = keeper.local_addr()?;
        let listener = Some(socket(address)?.listen(BACKLOG)?);
        Ok(Port {
            speaks,
            backend,
            desk,
            _keeper: keeper,
            address,
            listener,
            state: watch::Sender::new(Ok(true)),
        })
    }

    /// Where it is.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether it is open, or why it cannot be.
    pub(super) fn state(&self) -> (Service, watch::Receiver<PortState>) {
        (self.speaks.service(), self.state.subscribe())
    }

    /// Takes connections for as long as the front door is there.
    pub(super) async fn serve(mut self) {
        let mut connections = JoinSet::new();
        let mut rules = self.desk.control.rules();
        loop {
            let closed = rules.borrow_and_update().is_closed(self.speaks.service());
            self.set_open(!closed);
            tokio::select! {
                taken = accept(self.listener.as_ref()) => self.take(taken, &mut connections).await,
                // The control outlives the port.
                _ = rules.changed() => {}
                Some(ended) = connections.join_next() => self.note(ended),
            }
        }
    }

    fn note(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            self.desk.complain(format!("a connection: {error}"));
        }
    }

    fn set_open(&mut self, open: bool) {
        if open && self.listener.is_none() {
            match socket(self.address).and_then(|socket| socket.listen(BACKLOG)) {
                Ok(listener) => self.listener = Some(listener),
                Err(error) => {
                    let problem = NotOpened { address: self.address, why: error.to_string() };
                    return drop(self.state.send_replace(Err(problem)));
                }
            }
        }
        if !open {
            self.listener = None;
        }
        self.state.send_if_modified(|state| {
            let modified = *state != Ok(open);
            *state = Ok(open);
            modified
        });
    }

    async fn take(&self, taken: io::Result<TcpStream>, connections: &mut JoinSet<()>) {
        let peer = match taken.and_then(Peer::new) {
            Ok(peer) => peer,
            Err(error) => {
                self.desk.complain(format!("a connection could not be taken: {error}"));
                return tokio::time::sleep(BREATH).await;
            }
        };
        let (desk, backend, service) = (self.desk.clone(), self.backend.clone(), self.speaks.service());
        let pass = desk.control.pass(service);
        let late = pass.rules().is_closed(service);
        // Who comes too late or finds no room is sent away: the connection is closed.
        if !late && connections.len() < CONNECTIONS {
            match self.speaks {
                Speaks::Mail(protocol) => {
                    connections.spawn(MailSession::serve(peer, desk, pass, protocol, backend))
                }
                Speaks::Imap => connections.spawn(AccessSession::serve(peer, desk, pass, backend)),
            };
        }
    }
}

/// A bound socket. It shares its address with sockets that do not listen.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}
