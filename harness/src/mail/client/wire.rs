//! A TCP connection with one deadline for everything done on it, and limits on what it reads.

use super::failure::Failure;
use record::history::Trouble;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Longest line read.
pub(crate) const LINE_LIMIT: usize = 64 * 1024;

pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    /// One for all that is waited for: to set one up for each wait costs more than most waits.
    deadline: Pin<Box<Sleep>>,
}

impl Wire {
    /// Connects to `host:port`; connection and all that follows end within `limit`.
    ///
    /// # Errors
    /// [`Trouble::Disconnected`] or [`Trouble::TimedOut`].
    pub(crate) async fn connect(address: &str, limit: Duration) -> Result<Wire, Trouble> {
        let mut deadline = Box::pin(sleep(limit));
        let stream = within(&mut deadline, TcpStream::connect(address)).await?;
        stream.set_nodelay(true).map_err(|_| Trouble::Disconnected)?;
        Ok(Wire { stream: BufReader::new(stream), deadline })
    }

    /// What follows ends within `limit` from now.
    pub(crate) fn extend(&mut self, limit: Duration) {
        self.deadline.as_mut().reset(Instant::now() + limit);
    }

    /// Sends all of `bytes`. After an error the last of them was not sent.
    ///
    /// # Errors
    /// [`Trouble::Disconnected`] or [`Trouble::TimedOut`].
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        within(&mut self.deadline, self.stream.get_mut().write_all(bytes)).await
    }

    /// Sends all of `bytes`, as many at once as the kernel takes.
    ///
    /// # Errors
    /// How many of them the kernel took, and why no more.
    pub(crate) async fn send_counted(&mut self, bytes: &[u8]) -> Result<(), (usize, Trouble)> {
        let mut taken = 0;
        while taken < bytes.len() {
            match within(&mut self.deadline, self.stream.get_mut().write(&bytes[taken..])).await {
                Ok(0) => return Err((taken, Trouble::Disconnected)),
                Ok(more) => taken += more,
                Err(trouble) => return Err((taken, trouble)),
            }
        }
        Ok(())
    }

    /// Sends last words if they fit into the socket at once, and closes.
    pub(crate) fn farewell(self, words: &[u8]) {
        let _ = self.stream.get_ref().try_write(words);
    }

    /// Waits until there is something to read, the end or an error included; no deadline ends it. Nothing is lost if it
    /// is given up.
    pub(crate) async fn speaks(&mut self) {
        // What is wrong with the connection shows when it is read.
        let _ = self.stream.fill_buf().await;
    }

    /// A line with its end.
    ///
    /// # Errors
    /// [`Trouble::Garbled`] if it is longer than [`LINE_LIMIT`].
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_LIMIT as u64);
        within(&mut self.deadline, limited.read_until(b'\n', &mut line)).await?;
        match line.last() {
            Some(b'\n') => Ok(line),
            Some(_) if line.len() >= LINE_LIMIT => Err(Trouble::Garbled),
            _ => Err(Trouble::Disconnected),
        }
    }

    /// Exactly `count` bytes. Memory grows as they arrive, not as they are promised.
    ///
    /// # Errors
    /// [`Trouble::Disconnected`] if they do not all arrive.
    pub(crate) async fn exactly(&mut self, count: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.stream).take(count);
        within(&mut self.deadline, limited.read_to_end(&mut bytes)).await?;
        match bytes.len() as u64 == count {
            true => Ok(bytes),
            false => Err(Trouble::Disconnected),
        }
    }
}

/// What is there when the time is over still counts.
async fn within<T>(
    deadline: &mut Pin<Box<Sleep>>,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Trouble> {
    tokio::select! {
        biased;
        done = work => done.map_err(|_| Trouble::Disconnected),
        () = deadline => Err(Trouble::TimedOut),
    }
}

/// Asks for a greeting and takes its first line; for SMTP, LMTP and IMAP.
///
/// # Errors
/// Why there is none within `limit`, or that it is not a welcome.
pub(crate) async fn greeting(address: &str, limit: Duration) -> Result<Vec<u8>, Failure> {
    let outcome = async {
        let mut wire = Wire::connect(address, limit).await?;
        wire.line().await
    };
    let line = outcome.await.map_err(|t| Failure::unknown(t, None).before())?;
    let welcome = [&b"220"[..], b"* OK", b"* PREAUTH"].iter().any(|w| line.starts_with(w));
    match welcome {
        true => Ok(line),
        false => Err(Failure::refused(Trouble::RefusedTransient, &line)),
    }
}
