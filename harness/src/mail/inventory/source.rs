//! What an inventory is taken of.

use super::template::Template;
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An IMAP server; passwords go to it in plain text.
    Imap { address: String },
    /// Maildir++ directories.
    Maildir(Template),
}

const IMAP_PORT: u16 = 143;

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        if let Some(host) = text.strip_prefix("imap://") {
            return imap(host.trim_end_matches('/'));
        }
        match text.strip_prefix("maildir:") {
            Some(path) => path.parse().map(Source::Maildir),
            None => Err(format!("`{text}`: write imap://HOST[:PORT] or maildir:PATH")),
        }
    }
}

fn imap(host: &str) -> Result<Source, String> {
    if host.contains('@') {
        return Err("no user or password may stand in the address: `--users` names a file of them".to_owned());
    }
    let is_name = |name: &str| {
        !name.is_empty() && (!name.contains(':') || name.starts_with('[') && name.ends_with(']'))
    };
    let port = host.rsplit_once(':').filter(|(name, port)| is_name(name) && port.parse::<u16>().is_ok());
    match port {
        Some(_) => Ok(Source::Imap { address: host.to_owned() }),
        None if is_name(host) => Ok(Source::Imap { address: format!("{host}:{IMAP_PORT}") }),
        None => Err(format!("`{host}`: write imap://HOST[:PORT], an IPv6 address in brackets")),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Imap { address } => write!(f, "imap://{address}"),
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
            ("maildir:/var/vmail/%d/%n/Maildir", "maildir:/var/vmail/%d/%n/Maildir"),
        ] {
            assert_eq!(text.parse::<Source>().expect("a source").to_string(), shown);
        }
        let refused: Vec<String> =
            ["/var/mail", "imap://", "imap://ann:secret@host", "imap://host:x", "imap://::1"]
                .map(|text| text.parse::<Source>().expect_err("none"))
                .into();
        insta::assert_snapshot!(refused.join("\n"), @r"
        `/var/mail`: write imap://HOST[:PORT] or maildir:PATH
        ``: write imap://HOST[:PORT], an IPv6 address in brackets
        no user or password may stand in the address: `--users` names a file of them
        `host:x`: write imap://HOST[:PORT], an IPv6 address in brackets
        `::1`: write imap://HOST[:PORT], an IPv6 address in brackets
        ");
    }
}
