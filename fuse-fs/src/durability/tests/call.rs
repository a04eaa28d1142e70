//! Random calls of a program: drawn as numbers, resolved against what is there, done on a rig.

use super::rig::{OpenFile, Rig, Sync};
use super::world::State;
use crate::fs::request::Outcome;
use proptest::prelude::*;

/// Names that entries get; few, so that they meet.
const NAMES: [&str; 4] = ["f", "g", "d", "e"];
const DEEPEST: usize = 3;
const LARGEST: u64 = 12 << 10;

/// One call, or a few that belong together, with paths below the root; the root is `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Mkdir(String),
    Create(String),
    /// Opens, writes, closes.
    Write {
        path: String,
        offset: u64,
        len: u64,
    },
    /// The same through a shared mapping.
    WriteMapped {
        path: String,
        offset: u64,
        len: u64,
    },
    /// Opens with `O_TRUNC`, writes, closes.
    Rewrite {
        path: String,
        len: u64,
    },
    Truncate {
        path: String,
        size: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Exchange {
        from: String,
        to: String,
    },
    Link {
        from: String,
        to: String,
    },
    Unlink(String),
    Rmdir(String),
    Chmod {
        path: String,
        mode: u32,
    },
    SetXattr {
        path: String,
        value: String,
    },
    /// Of a file or a directory.
    Sync {
        path: String,
        sync: Sync,
    },
    SyncAll,
    /// Opens a file and keeps it open; one at a time.
    Hold(String),
    WriteHeld {
        offset: u64,
        len: u64,
    },
    SyncHeld,
    CloseHeld,
}

/// What a call is drawn as.
#[derive(Clone, Copy, Debug)]
enum CallKind {
    Mkdir,
    Create,
    Write,
    WriteMapped,
    Rewrite,
    Truncate,
    Rename,
    Exchange,
    Link,
    MoveByLink,
    Unlink,
    Rmdir,
    Chmod,
    SetXattr,
    Fsync,
    Fdatasync,
    SyncDirectory,
    SyncAll,
    Hold,
    WriteHeld,
    SyncHeld,
    CloseHeld,
}

/// A call not yet resolved: which kind, and numbers to choose paths and ranges with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    kind: CallKind,
    first: u8,
    second: u8,
    offset: u64,
    len: u64,
}

fn kind() -> impl Strategy<Value = CallKind> {
    let weights = [
        (2, CallKind::Mkdir),
        (4, CallKind::Create),
        (8, CallKind::Write),
        (2, CallKind::WriteMapped),
        (2, CallKind::Rewrite),
        (3, CallKind::Truncate),
        (7, CallKind::Rename),
        (1, CallKind::Exchange),
        (2, CallKind::Link),
        (3, CallKind::MoveByLink),
        (3, CallKind::Unlink),
        (1, CallKind::Rmdir),
        (2, CallKind::Chmod),
        (1, CallKind::SetXattr),
        (4, CallKind::Fsync),
        (2, CallKind::Fdatasync),
        (4, CallKind::SyncDirectory),
        (1, CallKind::SyncAll),
        (2, CallKind::Hold),
        (2, CallKind::WriteHeld),
        (1, CallKind::SyncHeld),
        (1, CallKind::CloseHeld),
    ];
    prop::strategy::Union::new_weighted(weights.map(|(weight, kind)| (weight, Just(kind))).to_vec())
}

/// Offsets and lengths at sectors and pages, and at neither.
fn position() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..=LARGEST / 4096).prop_map(|n| n * 4096),
        (0..=LARGEST / 512).prop_map(|n| n * 512),
        0..LARGEST
    ]
}

/// One random call.
pub(crate) fn draw() -> impl Strategy<Value = Draw> {
    (kind(), any::<u8>(), any::<u8>(), position(), position())
        .prop_map(|(kind, first, second, offset, len)| Draw { kind, first, second, offset, len })
}

fn pick(paths: &[String], n: u8) -> Option<String> {
    paths.get(usize::from(n) % paths.len().max(1)).cloned()
}

/// A path in a directory that is there, of a name that may be there or not.
fn place(directories: &[String], n: u8, state: &State, wants_free: bool) -> Option<String> {
    let directories: Vec<&String> =
        directories.iter().filter(|path| path.split('/').count() < DEEPEST).collect();
    let directory = directories.get(usize::from(n) % directories.len().max(1))?;
    let names = NAMES.iter().cycle().skip(usize::from(n / 16) % NAMES.len()).take(NAMES.len());
    let join =
        |name: &&str| if *directory == "." { (*name).to_owned() } else { format!("{directory}/{name}") };
    let mut paths = names.map(join);
    if wants_free { paths.find(|path| state.at(path).is_none()) } else { paths.next() }
}

impl Draw {
    /// The calls that it is on this state, if there is anything to do them on.
    pub(super) fn resolve(self, state: &State, holding: bool) -> Vec<Call> {
        match (self.kind, self.one(state, holding)) {
            (CallKind::MoveByLink, Some(Call::Link { from, to })) => {
                vec![Call::Link { from: from.clone(), to }, Call::Unlink(from)]
            }
            (_, call) => call.into_iter().collect(),
        }
    }

