//! Just enough of SMTP and IMAP to know whose mail it is. Pure.

use super::admission::user_name;

/// What an SMTP or LMTP command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// HELO, EHLO, LHLO.
    Hello,
    Mail,
    Rcpt,
    Data,
    Reset,
    Quit,
    /// NOOP.
    Nothing,
    /// What would hide what follows from us: BDAT, STARTTLS, AUTH.
    Opaque,
    Other,
}

/// What a command line asks.
pub(crate) fn verb(line: &[u8]) -> Verb {
    let end = line.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(line.len());
    match line[..end].to_ascii_uppercase().as_slice() {
        b"HELO" | b"EHLO" | b"LHLO" => Verb::Hello,
        b"MAIL" => Verb::Mail,
        b"RCPT" => Verb::Rcpt,
        b"DATA" => Verb::Data,
        b"RSET" => Verb::Reset,
        b"QUIT" => Verb::Quit,
        b"NOOP" => Verb::Nothing,
        b"BDAT" | b"STARTTLS" | b"AUTH" => Verb::Opaque,
        _ => Verb::Other,
    }
}

/// The address in `MAIL FROM:<address>` or `RCPT TO:<address>`, without brackets.
pub(crate) fn address(line: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, after) = text.split_once(':')?;
    let (address, _) = after.trim_start().strip_prefix('<')?.split_once('>')?;
    let plain = !address.contains(['"', '\\', '<']) && !address.chars().any(char::is_control);
    plain.then(|| address.to_owned())
}

/// A reply's code, 0 if it has none, and whether more lines follow.
pub(crate) fn reply_code(line: &[u8]) -> (u16, bool) {
    let digits = line.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit));
    let code = digits.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).unwrap_or(0);
    (code, code != 0 && line.get(3) == Some(&b'-'))
}

/// An IMAP command before the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Imap {
    /// LOGIN, and the user's name.
    Login(String),
    Capability,
    /// NOOP.
    Nothing,
    Logout,
    /// What would hide the user from us: AUTHENTICATE, STARTTLS, COMPRESS, a literal.
    Opaque,
    Other,
}

/// Tag and command of a line.
pub(crate) fn imap(line: &[u8]) -> Option<(String, Imap)> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let (tag, rest) = text.split_once(' ')?;
    let valid = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_graphic() && !b"+*(){%\"\\".contains(&b));
    let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
    let command = match verb.to_ascii_uppercase().as_str() {
        _ if text.ends_with('}') => Imap::Opaque,
        "LOGIN" => first_word(arguments).map_or(Imap::Opaque, |user| Imap::Login(user_name(&user))),
        "CAPABILITY" => Imap::Capability,
        "NOOP" => Imap::Nothing,
        "LOGOUT" => Imap::Logout,
        "AUTHENTICATE" | "STARTTLS" | "COMPRESS" => Imap::Opaque,
        _ => Imap::Other,
    };
    valid.then(|| (tag.to_owned(), command))
}

/// An atom or a quoted string.
fn first_word(arguments: &str) -> Option<String> {
    let Some(quoted) = arguments.strip_prefix('"') else {
        return arguments.split(' ').next().filter(|atom| !atom.is_empty()).map(str::to_owned);
    };
    let mut word = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some(word),
            '\\' => word.push(chars.next()?),
            c => word.push(c),
        }
    }
}

/// What is said when the spool is full.
pub(crate) const FULL: &str = "452 4.3.1 insufficient system storage";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_in_any_case() {
        assert_eq!(verb(b"mail FROM:<a@b>\r\n"), Verb::Mail);
        assert_eq!(verb(b"DATA\r\n"), Verb::Data);
        assert_eq!(
            (verb(b"BDAT 7 LAST\r\n"), verb(b""), verb(b"\xff\r\n")),
            (Verb::Opaque, Verb::Other, Verb::Other)
        );
    }

    #[test]
    fn addresses_are_what_stands_in_brackets() {
        assert_eq!(address(b"RCPT TO:<u1@x>\r\n").as_deref(), Some("u1@x"));
        assert_eq!(address(b"MAIL FROM: <> BODY=8BITMIME\r\n").as_deref(), Some(""));
        for wrong in [
            &b"RCPT TO:u1@x\r\n"[..],
            b"RCPT TO:<u1@x\r\n",
            b"RCPT TO:<\"a\"@x>\r\n",
            b"RCPT\r\n",
            b"\xff:<a>",
        ] {
            assert_eq!(address(wrong), None);
        }
    }

    #[test]
    fn replies_have_a_code_and_may_go_on() {
        assert_eq!(reply_code(b"250-a\r\n"), (250, true));
        assert_eq!(reply_code(b"451 a\r\n"), (451, false));
        assert_eq!(reply_code(b"abc-\r\n"), (0, false));
        assert_eq!(reply_code(b""), (0, false));
    }

    #[test]
    fn a_login_names_its_user() {
        let user = |line: &str| imap(line.as_bytes()).map(|(_, command)| command);
        assert_eq!(user("a LOGIN u1 secret\r\n"), Some(Imap::Login("u1".into())));
        assert_eq!(user("a login \"U\\\"1@x\" \"a b\"\r\n"), Some(Imap::Login("u\"1".into())));
        assert_eq!(user("a LOGIN {3}\r\n"), Some(Imap::Opaque));
        assert_eq!(user("a LOGIN u1 {3+}\r\n"), Some(Imap::Opaque));
        assert_eq!(user("a LOGIN \"u1\r\n"), Some(Imap::Opaque));
        assert_eq!(user("a AUTHENTICATE PLAIN\r\n"), Some(Imap::Opaque));
        assert_eq!(user("* LOGIN u1 x\r\n"), None);
        assert_eq!(user("LOGOUT\r\n"), None);
        assert_eq!(imap(b"a1 logout\r\n"), Some(("a1".into(), Imap::Logout)));
    }
}
