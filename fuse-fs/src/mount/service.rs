//! One request from end to end: decide, perhaps wait, act, answer, record.
//!
//! A call that no rule could strike, on a mount without a trace, costs four atomic loads more than the
//! pass-through itself. A call that waits is moved to the [`Parking`] with a copy of its data.

use super::callers::command_of;
use super::parking::{Parking, Thaw};
use super::recorder::TraceSink;
use super::trace::FsEvent;
use crate::call::{Call, FileKind, Op, Parts, Subject};
use crate::clock::Nanos;
use crate::durability::cut::CutMode;
use crate::fs::lies::{Victim, age};
use crate::fs::request::{Answer, Caller, Outcome, Request};
use crate::fs::space;
use crate::fs::{Fs, Power};
use crate::rules::decide::Decide;
use crate::rules::decision::{Action, Decision, RuleId};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstatat};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What `fallocate` does in these ways gives space back, or moves what is there.
const NEEDS_NO_SPACE: i32 =
    libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_COLLAPSE_RANGE | libc::FALLOC_FL_INSERT_RANGE;

/// What it does in these ways takes what is there.
const GIVES_BACK: i32 = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_COLLAPSE_RANGE;

/// Everything behind one mount.
pub(crate) struct Service {
    pub(crate) fs: Fs,
    pub(crate) parking: Parking,
    pub(crate) decide: Arc<dyn Decide>,
    pub(crate) trace: Option<TraceSink>,
}

/// What a call's rules may ask about it.
struct Facts<'a> {
    fs: &'a Fs,
    request: &'a Request<'a>,
    caller: &'a Caller,
}

/// A call on its way.
struct Journey {
    at: Nanos,
    decision: Decision,
    note: Option<FsEvent>,
}

impl Service {
    /// Serves one request; `reply` is called exactly once, perhaps later and on another thread.
    pub(crate) fn serve(
        self: &Arc<Self>,
        request: Request<'_>,
        caller: Caller,
        reply: impl FnOnce(&Service, Outcome<Answer>) + Send + 'static,
    ) {
        let op = request.op();
        let armed = self.decide.armed(op);
        if !armed && self.trace.is_none() {
            return match self.fs.power() {
                Power::Off => self.hold(reply),
                powered @ (Power::None | Power::On(_)) => {
                    let outcome = as_seen(self.fs.perform(&request, &caller, &Action::Proceed));
                    drop(powered);
                    self.count(op, &outcome);
                    reply(self, outcome)
                }
            };
        }
        let (journey, caller) = self.set_out(&request, caller, armed);
        if journey.decision.delay.is_zero() && journey.decision.freeze.is_none() {
            return match self.act(&request, &caller, journey, Thaw::Continue) {
                Some(outcome) => reply(self, outcome),
                None => self.hold(reply),
            };
        }
        self.park(request.into_owned(), caller, journey, reply);
    }

    /// Never answers: the power is off. The caller hears of it when the connection is gone.
    fn hold(self: &Arc<Self>, reply: impl FnOnce(&Service, Outcome<Answer>) + Send + 'static) {
        let service = self.clone();
        self.parking.hold(Box::new(move |_| reply(&service, Err(Errno::ECONNABORTED))));
    }

    fn set_out(&self, request: &Request<'_>, mut caller: Caller, armed: bool) -> (Journey, Caller) {
        let at = Nanos::now();
        let facts = Facts { fs: &self.fs, request, caller: &caller };
        let decision = if armed { self.decide.decide(&facts.call(), at) } else { Decision::proceed() };
        let note = self.trace.as_ref().and_then(|trace| self.note(trace, &facts, &decision, at));
        caller.seq = note.as_ref().map_or(0, |note| note.seq);
        (Journey { at, decision, note }, caller)
    }

