//! Makes real mail fit to be sent, so that no mail server has a reason to change it.
//!
//! Mail that was delivered before carries what a delivery writes and a client may not send, or what a server takes off or
//! completes where it finds it: a changed copy would then be nobody's fault. So:
//!
//! - *Taken off* is what the final delivery, a mail store or a mail program wrote ([`DELIVERY`], [`STORE`]), what may not be sent
//!   ([`BLIND`]), what is empty or is not ASCII (RFC 5322, 2.2), and what this program wrote when it sent the message before.
//! - *Put aside*, under [`ASIDE`] and its own name, is what servers act upon ([`ACTED_UPON`]), what may stand in a header only
//!   once and stood there before (RFC 5322, 3.6), and addresses that an originating server may complete or rewrite
//!   ([`super::address`]; RFC 5321, 6.4, RFC 6409, 8).
//! - *Completed* is what an originating server adds where it is missing: date, author, recipient (RFC 6409, 8).
//! - A message keeps its Message-ID when it is sent for the first time. Each further attempt has one of its own, because a server
//!   may store one message of an identifier only.
//! - A line that is no field ends the header, as servers take it; the line `From ` of an mbox within it is taken off.
//!
//! The body stays as it is.

use super::address::regular;
use record::history::header::{Field, split, trimmed};
use record::message::DATE;

/// Longest line without its end (RFC 5322, 2.1.1).
pub(crate) const LONGEST_LINE: usize = 998;
/// Before the name of a field that was put aside.
pub(crate) const ASIDE: &str = "X-Fermoposta-Original-";
const OWN: &[u8] = b"x-fermoposta-";

/// The final delivery writes them (RFC 5321, 4.4; RFC 9228), and takes off what it finds, or takes it for a loop.
pub(crate) const DELIVERY: &[&str] = &[
    "Return-Path",
    "Delivered-To",
    "X-Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Envelope-From",
    "X-Original-To",
    "Delivery-Date",
];
/// Mail stores and mail programs write them into their own files.
pub(crate) const STORE: &[&str] = &[
    "Status",
    "X-Status",
    "X-Keywords",
    "X-UID",
    "X-UIDL",
    "X-IMAP",
    "X-IMAPbase",
    "Content-Length",
    "Lines",
    "X-Mozilla-Status",
    "X-Mozilla-Status2",
    "X-Mozilla-Keys",
    "X-Evolution",
    "X-Gmail-Labels",
    "X-GM-THRID",
];
/// They name recipients whom others must not see (RFC 5322, 3.6.3).
pub(crate) const BLIND: &[&str] = &["Bcc", "Resent-Bcc", "Apparently-To"];
/// Servers count them, answer to them, or complete what belongs to them.
pub(crate) const ACTED_UPON: &[&str] = &[
    "Received",
    "Errors-To",
    "Return-Receipt-To",
    "Full-Name",
    "Resent-Date",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Reply-To",
    "Resent-Message-ID",
];
/// A header has one of each at most, and servers keep one.
pub(crate) const ONCE: &[&str] =
    &["Date", "From", "Sender", "Reply-To", "To", "Cc", "Subject", "In-Reply-To", "References", IDENTIFIER];
const IDENTIFIER: &str = "Message-ID";
/// They hold addresses.
pub(crate) const ADDRESSES: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Disposition-Notification-To",
];

/// What was done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is not sent.
    TakenOff,
    /// It is sent under another name.
    PutAside,
    /// It was missing.
    Completed,
}

/// What is completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'a> {
    /// The line of the attempt's own Message-ID, as [`super::build::message_id`] makes it.
    pub message_id: &'a str,
    /// The message keeps the one that it has.
    pub keeps_its_id: bool,
    /// Author of mail that has none.
    pub from: &'a str,
    /// The recipient.
    pub to: &'a str,
}

