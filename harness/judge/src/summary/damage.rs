//! The bytes of an accused message: what was sent and what came back, from the files that the run kept.
//!
//! Nothing is shown that is not proved: what was sent must have the digest that the history recorded before it was sent,
//! and what came back the digest that was recorded when it was read. A run directory without specimens shows none.

use super::difference::{Returned, compare};
use crate::case::Case;
use crate::case::finding::Violation;
use fuse_fs::clock::Nanos;
use record::directory::RunDirectory;
use record::history::digest::Digest;
use record::history::identity::identify;
use record::history::specimens::LARGEST;
use record::history::token::BadToken;
use record::history::{Attempt, Source, Specimen};
use reports::run::difference::{Change, Difference};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// One reading that was kept.
type Kept = (Nanos, Specimen);

/// The difference that shows what was found, where it is about bytes and they were kept.
pub(crate) fn difference(run_dir: &Path, case: &Case<'_>, found: &Violation) -> Option<Difference> {
    let (attempt, source) = (found.attempt?, found.bytes?);
    let kept: Vec<&Kept> = case.ledger.specimens.iter().filter(|(_, one)| one.attempt == attempt).collect();
    let shown = &chosen(&kept, source)?.1;
    let sent_file = RunDirectory::sent_name(&case.ledger.token(carried(case, attempt)));
    let files = Files { run_dir, case, shown };
    let (change, sentence, offsets) = match files.compared(&sent_file) {
        Ok((change, sentence, offsets)) => (Some(change), sentence, Some(offsets)),
        Err(reason) => (None, format!("The bytes cannot be compared: {reason}."), None),
    };
    let mut notes: Vec<String> = kept.iter().map(|one| read(case, one, shown)).collect();
    notes.extend(on_disk(case, attempt, shown));
    notes.extend(offsets);
    Some(Difference { sentence, notes, sent_file, found_file: shown.file.clone(), change })
}

/// The attempt whose token the bytes of this one carry: that of the first recipient.
fn carried(case: &Case<'_>, attempt: Attempt) -> Attempt {
    let store = case.messages.store(case.ledger, attempt);
    let message = store.and_then(|op| op.carries).unwrap_or(attempt.message);
    Attempt { message, ..attempt }
}

/// What was read in this way, else in the other. What IMAP served and the disk holds just so is shown as it is there: its
/// places in the file are places on the storage.
fn chosen<'a>(kept: &[&'a Kept], source: Source) -> Option<&'a Kept> {
    let first = kept.iter().find(|(_, one)| one.source == source).or(kept.first())?;
    let same = |(_, one): &&&Kept| one.source == Source::Disk && one.digest == first.1.digest;
    Some(kept.iter().find(same).unwrap_or(first))
}

/// Where and when one reading was made, and whether it showed the same as the one that is shown.
fn read(case: &Case<'_>, (at, one): &Kept, shown: &Specimen) -> String {
    let how = match one.source {
        Source::Imap => "through IMAP",
        Source::Disk => "from the disk",
    };
    let other = match one.digest == shown.digest {
        true => String::new(),
        false => format!("; yet other bytes, {}", one.file),
    };
    format!("Read {how} at {} ({}): {}{other}.", case.ledger.moment(*at), one.reading, one.place)
}

/// What the file on the disk held in the end, where it is another that is shown.
fn on_disk(case: &Case<'_>, attempt: Attempt, shown: &Specimen) -> Option<String> {
    let sent = case.messages.store(case.ledger, attempt)?.digest;
    let mut files = case.disk.finished(case.ledger, attempt).filter_map(|copy| copy.digest).peekable();
    files.peek()?;
    let intact = shown.source == Source::Imap && files.all(|digest| Some(digest) == sent);
    intact.then(|| "In the end the file on the disk was as it was sent.".to_owned())
}

/// Why two files were not compared.
#[derive(Debug, thiserror::Error)]
enum Incomparable {
    #[error("{0} could not be written: {1}")]
    Unwritten(String, String),
    #[error("{0}: {1}")]
    Unreadable(String, std::io::Error),
    #[error("{0} names no attempt")]
    Nameless(String),
    #[error("they are the same")]
    Same,
    #[error("nobody sent such a message")]
    NeverSent,
    #[error("what was sent could not be made again ({0}: {1})")]
    NotMadeAgain(String, std::io::Error),
    #[error("{file} has the digest {found}, and {recorded} was recorded")]
    Another { file: String, found: Digest, recorded: Digest },
    #[error(transparent)]
    Token(#[from] BadToken),
}

/// The two files of one comparison.
struct Files<'a> {
    run_dir: &'a Path,
    case: &'a Case<'a>,
    shown: &'a Specimen,
}

impl Files<'_> {
    /// The change, in words too, and how its offsets become places in the file; or why not.
    fn compared(&self, sent_file: &str) -> Result<(Change, String, String), Incomparable> {
        let Specimen { attempt, source, file, error, .. } = self.shown;
        if let Some(error) = error {
            return Err(Incomparable::Unwritten(file.clone(), error.clone()));
        }
        let sent = self.sent(sent_file)?;
        let raw = self.file(file).map_err(|error| Incomparable::Unreadable(file.clone(), error))?;
        self.proved(file, identify(&raw).digest, self.shown.digest)?;
        let found = Returned::of(&raw, *source).ok_or_else(|| Incomparable::Nameless(file.clone()))?;
        let run = self.case.ledger.run.parse()?;
        let (change, sentence) =
            compare(&sent, &found, carried(self.case, *attempt), run).ok_or(Incomparable::Same)?;
        Ok((change, sentence, found.about_offsets()))
    }

    fn sent(&self, file: &str) -> Result<Vec<u8>, Incomparable> {
        let recorded =
            self.case.messages.store(self.case.ledger, self.shown.attempt).and_then(|op| op.digest);
        let recorded = recorded.ok_or(Incomparable::NeverSent)?;
        let missing = |error| Incomparable::NotMadeAgain(file.to_owned(), error);
        let sent = self.file(file).map_err(missing)?;
        self.proved(file, identify(&sent).digest, recorded)?;
        Ok(sent)
    }

    fn proved(&self, file: &str, found: Digest, recorded: Digest) -> Result<(), Incomparable> {
        match found == recorded {
            true => Ok(()),
            false => Err(Incomparable::Another { file: file.to_owned(), found, recorded }),
        }
    }

    fn file(&self, name: &str) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.run_dir.join(name))?.take(LARGEST as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
