//! Where a mail server's services are, how each is spoken to, and whether it greets.

use super::error::TargetError;
use crate::tls::endpoint::Endpoint;
use crate::tls::stream::Stream;
use crate::tls::trust::Secure;
use record::plan::server::tls::Channel;
use record::plan::server::{Definition, Listen};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Services by name.
pub(crate) type Services = Vec<(&'static str, Endpoint)>;

/// Those of a definition whose addresses are filled in.
///
/// # Errors
/// What is to decide whether it is the right server cannot be used.
pub(super) fn of(definition: &Definition, listen: &Listen) -> Result<Services, TargetError> {
    let all = [("lmtp", &listen.lmtp), ("smtp", &listen.smtp), ("imap", &listen.imap)];
    let there = all.into_iter().filter_map(|(name, address)| Some((name, address.as_deref()?)));
    there.map(|(name, address)| Ok((name, endpoint(definition, name, address)?))).collect()
}

fn endpoint(definition: &Definition, service: &str, address: &str) -> Result<Endpoint, TargetError> {
    let (tls, channel) = (&definition.tls, definition.tls.of(service));
    if channel == Channel::None {
        return Ok(Endpoint::plain(address));
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let secure = Secure::by(&tls.trust(), tls.name.as_deref().unwrap_or(host));
    let secure = secure.map_err(|why| TargetError::Trust { server: definition.name.clone(), why })?;
    Ok(Endpoint::secured(address, channel, Arc::new(secure)))
}

/// Reads a greeting: `220` for LMTP and SMTP, `* OK` for IMAP. One try, at most 2 s.
pub(super) async fn greeting(service: &str, endpoint: &Endpoint) -> io::Result<()> {
    let wanted: &[u8] = if service == "imap" { b"* OK" } else { b"220" };
    let read = async {
        let stream = TcpStream::connect(endpoint.address()).await?;
        let mut stream = match endpoint.at_once() {
            Some(secure) => secure.shake_hands(stream).await?,
            None => Stream::Plain(stream),
        };
        let mut got = Vec::new();
        while got.len() < wanted.len() {
            if stream.read_buf(&mut got).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "connection closed without a greeting",
                ));
            }
        }
        if got.starts_with(wanted) { Ok(()) } else { Err(io::Error::other("the greeting is not a welcome")) }
    };
    timeout(Duration::from_secs(2), read).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
