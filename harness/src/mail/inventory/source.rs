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
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let address = match host.rsplit_once(':') {
        Some((name, port)) if !bracketed && !name.is_empty() && port.parse::<u16>().is_ok() => {
            host.to_owned()
        }
        Some(_) if !bracketed => {
            return Err(format!("`{host}`: write HOST or HOST:PORT, an IPv6 address in brackets"));
        }
        _ if host.is_empty() => return Err("the host is missing: write imap://HOST[:PORT]".to_owned()),
        _ => format!("{host}:{IMAP_PORT}"),
    };
    Ok(Source::Imap { address })
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
        insta::assert_snapshot!(refused.join("\n"), @"");
    }
}
