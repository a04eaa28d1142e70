//! What an inventory is taken of.

use super::template::Template;
use crate::tls::endpoint::Endpoint;
use crate::tls::trust::{NoTrust, Secure};
use record::plan::quoted;
use record::plan::server::sign_in::Mechanism;
use record::plan::server::tls::{Channel, Trust};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Imap(Imap),
    /// Maildir++ directories.
    Maildir(Template),
}

/// An IMAP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imap {
    /// `host:port`
    address: String,
    channel: Channel,
    access: Access,
}

/// What is the same for every IMAP server of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) trust: Trust,
    pub(crate) sign_in: Mechanism,
}

impl Default for Access {
    fn default() -> Access {
        Access { trust: Trust::Machine, sign_in: Mechanism::Any }
    }
}

impl Access {
    /// The options that give it again.
    pub(crate) fn options(&self) -> String {
        let trust = match &self.trust {
            Trust::Machine => String::new(),
            Trust::Authorities(file) => format!(" --ca {}", quoted(&file.display().to_string())),
            Trust::Pinned(pins) => pins.iter().map(|pin| format!(" --certificate {pin}")).collect(),
            Trust::Nobody => " --no-verification".to_owned(),
        };
        match self.sign_in {
            Mechanism::Any => trust,
            other => format!("{trust} --sign-in {other}"),
        }
    }
}

/// How the address of an IMAP server begins, how it is spoken to, and its usual port.
const SCHEMES: [(&str, Channel, u16); 3] = [
    ("imaps://", Channel::Implicit, 993),
    ("imap+starttls://", Channel::Starttls, 143),
    ("imap://", Channel::None, 143),
];

const SPELLING: &str = "imaps://HOST[:PORT], imap+starttls://HOST[:PORT], imap://HOST[:PORT] or maildir:PATH";

impl Source {
    /// Whether a text names a store, and no file of an inventory.
    pub(crate) fn is_named_by(text: &str) -> bool {
        text.starts_with("maildir:") || SCHEMES.iter().any(|(scheme, ..)| text.starts_with(scheme))
    }

    pub(crate) fn with_access(self, access: &Access) -> Source {
        match self {
            Source::Imap(imap) => Source::Imap(Imap { access: access.clone(), ..imap }),
            Source::Maildir(template) => Source::Maildir(template),
        }
    }

    /// What somebody on the way to it could do, if anything.
    pub(crate) fn exposed(&self) -> Option<String> {
        let Source::Imap(imap) = self else { return None };
        match imap.channel {
            Channel::None if imap.is_here() => None,
            Channel::None => Some(format!(
                "{self}: passwords and mail go in plain text, and whoever is on the way reads them"
            )),
            Channel::Implicit | Channel::Starttls if imap.is_unverified() => Some(format!(
                "{self}: whoever is on the way may be taken for the server, and get every password"
            )),
            Channel::Implicit | Channel::Starttls => None,
        }
    }
}

impl Imap {
    pub(super) fn endpoint(&self) -> Result<Endpoint, NoTrust> {
        if self.channel == Channel::None {
            return Ok(Endpoint::plain(&self.address));
        }
        let secure = Secure::by(&self.access.trust, self.host())?;
        Ok(Endpoint::secured(&self.address, self.channel, Arc::new(secure)))
    }

    pub(super) fn sign_in(&self) -> Mechanism {
        self.access.sign_in
    }

    fn host(&self) -> &str {
        self.address.rsplit_once(':').map_or(&self.address, |(host, _)| host)
    }