    fn one(self, state: &State, holding: bool) -> Option<Call> {
        let (files, directories) = (state.paths(false), state.paths(true));
        let file = || pick(&files, self.first);
        let free = || place(&directories, self.second, state, true);
        let any = || pick(&[&files[..], &directories[1..]].concat(), self.first);
        let len = 1 + self.len.min(LARGEST);
        Some(match self.kind {
            CallKind::Mkdir => Call::Mkdir(free()?),
            CallKind::Create => Call::Create(free()?),
            CallKind::Write => Call::Write { path: file()?, offset: self.offset, len },
            CallKind::WriteMapped => Call::WriteMapped { path: file()?, offset: self.offset, len },
            CallKind::Rewrite => Call::Rewrite { path: file()?, len },
            CallKind::Truncate => Call::Truncate { path: file()?, size: self.offset },
            CallKind::Rename => Call::Rename {
                from: any()?,
                to: place(&directories, self.second, state, !self.second.is_multiple_of(3))?,
            },
            CallKind::Exchange => Call::Exchange { from: file()?, to: pick(&files, self.second)? },
            CallKind::Link | CallKind::MoveByLink => Call::Link { from: file()?, to: free()? },
            CallKind::Unlink => Call::Unlink(file()?),
            CallKind::Rmdir => Call::Rmdir(pick(&directories[1..], self.first)?),
            CallKind::Chmod => {
                Call::Chmod { path: any()?, mode: [0o600, 0o640, 0o755][usize::from(self.second) % 3] }
            }
            CallKind::SetXattr => Call::SetXattr { path: file()?, value: format!("v{}", self.second) },
            CallKind::Fsync => Call::Sync { path: file()?, sync: Sync::Full },
            CallKind::Fdatasync => Call::Sync { path: file()?, sync: Sync::Data },
            CallKind::SyncDirectory => Call::Sync { path: pick(&directories, self.first)?, sync: Sync::Full },
            CallKind::SyncAll => Call::SyncAll,
            CallKind::Hold if !holding => Call::Hold(file()?),
            CallKind::WriteHeld if holding => Call::WriteHeld { offset: self.offset, len },
            CallKind::SyncHeld if holding => Call::SyncHeld,
            CallKind::CloseHeld if holding => Call::CloseHeld,
            CallKind::Hold | CallKind::WriteHeld | CallKind::SyncHeld | CallKind::CloseHeld => return None,
        })
    }
}

/// What the n-th call writes.
pub(crate) fn letter(n: usize) -> u8 {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl123456789";
    LETTERS[n % LETTERS.len()]
}

impl Call {
    /// Does the call on a rig, as the n-th; `held` is the file kept open, if any.
    pub(super) fn perform(&self, rig: &Rig, held: &mut Option<OpenFile>, n: usize) -> Outcome<()> {
        match self {
            Call::Mkdir(path) => rig.mkdir(path),
            Call::Create(path) => {
                rig.close(rig.open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, 0o644)?)
            }
            Call::Write { path, offset, len } => {
                let file = rig.open(path, libc::O_WRONLY, 0)?;
                rig.write(&file, *offset, &data(n, *len))?;
                rig.close(file)
            }
            Call::WriteMapped { path, offset, len } => {
                let file = rig.open(path, libc::O_RDWR, 0)?;
                rig.write_mapped(&file, *offset, &data(n, *len))?;
                rig.close(file)
            }
            Call::Rewrite { path, len } => {
                let file = rig.open(path, libc::O_WRONLY | libc::O_TRUNC, 0)?;
                rig.write(&file, 0, &data(n, *len))?;
                rig.close(file)
            }
            Call::Truncate { path, size } => rig.truncate(path, *size),
            Call::Chmod { path, mode } => rig.chmod(path, *mode),
            Call::SetXattr { path, value } => rig.set_xattr(path, value),
            Call::Sync { path, sync } => rig.sync_path(path, *sync),
            Call::SyncAll => {
                rig.sync_all();
                Ok(())
            }
            Call::Hold(_) | Call::WriteHeld { .. } | Call::SyncHeld | Call::CloseHeld => {
                self.perform_held(rig, held, n)
            }
            _ => self.perform_name(rig),
        }
    }

    fn perform_name(&self, rig: &Rig) -> Outcome<()> {
        match self {
            Call::Rename { from, to } => rig.rename(from, to, 0),
            Call::Exchange { from, to } => rig.rename(from, to, libc::RENAME_EXCHANGE),
            Call::Link { from, to } => rig.link(from, to),
            Call::Unlink(path) => rig.unlink(path),
            Call::Rmdir(path) => rig.rmdir(path),
            other => panic!("not about names: {other:?}"),
        }
    }

    fn perform_held(&self, rig: &Rig, held: &mut Option<OpenFile>, n: usize) -> Outcome<()> {
        if let Call::Hold(path) = self {
            *held = Some(rig.open(path, libc::O_RDWR, 0)?);
            return Ok(());
        }
        let file = held.as_ref().expect("resolved only while a file is held");
        match self {
            Call::WriteHeld { offset, len } => rig.write(file, *offset, &data(n, *len)),
            Call::SyncHeld => rig.sync(file, Sync::Full),
            _ => rig.close(held.take().expect("just seen")),
        }
    }
}

fn data(n: usize, len: u64) -> Vec<u8> {
    vec![letter(n); len as usize]
}
