use crate::tls::trust::NoTrust;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// What can go wrong with a mail server that is none of its findings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// A command of its definition could not be run.
    #[error("{server}: cannot run `{command}`: {error}")]
    Command { server: String, command: String, error: io::Error },
    /// A command of its definition failed.
    #[error("{server}: `{command}` ended with {status}; its output is in {log}")]
    CommandFailed {
        server: String,
        command: String,
        /// How it ended.
        status: ExitStatus,
        log: PathBuf,
    },
    /// A command of its definition did not end in time.
    #[error("{server}: `{command}` did not end within {} s; its output is in {log}", limit.as_secs())]
    CommandTooSlow {
        server: String,
        command: String,
        /// How long was waited.
        limit: Duration,
        log: PathBuf,
    },
    /// Whatever its command did, it is there.
    #[error("{server}: `{command}` ended well, but at {address} the same server still serves")]
    StillServes { server: String, command: String, address: String },
    /// It ended before it greeted.
    #[error("{server} ended before it greeted ({status}); {log}")]
    EndedEarly {
        server: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// It did not greet in time.
    #[error("{server} did not greet on {what}; {log}")]
    NotReady {
        server: String,
        /// Service, address, how long was waited, what happened last.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// Somebody else is at its address.
    #[error(
        "{server} was not started: somebody else answers at {address}, where its {service} is to be: {who}. Stop that, or \
         give the target another address. If it is {server} itself, its `stop` or `kill` does not end it"
    )]
    PortTaken {
        server: String,
        service: &'static str,
        address: String,
        /// Process and command line.
        who: String,
    },
    /// It is not it who greets.
    #[error(
        "{service} ({address}) of {server} is answered by {who}, which was there before it was started: this is not the \
         mail server under test. Stop it, or give the target another address"
    )]
    Stranger {
        server: String,
        service: &'static str,
        address: String,
        /// Process and command line.
        who: String,
    },
    /// Whether it is the right one cannot be told.
    #[error("{server}: {why}")]
    Trust { server: String, why: NoTrust },
    /// It is not known to be the right one; nothing was said to it.
    #[error("{service} ({address}) of {server}: {why}")]
    Insecure { server: String, service: &'static str, address: String, why: String },
    /// Its files could not be written.
    #[error("cannot write {path}: {error}")]
    Prepare {
        /// File or directory.
        path: PathBuf,
        error: io::Error,
    },
}

impl TargetError {
    /// Somebody else is where the mail server should be: this says nothing of it.
    pub(crate) fn is_of_somebody_else(&self) -> bool {
        matches!(self, TargetError::PortTaken { .. } | TargetError::Stranger { .. })
    }
}