    fn park(
        self: &Arc<Self>,
        request: Request<'static>,
        caller: Caller,
        mut journey: Journey,
        reply: impl FnOnce(&Service, Outcome<Answer>) + Send + 'static,
    ) {
        if let (Some(trace), Some(note)) = (&self.trace, &mut journey.note) {
            note.command = trace.command(note.pid);
        }
        if let (Some(trace), Some(note), Some(_)) = (&self.trace, &journey.note, journey.decision.freeze) {
            trace.record(note.clone());
        }
        let (decided, delay) = (journey.at, journey.decision.delay);
        let own = journey.decision.thaw_after;
        let freeze = journey.decision.freeze.map(|rule| (rule, own.or_else(|| self.decide.thaw_after(rule))));
        let service = self.clone();
        let resume = Box::new(move |thaw| match service.act(&request, &caller, journey, thaw) {
            Some(outcome) => reply(&service, outcome),
            None => service.hold(reply),
        });
        self.parking.park(decided, delay, freeze, resume);
    }

    /// `None` if the power went: the call never completes.
    fn act(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        mut journey: Journey,
        thaw: Thaw,
    ) -> Option<Outcome<Answer>> {
        if let (Thaw::Continue | Thaw::Expired, Action::PowerCut { mode, after }) =
            (thaw, &journey.decision.action)
        {
            self.cut_power(request, caller, *mode, *after);
            self.record(request, journey, &Err(Errno::ECONNABORTED));
            return None;
        }
        let powered = self.fs.power();
        if matches!((&powered, thaw), (Power::Off, Thaw::Continue | Thaw::Expired)) {
            return None;
        }
        let failure = match (thaw, &journey.decision.action) {
            (Thaw::Fail(errno), _) => Some(Errno::from_raw(errno)),
            (_, Action::Fail(errno)) | (Thaw::Expired, Action::Overdue(errno)) => {
                Some(Errno::from_raw(*errno))
            }
            (Thaw::Continue | Thaw::Expired, _) => None,
        };
        if let (None, Action::DeleteCold { older_than }) = (failure, &journey.decision.action) {
            let victims = self.fs.delete_cold(request, caller, *older_than);
            self.record_victims(victims, &mut journey);
        }
        let outcome = match failure {
            None => as_seen(self.fs.perform(request, caller, &journey.decision.action)),
            Some(errno) => {
                self.close_anyway(request, caller);
                Err(errno)
            }
        };
        let off = matches!(powered, Power::Off);
        drop(powered);
        self.count(request.op(), &outcome);
        // What a call that the power took is answered reaches nobody.
        if !off {
            self.record(request, journey, &outcome);
        }
        Some(outcome)
    }

    /// The power goes at this call, before it or after what it does.
    fn cut_power(&self, request: &Request<'_>, caller: &Caller, mode: CutMode, after: bool) {
        let Some(volatile) = self.fs.volatile() else { return };
        if let (true, Power::On(powered)) = (after, self.fs.power()) {
            // Whether it succeeds or not, nobody hears of it.
            drop(self.fs.perform(request, caller, &Action::Proceed));
            drop(powered);
        }
        volatile.ask_for_cut(mode);
    }

    /// What the storage deleted by itself stands in the trace as an `unlink` by nobody, which the rule struck, under
    /// the number of the call that came upon it.
    fn record_victims(&self, victims: Vec<Victim>, journey: &mut Journey) {
        let (Some(trace), Some(note)) = (&self.trace, &mut journey.note) else { return };
        if victims.is_empty() {
            return;
        }
        let fired = std::mem::take(&mut note.fired);
        for victim in victims {
            let path = victim.path.to_string_lossy().into_owned();
            let (op, ino, parent) = (Op::Unlink, victim.ino, Some(victim.parent));
            let (end, fired) = (Some(Nanos::now()), fired.clone());
            trace.record(FsEvent {
                op,
                ino,
                parent,
                path,
                end,
                fired,
                pid: 0,
                command: None,
                ..note.clone()
            });
        }
    }

    /// The kernel drops a handle whatever the answer to its release is.
    fn close_anyway(&self, request: &Request<'_>, caller: &Caller) {
        if matches!(request, Request::Release { .. } | Request::Releasedir { .. })
            && let Err(error) = self.fs.perform(request, caller, &Action::Proceed)
        {
            tracing::debug!(%error, "released a handle that was not open");
        }
    }

    fn count(&self, op: Op, outcome: &Outcome<Answer>) {
        if let Ok(answer) = outcome {
            self.decide.completed(op, answer.bytes());
        }
    }

