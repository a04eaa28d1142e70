//! What was sent and what came back, compared. Pure.
//!
//! Model: both are one message from the attempt's line on, with the line ends of the file that came back, as most of its
//! lines have them: mail servers store CRLF or LF. So the bytes that came back are compared as they are, and an offset is
//! a place in their file. The change is the stretch between what both have in common at the beginning and, of the rest, at
//! the end.

pub(crate) mod rows;
#[cfg(test)]
mod tests;

use self::rows::{Rows, Stretch};
use record::history::identity::find_attempt;
use record::history::token::{RunToken, Token};
use record::history::tokens::attempts_in;
use record::history::{Attempt, Source};
use reports::kit::figures::{counted, grouped};
use reports::run::difference::{Change, ChangeKind};
use std::borrow::Cow;
use std::ops::Range;

/// Sizes of what a disk writes at once, in bytes, the largest first.
const UNITS: [usize; 2] = [4096, 512];

/// What came back.
pub(crate) struct Returned<'a> {
    raw: &'a [u8],
    source: Source,
    /// Where the attempt's line begins.
    start: usize,
    /// Its lines end with LF alone.
    lf: bool,
}

impl<'a> Returned<'a> {
    /// A message as it came; none if it names no attempt.
    pub(crate) fn of(raw: &'a [u8], source: Source) -> Option<Returned<'a>> {
        let (start, _) = find_attempt(raw)?;
        let lines = memchr::memchr_iter(b'\n', &raw[start..]).count();
        let lone = lines - memchr::memmem::find_iter(&raw[start..], b"\r\n").count();
        Some(Returned { raw, source, start, lf: lone > lines / 2 })
    }

    fn message(&self) -> &'a [u8] {
        &self.raw[self.start..]
    }

    /// What was sent, with the line ends of what came back.
    fn with_its_line_ends<'s>(&self, sent: &'s [u8]) -> Cow<'s, [u8]> {
        if !self.lf {
            return Cow::Borrowed(sent);
        }
        let ends_line = |at: usize| sent[at] == b'\r' && sent.get(at + 1) == Some(&b'\n');
        Cow::Owned((0..sent.len()).filter(|at| !ends_line(*at)).map(|at| sent[at]).collect())
    }

    /// How offsets become places in what came, and in what was sent.
    pub(crate) fn about_offsets(&self) -> String {
        let place = match self.start as u64 {
            0 => "Offsets are those of the file that came back".to_owned(),
            start => format!("Offset 0 is byte {} of the file that came back", grouped(start)),
        };
        let ends = match self.lf {
            true => "; its lines end with LF, and what was sent is compared with LF line ends too",
            false => "",
        };
        format!("{place}{ends}.")
    }
}

/// The two forms and what is different.
struct Pair<'a> {
    sent: &'a [u8],
    found: &'a [u8],
    file: &'a Returned<'a>,
    stretch: Stretch,
}

/// The change, and it in one sentence; none if nothing was changed. `own` is the message's attempt.
pub(crate) fn compare(
    sent: &[u8],
    file: &Returned<'_>,
    own: Attempt,
    run: RunToken,
) -> Option<(Change, String)> {
    let (sent, found) = (file.with_its_line_ends(sent), file.message());
    let stretch = Stretch::between(&sent, found)?;
    let pair = Pair { sent: &sent, found, file, stretch };
    let foreign = pair.foreign(own, run);
    let aligned = pair.aligned();
    let sentence = pair.sentence() + &pair.told_foreign(foreign, run) + &pair.told_aligned(aligned);
    let change = Change {
        kind: if foreign.is_some() { ChangeKind::Foreign } else { pair.kind() },
        sent_bytes: sent.len() as u64,
        found_bytes: found.len() as u64,
        at: stretch.at as u64,
        replaced: stretch.replaced as u64,
        by: stretch.by as u64,
        aligned: aligned.map(|unit| unit as u64),
        rows: Rows { sent: &sent, found, stretch }.all(),
    };
    Some((change, sentence))
}

