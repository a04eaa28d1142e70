//! Real mail to send: a Maildir, an mbox file, or a directory tree of message files.
//!
//! Only the places of the messages are kept in memory; each is read again when it is sent. A message is given out
//! as it is, with these exceptions: line ends become CRLF, the last line is ended, an mbox's `From ` line is taken
//! off, and in an mbox one `>` of every `>From ` line (mboxrd). Its header is made fit to be sent later
//! ([`crate::message::fit`]). What cannot be sent over SMTP is left out and reported. Symbolic links to directories are not
//! followed. A file outside of a Maildir may be an mbox too: mail programs keep a directory of them.

mod lines;
mod mbox;
use super::fit::{Change, LONGEST_LINE, Own, fit, identifier};
use crate::mail::message::corpus::lines::next_line;
use record::history::canonical::canonical;
use record::history::header::split;
use record::history::identity::ATTEMPT_HEADER;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(test)]
mod tests;

/// Largest message sent.
const LARGEST: u64 = 25_000_000;
/// Reasons kept in words; the rest is only counted.
const NAMED: usize = 10;
/// Directories within each other, at most.
const DEPTH: usize = 32;
/// Different reasons told apart; what comes later for another one is counted under [`OTHER`].
const REASONS: usize = 20;
const OTHER: &str = "other reasons";
/// Names of fields told apart.
const NAMES: usize = 50;

/// The messages that can be sent.
#[derive(Clone, Debug)]
pub struct Corpus {
    places: Arc<[MailSpan]>,
    skipped: Skipped,
    changed: Arc<BTreeMap<Change, BTreeMap<String, u64>>>,
}

/// Messages left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    pub count: u64,
    /// The first of them, each with its reason.
    pub first: Vec<String>,
    /// How many for each reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Why there is no corpus.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// It cannot be read.
    #[error("the corpus {path}: {error}")]
    Unreadable {
        /// What was read.
        path: PathBuf,
        error: io::Error,
    },
    /// Nothing in it can be sent.
    #[error(
        "the corpus {path} has no message that can be sent ({} left out{}); it must be a Maildir, an mbox \
         file or a directory of message files",
        skipped.count, first_reason(skipped)
    )]
    Empty {
        path: PathBuf,
        /// What was left out.
        skipped: Skipped,
    },
}

fn first_reason(skipped: &Skipped) -> String {
    skipped.first.first().map(|reason| format!(", first {reason}")).unwrap_or_default()
}

#[derive(Clone, Debug)]
struct MailSpan {
    file: Arc<Path>,
    offset: u64,
    length: u64,
    /// Undo mboxrd quoting.
    quoted: bool,
    /// It has a Message-ID that none before it has.
    identified: bool,
}

impl Corpus {
    /// Finds and checks every message below `path`, in the order of the paths' bytes.
    ///
    /// # Errors
    /// `path` cannot be read, or no message in it can be sent. A file below it that cannot be read is left out.
    pub fn load(path: &Path) -> Result<Corpus, CorpusError> {
        Corpus::of(path, usize::MAX)
    }

    /// Looks no further than to the first message that can be sent.
    ///
    /// # Errors
    /// Those of [`Corpus::load`].
    pub fn require(path: &Path) -> Result<(), CorpusError> {
        Corpus::of(path, 1).map(drop)
    }

    /// The first messages, at most so many.
    fn of(path: &Path, most: usize) -> Result<Corpus, CorpusError> {
        let unreadable = |error| CorpusError::Unreadable { path: path.to_owned(), error };
        let mut found = Listing { most, ..Listing::default() };
        match std::fs::metadata(path).map_err(unreadable)?.is_dir() {
            true => found.tree(path, Within::Directory, 0).map_err(unreadable)?,
            false => found.of_any_form(path, true).map_err(unreadable)?,
        }
        let Listing { places, skipped, changed, identifiers: _, most: _ } = found;
        match places.is_empty() {
            true => Err(CorpusError::Empty { path: path.to_owned(), skipped }),
            false => Ok(Corpus { places: places.into(), skipped, changed: changed.into() }),
        }
    }

    /// Number of messages.
    #[expect(clippy::len_without_is_empty, reason = "a corpus is never empty")]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// What was left out.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Fields that are changed when it is sent, and in how many messages. Fields named otherwise in case only are one.
    pub fn changed(&self) -> &BTreeMap<Change, BTreeMap<String, u64>> {
        &self.changed
    }

