//! What the program says to its caller: exit codes.

use judge::JudgeError;
use judge::stores::compare::BadSide;
use record::directory::NotARun;
use record::series::book::BookError;
use reports::kit::verdict::Verdict;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Valid; for commands without a verdict: done.
    Valid = 0,
    /// At least one property is violated.
    Invalid = 1,
    /// Neither proved.
    Unknown = 2,
    /// Bad command line or scenario.
    Usage = 64,
    /// The environment or the harness failed.
    Environment = 70,
    /// SIGINT, SIGTERM or SIGHUP.
    Interrupted = 130,
}

/// The caller named something that there is not. Ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoSuch(pub String);

/// The caller named a place that cannot be used like that. Ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misplaced(pub String);

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Valid => Exit::Valid,
            Verdict::Invalid => Exit::Invalid,
            Verdict::Unknown => Exit::Unknown,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// How the program ends with an error: the caller's mistake, or trouble of machine or harness.
    pub fn of(error: &anyhow::Error) -> Exit {
        let usage = error.is::<reports::kit::format::UnknownExtension>()
            || error.is::<NoSuch>()
            || error.is::<NotARun>()
            || matches!(error.downcast_ref(), Some(JudgeError::NotARun(_)))
            || error.is::<Misplaced>()
            || error.is::<Doubtful>()
            || error.is::<Refused>()
            || matches!(error.downcast_ref(), Some(BadSide { .. }))
            || error.downcast_ref().is_some_and(|error| !matches!(error, BookError::Io { .. }));
        if usage { Exit::Usage } else { Exit::Environment }
    }

    /// The exit of several runs: an interruption or failure first, then the worst verdict.
    pub fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let rank = |exit: &Exit| match exit {
            Exit::Interrupted => 5,
            Exit::Environment => 4,
            Exit::Usage => 3,
            Exit::Invalid => 2,
            Exit::Unknown => 1,
            Exit::Valid => 0,
        };
        exits.into_iter().max_by_key(rank).unwrap_or(Exit::Valid)
    }
}

/// Prints on standard output. That nobody reads on is no error: who pipes into `head` has seen enough.
pub(crate) fn say(words: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(words.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Prints a line on standard error, whether anybody reads it or not.
macro_rules! tell {
    ($($words:tt)*) => { $crate::exit::told(format_args!($($words)*)) };
}
pub(crate) use tell;

pub(crate) fn told(words: Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{words}");
}

/// These runs cannot be compared as they are. Ends with [`crate::exit::Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub String);

/// A report that is not as it was written, or does not follow from what was recorded. Ends with [`Exit::Usage`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Doubtful(pub String);
