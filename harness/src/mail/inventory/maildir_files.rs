//! What Dovecot keeps beside the messages of a Maildir: UIDs, and the names of keywords.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// `dovecot-uidlist`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UidList {
    pub(super) validity: Option<u32>,
    /// By the name of the file without its flags.
    pub(super) uids: HashMap<Vec<u8>, u32>,
}

/// Of a folder without one, none is known.
pub(super) fn uid_list(folder: &Path) -> io::Result<UidList> {
    match File::open(folder.join("dovecot-uidlist")) {
        Ok(file) => of_lines(BufReader::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(UidList::default()),
        Err(error) => Err(error),
    }
}

/// A torn last line is one that is being written.
fn of_lines(mut input: impl BufRead) -> io::Result<UidList> {
    let mut list = UidList::default();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 && line.pop() == Some(b'\n') {
        match list.validity {
            None => {
                list.validity = Some(validity(&line).ok_or_else(|| {
                    io::Error::other("dovecot-uidlist: its first line names no UIDVALIDITY")
                })?)
            }
            Some(_) => list.uids.extend(entry(&line)),
        }
        line.clear();
    }
    Ok(list)
}

/// `3 V1700000000 N5 G...`
fn validity(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    let words = text.strip_prefix("3 ")?.split(' ');
    words.filter_map(|word| word.strip_prefix('V')).find_map(|word| word.parse().ok())
}

/// `7 S123 :1700000000.M1P1.host`
fn entry(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let colon = line.iter().position(|b| *b == b':')?;
    let uid = std::str::from_utf8(line[..colon].split(|b| *b == b' ').next()?).ok()?.parse().ok()?;
    Some((base(&line[colon + 1..]).to_vec(), uid))
}

/// The name of a message's file without its flags, which change.
pub(super) fn base(name: &[u8]) -> &[u8] {
    name.split(|b| *b == b':').next().unwrap_or(name)
}

/// `dovecot-keywords`: what the letters `a` to `z` stand for.
pub(super) fn keywords(folder: &Path) -> io::Result<HashMap<u8, String>> {
    let text = match std::fs::read_to_string(folder.join("dovecot-keywords")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let letter = |line: &str| {
        let (number, name) = line.split_once(' ')?;
        let number: u8 = number.parse().ok().filter(|number| *number < 26)?;
        Some((b'a' + number, name.to_owned()))
    };
    Ok(text.lines().filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_list_is_read_but_for_a_torn_line() {
        let text = b"3 V1700000000 N9 G0af\n1 :a.host\n7 S12 W13 :b.host,S=12:2,S\n8 :c.ho";
        let list = of_lines(&text[..]).expect("a list");
        assert_eq!(list.validity, Some(1_700_000_000));
        let uids =
            [&b"a.host"[..], b"b.host,S=12", b"c.host", b"c.ho"].map(|name| list.uids.get(name).copied());
        assert_eq!(uids, [Some(1), Some(7), None, None]);
        assert!(of_lines(&b"1 1700000000 9\n"[..]).is_err());
    }
}