    fn note(&self, trace: &TraceSink, facts: &Facts<'_>, decision: &Decision, at: Nanos) -> Option<FsEvent> {
        let op = facts.request.op();
        let seq = trace.next_seq();
        let may_fail_unseen =
            matches!(op, Op::Lookup | Op::Getattr | Op::Getxattr | Op::Listxattr | Op::Readlink);
        if decision.firings.is_empty() && may_fail_unseen {
            return None;
        }
        let (offset, len) = facts.request.extent();
        let text = |path: Cow<'_, Path>| path.to_string_lossy().into_owned();
        Some(FsEvent {
            at,
            end: None,
            seq,
            op,
            ino: facts.ino(),
            parent: facts.request.entry().or(facts.request.destination()).map(|(parent, _)| parent),
            path: text(facts.path()),
            new_path: facts.new_path().map(text),
            offset,
            len,
            done: None,
            errno: 0,
            pid: facts.caller.pid,
            command: None,
            fired: decision.firings.iter().map(|f| (self.decide.rule_name(f.rule), f.nth)).collect(),
            mark: match facts.request {
                Request::Write { data, .. } => trace.mark(data),
                _ => None,
            },
        })
    }

    fn record(&self, request: &Request<'_>, journey: Journey, outcome: &Outcome<Answer>) {
        let (Some(trace), Some(mut event)) = (&self.trace, journey.note) else { return };
        let errno = outcome.as_ref().err().map_or(0, |e| *e as i32);
        let ordinary = errno == 0 || errno == libc::ENOENT;
        let wanted = changes(event.op) || (event.op == Op::Flush && trace.closes());
        if ordinary && event.fired.is_empty() && !wanted {
            return;
        }
        event.end = Some(Nanos::now().max(journey.at));
        // Who waited for the answer may have been killed since.
        event.command = event.command.or_else(|| trace.command(event.pid));
        event.errno = errno;
        if let Ok(answer) = outcome {
            event.ino = answer.ino().unwrap_or(event.ino);
            event.done = matches!(
                request,
                Request::Read { .. } | Request::Write { .. } | Request::CopyFileRange { .. }
            )
            .then(|| answer.bytes());
        }
        trace.record(event);
    }

    /// Lets frozen calls go on.
    pub(crate) fn heal(&self, rule: Option<RuleId>, outcome: Thaw) -> usize {
        self.parking.heal(rule, outcome)
    }
}

/// That this process has no descriptor left is no limit of whoever called.
fn as_seen(outcome: Outcome<Answer>) -> Outcome<Answer> {
    outcome.map_err(|error| if error == Errno::EMFILE { Errno::ENFILE } else { error })
}

/// Whether a call of this kind changes something or makes it durable.
fn changes(op: Op) -> bool {
    match op {
        Op::Truncate
        | Op::Chmod
        | Op::Chown
        | Op::Utimens
        | Op::Mknod
        | Op::Mkdir
        | Op::Unlink
        | Op::Rmdir
        | Op::Symlink
        | Op::Rename
        | Op::Link
        | Op::Create
        | Op::Write
        | Op::Fsync
        | Op::Fsyncdir
        | Op::Setxattr
        | Op::Removexattr
        | Op::Fallocate
        | Op::CopyFileRange => true,
        Op::Lookup
        | Op::Getattr
        | Op::Readlink
        | Op::Open
        | Op::Read
        | Op::Flush
        | Op::Release
        | Op::Opendir
        | Op::Readdir
        | Op::Releasedir
        | Op::Statfs
        | Op::Getxattr
        | Op::Listxattr
        | Op::Lseek => false,
    }
}

