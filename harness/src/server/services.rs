//! Where a mail server's services are, and how each is spoken to.

use super::error::TargetError;
use crate::tls::endpoint::Endpoint;
use crate::tls::trust::Secure;
use record::plan::server::tls::Channel;
use record::plan::server::{Definition, Listen};
use std::sync::Arc;

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
