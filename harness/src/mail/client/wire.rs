//! A connection, secured or not, with one deadline for everything done on it, and limits on what it reads.

use super::failure::Failure;
use crate::tls::endpoint::Endpoint;
use crate::tls::stream::{Stream, why_insecure};
use crate::tls::trust::Secure;
use record::history::Trouble;
use reports::kit::inert::inert;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Longest line read.
pub(crate) const LINE_LIMIT: usize = 64 * 1024;

pub(crate) struct Wire {
    stream: BufReader<Stream>,
    /// One for all that is waited for: to set one up for each wait costs more than most waits.
    deadline: Pin<Box<Sleep>>,
}

impl Wire {
    /// Connects, and secures the connection where that is to be done before anything is said; this and all that follows ends within
    /// `limit`.
    ///
    /// # Errors
    /// [`Trouble::Disconnected`], [`Trouble::TimedOut`] or [`Trouble::Insecure`].
    pub(crate) async fn connect(endpoint: &Endpoint, limit: Duration) -> Result<Wire, Failure> {
        let mut deadline = Box::pin(sleep(limit));
        let lost = |trouble| Failure::unknown(trouble, None);
        let stream = within(&mut deadline, TcpStream::connect(endpoint.address())).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(|_| lost(Trouble::Disconnected))?;
        match endpoint.at_once() {
            None => Ok(Wire { stream: BufReader::new(Stream::Plain(stream)), deadline }),
            Some(secure) => wrapped(secure, stream, deadline).await,
        }
    }

    /// Secures a connection whose server has agreed to it. Whoever is on the way may have said something before that is not to count
    /// afterwards.
    ///
    /// # Errors
    /// As [`Wire::connect`].
    pub(crate) async fn secured(self, secure: &Secure) -> Result<Wire, Failure> {
        if !self.stream.buffer().is_empty() {
            let why =
                "something was said between the agreement to STARTTLS and TLS: somebody may be on the way";
            return Err(Failure::unknown(Trouble::Insecure, Some(why.to_owned())));
        }
        let stream = self.stream.into_inner().bare();
        let stream = stream.map_err(|error| Failure::unknown(Trouble::Insecure, Some(error.to_string())))?;
        wrapped(secure, stream, self.deadline).await
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
        let stream = self.stream.get_mut();
        let all = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        within(&mut self.deadline, all).await
    }

    /// Sends all of `bytes`, as many at once as the kernel takes.
    ///
    /// # Errors
    /// How many of them the kernel took at most, and why no more. What TLS holds back counts as taken.
    pub(crate) async fn send_counted(&mut self, bytes: &[u8]) -> Result<(), (usize, Trouble)> {
        let mut taken = 0;
        while taken < bytes.len() {
            match within(&mut self.deadline, self.stream.get_mut().write(&bytes[taken..])).await {
                Ok(0) => return Err((taken, Trouble::Disconnected)),
                Ok(more) => taken += more,
                Err(trouble) => return Err((taken, trouble)),
            }
        }
        within(&mut self.deadline, self.stream.get_mut().flush()).await.map_err(|trouble| (taken, trouble))
    }

    /// Sends last words if they fit into the socket at once, and closes.
    pub(crate) fn farewell(mut self, words: &[u8]) {
        self.stream.get_mut().try_write(words);
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

/// A connection that cannot be secured is of no use, however often it is tried.
async fn wrapped(secure: &Secure, stream: TcpStream, mut deadline: Pin<Box<Sleep>>) -> Result<Wire, Failure> {
    let mut why = None;
    let hands = async { secure.shake_hands(stream).await.inspect_err(|error| why = why_insecure(error)) };
    match within(&mut deadline, hands).await {
        Ok(stream) => Ok(Wire { stream: BufReader::new(stream), deadline }),
        Err(trouble) => Err(match why {
            Some(why) => Failure::unknown(Trouble::Insecure, Some(inert(&why))),
            None => Failure::unknown(trouble, None),
        }),
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
pub(crate) async fn greeting(endpoint: &Endpoint, limit: Duration) -> Result<Vec<u8>, Failure> {
    let mut wire = Wire::connect(endpoint, limit).await.map_err(Failure::before)?;
    let line = wire.line().await.map_err(|t| Failure::unknown(t, None).before())?;
    let welcome = [&b"220"[..], b"* OK", b"* PREAUTH"].iter().any(|w| line.starts_with(w));
    match welcome {
        true => Ok(line),
        false => Err(Failure::refused(Trouble::RefusedTransient, &line)),
    }
}

#[cfg(test)]
mod tests;
