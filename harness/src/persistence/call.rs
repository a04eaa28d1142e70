//! Calls of a program, as the lists of measured sequences write them.

use std::fmt;

/// Which sync call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syncing {
    Fsync,
    Fdatasync,
}

/// One thing that a program does: one system call, or those from opening a file to closing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Opens, creating; writes, at the end if no offset is given; perhaps syncs; closes.
    Write {
        path: &'static str,
        at: Option<u64>,
        bytes: u64,
        letter: u8,
        truncating: bool,
        syncing: Option<Syncing>,
    },
    Sync {
        path: &'static str,
        syncing: Syncing,
    },
    Truncate {
        path: &'static str,
        size: u64,
    },
    Rename {
        from: &'static str,
        to: &'static str,
    },
    Link {
        from: &'static str,
        to: &'static str,
    },
    Unlink(&'static str),
    Mkdir(&'static str),
    Rmdir(&'static str),
    /// Of the whole file system.
    Syncfs,
}

/// One system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The file that the next ones are about.
    Open {
        path: &'static str,
        truncating: bool,
    },
    Write {
        at: Option<u64>,
        bytes: u64,
        letter: u8,
    },
    SyncOpen(Syncing),
    Close,
    /// All else.
    Whole(Call),
}

impl Call {
    /// The system calls of it, between which the power may go.
    pub(super) fn steps(&self) -> Vec<Step> {
        let Call::Write { path, at, bytes, letter, truncating, syncing } = *self else {
            return vec![Step::Whole(self.clone())];
        };
        let mut steps = vec![Step::Open { path, truncating }, Step::Write { at, bytes, letter }];
        steps.extend(syncing.map(Step::SyncOpen));
        steps.push(Step::Close);
        steps
    }
}

impl Step {
    /// A file's content or size may be another one afterwards.
    pub(super) fn changes_content(&self) -> bool {
        matches!(
            self,
            Step::Open { truncating: true, .. } | Step::Write { .. } | Step::Whole(Call::Truncate { .. })
        )
    }
}

impl fmt::Display for Syncing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Syncing::Fsync { "fsync" } else { "fdatasync" })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Write { path, at, bytes, letter, truncating, syncing } => {
                let appends = at.is_none() && !truncating;
                let letter = char::from(*letter);
                write!(f, "{} {path} {bytes} {letter}", if appends { "append" } else { "write" })?;
                at.map_or(Ok(()), |at| write!(f, " at={at}"))?;
                f.write_str(if *truncating { " trunc" } else { "" })?;
                syncing.map_or(Ok(()), |syncing| write!(f, " {syncing}"))
            }
            Call::Sync { path, syncing } => write!(f, "{syncing} {path}"),
            Call::Truncate { path, size } => write!(f, "truncate {path} {size}"),
            Call::Rename { from, to } => write!(f, "rename {from} {to}"),
            Call::Link { from, to } => write!(f, "link {from} {to}"),
            Call::Unlink(path) => write!(f, "unlink {path}"),
            Call::Mkdir(path) => write!(f, "mkdir {path}"),
            Call::Rmdir(path) => write!(f, "rmdir {path}"),
            Call::Syncfs => f.write_str("syncfs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_the_calls_from_opening_to_closing() {
        let call = Call::Write {
            path: "a/A",
            at: None,
            bytes: 100,
            letter: b'n',
            truncating: true,
            syncing: Some(Syncing::Fsync),
        };
        assert_eq!(call.to_string(), "write a/A 100 n trunc fsync");
        assert_eq!(
            call.steps(),
            [
                Step::Open { path: "a/A", truncating: true },
                Step::Write { at: None, bytes: 100, letter: b'n' },
                Step::SyncOpen(Syncing::Fsync),
                Step::Close,
            ]
        );
        assert_eq!(Call::Syncfs.steps(), [Step::Whole(Call::Syncfs)]);
    }
}
