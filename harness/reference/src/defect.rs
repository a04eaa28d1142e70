//! Faults of the mail server itself, switched on to prove that the checkers find them.
//!
//! Each is deterministic: those that strike one message in N count the messages they see and strike each N-th.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use strum::{EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

/// A seeded defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Defect {
    /// Acknowledges, then writes in the background and ignores the result.
    AckBeforeWrite,
    /// Takes a failed `write` of a message for done.
    IgnoreWriteError,
    /// Takes a failed `fsync` of a file or directory for done.
    IgnoreFsyncError,
    /// Computes the next UID as the largest present plus one, so an expunged one returns.
    ReuseUid,
    /// Acknowledges every N-th message without storing it.
    LoseOneInN,
    /// Delivers every N-th message to another user.
    WrongMailbox,
    /// Keeps the part of a message that fitted when the disk is full, and acknowledges.
    TruncateOnEnospc,
    /// Hides every N-th expunged message until the mailbox is opened again.
    ResurrectExpunged,
    /// Stores every N-th message twice.
    Duplicate,
    /// Changes one byte of every N-th message.
    FlipByte,
    /// Never fsyncs a message file.
    NoFsync,
    /// Never fsyncs a directory.
    NoDirectoryFsync,
    /// Acknowledges before the fsync calls, which follow in the background, N at a time.
    AckBeforeFsync,
    /// Calls fsync again when it failed, and takes the second answer for the truth.
    TrustRetriedFsync,
    /// Stores a message for several recipients only for the first, and acknowledges it for all.
    LoseLaterRecipients,
    /// Answers for several recipients in the wrong order.
    SwapReplies,
    /// Clears the eighth bit of every byte.
    StripEighthBit,
    /// Keeps the dots that a sender puts before dots.
    KeepStuffedDots,
    /// Acknowledges messages of more than N KiB without storing them.
    LoseLarge,
    /// Acknowledges every message after the N-th without storing it.
    LoseAfterN,
    /// Acknowledges messages with 8-bit text without storing them.
    LoseEightBit,
    /// Every N-th delivery takes the place of the message that is in the mailbox last.
    OverwriteLast,
    /// Makes the directory durable from which a file was renamed, and not the one it is in.
    SyncWrongDirectory,
    /// After a delivery that failed acknowledges the next one without storing it.
    LoseAfterError,
    /// Ends a message at its first NUL, as strings of C do.
    EndAtNul,
    /// Stores a message for a list for all members but the last, and acknowledges it.
    LoseLastListMember,
}

impl Defect {
    pub fn all() -> impl Iterator<Item = Defect> {
        Defect::iter()
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// One line for `fermoposta list`.
    pub fn description(self) -> &'static str {
        match self {
            Defect::AckBeforeWrite => "acknowledges, then writes in the background and ignores the result",
            Defect::IgnoreWriteError => "takes a failed write of a message for done",
            Defect::IgnoreFsyncError => "takes a failed fsync for done",
            Defect::ReuseUid => "gives the UID of an expunged last message again",
            Defect::LoseOneInN => "acknowledges every N-th message without storing it",
            Defect::WrongMailbox => "delivers every N-th message to another user",
            Defect::TruncateOnEnospc => "keeps and acknowledges the part that fitted on a full disk",
            Defect::ResurrectExpunged => {
                "only hides every N-th expunged message until the mailbox is opened again"
            }
            Defect::Duplicate => "stores every N-th message twice",
            Defect::FlipByte => "changes one byte of every N-th message",
            Defect::NoFsync => "never fsyncs a message file",
            Defect::NoDirectoryFsync => "never fsyncs a directory",
            Defect::AckBeforeFsync => {
                "acknowledges before the fsync calls, which follow in the background, N at a time"
            }
            Defect::TrustRetriedFsync => {
                "calls fsync again when it failed, and takes the second answer for the truth"
            }
            Defect::LoseLaterRecipients => "stores a message for several recipients only for the first",
            Defect::SwapReplies => "answers for several recipients in the wrong order",
            Defect::StripEighthBit => "clears the eighth bit of every byte",
            Defect::KeepStuffedDots => "keeps the dots that a sender puts before dots",
            Defect::LoseLarge => "acknowledges messages of more than N KiB without storing them",
            Defect::LoseAfterN => "acknowledges every message after the N-th without storing it",
            Defect::LoseEightBit => "acknowledges messages with 8-bit text without storing them",
            Defect::OverwriteLast => "every N-th delivery takes the place of the mailbox's last message",
            Defect::SyncWrongDirectory => {
                "makes the directory durable that a file was renamed from, not the one it is in"
            }
            Defect::LoseAfterError => "acknowledges the message after a failed one without storing it",
            Defect::EndAtNul => "ends a message at its first NUL octet",
            Defect::LoseLastListMember => "stores a message for a list for all its members but the last",
        }
    }

