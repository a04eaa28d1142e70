//! SEARCH over flags, numbers, sizes, dates, header fields and text (bytes, ASCII case ignored, nothing decoded).

use std::io;
use std::time::SystemTime;

use imap_types::search::SearchKey;

use super::command::text;
use super::fetch::{field_list, header, is_named};
use super::session::{Answer, Handled, Selected, Session};
use crate::flags::Flags;

/// One message under test; its bytes are read when a key needs them.
struct Candidate<'a> {
    selected: &'a Selected,
    number: usize,
    uid: u32,
    flags: Flags,
}

impl Session<'_> {
    pub(super) fn search(&mut self, key: &SearchKey<'_>, by_uid: bool) -> Handled {
        let Some(selected) = &self.selected else { return Ok(Answer::bad("select a mailbox first")) };
        let mut found = String::new();
        for (at, (uid, old)) in selected.messages.iter().enumerate() {
            let flags = selected.mailbox.flags(*uid).unwrap_or(*old);
            let candidate = Candidate { selected, number: at + 1, uid: *uid, flags };
            if candidate.matches(key)? {
                found.push_str(&format!(" {}", if by_uid { *uid as usize } else { at + 1 }));
            }
        }
        self.line(&format!("* SEARCH{found}"));
        Ok(Answer::ok("done"))
    }
}

impl Candidate<'_> {
    fn matches(&self, key: &SearchKey<'_>) -> io::Result<bool> {
        let has = |flag| Ok(self.flags.has(flag));
        let lacks = |flag| Ok(!self.flags.has(flag));
        match key {
            SearchKey::And(keys) => self.all(keys.as_ref()),
            SearchKey::Or(one, other) => Ok(self.matches(one)? || self.matches(other)?),
            SearchKey::Not(inner) => Ok(!self.matches(inner)?),
            SearchKey::All | SearchKey::Old | SearchKey::Unkeyword(_) => Ok(true),
            SearchKey::New | SearchKey::Recent | SearchKey::Keyword(_) => Ok(false),
            SearchKey::Answered => has(Flags::ANSWERED),
            SearchKey::Deleted => has(Flags::DELETED),
            SearchKey::Draft => has(Flags::DRAFT),
            SearchKey::Flagged => has(Flags::FLAGGED),
            SearchKey::Seen => has(Flags::SEEN),
            SearchKey::Unanswered => lacks(Flags::ANSWERED),
            SearchKey::Undeleted => lacks(Flags::DELETED),
            SearchKey::Undraft => lacks(Flags::DRAFT),
            SearchKey::Unflagged => lacks(Flags::FLAGGED),
            SearchKey::Unseen => lacks(Flags::SEEN),
            SearchKey::SequenceSet(set) => {
                Ok(self.selected.resolve(set, false).is_some_and(|list| list.contains(&self.me())))
            }
            SearchKey::Uid(set) => {
                Ok(self.selected.resolve(set, true).is_some_and(|list| list.contains(&self.me())))
            }
            other => self.matches_content(other),
        }
    }

    fn matches_content(&self, key: &SearchKey<'_>) -> io::Result<bool> {
        match key {
            SearchKey::Larger(size) => Ok(self.stat()?.1 > u64::from(*size)),
            SearchKey::Smaller(size) => Ok(self.stat()?.1 < u64::from(*size)),
            SearchKey::Since(day) => Ok(self.day()? >= day.as_ref().to_string()),
            SearchKey::Before(day) => Ok(self.day()? < day.as_ref().to_string()),
            SearchKey::On(day) => Ok(self.day()? == day.as_ref().to_string()),
            SearchKey::Header(field, value) => self.field(&text(field), &text(value)),
            SearchKey::Subject(value) => self.field("Subject", &text(value)),
            SearchKey::From(value) => self.field("From", &text(value)),
            SearchKey::To(value) => self.field("To", &text(value)),
            SearchKey::Cc(value) => self.field("Cc", &text(value)),
            SearchKey::Bcc(value) => self.field("Bcc", &text(value)),
            SearchKey::Text(value) => Ok(contains(&self.bytes()?, &text(value))),
            SearchKey::Body(value) => {
                let bytes = self.bytes()?;
                Ok(contains(&bytes[header(&bytes).len()..], &text(value)))
            }
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this search key is not offered")),
        }
    }

    fn all(&self, keys: &[SearchKey<'_>]) -> io::Result<bool> {
        for key in keys {
            if !self.matches(key)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn me(&self) -> (usize, u32) {
        (self.number, self.uid)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        Ok(self.selected.mailbox.read(self.uid)?.map(|stored| stored.bytes).unwrap_or_default())
    }

    fn stat(&self) -> io::Result<(SystemTime, u64)> {
        Ok(self.selected.mailbox.stat(self.uid)?.unwrap_or((SystemTime::UNIX_EPOCH, 0)))
    }

    fn day(&self) -> io::Result<String> {
        let stamp = jiff::Timestamp::try_from(self.stat()?.0).map_err(io::Error::other)?;
        Ok(stamp.strftime("%Y-%m-%d").to_string())
    }

    fn field(&self, name: &str, value: &str) -> io::Result<bool> {
        let bytes = self.bytes()?;
        let mut named = field_list(&bytes).into_iter().filter(|field| is_named(field, name));
        Ok(named.any(|field| contains(&field[name.len()..], value)))
    }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    let (bytes, needle) = (bytes.to_ascii_lowercase(), needle.to_ascii_lowercase());
    memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
}
