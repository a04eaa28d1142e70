//! Where the messages of an mbox file begin and end.
//!
//! There is no one form (RFC 4155, appendix A): a line that begins with `From ` may also be text that nobody quoted, and
//! some programs write no empty line before it. So a line begins a message only if it looks like what the file begins with, and
//! a header follows:
//!
//! - If the file's first line carries a date, as most programs write it, so must every other; and a field stands in the next line.
//! - If it does not, what follows must be fields up to an empty line, of which at least one is known from mail; and if
//!   the first line holds nothing else, so must every other.
//!
//! Where a message says its own length (`Content-Length`) and another one, or the end, follows there, it is believed.

use record::history::header::Field;
use record::history::header::{split, trimmed};
use std::fs::File;
use std::io;
use std::io::{BufReader, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Of what follows a line `From `, this much is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;
/// Fields of which a header without a date before it has at least one.
const KNOWN: &[&str] = &[
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Received",
    "Return-Path",
    "Delivered-To",
    "Sender",
    "Cc",
    "MIME-Version",
    "Content-Type",
    "Status",
    "X-Mozilla-Status",
];
const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A line that begins with `From `.
struct Line {
    at: u64,
    /// Where the next line begins.
    end: u64,
    /// Length of the empty line before it; 0 without one.
    blank: u64,
    kind: Separator,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Dated,
    /// Nothing else stands in it.
    Bare,
    Other,
}

/// The messages of a file that begins with a line `From `, without such lines and the empty ones before them.
pub(super) fn messages(file: &File) -> io::Result<Vec<Range<u64>>> {
    let (lines, length) = from_lines(file)?;
    let begins = begins(file, &lines)?;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = begins.get(at) {
        at = told_next(file, line, &begins, length)?.unwrap_or(at + 1);
        let end = begins.get(at).map_or(length, |other| other.at - other.blank);
        found.push(line.end..end.max(line.end));
    }
    Ok(found)
}

/// The number of the line that begins the message after this one, by its own word; that of none if it is the last.
fn told_next(file: &File, line: &Line, begins: &[&Line], length: u64) -> io::Result<Option<usize>> {
    let Some(end) = told_end(file, line)? else { return Ok(None) };
    // An empty line may stand between them.
    let there = |at: u64| (end..end.saturating_add(3)).contains(&at);
    let next = begins.partition_point(|other| other.at < end);
    Ok(Some(next).filter(|next| there(begins.get(*next).map_or(length, |other| other.at))))
}

/// Those that begin a message, the first always.
fn begins<'a>(file: &File, lines: &'a [Line]) -> io::Result<Vec<&'a Line>> {
    let mut out = Vec::new();
    for line in lines {
        let first = lines.first().map(|first| first.kind);
        let alike = Some(line.kind) == first;
        if out.is_empty() || alike && header_follows(line.kind, &looked_at(file, line.end)?) {
            out.push(line);
        }
    }
    Ok(out)
}

fn header_follows(kind: Separator, text: &[u8]) -> bool {
    let (fields, _) = split(text);
    let quoted = |field: &Field<'_>| field.raw.starts_with(b">From ");
    match kind {
        Separator::Dated => {
            fields.iter().find(|field| !quoted(field)).is_some_and(|first| first.name().is_some())
        }
        Separator::Bare | Separator::Other => {
            fields.iter().all(|field| field.name().is_some() || quoted(field))
                && fields.iter().any(|field| KNOWN.iter().any(|known| field.is(known)))
        }
    }
}

/// Where a message ends by its own word.
fn told_end(file: &File, line: &Line) -> io::Result<Option<u64>> {
    let text = looked_at(file, line.end)?;
    let (fields, body) = split(&text);
    let whole = text.len() < LOOKED_AT || !body.is_empty();
    let told = fields.iter().find(|field| whole && field.is("Content-Length"));
    let length = told.and_then(|field| std::str::from_utf8(field.value()).ok()?.parse::<u64>().ok());
    Ok(length.and_then(|length| (line.end + (text.len() - body.len()) as u64).checked_add(length)))
}

