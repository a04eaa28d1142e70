//! The header of a message as its fields. Of any bytes: nothing is demanded of them.

/// A field with the lines that continue it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// All of it, line ends included.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// What stands before its colon, without white space after it; none of a line that is no field.
    pub fn name(&self) -> Option<&'a [u8]> {
        let colon = memchr::memchr(b':', self.raw)?;
        let name = self.raw[..colon].trim_ascii_end();
        (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
    }

    /// It has this name, in whatever case.
    pub fn is(&self, name: &str) -> bool {
        self.name().is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// What stands behind its colon, line ends and white space within included.
    pub fn value(&self) -> &'a [u8] {
        let colon = memchr::memchr(b':', self.raw).map_or(self.raw.len(), |colon| colon + 1);
        self.raw[colon..].trim_ascii()
    }
}

/// The fields, and what follows the empty line after them; nothing if there is none.
pub fn split(message: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let (mut fields, mut from, mut at) = (Vec::new(), 0, 0);
    for line in message.split_inclusive(|b| *b == b'\n') {
        let continues = at > from && matches!(line[0], b' ' | b'\t');
        if !continues && at > from {
            fields.push(Field { raw: &message[from..at] });
            from = at;
        }
        at += line.len();
        if trimmed(line).is_empty() {
            return (fields, &message[at..]);
        }
    }
    if at > from {
        fields.push(Field { raw: &message[from..at] });
    }
    (fields, &[])
}

/// A line without its end.
pub fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(message: &str) -> (Vec<&str>, &str) {
        let text = |bytes| std::str::from_utf8(bytes).expect("it was text");
        let (fields, body) = split(message.as_bytes());
        (fields.iter().map(|field| text(field.raw)).collect(), text(body))
    }

    #[test]
    fn a_header_is_its_fields_and_ends_at_the_empty_line() {
        assert_eq!(
            shown("A: 1\r\n\tmore\r\nB: 2\r\n\r\nC: 3\r\n"),
            (vec!["A: 1\r\n\tmore\r\n", "B: 2\r\n"], "C: 3\r\n")
        );
        assert_eq!(shown("A: 1\nB: 2"), (vec!["A: 1\n", "B: 2"], ""));
        assert_eq!(shown("\nbody"), (vec![], "body"));
        assert_eq!(shown(""), (vec![], ""));
    }

    #[test]
    fn names_end_before_the_colon_and_values_are_trimmed() {
        let field = Field { raw: b"Subject \t: a\r\n b\r\n" };
        assert_eq!((field.name(), field.value()), (Some(&b"Subject"[..]), &b"a\r\n b"[..]));
        assert!(field.is("SUBJECT") && !field.is("Subject2"));
        for none in ["no field\r\n", ": x\r\n", "a b: x\r\n", "\u{e9}: x\r\n"] {
            assert_eq!(Field { raw: none.as_bytes() }.name(), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_found(message in proptest::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(b' '), Just(b':'), any::<u8>()
        ], 0..120)) {
            let (fields, body) = split(&message);
            let header: usize = fields.iter().map(|field| field.raw.len()).sum();
            let between = message.len() - header - body.len();
            prop_assert!(between <= 2 && message[header..header + between].iter().all(|b| matches!(b, b'\r' | b'\n')));
        }
    }
}
