//! Lets writers in, one after the other; who has no token never gets further than this.

use super::message::FromWriter;
use super::token::Token;
use super::wire::{self, Receiver, Sender, WireError};
use crate::exit::tell;
use anyhow::{Context, Result};
use record::series::line::Host;
use reports::kit::inert::inert;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver as Arrivals, SyncSender, sync_channel};
use std::time::Duration;

/// Who has not shown a token within this long is let go.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Strangers at once.
const MOST_STRANGERS: usize = 16;

/// A writer that has the token, with what it said of its machine.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) host: Host,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

/// Writers as they arrive, and where they are awaited.
pub(super) fn listen(address: &str, token: Token) -> Result<(SocketAddr, Arrivals<Session>)> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("--listen {address}: nobody can be awaited there"))?;
    let at = listener.local_addr()?;
    let (to, arrivals) = sync_channel(1);
    std::thread::Builder::new().name("listener".into()).spawn(move || accept_all(&listener, &token, &to))?;
    Ok((at, arrivals))
}

/// Ends when nobody takes arrivals any more, at the next one.
fn accept_all(listener: &TcpListener, token: &Token, to: &SyncSender<Session>) {
    let strangers = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if strangers.load(Ordering::SeqCst) >= MOST_STRANGERS {
            continue;
        }
        let (token, to, strangers) = (token.clone(), to.clone(), strangers.clone());
        strangers.fetch_add(1, Ordering::SeqCst);
        let greeter = std::thread::Builder::new().name("greeter".into());
        let greeted = greeter.spawn({
            let strangers = strangers.clone();
            move || {
                greet(stream, &token, &to);
                strangers.fetch_sub(1, Ordering::SeqCst);
            }
        });
        if greeted.is_err() {
            strangers.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn greet(stream: TcpStream, token: &Token, to: &SyncSender<Session>) {
    let from = stream.peer_addr().map_or("somebody".to_owned(), |address| address.to_string());
    match introduced(stream, token) {
        // If the last one is still not taken, this one is of no use either: it will try again.
        Ok(session) => drop(to.try_send(session)),
        Err(error) => tell!("{from} was not let in: {}", inert(&error.to_string())),
    }
}

fn introduced(stream: TcpStream, token: &Token) -> Result<Session, WireError> {
    let (sender, mut receiver) = wire::accept(stream, token, HANDSHAKE_LIMIT)?;
    let deadline = std::time::Instant::now() + HANDSHAKE_LIMIT;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        match receiver.next::<FromWriter>(left)? {
            Some(FromWriter::Hello(host)) => return Ok(Session { host, sender, receiver }),
            Some(_) => return Err(WireError::Stranger),
            None if left.is_zero() => return Err(WireError::Stranger),
            None => {}
        }
    }
}
