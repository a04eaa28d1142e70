//! Whether a server that the harness neither started nor sees has really ended: a command that says so may have done nothing, and a run on a server
//! that was never harmed would prove nothing.

use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// For a connection.
const KNOCK: Duration = Duration::from_secs(2);
/// Between the end of a command and that of the connections.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one connection is listened to at a time.
const PACE: Duration = Duration::from_millis(250);

/// Connections from before the command, by address.
pub(super) struct Witness(Vec<(String, Option<TcpStream>)>);

impl Witness {
    /// Before the command.
    pub(super) fn of(addresses: Vec<String>) -> Witness {
        Witness(addresses.into_iter().map(|address| (address.clone(), connected(&address))).collect())
    }

    /// After it: the first address at which it still serves. What ends takes its connections along; a machine without power leaves them, and
    /// answers nobody.
    pub(super) fn still_serves(self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        self.0
            .into_iter()
            .find(|(address, before)| !ended(address, before.as_ref(), deadline))
            .map(|(address, _)| address)
    }
}

fn connected(address: &str) -> Option<TcpStream> {
    let addresses = address.to_socket_addrs().ok()?;
    addresses.into_iter().find_map(|address| TcpStream::connect_timeout(&address, KNOCK).ok())
}

fn ended(address: &str, before: Option<&TcpStream>, deadline: Instant) -> bool {
    let Some(mut stream) = before else { return true };
    let mut said = [0; 512];
    while stream.set_read_timeout(Some(PACE)).is_ok() {
        match stream.read(&mut said) {
            Ok(0) => return true,
            // Its greeting, from before.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if connected(address).is_none() {
                    return true;
                }
            }
            Err(_) => return true,
        }
        if Instant::now() >= deadline {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A listener of its own for each: whoever looks knocks again and again, and is the next that is accepted.
    fn looked_at() -> (TcpListener, TcpStream, Witness) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let before = Witness::of(vec![address]);
        let (stream, _) = listener.accept().expect("the witness");
        (listener, stream, before)
    }

    #[test]
    fn who_goes_on_serving_is_named_and_who_ended_is_not() {
        let (listener, _stream, before) = looked_at();
        let address = listener.local_addr().expect("bound").to_string();
        assert_eq!(before.still_serves(), Some(address));
        let (_listener, stream, before) = looked_at();
        drop(stream);
        assert_eq!(before.still_serves(), None, "its connection has ended");
        let (listener, _stream, before) = looked_at();
        drop(listener);
        assert_eq!(before.still_serves(), None, "nobody answers");
    }
}