impl Pair<'_> {
    fn sent_there(&self) -> &[u8] {
        &self.sent[self.stretch.sent()]
    }

    fn found_there(&self) -> &[u8] {
        &self.found[self.stretch.found()]
    }

    fn kind(&self) -> ChangeKind {
        let (old, new) = (self.sent_there(), self.found_there());
        match (old.len(), new.len()) {
            (_, 0) if self.ends_early() && self.torn().is_some() => ChangeKind::Torn,
            (_, 0) if self.ends_early() => ChangeKind::Truncated,
            (_, 0) => ChangeKind::Missing,
            (0, _) => ChangeKind::Added,
            (1, 1) if (old[0] ^ new[0]).is_power_of_two() => ChangeKind::BitFlip,
            _ if new.iter().all(|byte| *byte == 0) => ChangeKind::Zeroed,
            (replaced, by) if replaced == by => ChangeKind::Changed,
            _ => ChangeKind::Replaced,
        }
    }

    /// What came back is the beginning of what was sent.
    fn ends_early(&self) -> bool {
        self.stretch.at == self.found.len()
    }

    /// The largest unit at a multiple of which a file of the store ends.
    fn torn(&self) -> Option<usize> {
        unit(self.file.raw.len()).filter(|_| self.file.source == Source::Disk)
    }

    /// An attempt of the run whose token was not sent in this one.
    fn foreign(&self, own: Attempt, run: RunToken) -> Option<Attempt> {
        let sent = attempts_in(self.sent, run);
        let found = attempts_in(self.found, run);
        found.into_iter().find(|attempt| *attempt != own && !sent.contains(attempt))
    }

    /// The largest unit at multiples of which the change begins and ends in the file; its end may be the file's.
    fn aligned(&self) -> Option<usize> {
        let Range { start, end } = self.in_file();
        let fits = |unit: &usize| {
            start.is_multiple_of(*unit) && (end.is_multiple_of(*unit) || end == self.file.raw.len())
        };
        UNITS.into_iter().find(fits).filter(|_| end > start)
    }

    /// The change in bytes of the file that came back.
    fn in_file(&self) -> Range<usize> {
        let Range { start, end } = self.stretch.found();
        self.file.start + start..self.file.start + end
    }

    fn sentence(&self) -> String {
        let (of, by) = (grouped(self.sent.len() as u64), self.found_there().len() as u64);
        let (were, others) = match self.stretch.replaced {
            1 => (format!("{} of {of} is", bytes(self.stretch.sent())), "another byte was sent"),
            _ => (format!("{} of {of} are", bytes(self.stretch.sent())), "other bytes were sent"),
        };
        match self.kind() {
            ChangeKind::Torn | ChangeKind::Truncated => self.told_short(),
            ChangeKind::Missing => format!("{were} missing; the rest is the same."),
            ChangeKind::Added => {
                let what = counted(by, "byte that was never sent stands", "bytes that were never sent stand");
                let at = self.stretch.at;
                format!("{what} at byte {} (hex {at:x}); all that was sent is there.", grouped(at as u64))
            }
            ChangeKind::BitFlip => {
                let (old, new) = (self.sent_there()[0], self.found_there()[0]);
                format!(
                    "{} of {of} has one bit the other way round: {old:02x} was sent, {new:02x} came back; the rest \
                     is the same.",
                    bytes(self.stretch.sent())
                )
            }
            ChangeKind::Zeroed if self.stretch.replaced == self.stretch.by => {
                format!("{were} zero where {others}; the rest is the same.")
            }
            ChangeKind::Zeroed => {
                let zero = counted(by, "zero byte stands", "zero bytes stand");
                format!("{were} gone, and {zero} instead; the rest is the same.")
            }
            ChangeKind::Changed | ChangeKind::Foreign => self.told_changed(&were),
            ChangeKind::Replaced => {
                let other = counted(by, "other byte stands", "other bytes stand");
                format!("{were} gone, and {other} instead; the rest is the same.")
            }
        }
    }

    fn told_short(&self) -> String {
        let of = grouped(self.sent.len() as u64);
        let missing = match self.stretch.replaced as u64 {
            1 => format!("The last of {of} bytes is missing"),
            n => format!("The last {} of {of} bytes are missing", grouped(n)),
        };
        let torn = self.torn().map_or(String::new(), |unit| {
            let length = grouped(self.file.raw.len() as u64);
            format!("; the file ends after {length} bytes, a multiple of {}", grouped(unit as u64))
        });
        format!("{missing}{torn}. What is there is the same.")
    }

    fn told_changed(&self, were: &str) -> String {
        let each: Vec<u8> = self.sent_there().iter().zip(self.found_there()).map(|(a, b)| a ^ b).collect();
        let differing = || each.iter().filter(|bits| **bits != 0);
        let places = each.chunk_by(|a, b| (*a == 0) == (*b == 0)).filter(|run| run[0] != 0).count();
        let bits = match differing().all(|bits| bits.is_power_of_two()) {
            true => ", by one bit each",
            false => "",
        };
        match places {
            1 => format!("{were} not what was sent{bits}; the rest is the same."),
            places => {
                let (differing, places) = (grouped(differing().count() as u64), grouped(places as u64));
                format!("{were} not what was sent: {differing} of them differ{bits}, in {places} places.")
            }
        }
    }

    fn told_foreign(&self, foreign: Option<Attempt>, run: RunToken) -> String {
        let told = |attempt| format!(" The token of message {} stands among them.", Token { run, attempt });
        foreign.map_or(String::new(), told)
    }

    fn told_aligned(&self, aligned: Option<usize>) -> String {
        let Some(unit) = aligned.map(|unit| grouped(unit as u64)) else { return String::new() };
        let Range { start, end } = self.in_file();
        let file = match self.file.source {
            Source::Disk => "In its file",
            Source::Imap => "In the message as it was served",
        };
        let ends = match end == self.file.raw.len() {
            true => "lasts to the end".to_owned(),
            false => format!("ends before byte {}, another", grouped(end as u64)),
        };
        let start = grouped(start as u64);
        format!(" {file} the change begins at byte {start}, a multiple of {unit}, and {ends}.")
    }
}

fn unit(length: usize) -> Option<usize> {
    UNITS.into_iter().find(|unit| length.is_multiple_of(*unit))
}

/// `Bytes 4,096 to 4,607 (hex 1000 to 11ff)`.
fn bytes(Range { start, end }: Range<usize>) -> String {
    let last = end.saturating_sub(1).max(start);
    match last == start {
        true => format!("Byte {} (hex {start:x})", grouped(start as u64)),
        false => {
            format!("Bytes {} to {} (hex {start:x} to {last:x})", grouped(start as u64), grouped(last as u64))
        }
    }
}
