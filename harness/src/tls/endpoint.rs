//! Where a service is, and how it is spoken to.

use super::trust::Secure;
use record::plan::server::tls::Channel;
use std::fmt;
use std::sync::Arc;

/// A service's `host:port`, with what its connections need. Two are the same if they lead to the same place in the same way.
#[derive(Clone)]
pub struct Endpoint {
    address: Arc<str>,
    channel: Channel,
    /// There wherever the channel is not plain.
    secure: Option<Arc<Secure>>,
}

impl Endpoint {
    /// Nothing is hidden from whoever is on the way.
    pub fn plain(address: &str) -> Endpoint {
        Endpoint { address: address.into(), channel: Channel::None, secure: None }
    }

    pub(crate) fn secured(address: &str, channel: Channel, secure: Arc<Secure>) -> Endpoint {
        let secure = (channel != Channel::None).then_some(secure);
        Endpoint { address: address.into(), channel, secure }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What a connection is wrapped in as soon as it is there.
    pub(crate) fn at_once(&self) -> Option<&Secure> {
        self.secure.as_deref().filter(|_| self.channel == Channel::Implicit)
    }

    /// What a connection is wrapped in once the server has agreed.
    pub(crate) fn once_agreed(&self) -> Option<&Secure> {
        self.secure.as_deref().filter(|_| self.channel == Channel::Starttls)
    }
}

impl From<String> for Endpoint {
    fn from(address: String) -> Endpoint {
        Endpoint::plain(&address)
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Endpoint) -> bool {
        (&self.address, self.channel) == (&other.address, other.channel)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.address, self.channel)
    }
}
