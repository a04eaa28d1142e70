//! A FETCH response as a copy of a message, known as soon as it is read.

use super::response::Value;
use crate::history::{Copy, Uid};
use crate::message::{Identified, RunToken, identify};

/// How to read with [`super::imap::Session::fetch`].
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Copies of other runs have no attempt.
    pub run: RunToken,
    /// UIDVALIDITY of the mailbox.
    pub validity: u32,
    /// Whole messages; otherwise headers only, and copies have no digest.
    pub whole: bool,
}

/// What a FETCH response is to a reader.
pub(super) enum Fetched {
    /// A message.
    Copy(Box<Copy>, Option<Identified>),
    /// UID but not the body asked for, where a body was announced as NIL.
    Broken,
    /// Another response: EXISTS, EXPUNGE, a FETCH of flags that nobody asked for.
    Other,
}

/// Makes a copy of a FETCH response that carries the section asked for.
pub(super) fn fetched(values: Vec<Value>, read: Reading) -> Fetched {
    let [_, verb, Value::List(items)] = values.as_slice() else { return Fetched::Other };
    if !verb.is("FETCH") {
        return Fetched::Other;
    }
    let item = |name: &str| items.chunks_exact(2).find(|pair| pair[0].is(name)).map(|pair| &pair[1]);
    let section = if read.whole { "BODY[]" } else { "BODY[HEADER]" };
    let Some(body) = item(section) else { return Fetched::Other };
    let (Value::Text(raw), Some(uid)) = (body, item("UID").and_then(Value::number)) else {
        return Fetched::Broken;
    };
    let identified = identify(raw);
    let attempt = identified.token.filter(|t| t.run == read.run).map(|t| t.attempt);
    let copy = Copy {
        uid: Uid { validity: read.validity, uid },
        attempt,
        digest: read.whole.then_some(identified.digest),
        size: match read.whole {
            true => identified.size,
            false => item("RFC822.SIZE").and_then(Value::number).unwrap_or(0).into(),
        },
        flags: item("FLAGS").map(flags).unwrap_or_default(),
        internal_date: item("INTERNALDATE").and_then(Value::text),
    };
    Fetched::Copy(Box::new(copy), read.whole.then_some(identified))
}

/// UID and bytes of a whole message.
pub(super) fn body(values: &[Value]) -> Option<(u32, &[u8])> {
    let [_, verb, Value::List(items)] = values else { return None };
    let item = |name: &str| items.chunks_exact(2).find(|pair| pair[0].is(name)).map(|pair| &pair[1]);
    let Value::Text(raw) = item("BODY[]").filter(|_| verb.is("FETCH"))? else { return None };
    Some((item("UID").and_then(Value::number)?, raw))
}

fn flags(value: &Value) -> Vec<String> {
    let Value::List(list) = value else { return Vec::new() };
    let mut flags: Vec<String> = list.iter().filter_map(Value::text).collect();
    flags.retain(|f| !f.eq_ignore_ascii_case("\\Recent"));
    flags.sort_unstable();
    flags
}
