//! Accepting connections: one thread each, a stated limit, timeouts on every socket.

use crate::imap;
use crate::smtp;
use crate::store::Store;
use crate::wire::{SILENCE_LIMIT, Wire};
use std::io;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most connections of one listener at a time.
pub(crate) const CONNECTION_LIMIT: usize = 512;

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// LMTP, RFC 2033.
    Lmtp,
    /// SMTP, RFC 5321.
    Smtp,
    /// IMAP4rev1, RFC 3501.
    Imap,
}

/// Counts one connection for as long as it lives.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(count: &Arc<AtomicUsize>) -> Option<Seat> {
        let seat = Seat(count.clone());
        (count.fetch_add(1, Ordering::SeqCst) < CONNECTION_LIMIT).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Accepts connections for ever.
pub(crate) fn serve(listener: &TcpListener, protocol: Protocol, store: &Arc<Store>, password: &str) {
    let count = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let accepted = stream.and_then(|stream| welcome(stream, protocol, store, password, &count));
        if let Err(error) = accepted {
            eprintln!("cannot accept a connection: {error}");
        }
    }
}

fn welcome(
    mut stream: TcpStream,
    protocol: Protocol,
    store: &Arc<Store>,
    password: &str,
    count: &Arc<AtomicUsize>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE_LIMIT))?;
    stream.set_write_timeout(Some(SILENCE_LIMIT))?;
    stream.set_nodelay(true)?;
    let Some(seat) = Seat::take(count) else {
        return stream.write_all(too_many(protocol));
    };
    let (store, password) = (store.clone(), password.to_owned());
    let session = move || {
        let _seat = seat;
        // A connection that breaks is the client's to notice.
        drop(speak(stream, protocol, &store, &password));
    };
    std::thread::Builder::new().spawn(session).map(drop)
}

/// Serves one connection to its end.
pub(crate) fn speak(
    stream: TcpStream,
    protocol: Protocol,
    store: &Arc<Store>,
    password: &str,
) -> io::Result<()> {
    let wire = Wire { input: BufReader::new(stream.try_clone()?), output: stream };
    match protocol {
        Protocol::Lmtp => smtp::session(wire, store, smtp::Dialect::Lmtp),
        Protocol::Smtp => smtp::session(wire, store, smtp::Dialect::Smtp),
        Protocol::Imap => imap::session(wire, store, password),
    }
}

fn too_many(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Lmtp | Protocol::Smtp => b"421 4.3.2 too many connections\r\n",
        Protocol::Imap => b"* BYE too many connections\r\n",
    }
}