fn looked_at(file: &File, at: u64) -> io::Result<Vec<u8>> {
    let mut text = vec![0; LOOKED_AT];
    let mut read = 0;
    while read < text.len() {
        match file.read_at(&mut text[read..], at + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    text.truncate(read);
    Ok(text)
}

/// Every line that begins with `From `, and the length of the file.
fn from_lines(mut file: &File) -> io::Result<(Vec<Line>, u64)> {
    file.rewind()?;
    let (mut input, mut lines) = (BufReader::new(file), Vec::new());
    let (mut at, mut blank) = (0, 0);
    loop {
        let line = super::next_line(&mut input)?;
        if line.length == 0 {
            return Ok((lines, at));
        }
        let end = at + line.length;
        if line.from {
            let mut text = looked_at(file, at)?;
            text.truncate(usize::try_from(line.length).unwrap_or(LOOKED_AT));
            lines.push(Line { at, end, blank, kind: kind(trimmed(&text)) });
        }
        blank = if line.blank { line.length } else { 0 };
        at = end;
    }
}

fn kind(line: &[u8]) -> Separator {
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text.split_ascii_whitespace().skip(1).collect();
    match words.as_slice() {
        [] => Separator::Bare,
        words if (0..words.len()).any(|day| dated(&words[day..])) => Separator::Dated,
        _ => Separator::Other,
    }
}

/// A day of the week, and shortly after it, in whatever order, a month, a time and a year.
fn dated(words: &[&str]) -> bool {
    let near = &words[1..words.len().min(8)];
    let digits = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    let time =
        |word: &&str| word.contains(':') && word.split(':').all(|part| !part.is_empty() && digits(part));
    DAYS.contains(&words[0].trim_end_matches(','))
        && near.iter().any(|word| MONTHS.contains(word))
        && near.iter().any(time)
        && near.iter().any(|word| word.len() == 4 && digits(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn found(text: &str) -> Vec<String> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let part = |range: &Range<u64>| text[range.start as usize..range.end as usize].to_owned();
        messages(&file).expect("it can be read").iter().map(part).collect()
    }

    const DATED: &str = "From ann@example.test Thu Mar  4 10:00:00 2021\n";

    #[test]
    fn text_that_looks_like_a_line_of_an_mbox_begins_no_message() {
        for text in [
            "From next week on it is on Tuesdays.\nPlease note: bring the minutes.\n",
            "From the President\nNote: this was a line of the message.\nIt goes on.\n",
            "From the President\nNote: all of it.\nSubject: looks like mail\n\n",
            "From: the old address\nFrom now on use the new one: new@example.test\n",
            "From ann@example.test Thu Mar  4 10:00:00 2021 on there was no header.\nNone at all.\n",
        ] {
            let first = format!("Subject: one\n\nHello,\n\n{text}");
            let both = [first.clone(), "Subject: two\n\nFine.\n".to_owned()];
            assert_eq!(found(&format!("{DATED}{first}\n{DATED}{}", both[1])), both, "{text}");
        }
    }

    #[test]
    fn messages_without_an_empty_line_between_them_are_told_apart() {
        for from in [
            DATED,
            "From - Thu Mar  4 10:01:00 2021\n",
            "From \n",
            "From ???@??? Thu, 4 Mar 2021 10:00:00 +0100\n",
        ] {
            let message = |n: u32| format!("X-Mozilla-Status: 0001\nSubject: {n}\n\nbody {n}\n");
            assert_eq!(
                found(&format!("{from}{}{from}{}", message(1), message(2))),
                [message(1), message(2)],
                "{from}"
            );
        }
    }

    #[test]
    fn without_dates_only_a_header_known_from_mail_begins_a_message() {
        let (one, two) = ("A: 1\n\nx\n\nFrom c\n\nFrom d\nB: 2\n", "Subject: 3\n\nend");
        assert_eq!(found(&format!("From a\n{one}\nFrom b\r\n{two}")), [one, two]);
        assert_eq!(
            found("From \nA: 1\n\nx\n\nFrom us\nSubject: 2\n\n"),
            ["A: 1\n\nx\n\nFrom us\nSubject: 2\n\n"]
        );
    }

    #[test]
    fn a_message_that_says_its_length_is_believed_if_one_follows_there() {
        let body = format!("see:\n\n{DATED}Subject: quoted\n\nend\n");
        let one = format!("Content-Length: {}\nSubject: one\n\n{body}", body.len());
        let two = "Subject: two\n\nx\n".to_owned();
        assert_eq!(found(&format!("{DATED}{one}\n{DATED}{two}")), [one.clone(), two.clone()]);
        assert_eq!(found(&format!("{DATED}{one}")), std::slice::from_ref(&one));
        let wrong = one.replacen("Content-Length: ", "Content-Length: 1", 1);
        assert_eq!(found(&format!("{DATED}{wrong}\n{DATED}{two}")).len(), 3);
    }

    #[test]
    fn a_header_that_begins_with_a_quoted_line_is_one() {
        assert_eq!(found(&format!("{DATED}Subject: 1\n\nx\n\n{DATED}>From b\nSubject: 2\n\ny\n")).len(), 2);
    }
}