    /// The property that must catch it, given a scenario that provokes it.
    pub fn caught_by(self) -> &'static str {
        match self {
            Defect::AckBeforeWrite
            | Defect::IgnoreWriteError
            | Defect::LoseOneInN
            | Defect::NoFsync
            | Defect::NoDirectoryFsync
            | Defect::AckBeforeFsync
            | Defect::TrustRetriedFsync
            | Defect::LoseLaterRecipients
            | Defect::SwapReplies
            | Defect::LoseLarge
            | Defect::LoseAfterN
            | Defect::LoseEightBit
            | Defect::OverwriteLast
            | Defect::SyncWrongDirectory
            | Defect::LoseAfterError
            | Defect::LoseLastListMember => "acknowledged-durable",
            Defect::IgnoreFsyncError => "error-surfaced",
            Defect::TruncateOnEnospc
            | Defect::FlipByte
            | Defect::StripEighthBit
            | Defect::KeepStuffedDots
            | Defect::EndAtNul => "content-intact",
            Defect::ReuseUid => "uid-rules",
            Defect::WrongMailbox => "right-mailbox",
            Defect::ResurrectExpunged => "no-resurrection",
            Defect::Duplicate => "no-duplicate",
        }
    }

    /// N when none is given; `None` when the defect takes none.
    pub fn default_every(self) -> Option<u64> {
        match self {
            Defect::LoseOneInN | Defect::WrongMailbox | Defect::Duplicate | Defect::FlipByte => Some(20),
            Defect::AckBeforeFsync | Defect::OverwriteLast => Some(10),
            Defect::LoseLarge => Some(16),
            Defect::LoseAfterN => Some(100),
            Defect::ResurrectExpunged => Some(1),
            Defect::AckBeforeWrite
            | Defect::IgnoreWriteError
            | Defect::IgnoreFsyncError
            | Defect::ReuseUid
            | Defect::TruncateOnEnospc
            | Defect::NoFsync
            | Defect::NoDirectoryFsync
            | Defect::TrustRetriedFsync
            | Defect::LoseLaterRecipients
            | Defect::SwapReplies
            | Defect::StripEighthBit
            | Defect::KeepStuffedDots
            | Defect::LoseEightBit
            | Defect::SyncWrongDirectory
            | Defect::LoseAfterError
            | Defect::EndAtNul
            | Defect::LoseLastListMember => None,
        }
    }
}

/// A defect with its N, as written on the command line: `flip-byte` or `flip-byte=5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefectChoice {
    pub defect: Defect,
    /// Strikes each N-th time; 1 for the defects that take no N.
    pub every: u64,
}

impl FromStr for DefectChoice {
    type Err = BadDefect;

    fn from_str(text: &str) -> Result<Self, BadDefect> {
        let (name, count) = text.split_once('=').map_or((text, None), |(name, count)| (name, Some(count)));
        let defect = Defect::from_str(name).map_err(|_| BadDefect::Unknown(name.to_owned()))?;
        let every = match (count, defect.default_every()) {
            (None, default) => default.unwrap_or(1),
            (Some(_), None) => return Err(BadDefect::TakesNoNumber(name.to_owned())),
            (Some(count), Some(_)) => positive(name, count)?,
        };
        Ok(DefectChoice { defect, every })
    }
}

/// Why a text is no [`DefectChoice`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDefect {
    #[error("unknown defect '{0}'; expected one of: {names}", names = names())]
    Unknown(String),
    #[error("defect '{0}' takes no number")]
    TakesNoNumber(String),
    #[error("defect '{0}': '{1}' is not a whole number from 1")]
    BadNumber(String, String),
}