    /// Nobody is on the way.
    fn is_here(&self) -> bool {
        let bare = self.host().trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn is_unverified(&self) -> bool {
        self.channel != Channel::None && self.access.trust == Trust::Nobody
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        let of = |&(scheme, channel, port): &(&str, Channel, u16)| {
            Some((text.strip_prefix(scheme)?, channel, port))
        };
        if let Some((host, channel, port)) = SCHEMES.iter().find_map(of) {
            let address = address(host.trim_end_matches('/'), port)?;
            return Ok(Source::Imap(Imap { address, channel, access: Access::default() }));
        }
        match text.strip_prefix("maildir:") {
            Some(path) => path.parse().map(Source::Maildir),
            // It may be an address with a password in it.
            None if text.contains('@') => Err(format!("write {SPELLING}")),
            None => Err(format!("`{text}`: write {SPELLING}")),
        }
    }
}

fn address(host: &str, usual: u16) -> Result<String, String> {
    if host.contains('@') {
        return Err("no user or password may stand in the address: `--users` names a file of them".to_owned());
    }
    let is_name = |name: &str| {
        !name.is_empty() && (!name.contains(':') || name.starts_with('[') && name.ends_with(']'))
    };
    let port = host.rsplit_once(':').filter(|(name, port)| is_name(name) && port.parse::<u16>().is_ok());
    match port {
        Some(_) => Ok(host.to_owned()),
        None if is_name(host) => Ok(format!("{host}:{usual}")),
        None => Err(format!("`{host}`: write HOST[:PORT], an IPv6 address in brackets")),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Imap(imap) => {
                let scheme = SCHEMES.iter().find(|(_, channel, _)| *channel == imap.channel);
                let scheme = scheme.map_or("imap://", |(scheme, ..)| scheme);
                let unverified = if imap.is_unverified() { " (certificate not verified)" } else { "" };
                write!(f, "{scheme}{}{unverified}", imap.address)
            }
            Source::Maildir(template) => write!(f, "maildir:{template}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_spelled_in_one_way() {
        for (text, shown) in [
            ("imap://mail.example.it", "imap://mail.example.it:143"),
            ("imap://[::1]:1143/", "imap://[::1]:1143"),
            ("imap://[::1]", "imap://[::1]:143"),
            ("imaps://mail.example.it", "imaps://mail.example.it:993"),
            ("imap+starttls://mail.example.it/", "imap+starttls://mail.example.it:143"),
            ("maildir:/var/vmail/%d/%n/Maildir", "maildir:/var/vmail/%d/%n/Maildir"),
        ] {
            assert_eq!(text.parse::<Source>().expect("a source").to_string(), shown);
        }
        let refused: Vec<String> = [
            "/var/mail",
            "smtp://ann:secret@host",
            "imap://",
            "imap://ann:secret@host",
            "imap://host:x",
            "imap://::1",
        ]
        .map(|text| text.parse::<Source>().expect_err("none"))
        .into();
        insta::assert_snapshot!(refused.join("\n"), @r"
        `/var/mail`: write imaps://HOST[:PORT], imap+starttls://HOST[:PORT], imap://HOST[:PORT] or maildir:PATH
        write imaps://HOST[:PORT], imap+starttls://HOST[:PORT], imap://HOST[:PORT] or maildir:PATH
        ``: write HOST[:PORT], an IPv6 address in brackets
        no user or password may stand in the address: `--users` names a file of them
        `host:x`: write HOST[:PORT], an IPv6 address in brackets
        `::1`: write HOST[:PORT], an IPv6 address in brackets
        ");
    }

    #[test]
    fn whoever_could_listen_is_said() {
        let shown = |text: &str, trust| {
            let source: Source = text.parse().expect("a source");
            let source = source.with_access(&Access { trust, sign_in: Mechanism::Any });
            source.exposed().unwrap_or_else(|| format!("{source}: nobody"))
        };
        let all = [
            shown("imap://localhost", Trust::Nobody),
            shown("imap://[::1]", Trust::Machine),
            shown("imap://mail.example.it", Trust::Machine),
            shown("imaps://mail.example.it", Trust::Machine),
            shown("imap+starttls://mail.example.it", Trust::Nobody),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        imap://localhost:143: nobody
        imap://[::1]:143: nobody
        imap://mail.example.it:143: passwords and mail go in plain text, and whoever is on the way reads them
        imaps://mail.example.it:993: nobody
        imap+starttls://mail.example.it:143 (certificate not verified): whoever is on the way may be taken for the server, and get every password
        ");
    }
}
