//! The ledger's file: a line is durable when [`Book::write`] returns.

use super::line::{FORM, Line, Series};
use super::standing::Standing;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "ledger.jsonl";

#[derive(Debug, thiserror::Error)]
pub enum BookError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is used by another ledger; end that one, or name another directory", .0.display())]
    InUse(PathBuf),
    #[error("{} is no directory of `fermoposta device ledger`: it has no {NAME}", .0.display())]
    NoSeries(PathBuf),
    #[error("{}, line {line}: {why}; it is not as a ledger wrote it", path.display())]
    Changed { path: PathBuf, line: usize, why: String },
    #[error("{} is of seed {was}, not {asked}; leave out `--seed`, or name another directory", path.display())]
    OtherSeed { path: PathBuf, was: u64, asked: u64 },
}

/// A ledger that is written.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    file: File,
    pub series: Series,
    pub lines: Vec<Line>,
    pub standing: Standing,
}

/// Every line of the ledger in `directory`, and the digest of its bytes.
///
/// # Errors
/// There is none, or it was changed.
pub fn read(directory: &Path) -> Result<(Vec<Line>, String), BookError> {
    let path = directory.join(NAME);
    let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => BookError::NoSeries(directory.to_owned()),
        _ => BookError::Io { path: path.clone(), error },
    })?;
    let whole = whole(&bytes);
    Ok((lines(&path, whole)?, blake3::hash(whole).to_hex().to_string()))
}

/// What follows the last line break was not durable, so nothing followed from it.
fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

fn lines(path: &Path, bytes: &[u8]) -> Result<Vec<Line>, BookError> {
    let changed =
        |line: usize, why: String| BookError::Changed { path: path.to_owned(), line: line + 1, why };
    let read = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let lines =
        read.map(|(at, line)| serde_json::from_slice(line).map_err(|error| changed(at, error.to_string())));
    let lines: Vec<Line> = lines.collect::<Result<_, _>>()?;
    match lines.first() {
        Some(Line::Series(Series { form: FORM, .. })) => Ok(lines),
        Some(Line::Series(Series { form, .. })) => Err(changed(0, format!("form {form} instead of {FORM}"))),
        _ => Err(changed(0, "no series is named first".to_owned())),
    }
}

impl Book {
    /// Begins a series in `directory`, or goes on with the one that is there.
    ///
    /// # Errors
    /// It is in use, was changed, is another series, or cannot be written.
    pub fn open(
        directory: &Path,
        begin: impl FnOnce() -> Series,
        seed: Option<u64>,
    ) -> Result<Book, BookError> {
        let path = directory.join(NAME);
        let io = |error| BookError::Io { path: path.clone(), error };
        std::fs::create_dir_all(directory).map_err(io)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BookError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        if whole(&bytes).is_empty() {
            let series = begin();
            let first = Line::Series(series.clone());
            let mut book =
                Book { path: path.clone(), file, series, lines: Vec::new(), standing: Standing::default() };
            book.cut_to(0)?;
            book.write(vec![first])?;
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)?;
            return Ok(book);
        }
        let end = whole(&bytes).len() as u64;
        let lines = lines(&path, whole(&bytes))?;
        let Some(Line::Series(series)) = lines.first().cloned() else {
            unreachable!("a ledger that can be read names its series")
        };
        if let Some(asked) = seed.filter(|seed| *seed != series.seed) {
            return Err(BookError::OtherSeed { path, was: series.seed, asked });
        }
        let standing = Standing::of(&lines);
        let mut book = Book { path, file, series, lines, standing };
        book.cut_to(end)?;
        Ok(book)
    }

    fn cut_to(&mut self, end: u64) -> Result<(), BookError> {
        let done = self.file.set_len(end).and_then(|()| self.file.seek(SeekFrom::Start(end)));
        done.and_then(|_| self.file.sync_all()).map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> BookError {
        BookError::Io { path: self.path.clone(), error }
    }

    /// After an error nothing more may be written: what is durable is not known.
    ///
    /// # Errors
    /// The ledger's own disk fails.
    pub fn write(&mut self, lines: Vec<Line>) -> Result<(), BookError> {
        let mut bytes = Vec::new();
        for line in &lines {
            serde_json::to_writer(&mut bytes, line).expect("a line is data");
            bytes.push(b'\n');
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| self.io(error))?;
        lines.iter().for_each(|line| self.standing.apply(line));
        self.lines.extend(lines);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::Stream;
    use super::*;

    fn series() -> Series {
        Series { form: FORM, id: "s".into(), seed: 4, keep: 10, version: "0".into() }
    }

    #[test]
    fn what_was_not_durable_to_its_end_is_not_there_and_the_ledger_goes_on_behind_what_was() {
        let place = tempfile::tempdir().unwrap();
        let mut book = Book::open(place.path(), series, Some(4)).unwrap();
        book.write(vec![Line::Done { stream: Stream::Queue, n: 1 }]).unwrap();
        let again = Book::open(place.path(), series, None).unwrap_err();
        assert!(matches!(again, BookError::InUse(_)));
        drop(book);
        let path = place.path().join(NAME);
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"done\":{\"stream\":\"queue\",\"n\":2}");
        std::fs::write(&path, torn).unwrap();
        let mut book = Book::open(place.path(), || unreachable!(), None).unwrap();
        assert_eq!(book.standing.expected(Stream::Queue), [1]);
        book.write(vec![Line::Done { stream: Stream::Queue, n: 2 }]).unwrap();
        assert_eq!(read(place.path()).unwrap().0, book.lines);
    }

    #[test]
    fn what_is_no_ledger_is_told_with_its_place() {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join(NAME);
        let told = |error: BookError| error.to_string().replace(&place.path().display().to_string(), "DIR");
        let mut all = vec![told(read(place.path()).unwrap_err())];
        drop(Book::open(place.path(), series, None).unwrap());
        all.push(told(Book::open(place.path(), series, Some(5)).unwrap_err()));
        let mut spoiled = std::fs::read_to_string(&at).unwrap();
        spoiled += "{\"done\":1}\n";
        std::fs::write(&at, spoiled).unwrap();
        all.push(told(read(place.path()).unwrap_err()));
        std::fs::write(&at, "\n").unwrap();
        all.push(told(read(place.path()).unwrap_err()));
        insta::assert_snapshot!(all.join("\n"), @r"
        DIR is no directory of `fermoposta device ledger`: it has no ledger.jsonl
        DIR/ledger.jsonl is of seed 4, not 5; leave out `--seed`, or name another directory
        DIR/ledger.jsonl, line 2: invalid type: integer `1`, expected struct variant Line::Done at line 1 column 9; it is not as a ledger wrote it
        DIR/ledger.jsonl, line 1: EOF while parsing a value at line 2 column 0; it is not as a ledger wrote it
        ");
    }
}
