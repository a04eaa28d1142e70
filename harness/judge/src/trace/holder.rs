//! One file that held an attempt: what the storage answered about it on the way to the acknowledgement.
//!
//! Model of an error that was made good. A write that failed is made good by a write that covers it. A failed fsync
//! says of all that was written before it that it may never reach the disk: the kernel may have marked the pages clean,
//! and another fsync returns 0 having written nothing (Linux errseq). So it is made good by writing all of that anew and
//! a successful fsync after. A failed close after a successful fsync with no write in between says nothing new; otherwise
//! it counts as a failed write of everything. A rename or link out of `tmp/` that failed is made good by one that succeeds.
//! Cutting the file off takes what is beyond with it. Calls that ended after the acknowledgement change nothing of that.

use super::ranges::Ranges;
use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;

/// A failure the storage reported about a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub at: Nanos,
    pub op: Op,
    /// What the caller got.
    pub errno: i32,
    /// It was an fsync, and a later one returned 0 although the data had not been written again.
    pub retried: bool,
}

/// One file that held an attempt.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// Which storage, by the order of the traces.
    pub storage: u32,
    pub ino: u64,
    /// Ordinal of the first call on it.
    pub from: u64,
    /// When it came to be, or was first seen to hold the attempt.
    pub since: Nanos,
    /// Its last known name.
    pub path: String,
    /// When its attempt was acknowledged, if it was.
    pub(super) acknowledged: Option<Nanos>,
    /// Names it has now, and had when its attempt was acknowledged.
    names: (i32, i32),
    written: Ranges,
    lost: Ranges,
    /// Written since the last good fsync.
    fresh: bool,
    /// An fsync failed and none has succeeded since over data written anew.
    resync: bool,
    retried: bool,
    failure: Option<Failure>,
    naming: Option<Failure>,
    named: Option<(Nanos, String)>,
    met_error: bool,
}

impl Holder {
    /// A file that was made as `path` at `named`, or is first seen in call `e`.
    pub(super) fn new(storage: u32, from: u64, path: &str, named: Option<Nanos>, e: &FsEvent) -> Holder {
        Holder {
            storage,
            ino: e.ino,
            from,
            since: named.unwrap_or(e.at),
            path: path.to_owned(),
            names: (1, 1),
            named: named.map(|at| (at, parent(path).to_owned())),
            ..Holder::default()
        }
    }

    /// Its attempt was acknowledged then. A file made later (a queued message's copy in its mailbox) was not there, and
    /// makes nothing good.
    pub(super) fn acknowledge(&mut self, at: Nanos) {
        self.acknowledged = Some(at);
        if self.since > at {
            self.names.1 = 0;
        }
    }

    /// Takes a call on the file into account.
    pub(super) fn note(&mut self, e: &FsEvent) {
        self.follow(e);
        let Some(end) = e.end.filter(|_| answered(e)) else { return };
        if self.acknowledged.is_some_and(|at| end > at) {
            return;
        }
        self.names.1 = self.names.0;
        match e.op {
            Op::Write if e.errno == 0 => self.wrote(e.offset, e.offset + e.done.unwrap_or(e.len)),
            Op::Write => {
                self.lost.add(e.offset, e.offset + e.len.max(1));
                self.failed(e);
            }
            Op::Truncate if e.errno == 0 => {
                self.written.remove(e.offset, u64::MAX);
                self.lost.remove(e.offset, u64::MAX);
            }
            Op::Fsync if e.errno == 0 => self.synced(),
            Op::Fsync => {
                (self.lost, self.resync) = (self.written.clone(), true);
                self.failed(e);
            }
            Op::Flush if e.errno != 0 => {
                self.met_error = true;
                if self.fresh {
                    self.lost = self.written.clone();
                    self.failed(e);
                }
            }
            Op::Rename | Op::Link if e.errno == 0 => {
                let to = e.new_path.as_deref().unwrap_or(&e.path);
                (self.named, self.naming) = (Some((end, parent(to).to_owned())), None);
            }
            Op::Rename | Op::Link if unfinished(&e.path) && unfinished(&self.path) => {
                self.met_error = true;
                self.naming = Some(failure(e));
            }
            _ => {}
        }
    }

    /// Its names, also after the acknowledgement.
    fn follow(&mut self, e: &FsEvent) {
        match (e.op, &e.new_path) {
            (Op::Rename, Some(to)) if e.errno == 0 => self.path.clone_from(to),
            (Op::Link, Some(to)) if e.errno == 0 => {
                self.names.0 += 1;
                self.path.clone_from(to);
            }
            (Op::Unlink, _) if e.errno == 0 => self.names.0 -= 1,
            _ => {}
        }
    }

    fn wrote(&mut self, from: u64, to: u64) {
        self.written.add(from, to);
        self.lost.remove(from, to);
        self.fresh = true;
    }

    fn synced(&mut self) {
        self.fresh = false;
        self.resync &= !self.lost.is_empty();
        self.retried = self.resync;
    }

    fn failed(&mut self, e: &FsEvent) {
        self.met_error = true;
        self.retried = false;
        self.failure = Some(failure(e));
    }

    /// A failure that stood when the attempt was acknowledged.
    pub(super) fn standing(&self) -> Option<Failure> {
        let data = self.failure.as_ref().filter(|_| self.resync || !self.lost.is_empty());
        let data = data.map(|f| Failure { retried: self.retried, ..f.clone() });
        data.or_else(|| self.naming.clone())
    }

    /// The last failure reported about it before the acknowledgement, made good or not.
    pub(super) fn reported(&self) -> Option<Failure> {
        self.naming.clone().or_else(|| self.failure.clone())
    }

    /// When and in which directory it got the name it had when its attempt was acknowledged.
    pub(super) fn named(&self) -> Option<&(Nanos, String)> {
        self.named.as_ref()
    }

    /// The storage reported any failure about it before the acknowledgement.
    pub(super) fn met_error(&self) -> bool {
        self.met_error
    }

    /// It had a name when its attempt was acknowledged.
    pub(super) fn was_there(&self) -> bool {
        self.names.1 > 0
    }

    /// It has a name at the end, as far as the trace knows.
    pub fn is_there(&self) -> bool {
        self.names.0 > 0
    }
}

/// Somebody got the answer: a call that the power took is written down with this errno when its mount is taken down.
pub(crate) fn answered(e: &FsEvent) -> bool {
    e.errno != libc::ECONNABORTED
}

fn failure(e: &FsEvent) -> Failure {
    Failure { at: e.at, op: e.op, errno: e.errno, retried: false }
}

/// The directory that holds a path; the storage's root is empty.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// It lies where unfinished deliveries lie: in Maildir's `tmp/`.
pub(crate) fn unfinished(path: &str) -> bool {
    last(parent(path)) == "tmp"
}

/// It lies where a Maildir's messages lie.
pub(crate) fn finished(path: &str) -> bool {
    matches!(last(parent(path)), "new" | "cur")
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