fn names() -> String {
    Defect::all().map(Defect::name).collect::<Vec<_>>().join(", ")
}

fn positive(name: &str, count: &str) -> Result<u64, BadDefect> {
    let parsed = count.parse().ok().filter(|count| *count > 0);
    parsed.ok_or_else(|| BadDefect::BadNumber(name.to_owned(), count.to_owned()))
}

/// The defects of one server with their counters.
#[derive(Debug, Default)]
pub struct Defects {
    armed: Vec<(DefectChoice, AtomicU64)>,
}

impl Defects {
    /// Arms the given defects.
    pub fn new(choices: &[DefectChoice]) -> Defects {
        Defects { armed: choices.iter().map(|choice| (*choice, AtomicU64::new(0))).collect() }
    }

    /// Whether a defect is armed, without counting.
    pub fn has(&self, defect: Defect) -> bool {
        self.armed.iter().any(|(choice, _)| choice.defect == defect)
    }

    /// The N of a defect; `None` when it is not armed.
    pub fn every(&self, defect: Defect) -> Option<u64> {
        self.armed.iter().find(|(choice, _)| choice.defect == defect).map(|(choice, _)| choice.every)
    }

    /// Counts one opportunity and says whether there were more than N before.
    pub fn is_spent(&self, defect: Defect) -> bool {
        let armed = self.armed.iter().find(|(choice, _)| choice.defect == defect);
        armed.is_some_and(|(choice, seen)| seen.fetch_add(1, Ordering::Relaxed) >= choice.every)
    }

    /// Remembers that the condition of a defect is met.
    pub fn provoke(&self, defect: Defect) {
        let armed = self.armed.iter().find(|(choice, _)| choice.defect == defect);
        armed.iter().for_each(|(_, met)| met.store(1, Ordering::Relaxed));
    }

    /// Whether its condition was met since this was asked last.
    pub fn is_provoked(&self, defect: Defect) -> bool {
        let armed = self.armed.iter().find(|(choice, _)| choice.defect == defect);
        armed.is_some_and(|(_, met)| met.swap(0, Ordering::Relaxed) > 0)
    }

    /// Counts one opportunity and says whether the defect strikes.
    pub fn strikes(&self, defect: Defect) -> bool {
        let armed = self.armed.iter().find(|(choice, _)| choice.defect == defect);
        armed.is_some_and(|(choice, seen)| {
            (seen.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(choice.every)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_parses_by_its_name_and_says_what_it_does() {
        for defect in Defect::all() {
            assert_eq!(defect.name().parse::<DefectChoice>().unwrap().defect, defect);
            assert!(!defect.description().is_empty() && !defect.caught_by().is_empty());
        }
    }

    #[test]
    fn bad_choices_name_the_way_out() {
        let error = |text: &str| text.parse::<DefectChoice>().unwrap_err();
        insta::assert_snapshot!(error("flip-byte=0"), @"defect 'flip-byte': '0' is not a whole number from 1");
        insta::assert_snapshot!(error("reuse-uid=3"), @"defect 'reuse-uid' takes no number");
        insta::assert_snapshot!(error("flip"), @"unknown defect 'flip'; expected one of: ack-before-write, ignore-write-error, ignore-fsync-error, reuse-uid, lose-one-in-n, wrong-mailbox, truncate-on-enospc, resurrect-expunged, duplicate, flip-byte, no-fsync, no-directory-fsync, ack-before-fsync, trust-retried-fsync, lose-later-recipients, swap-replies, strip-eighth-bit, keep-stuffed-dots, lose-large, lose-after-n, lose-eight-bit, overwrite-last, sync-wrong-directory, lose-after-error, end-at-nul, lose-last-list-member");
    }

    #[test]
    fn one_in_n_strikes_each_nth() {
        let defects = Defects::new(&["flip-byte=3".parse().unwrap()]);
        let struck: Vec<_> = (0..7).map(|_| defects.strikes(Defect::FlipByte)).collect();
        assert_eq!(struck, [false, false, true, false, false, true, false]);
        assert!(!defects.strikes(Defect::Duplicate));
    }
}
