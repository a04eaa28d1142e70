//! How connections to a server are kept from others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What is said of TLS in a target file: service by service, and what the server is trusted by. Without `ca`, `certificate`
/// and `verify` the authorities count that this machine trusts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tls {
    /// IMAP. Default `none`.
    pub imap: Channel,
    /// SMTP. Default `none`.
    pub smtp: Channel,
    /// LMTP. Default `none`.
    pub lmtp: Channel,
    /// File of the certificate authorities that are trusted, in PEM; beside the target file if it is no absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// SHA-256 of the certificate that the server shows, in hexadecimal, as `openssl x509 -fingerprint -sha256` prints it: this one,
    /// whoever issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Fingerprint>,
    /// `false`: whatever the server shows is believed, and so is whoever is on the way to it. Every output says so.
    pub verify: bool,
    /// The name that the certificate is for. Default: the host in the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Default for Tls {
    fn default() -> Tls {
        let none = Channel::None;
        Tls { imap: none, smtp: none, lmtp: none, ca: None, certificate: None, verify: true, name: None }
    }
}

impl Tls {
    pub fn is_default(&self) -> bool {
        *self == Tls::default()
    }

    /// Of `imap`, `smtp` or `lmtp`.
    pub fn of(&self, service: &str) -> Channel {
        match service {
            "imap" => self.imap,
            "smtp" => self.smtp,
            _ => self.lmtp,
        }
    }

    pub fn trust(&self) -> Trust {
        match (self.verify, &self.certificate, &self.ca) {
            (false, ..) => Trust::Nobody,
            (true, Some(pin), _) => Trust::Pinned(vec![*pin]),
            (true, None, Some(file)) => Trust::Authorities(file.clone()),
            (true, None, None) => Trust::Machine,
        }
    }

    /// Some service has it.
    pub fn is_used(&self) -> bool {
        [self.imap, self.smtp, self.lmtp].iter().any(|channel| *channel != Channel::None)
    }

    /// Files beside the target file, found from anywhere.
    pub fn beside(&mut self, home: &Path) {
        self.ca = self.ca.take().map(|file| home.join(file));
    }

    /// Two of them would contradict each other.
    pub(super) fn ways_to_trust(&self) -> usize {
        usize::from(!self.verify) + usize::from(self.certificate.is_some()) + usize::from(self.ca.is_some())
    }
}

/// How a connection begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// In plain text: whoever is on the way reads it, passwords too.
    #[default]
    None,
    /// With TLS from its first byte, as on ports 993 and 465.
    Implicit,
    /// In plain text until the server has agreed to STARTTLS, as on ports 143, 587 and 25. Without it nothing more is said.
    Starttls,
}

/// What a server is believed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    Machine,
    /// Those of a file.
    Authorities(PathBuf),
    /// One of these certificates, whoever issued it.
    Pinned(Vec<Fingerprint>),
    /// Anything is believed.
    Nobody,
}

/// SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Fingerprint(pub [u8; 32]);

/// A text that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no SHA-256 of a certificate: write 64 hexadecimal digits, with colons or without, as `openssl x509 -noout -fingerprint -sha256` prints it"
)]
pub struct NoFingerprint(String);

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let wrong = || NoFingerprint(text.chars().take(100).collect());
        let bare = text.trim();
        let bare =
            bare.rsplit_once('=').or_else(|| bare.split_once("sha256:")).map_or(bare, |(_, digits)| digits);
        let digits: Option<Vec<u32>> = bare.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect();
        let digits = digits.ok_or_else(wrong)?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
        let whole = bytes.len() * 2 == digits.len();
        bytes.try_into().ok().filter(|_| whole).map(Fingerprint).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(text: String) -> Result<Fingerprint, NoFingerprint> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_tools_print_it() {
        let plain = "0fab".repeat(16);
        let colons: Vec<String> =
            plain.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_uppercase()).collect();
        let printed = format!("sha256 Fingerprint={}", colons.join(":"));
        for text in [plain.as_str(), &printed, &format!("sha256:{plain}")] {
            assert_eq!(text.parse::<Fingerprint>().expect(text).to_string(), format!("sha256:{plain}"));
        }
        for text in ["", "sha256:", &plain[1..], &plain[2..], &format!("{plain}0f"), &plain.replace('f', "g")]
        {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_one_thing_decides_whom_to_trust() {
        let tls: Tls = toml::from_str("imap = 'implicit'\nca = 'ca.pem'").expect("it is well-formed");
        assert_eq!(tls.trust(), Trust::Authorities("ca.pem".into()));
        assert_eq!(
            (tls.of("imap"), tls.of("smtp"), tls.ways_to_trust()),
            (Channel::Implicit, Channel::None, 1)
        );
        assert_eq!(Tls { verify: false, ..tls.clone() }.ways_to_trust(), 2);
        assert_eq!(Tls::default().trust(), Trust::Machine);
    }
}
