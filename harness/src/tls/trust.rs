//! What decides whether a server is the one it is taken for.

use super::stream::Stream;
use super::verifier::{Judge, Verifier};
use record::plan::server::tls::{Fingerprint, Trust};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Why nothing can be trusted as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTrust {
    #[error("the CA file {} cannot be used: {why}; name a file of certificates in PEM", file.display())]
    Authorities { file: PathBuf, why: String },
    #[error(
        "this machine knows no certificate authorities{0}; name a CA file, or pin the server's certificate"
    )]
    NoAuthorities(String),
    #[error("`{name}` is no name that a certificate can be for: {error}")]
    Name { name: String, error: InvalidDnsNameError },
    #[error("TLS cannot be set up: {0}")]
    SetUp(#[from] rustls::Error),
}

/// How connections to one server are made safe.
pub(crate) struct Secure {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Secure {
    /// `name` is what the certificate has to be for.
    pub(crate) fn by(trust: &Trust, name: &str) -> Result<Secure, NoTrust> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(judge(trust, &provider)?, provider.clone());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let bare = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let server = ServerName::try_from(bare);
        let name = server.map_err(|error| NoTrust::Name { name: name.to_owned(), error })?;
        Ok(Secure { connector, name })
    }

    /// Both sides agree on keys, and the server proves who it is.
    ///
    /// # Errors
    /// They do not, or it does not.
    pub(crate) async fn shake_hands(&self, stream: TcpStream) -> io::Result<Stream> {
        let connected = self.connector.connect(self.name.clone(), stream).await?;
        Ok(Stream::Tls(Box::new(connected)))
    }
}

fn judge(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Judge, NoTrust> {
    let by = |roots: RootCertStore| {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        builder.build().map(Judge::Authorities)
    };
    match trust {
        Trust::Nobody => Ok(Judge::Nobody),
        Trust::Pinned(pins) => Ok(Judge::Pins(pins.clone())),
        Trust::Authorities(file) => {
            let unusable = |why: String| NoTrust::Authorities { file: file.clone(), why };
            let roots = of_file(file).map_err(&unusable)?;
            by(roots).map_err(|error| unusable(error.to_string()))
        }
        Trust::Machine => {
            let (roots, trouble) = of_the_machine();
            by(roots).map_err(|_| NoTrust::NoAuthorities(trouble))
        }
    }
}

fn of_file(file: &Path) -> Result<RootCertStore, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| format!("it is no PEM file ({error:?})"))?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(roots),
    }
}

/// What cannot be read is said if nothing is left.
fn of_the_machine() -> (RootCertStore, String) {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let trouble = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    (roots, trouble)
}

/// SHA-256 of a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    let digest = ::ring::digest::digest(&::ring::digest::SHA256, certificate.as_ref());
    Fingerprint(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}
