//! One end of a relayed connection: what was heard and not yet used, and what is said.
//!
//! Everything that waits to hear can be given up at any time without losing a byte. At most [`HEARD_LIMIT`] bytes wait.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Bytes heard and not yet used, about; also the longest line.
pub(super) const HEARD_LIMIT: usize = 64 * 1024;
/// Bytes read at once.
const PIECE: usize = 16 * 1024;

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLine {
    /// The other side has closed or broken the connection.
    Gone,
    /// It does not end within [`HEARD_LIMIT`].
    TooLong,
}

/// What one side says.
pub(crate) struct Inbox {
    source: OwnedReadHalf,
    heard: Vec<u8>,
    ended: bool,
}

impl Inbox {
    /// Waits for more; false if no more will come.
    pub(super) async fn more(&mut self) -> bool {
        if !self.ended {
            self.heard.reserve(PIECE);
            self.ended = !matches!(self.source.read_buf(&mut self.heard).await, Ok(1..));
        }
        !self.ended
    }

    /// The next line with its end.
    pub(super) async fn line(&mut self) -> Result<Vec<u8>, NoLine> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.heard) {
                let rest = self.heard.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.heard, rest));
            }
            if self.heard.len() >= HEARD_LIMIT {
                return Err(NoLine::TooLong);
            }
            if !self.more().await {
                return Err(NoLine::Gone);
            }
        }
    }

    /// Returns once the other side has closed or broken the connection. Not noticed while too much is unread.
    pub(super) async fn gone(&mut self) {
        while !self.ended {
            if self.heard.len() >= HEARD_LIMIT {
                std::future::pending::<()>().await;
            }
            self.more().await;
        }
    }

    /// All that was heard and not yet used.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }

    /// Gives back what was taken and not used.
    pub(super) fn put_back(&mut self, unused: &[u8]) {
        self.heard.splice(0..0, unused.iter().copied());
    }
}

pub(crate) struct Peer {
    /// What it says.
    pub(super) inbox: Inbox,
    /// Where we say something to it.
    pub(super) outbox: OwnedWriteHalf,
}

impl Peer {
    /// Takes a connection over.
    pub(super) fn new(stream: TcpStream) -> io::Result<Peer> {
        stream.set_nodelay(true)?;
        let (source, outbox) = stream.into_split();
        Ok(Peer { inbox: Inbox { source, heard: Vec::new(), ended: false }, outbox })
    }

    /// Connects to `host:port`.
    pub(super) async fn connect(address: &str) -> io::Result<Peer> {
        Peer::new(TcpStream::connect(address).await?)
    }

    /// Says that nothing more will come, and waits until the other side closes too, but not longer than `limit`.
    pub(super) async fn part(mut self, limit: Duration) {
        let farewell = async {
            // A connection that is broken already needs no farewell.
            drop(self.outbox.shutdown().await);
            while self.inbox.more().await {
                self.inbox.take();
            }
        };
        // Who does not close in time is left.
        drop(timeout(limit, farewell).await);
    }
}
