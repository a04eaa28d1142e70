//! A FETCH response as a copy of a message, known as soon as it is read.

use super::response::Value;
use jiff::Timestamp;
use record::history::identity::identify;
use record::history::token::RunToken;
use record::history::{Copy, Uid};
use record::inventory::line::{Facts, Message};

/// How to read with [`super::imap::Session::fetch`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Copies of other runs have no attempt.
    pub run: RunToken,
    /// UIDVALIDITY of the mailbox.
    pub validity: u32,
    /// Whole messages; otherwise headers only, and copies have no digest.
    pub whole: bool,
}

/// What is read of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Header,
    Body,
    /// All octets, not decoded (RFC 3516): only of what says nothing of an encoding.
    Octets,
}

impl Section {
    pub(crate) fn asked(self) -> &'static str {
        match self {
            Section::Header => "BODY.PEEK[HEADER]",
            Section::Body => "BODY.PEEK[]",
            Section::Octets => "BINARY.PEEK[]",
        }
    }

    fn answered(self) -> &'static str {
        match self {
            Section::Header => "BODY[HEADER]",
            Section::Body => "BODY[]",
            Section::Octets => "BINARY[]",
        }
    }
}

/// What a FETCH response is to a reader.
pub(crate) enum Fetched {
    /// A message, and its bytes if it is whole, of this run, and not what was sent.
    Copy(Box<Copy>, Option<Vec<u8>>),
    /// UID but not the body asked for, where a body was announced as NIL.
    Broken,
    /// Another response: EXISTS, EXPUNGE, a FETCH of flags that nobody asked for.
    Other,
}

/// Makes a copy of a FETCH response that carries the section asked for.
pub(crate) fn fetched(values: Vec<Value>, section: Section, read: Reading) -> Fetched {
    let [_, verb, Value::List(items)] = values.as_slice() else { return Fetched::Other };
    if !verb.is("FETCH") {
        return Fetched::Other;
    }
    let item = |name: &str| items.chunks_exact(2).find(|pair| pair[0].is(name)).map(|pair| &pair[1]);
    let Some(body) = item(section.answered()) else { return Fetched::Other };
    let (Value::Text(raw), Some(uid)) = (body, item("UID").and_then(Value::number)) else {
        return Fetched::Broken;
    };
    let identified = identify(raw);
    let damaged = identified.damaged(read.run).filter(|_| read.whole).map(|_| raw.clone());
    let copy = Copy {
        uid: Uid { validity: read.validity, uid },
        attempt: identified.attempt(read.run),
        digest: read.whole.then_some(identified.digest),
        size: match read.whole {
            true => identified.size,
            false => item("RFC822.SIZE").and_then(Value::number).unwrap_or(0).into(),
        },
        flags: item("FLAGS").map(flags).unwrap_or_default(),
        internal_date: item("INTERNALDATE").and_then(Value::text),
    };
    Fetched::Copy(Box::new(copy), damaged)
}

/// UID and bytes of a whole message.
pub(crate) fn body(values: &[Value]) -> Option<(u32, &[u8])> {
    let [_, verb, Value::List(items)] = values else { return None };
    let item = |name: &str| items.chunks_exact(2).find(|pair| pair[0].is(name)).map(|pair| &pair[1]);
    let Value::Text(raw) = item("BODY[]").filter(|_| verb.is("FETCH"))? else { return None };
    Some((item("UID").and_then(Value::number)?, raw))
}

/// UID and all that an inventory says of a whole message.
pub(crate) fn stored(values: &[Value]) -> Option<(u32, Message)> {
    let (uid, raw) = body(values)?;
    let [_, _, Value::List(items)] = values else { return None };
    let item = |name: &str| items.chunks_exact(2).find(|pair| pair[0].is(name)).map(|pair| &pair[1]);
    let words = item("FLAGS").map(flags);
    let (flags, keywords) = words.map(apart).unzip();
    let date = item("INTERNALDATE").and_then(Value::text).and_then(|date| instant(&date));
    Some((uid, Message { uid: Some(uid), date, flags, keywords, facts: Facts::of(raw) }))
}

/// System flags and keywords.
fn apart(words: Vec<String>) -> (Vec<String>, Vec<String>) {
    words.into_iter().partition(|word| word.starts_with('\\'))
}

/// ` 1-Jan-2023 09:00:00 +0100`
fn instant(date: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", date.trim()).ok()
}

fn flags(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { return Vec::new() };
    let mut flags: Vec<String> = list.iter().filter_map(Value::text).collect();
    flags.retain(|f| !f.eq_ignore_ascii_case("\\Recent"));
    flags.sort_unstable();
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::{Attempt, MessageId};
    use record::message::assemble;

    const RUN: RunToken = RunToken(7);

    #[test]
    fn a_date_is_an_instant_whatever_its_zone() {
        let seven = instant("01-Jan-2023 07:00:00 +0000");
        assert!(seven.is_some());
        assert_eq!(instant(" 1-Jan-2023 09:00:00 +0200"), seven);
        assert_eq!(instant("yesterday"), None);
    }

    /// What is handed out of a message, read whole or not, of this run or not.
    fn handed_out(raw: &[u8], whole: bool, run: RunToken) -> Option<Vec<u8>> {
        let atom = |text: &str| Value::Atom(text.to_owned());
        let section = if whole { Section::Body } else { Section::Header };
        let items = vec![atom("UID"), atom("1"), atom(section.answered()), Value::Text(raw.to_vec())];
        let values = vec![atom("1"), atom("FETCH"), Value::List(items)];
        match fetched(values, section, Reading { run, validity: 1, whole }) {
            Fetched::Copy(_, damaged) => damaged,
            Fetched::Broken | Fetched::Other => panic!("it is a copy"),
        }
    }

    #[test]
    fn only_whole_messages_of_this_run_that_are_not_what_was_sent_are_handed_out() {
        let attempt = Attempt { message: MessageId(3), n: 1 };
        let sent = assemble(RUN, attempt, b"Subject: x\r\n\r\nbody\r\n").bytes;
        let torn = &sent[..sent.len() - 3];
        assert_eq!(handed_out(&sent, true, RUN), None);
        assert_eq!(handed_out(torn, true, RUN).as_deref(), Some(torn));
        assert_eq!(handed_out(torn, false, RUN), None);
        assert_eq!(handed_out(torn, true, RunToken(8)), None);
        assert_eq!(handed_out(b"Subject: x\r\n\r\n", true, RUN), None);
    }
}