impl Facts<'_> {
    fn call(&self) -> Call<'_> {
        let (offset, len) = self.request.extent();
        let open_flags = match self.request {
            Request::Open { flags, .. } | Request::Create { flags, .. } => *flags,
            other => other.file_handle().and_then(|h| self.fs.files.get(h).ok()).map_or(0, |f| f.flags),
        };
        Call {
            op: self.request.op(),
            offset,
            len,
            pid: self.caller.pid,
            uid: self.caller.uid,
            open_flags,
            subject: self,
        }
    }

    /// The inode a call is on: of the entry it names, or of the directory if there is no such entry.
    fn ino(&self) -> u64 {
        match self.request.entry() {
            Some((parent, _)) => self.stat().map_or(parent, |stat| stat.st_ino),
            None => self.open_or_named().unwrap_or(crate::inode::ROOT),
        }
    }

    fn open_or_named(&self) -> Option<u64> {
        let file = || self.fs.files.get(self.request.file_handle()?).ok().map(|f| f.ino);
        let directory = || self.fs.directories.get(self.request.directory_handle()?).ok().map(|d| d.ino);
        self.request.inode().or_else(file).or_else(directory)
    }

    fn stat(&self) -> Option<FileStat> {
        match self.request.entry() {
            Some((parent, name)) => {
                let directory = self.fs.table.fd(parent).ok()?;
                fstatat(&*directory, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()
            }
            None => self.fs.stat_inode(self.open_or_named()?).ok(),
        }
    }

    fn entry_path(&self, (parent, name): (u64, &OsStr)) -> PathBuf {
        self.fs.table.path(parent).join(name)
    }
}

fn kind_of(stat: &FileStat) -> FileKind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::File,
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        _ => FileKind::Special,
    }
}

impl Subject for Facts<'_> {
    fn path(&self) -> Cow<'_, Path> {
        Cow::Owned(match self.request.entry() {
            Some(entry) => self.entry_path(entry),
            None => self.open_or_named().map(|ino| self.fs.table.path(ino)).unwrap_or_default(),
        })
    }

    fn new_path(&self) -> Option<Cow<'_, Path>> {
        self.request.destination().map(|entry| Cow::Owned(self.entry_path(entry)))
    }

    fn kind(&self) -> Option<FileKind> {
        self.stat().as_ref().map(kind_of)
    }

    fn size(&self) -> Option<u64> {
        self.stat().and_then(|stat| u64::try_from(stat.st_size).ok())
    }

    fn unbacked(&self, range: Range<u64>) -> Parts {
        let file = self.request.file_handle().and_then(|handle| self.fs.files.get(handle).ok());
        match (file, self.request) {
            (_, Request::Fallocate { mode, .. }) if mode & NEEDS_NO_SPACE != 0 => Parts::new(),
            (Some(file), _) => space::unbacked(&file.fd, range),
            (None, _) => Parts::new(),
        }
    }

    fn given_back(&self) -> u64 {
        let Request::Fallocate { handle, offset, len, mode } = self.request else { return 0 };
        let Some(file) = self.fs.files.get(*handle).ok().filter(|_| mode & GIVES_BACK != 0) else { return 0 };
        let parts = space::unbacked(&file.fd, *offset..offset.saturating_add(*len));
        len - parts.into_iter().map(|part| part.end - part.start).sum::<u64>()
    }

    fn ino(&self) -> Option<u64> {
        match self.request.entry() {
            Some(_) => self.stat().map(|stat| stat.st_ino),
            None => self.open_or_named(),
        }
    }

    fn age(&self) -> Option<Duration> {
        self.stat().map(|stat| age(&stat))
    }

    fn holds(&self, wanted: &mut dyn FnMut(FileKind, Duration) -> bool) -> bool {
        let Some(handle) = self.request.directory_handle() else { return false };
        self.fs.entries(handle).iter().any(|(_, stat)| wanted(kind_of(stat), age(stat)))
    }

    fn opened(&self) -> Option<Nanos> {
        let directory = || self.fs.directories.opened(self.request.directory_handle()?);
        self.request.file_handle().and_then(|handle| self.fs.files.opened(handle)).or_else(directory)
    }

    fn has_earlier_version(&self) -> bool {
        self.stat().is_some_and(|stat| {
            u64::try_from(stat.st_size).is_ok_and(|size| self.fs.lies.version(stat.st_ino, size).is_some())
        })
    }

    fn command(&self) -> Option<Cow<'_, str>> {
        command_of(self.caller.pid).map(Cow::Owned)
    }
}
