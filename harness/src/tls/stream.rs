//! A connection, wrapped or not.

use super::verifier;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Sends what fits at once, and waits for nothing.
    pub(crate) fn try_write(&mut self, words: &[u8]) {
        match self {
            Stream::Plain(stream) => drop(stream.try_write(words)),
            Stream::Tls(stream) => {
                let mut at_once = Context::from_waker(Waker::noop());
                let mut stream = Pin::new(stream);
                // Farewells: whether they are heard does not count.
                let _ = stream.as_mut().poll_write(&mut at_once, words);
                let _ = stream.as_mut().poll_flush(&mut at_once);
            }
        }
    }

    /// # Errors
    /// It is wrapped already.
    pub(crate) fn bare(self) -> io::Result<TcpStream> {
        match self {
            Stream::Plain(stream) => Ok(stream),
            Stream::Tls(_) => Err(io::Error::other("the connection is secured already")),
        }
    }
}

/// Why a handshake came to nothing, if it is not that the connection was lost: no other try will do better.
pub(crate) fn why_insecure(error: &io::Error) -> Option<String> {
    verifier::why_insecure(error)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
