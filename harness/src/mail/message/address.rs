//! Addresses in a field that no mail server has a reason to touch.
//!
//! An originating server may qualify a name without a domain, replace a domain by its canonical form, and write a list of
//! addresses in its own way (RFC 5321, 6.4; RFC 6409, 8). What is left as it is, but for white space: a list of `name@domain` and
//! `Phrase <name@domain>` in ASCII, without comments, groups, routes, escapes, and with a dot in each domain.

/// The value of a field is such a list.
pub(crate) fn regular(value: &[u8]) -> bool {
    let Some(parts) = apart(value) else { return false };
    parts.iter().all(|part| mailbox(part.trim_ascii()))
}

/// Parts between commas that are not within quotes; none if a quote is not closed.
fn apart(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut quoted = false;
    let outside = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    let parts: Vec<&[u8]> = value.split(outside).collect();
    value.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2).then_some(parts)
}

fn mailbox(part: &[u8]) -> bool {
    match part.strip_suffix(b">") {
        None => address(part),
        Some(rest) => {
            memchr::memrchr(b'<', rest).is_some_and(|at| phrase(&rest[..at]) && address(&rest[at + 1..]))
        }
    }
}

/// Words, each of which may be quoted.
fn phrase(text: &[u8]) -> bool {
    text.split(|b| *b == b'"').enumerate().all(|(index, part)| {
        let quoted = index % 2 == 1;
        part.iter().all(|b| if quoted { between_quotes(*b) } else { in_a_word(*b) })
    })
}

fn between_quotes(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic() && byte != b'\\'
}

fn in_a_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_alphanumeric() || b"!#$&'*+-./=?^_`{|}~".contains(&byte)
}

fn address(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', text) else { return false };
    let (name, domain) = (&text[..at], &text[at + 1..]);
    let of = |part: &[u8], also: &[u8]| {
        !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || also.contains(b))
    };
    let mut labels = domain.split(|b| *b == b'.');
    name.split(|b| *b == b'.').all(|atom| of(atom, b"_+-="))
        && domain.contains(&b'.')
        && labels.all(|l| of(l, b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lists_are_regular() {
        for text in [
            "ann@example.test",
            "<ann@example.test>",
            "Ann <ann@example.test>",
            "\"Ann, of <x>\" <a.n_n+list=1@mail.example.test>, bob@x.test,\r\n\tCyd  D.\t<cyd@y.test>",
            "=?UTF-8?Q?Andr=C3=A9?= <andre@example.test>",
        ] {
            assert!(regular(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_a_server_may_rewrite_is_not() {
        for text in [
            "",
            "ann",
            "ann@localhost",
            "ann@example.test.",
            "ann@[192.0.2.1]",
            "undisclosed-recipients:;",
            "ann@example.test (Ann)",
            "Ann <ann>",
            "<@relay.test:ann@example.test>",
            "host!ann@example.test",
            "ann%x@example.test",
            "\"Ann <ann@example.test>",
            "\"An\\\"n\" <ann@example.test>",
            "ann@example.test,",
            "ann@example.test, , bob@example.test",
            "Ann <ann@example.test> x",
            "a@b@c.test",
            ".a@c.test",
            "Andr\u{e9} <andre@example.test>",
        ] {
            assert!(!regular(text.as_bytes()), "{text}");
        }
    }
}
