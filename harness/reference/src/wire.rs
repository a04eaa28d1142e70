use std::time::Duration;

use std::io;
use std::io::BufReader;
use std::net::TcpStream;

/// Both directions of a connection.
pub(crate) struct Wire {
    /// Bytes from the client.
    pub(crate) input: BufReader<TcpStream>,
    /// Answers to the client.
    pub(crate) output: TcpStream,
}

/// Says on stderr what went wrong with the storage.
pub(crate) fn complain(what: &str, error: &io::Error) {
    eprintln!("{what}: {error}");
}

/// Largest message taken, in bytes.
pub(crate) const MESSAGE_LIMIT_BYTES: usize = 50 * 1024 * 1024;

/// A connection silent for this long is closed.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(30 * 60);
