//! FETCH. A message that cannot be read whole ends the command with NO; it is never answered short or empty.

use std::io;
use std::time::SystemTime;

use imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Section};
use imap_types::sequence::SequenceSet;

use super::command::text;
use super::session::{Answer, Handled, Session};
use crate::flags::Flags;
use crate::mailbox::Stored;

/// One message with what was read of it.
struct Source {
    uid: u32,
    flags: Flags,
    date: SystemTime,
    size: u64,
    bytes: Vec<u8>,
}

impl Session<'_> {
    pub(super) fn fetch(
        &mut self,
        set: &SequenceSet,
        items: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> Handled {
        let mut items = match items {
            MacroOrMessageDataItemNames::Macro(shorthand) => shorthand.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(items) => items.clone(),
        };
        if by_uid && !items.contains(&MessageDataItemName::Uid) {
            items.insert(0, MessageDataItemName::Uid);
        }
        if !items.iter().all(offered) {
            return Ok(Answer::bad("ENVELOPE, BODYSTRUCTURE and parts are not offered"));
        }
        let targets = match self.targets(set, by_uid) {
            Ok(targets) => targets,
            Err(refusal) => return Ok(refusal),
        };
        let mut missing = false;
        for (number, uid) in targets {
            missing |= !self.fetch_one(number, uid, &items)?;
        }
        if missing && !by_uid {
            return Ok(Answer::no("[EXPUNGEISSUED] some messages are gone"));
        }
        Ok(Answer::ok("fetched"))
    }

    /// Answers for one message; `false` when it is gone.
    fn fetch_one(&mut self, number: usize, uid: u32, items: &[MessageDataItemName<'_>]) -> io::Result<bool> {
        let Some(mut source) = self.source(uid, items)? else { return Ok(false) };
        let seen = items.iter().any(marks_seen) && self.mark_seen(number, &mut source)?;
        let mut parts: Vec<Vec<u8>> = items.iter().map(|item| part(item, &source)).collect();
        if seen && !items.contains(&MessageDataItemName::Flags) {
            parts.push(part(&MessageDataItemName::Flags, &source));
        }
        self.pending.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        self.pending.extend_from_slice(&parts.join(&b' '));
        self.line(")");
        self.flush()?;
        Ok(true)
    }

    fn source(&self, uid: u32, items: &[MessageDataItemName<'_>]) -> io::Result<Option<Source>> {
        let Some(selected) = &self.selected else { return Ok(None) };
        if items.iter().any(needs_bytes) {
            let whole =
                |Stored { bytes, flags, date }| Source { uid, flags, date, size: bytes.len() as u64, bytes };
            return Ok(selected.mailbox.read(uid)?.map(whole));
        }
        let Some(flags) = selected.mailbox.flags(uid) else { return Ok(None) };
        if !items.iter().any(needs_stat) {
            let date = SystemTime::UNIX_EPOCH;
            return Ok(Some(Source { uid, flags, date, size: 0, bytes: Vec::new() }));
        }
        let stat = selected.mailbox.stat(uid)?;
        Ok(stat.map(|(date, size)| Source { uid, flags, date, size, bytes: Vec::new() }))
    }

    /// Sets `\Seen`, as a fetch without PEEK must; whether that changed the flags.
    fn mark_seen(&mut self, number: usize, source: &mut Source) -> io::Result<bool> {
        let Some(selected) = self.selected.as_mut().filter(|selected| !selected.read_only) else {
            return Ok(false);
        };
        let changed = selected.mailbox.change_flags(source.uid, |flags| flags.with(Flags::SEEN))?;
        let before = source.flags;
        source.flags = changed.unwrap_or(before);
        selected.messages[number - 1].1 = source.flags;
        Ok(source.flags != before)
    }
}

fn offered(item: &MessageDataItemName<'_>) -> bool {
    match item {
        MessageDataItemName::Body | MessageDataItemName::BodyStructure | MessageDataItemName::Envelope => {
            false
        }
        MessageDataItemName::BodyExt { section, .. } => match section {
            None
            | Some(Section::Header(None))
            | Some(Section::Text(None))
            | Some(Section::HeaderFields(None, _))
            | Some(Section::HeaderFieldsNot(None, _)) => true,
            Some(_) => false,
        },
        _ => true,
    }
}

fn needs_bytes(item: &MessageDataItemName<'_>) -> bool {
    matches!(
        item,
        MessageDataItemName::BodyExt { .. }
            | MessageDataItemName::Rfc822
            | MessageDataItemName::Rfc822Header
            | MessageDataItemName::Rfc822Text
    )
}

fn needs_stat(item: &MessageDataItemName<'_>) -> bool {
    matches!(item, MessageDataItemName::InternalDate | MessageDataItemName::Rfc822Size)
}

fn marks_seen(item: &MessageDataItemName<'_>) -> bool {
    matches!(
        item,
        MessageDataItemName::BodyExt { peek: false, .. }
            | MessageDataItemName::Rfc822
            | MessageDataItemName::Rfc822Text
    )
}

fn part(item: &MessageDataItemName<'_>, source: &Source) -> Vec<u8> {
    match item {
        MessageDataItemName::Flags => format!("FLAGS ({})", source.flags.imap()).into_bytes(),
        MessageDataItemName::Uid => format!("UID {}", source.uid).into_bytes(),
        MessageDataItemName::InternalDate => {
            format!("INTERNALDATE \"{}\"", internal_date(source.date)).into_bytes()
        }
        MessageDataItemName::Rfc822Size => format!("RFC822.SIZE {}", source.size).into_bytes(),
        MessageDataItemName::Rfc822 => literal("RFC822", &source.bytes),
        MessageDataItemName::Rfc822Header => literal("RFC822.HEADER", header(&source.bytes)),
        MessageDataItemName::Rfc822Text => literal("RFC822.TEXT", body(&source.bytes)),
        MessageDataItemName::BodyExt { section, partial, .. } => {
            let (label, content) = section_of(section.as_ref(), &source.bytes);
            let range = partial.map(|(from, count)| (from as usize, count.get() as usize));
            slice(&label, &content, range)
        }
        MessageDataItemName::Body | MessageDataItemName::BodyStructure | MessageDataItemName::Envelope => {
            Vec::new()
        }
    }
}

fn slice(label: &str, content: &[u8], range: Option<(usize, usize)>) -> Vec<u8> {
    let Some((from, count)) = range else { return literal(label, content) };
    let start = from.min(content.len());
    let end = start.saturating_add(count).min(content.len());
    literal(&format!("{label}<{from}>"), &content[start..end])
}

fn literal(label: &str, bytes: &[u8]) -> Vec<u8> {
    let mark = if bytes.contains(&0) { "~" } else { "" };
    let mut part = format!("{label} {mark}{{{}}}\r\n", bytes.len()).into_bytes();
    part.extend_from_slice(bytes);
    part
}

/// The label and content of a section.
fn section_of(section: Option<&Section<'_>>, bytes: &[u8]) -> (String, Vec<u8>) {
    match section {
        Some(Section::Header(_)) => ("BODY[HEADER]".to_owned(), header(bytes).to_vec()),
        Some(Section::Text(_)) => ("BODY[TEXT]".to_owned(), body(bytes).to_vec()),
        Some(Section::HeaderFields(_, names)) => {
            let names: Vec<_> = names.as_ref().iter().map(text).collect();
            (format!("BODY[HEADER.FIELDS ({})]", names.join(" ")), fields(bytes, &names, true))
        }
        Some(Section::HeaderFieldsNot(_, names)) => {
            let names: Vec<_> = names.as_ref().iter().map(text).collect();
            (format!("BODY[HEADER.FIELDS.NOT ({})]", names.join(" ")), fields(bytes, &names, false))
        }
        None | Some(Section::Part(_) | Section::Mime(_)) => ("BODY[]".to_owned(), bytes.to_vec()),
    }
}

/// The header block with the empty line after it.
pub(crate) fn header(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(b"\r\n") {
        return &bytes[..2];
    }
    memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes, |at| &bytes[..at + 4])
}

fn body(bytes: &[u8]) -> &[u8] {
    &bytes[header(bytes).len()..]
}

/// Header fields, each with its folded lines.
pub(crate) fn field_list(bytes: &[u8]) -> Vec<&[u8]> {
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in header(bytes).split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        match fields.last_mut() {
            Some(last) if matches!(line[0], b' ' | b'\t') => last.1 = end,
            _ if line.trim_ascii().is_empty() => {}
            _ => fields.push((at, end)),
        }
        at = end;
    }
    fields.into_iter().map(|(start, end)| &bytes[start..end]).collect()
}

/// Whether a field has this name.
pub(crate) fn is_named(field: &[u8], name: &str) -> bool {
    let end = field.iter().position(|byte| *byte == b':').unwrap_or(0);
    field[..end].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
}

fn fields(bytes: &[u8], names: &[String], wanted: bool) -> Vec<u8> {
    let chosen = |field: &&[u8]| names.iter().any(|name| is_named(field, name)) == wanted;
    let mut block = field_list(bytes).into_iter().filter(chosen).collect::<Vec<_>>().concat();
    block.extend_from_slice(b"\r\n");
    block
}

fn internal_date(date: SystemTime) -> String {
    let stamp = jiff::Timestamp::try_from(date).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}
