//! One request from end to end: decide, perhaps wait, act, answer, record.
//!
//! A call that no rule could strike, on a mount without a trace, costs some ten atomic operations more than the
//! pass-through itself. A call that waits is moved to the [`Parking`] with a copy of its data.

use super::callers::CommandFiles;
use super::crew::Crew;
use super::facts::Facts;
use super::pace::Pace;
use super::parking::{Parking, Thaw};
use super::recorder::TraceSink;
use super::trace::FsEvent;
use crate::call::{Op, Subject};
use crate::clock::Nanos;
use crate::durability::cut::CutMode;
use crate::fs::lies::Victim;
use crate::fs::request::{Answer, Caller, Outcome, Request};
use crate::fs::{Fs, Power};
use crate::rules::decide::Decide;
use crate::rules::decision::{Action, Decision, RuleId};
use nix::errno::Errno;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything behind one mount.
pub(crate) struct Service {
    pub(crate) fs: Fs,
    /// The event loops.
    pub(crate) loops: Arc<Crew>,
    /// How long the backing directory takes for a sync.
    pub(crate) syncs: Pace,
    pub(crate) parking: Parking,
    pub(crate) decide: Arc<dyn Decide>,
    pub(crate) trace: Option<TraceSink>,
    /// What callers are called, for rules.
    pub(crate) commands: CommandFiles,
    /// Whether the kernel may cache pages, and names and attributes whoever asks for them.
    pub(crate) cached: bool,
    /// Whether the kernel can be told that a name is not to be believed any more, and keep it otherwise.
    pub(crate) expires: AtomicBool,
}

/// A call on its way.
struct Journey {
    at: Nanos,
    decision: Decision,
    note: Option<FsEvent>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.loops.close();
    }
}

impl Service {
    /// Serves one request, on an event loop; `reply` is called exactly once, perhaps later and on another thread.
    pub(crate) fn serve(
        self: &Arc<Self>,
        request: Request<'_>,
        caller: Caller,
        reply: impl FnOnce(&Service, Outcome<Answer>) + Send + 'static,
    ) {
        if !matches!(request.op(), Op::Fsync | Op::Fsyncdir) {
            return self.loops.during(false, || self.serve_now(request, caller, reply));
        }
        self.loops
            .during(self.syncs.is_slow(), || self.syncs.time(|| self.serve_now(request, caller, reply)));
    }

    fn serve_now(
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
                    if self.fs.unplugged() {
                        return self.hold(reply);
                    }
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
        let facts = Facts::new(self, request, &caller);
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
        if self.fs.unplugged() && !matches!(thaw, Thaw::Fail(_)) {
            return None;
        }
        self.count(request.op(), &outcome);
        // What a call that the power took is answered reaches nobody.
        if !off {
            self.record(request, journey, &outcome);
        }
        Some(outcome)
    }

    /// The power goes at this call, before it or after what it does.
    fn cut_power(&self, request: &Request<'_>, caller: &Caller, mode: CutMode, after: bool) {
        if !self.fs.has_power() {
            return;
        }
        // Whether it succeeds or not, nobody hears of it.
        let perform = || drop(self.fs.perform(request, caller, &Action::Proceed));
        match self.fs.power() {
            Power::On(powered) if after => {
                perform();
                drop(powered);
            }
            Power::None if after => perform(),
            Power::On(_) | Power::None | Power::Off => {}
        }
        self.fs.ask_for_cut(mode);
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
        let wanted =
            event.op.changes() || event.op.makes_durable() || (event.op == Op::Flush && trace.closes());
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