/// The message as it is sent; it has CRLF line ends and begins with a field. `note` is told what was done to which field.
pub(crate) fn fit(original: &[u8], own: Own<'_>, mut note: impl FnMut(Change, &str)) -> Vec<u8> {
    let (fields, body) = parted(original);
    let mut kept: Vec<Field<'_>> = Vec::new();
    let mut rest = Vec::with_capacity(original.len() + ASIDE.len());
    for field in &fields {
        let change = change(field, &kept, own);
        match change {
            None => kept.push(*field),
            Some(change) => note(change, &String::from_utf8_lossy(field.name().unwrap_or(b"From "))),
        }
        match change {
            None => lines(field, "", &mut rest),
            Some(Change::PutAside) => lines(field, ASIDE, &mut rest),
            Some(Change::TakenOff | Change::Completed) => {}
        }
    }
    let mut out = completed(&kept, own, note).into_bytes();
    out.extend_from_slice(&rest);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// The fields, and what follows them: a header ends at an empty line, or before a line that is no field.
fn parted(original: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let (mut fields, body) = split(original);
    let Some(end) = fields.iter().position(|field| field.name().is_none() && !of_an_mbox(field)) else {
        return (fields, body);
    };
    fields.truncate(end);
    let header: usize = fields.iter().map(|field| field.raw.len()).sum();
    (fields, &original[header..])
}

fn of_an_mbox(field: &Field<'_>) -> bool {
    field.raw.starts_with(b"From ") || field.raw.starts_with(b">From ")
}

/// What identifies a message, if a server would take it for that.
pub(crate) fn identifier<'a>(field: &Field<'a>) -> Option<&'a [u8]> {
    let id = field.value().strip_prefix(b"<")?.strip_suffix(b">").filter(|_| field.is(IDENTIFIER))?;
    let plain = |b: &u8| b.is_ascii_graphic() && !b"<>()\\\"".contains(b);
    (id.contains(&b'@') && id.iter().all(plain)).then_some(id)
}

/// What is to be done to a field that stands behind those that are kept.
fn change(field: &Field<'_>, kept: &[Field<'_>], own: Own<'_>) -> Option<Change> {
    let one_of = |names: &[&str]| names.iter().any(|name| field.is(name));
    let again = || ONCE.iter().any(|name| field.is(name) && kept.iter().any(|before| before.is(name)));
    let name = field.name().filter(|_| field.raw.is_ascii() && !field.value().is_empty());
    let sent = name.is_some_and(|name| !name.to_ascii_lowercase().starts_with(OWN));
    if !sent || one_of(DELIVERY) || one_of(STORE) || one_of(BLIND) {
        return Some(Change::TakenOff);
    }
    let irregular = || one_of(ADDRESSES) && !regular(field.value());
    let identifies = || field.is(IDENTIFIER) && !(own.keeps_its_id && identifier(field).is_some());
    if !one_of(ACTED_UPON) && !again() && !irregular() && !identifies() {
        return None;
    }
    let first = field.raw.split_inclusive(|b| *b == b'\n').next().map_or(0, |line| trimmed(line).len());
    Some(if first + ASIDE.len() <= LONGEST_LINE { Change::PutAside } else { Change::TakenOff })
}

/// A field's lines under a new name. A continuation of white space alone would look like the end of the header to some.
fn lines(field: &Field<'_>, before: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    let lines = field.raw.split_inclusive(|b| *b == b'\n').map(trimmed);
    for line in lines.filter(|line| !line.trim_ascii().is_empty()) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
}

/// What is put before the kept fields.
fn completed(kept: &[Field<'_>], own: Own<'_>, mut note: impl FnMut(Change, &str)) -> String {
    let mut out = String::new();
    let mut complete = |name: &str, instead: &[&str], line: String| {
        if !kept.iter().any(|field| field.is(name) || instead.iter().any(|other| field.is(other))) {
            note(Change::Completed, name);
            out += &line;
        }
    };
    complete(IDENTIFIER, &[], own.message_id.to_owned());
    complete("Date", &[], DATE.to_owned());
    complete("From", &[], format!("From: <{}>\r\n", own.from));
    complete("To", &["Cc"], format!("To: <{}>\r\n", own.to));
    out
}

#[cfg(test)]
mod tests;
