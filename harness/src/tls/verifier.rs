//! Says of a certificate whether it is trusted, and if not, which one it was.

use super::trust::fingerprint;
use record::plan::server::tls::Fingerprint;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use std::io;
use std::sync::Arc;

/// Who is believed.
#[derive(Debug)]
pub(super) enum Judge {
    Authorities(Arc<WebPkiServerVerifier>),
    Pins(Vec<Fingerprint>),
    /// Whatever a server shows.
    Nobody,
}

#[derive(Debug)]
pub(super) struct Verifier {
    judge: Judge,
    provider: Arc<CryptoProvider>,
}

/// The server is not known to be the one that is meant.
#[derive(Debug, thiserror::Error)]
#[error(
    "its certificate is not trusted: {why}; it is {shown}: trust its authority by a CA file, or pin this certificate if you know it"
)]
struct Untrusted {
    why: String,
    shown: Fingerprint,
}

impl Verifier {
    pub(super) fn new(judge: Judge, provider: Arc<CryptoProvider>) -> Verifier {
        Verifier { judge, provider }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = fingerprint(certificate);
        let verified = match &self.judge {
            Judge::Nobody => Ok(()),
            Judge::Pins(pins) if pins.contains(&shown) => Ok(()),
            Judge::Pins(_) => Err("it is not the pinned one".to_owned()),
            Judge::Authorities(roots) => {
                let verified = roots.verify_server_cert(certificate, others, name, ocsp, now);
                verified.map(drop).map_err(|error| reason(&error))
            }
        };
        let refused = |why| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Untrusted { why, shown }))))
        };
        verified.map(|()| ServerCertVerified::assertion()).map_err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Without what every such error begins with.
fn reason(error: &Error) -> String {
    let Error::InvalidCertificate(why) = error else { return error.to_string() };
    match why {
        CertificateError::UnknownIssuer => "no known authority issued it".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is for another name ({why})")
        }
        CertificateError::BadSignature => {
            "no trusted authority of the name that it gives has signed it".to_owned()
        }
        other => other.to_string(),
    }
}

/// Why hands were not shaken, if it is not that the connection was lost.
pub(super) fn why_insecure(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => why.to_string(),
        Error::InvalidMessage(_) => {
            "it does not speak TLS here; is this the right port, or is STARTTLS wanted?".to_owned()
        }
        other => format!("no TLS with it: {other}"),
    })
}