    /// The message may be sent under its own Message-ID: no other one was or will be.
    pub fn is_identified(&self, index: u64) -> bool {
        let first_round = usize::try_from(index).ok().and_then(|at| self.places.get(at));
        first_round.is_some_and(|place| place.identified)
    }

    /// A message with CRLF line ends, the last one ended; `index` is taken modulo the number of messages.
    ///
    /// # Errors
    /// The file is gone or was changed into something that cannot be sent.
    pub fn message(&self, index: u64) -> io::Result<Vec<u8>> {
        let at = usize::try_from(index % self.places.len() as u64).expect("less than a length in memory");
        let place = &self.places[at];
        read(place)?.map_err(|why| io::Error::other(format!("{}: {why}", place.file.display())))
    }
}

#[derive(Default)]
struct Listing {
    places: Vec<MailSpan>,
    skipped: Skipped,
    changed: BTreeMap<Change, BTreeMap<String, u64>>,
    identifiers: HashSet<blake3::Hash>,
    /// So many are enough.
    most: usize,
}

/// What a directory is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Directory,
    /// Its own files are the server's bookkeeping.
    Maildir,
    /// `cur` or `new` of a Maildir: each file is one message, whatever it begins with.
    MaildirPart,
}

impl Listing {
    fn wants_more(&self) -> bool {
        self.places.len() < self.most
    }

    fn tree(&mut self, folder: &Path, within: Within, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            self.skip(folder, "too many directories within each other");
            return Ok(());
        }
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
        entries.sort_unstable();
        let maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
        let within = if maildir { Within::Maildir } else { within };
        for entry in &entries {
            if self.wants_more() {
                self.entry(entry, within, depth);
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, within: Within, depth: usize) {
        let part = within == Within::Maildir && (path.ends_with("cur") || path.ends_with("new"));
        let inner = if part { Within::MaildirPart } else { Within::Directory };
        let done = match std::fs::symlink_metadata(path) {
            Err(error) => Err(error),
            Ok(m) if m.is_dir() && within == Within::Maildir && path.ends_with("tmp") => Ok(()),
            Ok(m) if m.is_dir() => self.tree(path, inner, depth + 1),
            Ok(_) => match within {
                Within::Maildir => Ok(()),
                Within::MaildirPart => self.file(path),
                Within::Directory => self.of_any_form(path, false),
            },
        };
        if let Err(error) = done {
            self.skip(path, &error.to_string());
        }
    }

    /// A file that holds one message.
    fn file(&mut self, path: &Path) -> io::Result<()> {
        let meta = std::fs::metadata(path)?;
        if !meta.is_file() {
            self.skip(path, "no regular file");
            return Ok(());
        }
        let from_line = from_line(&mut BufReader::new(File::open(path)?))?;
        let length = meta.len().saturating_sub(from_line);
        self.offer(MailSpan {
            file: path.into(),
            offset: from_line,
            length,
            quoted: false,
            identified: false,
        })
    }

    /// An mbox or one message. One that holds a single message may be either: it is an mbox if it is the path that was
    /// named.
    fn of_any_form(&mut self, path: &Path, named: bool) -> io::Result<()> {
        if !std::fs::metadata(path)?.is_file() {
            return self.file(path);
        }
        let file = File::open(path)?;
        if from_line(&mut BufReader::new(&file))? == 0 {
            return self.file(path);
        }
        let messages = mbox::messages(&file)?;
        if messages.len() == 1 && !named {
            return self.file(path);
        }
        let path: Arc<Path> = path.into();
        let place = |range: &Range<u64>| MailSpan {
            file: path.clone(),
            offset: range.start,
            length: range.end - range.start,
            quoted: true,
            identified: false,
        };
        messages
            .iter()
            .try_for_each(|range| if self.wants_more() { self.offer(place(range)) } else { Ok(()) })
    }

    fn offer(&mut self, place: MailSpan) -> io::Result<()> {
        match read(&place)?.and_then(|message| self.can_be_fit(&message)) {
            Ok(identified) => self.places.push(MailSpan { identified, ..place }),
            Err(why) => {
                let file = place.file.clone();
                self.skip(&file, &format!("at byte {}: {why}", place.offset));
            }
        }
        Ok(())
    }

    /// Notes what will be changed of it. Whether it can be told from all before it by its Message-ID.
    fn can_be_fit(&mut self, message: &[u8]) -> Result<bool, &'static str> {
        let mut changes = Vec::new();
        let id = split(message).0.iter().find_map(identifier).map(blake3::hash);
        let keeps_its_id = id.is_some_and(|id| !self.identifiers.contains(&id));
        let own = Own { message_id: "", keeps_its_id, from: "", to: "" };
        let sent = fit(message, own, |change, name| changes.push((change, name.to_owned())));
        // What is stored would be taken for a copy of that message.
        if memchr::memmem::find(&sent, ATTEMPT_HEADER.as_bytes()).is_some() {
            return Err("quotes a message of this program");
        }
        changes.into_iter().for_each(|(change, name)| self.note(change, name));
        self.identifiers.extend(id);
        Ok(keeps_its_id)
    }

