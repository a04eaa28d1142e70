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
pub const MESSAGE_LIMIT_BYTES: usize = 50 * 1024 * 1024;