    fn note(&mut self, change: Change, name: String) {
        let fields = self.changed.entry(change).or_default();
        let known = fields.keys().find(|known| known.eq_ignore_ascii_case(&name)).cloned();
        let name = known.unwrap_or(if fields.len() < NAMES { name } else { "others".to_owned() });
        *fields.entry(name).or_default() += 1;
    }

    fn skip(&mut self, path: &Path, why: &str) {
        self.skipped.count += 1;
        let reason =
            why.split_once(": ").filter(|(at, _)| at.starts_with("at byte ")).map_or(why, |(_, why)| why);
        let known = self.skipped.reasons.len() < REASONS || self.skipped.reasons.contains_key(reason);
        *self.skipped.reasons.entry(if known { reason } else { OTHER }.to_owned()).or_default() += 1;
        if self.skipped.first.len() < NAMED {
            self.skipped.first.push(format!("{}: {why}", path.display()));
        }
    }
}

/// Length of the `From ` line that begins a file, 0 if none does.
fn from_line(lines: &mut impl BufRead) -> io::Result<u64> {
    match lines.fill_buf()?.starts_with(b"From ") {
        true => next_line(lines).map(|line| line.length),
        false => Ok(0),
    }
}

/// The message as it is sent, or why it cannot be.
fn read(place: &MailSpan) -> io::Result<Result<Vec<u8>, &'static str>> {
    if place.length > LARGEST {
        return Ok(Err("larger than 25 MB"));
    }
    let mut file = File::open(&place.file)?;
    file.seek(SeekFrom::Start(place.offset))?;
    let mut raw = Vec::new();
    file.take(place.length).read_to_end(&mut raw)?;
    if place.quoted {
        raw = unquote(&raw);
    }
    Ok(sendable(&raw))
}

/// Takes one `>` off every `>From `, `>>From ` ...
fn unquote(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let quotes = line.iter().take_while(|b| **b == b'>').count();
        let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        out.extend_from_slice(&line[usize::from(quoted)..]);
    }
    out
}

fn sendable(raw: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32 + 2);
    canonical(raw, |piece| out.extend_from_slice(piece));
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    match &out {
        m if m.iter().all(u8::is_ascii_whitespace) => Err("empty"),
        m if m.len() as u64 > LARGEST => Err("larger than 25 MB"),
        m if memchr::memchr(0, m).is_some() => Err("contains a NUL byte"),
        m if memchr::memchr_iter(b'\r', m).any(|i| m.get(i + 1) != Some(&b'\n')) => Err("contains a bare CR"),
        m if !begins_with_header(m) => Err("does not begin with a header line"),
        m if longest_line(m) > LONGEST_LINE => Err("has a line of more than 998 bytes (RFC 5322, 2.1.1)"),
        _ => Ok(out),
    }
}

fn longest_line(message: &[u8]) -> usize {
    let mut from = 0;
    let lengths = memchr::memchr_iter(b'\n', message).map(|end| {
        let length = end - from - 1;
        from = end + 1;
        length
    });
    lengths.max().unwrap_or(0)
}

/// A field name of printable ASCII that begins with a letter or digit (JSON does not), then a colon.
fn begins_with_header(message: &[u8]) -> bool {
    let name = message.iter().take_while(|b| b.is_ascii_graphic() && **b != b':').count();
    let after = message[name..].iter().find(|b| !matches!(**b, b' ' | b'\t'));
    message[0].is_ascii_alphanumeric() && name > 0 && after == Some(&b':')
}
