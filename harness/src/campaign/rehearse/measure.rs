//! What the parts of a rehearsal measured, read from what their runs recorded: how much the disks had written in the
//! middle of the migration, and how fast mail that waited was let in beside new mail.

use super::rounds::Middle;

use super::rounds::{NEW, OLD, Round, outage_phase, reopening_phase};
use anyhow::{Context, Result};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use fuse_fs::rules::counters::step;
use fuse_fs::rules::rule::Counter;
use judge::property::overload;
use record::directory::RunDirectory;
use record::history::event::{Event, MigrationState, SpoolEvent};
use record::history::{Action, Attempt, Ingress, MessageId, OpId, Outcome};
use record::ledger::entry::Busy;
use reports::kit::verdict::Verdict;
use reports::rehearsal::Drain;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

/// Less new mail than this has no 95th percentile.
const FEWEST: usize = 20;

/// Reads it from the run of a migration without failures.
///
/// # Errors
/// Nobody moved, or what was recorded cannot be read.
pub(crate) fn middle(run: &Path) -> Result<Middle> {
    let run = RunDirectory::existing(run);
    let mut switched = Vec::new();
    each(&run.history(), |event: Event| {
        if let Event::Migration { at, state: MigrationState::Switched, .. } = event {
            switched.push(at);
        }
    })?;
    switched.sort_unstable();
    let when =
        |of: usize| switched.get(switched.len() / of).context("nobody was moved, so there is no middle");
    Ok(Middle { old: written(&run, OLD, *when(3)?)?, new: written(&run, NEW, *when(2)?)? })
}

fn written(run: &RunDirectory, storage: &str, until: Nanos) -> Result<u64> {
    let mut bytes = 0;
    each(&run.trace(storage), |call: FsEvent| {
        if call.errno == 0 && call.end.is_some_and(|end| end <= until) {
            bytes += step(Counter::BytesWritten, call.op, call.done.unwrap_or_default());
        }
    })?;
    Ok(bytes.max(1))
}

/// Every line of a file that was recorded; a torn last one ends it.
fn each<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        match serde_json::from_str(&line) {
            Ok(event) => take(event),
            Err(_) => break,
        }
    }
    Ok(())
}

/// How the machine was overloaded at the worst moment of a run's traffic, if it was.
///
/// # Errors
/// What was recorded cannot be read.
pub(super) fn overload(run: &Path) -> Result<Option<String>> {
    let mut seen = Seen::default();
    each(&RunDirectory::existing(run).history(), |event| seen.take(event))?;
    let phase = |name: &str| seen.phases.get(name).copied();
    let (from, to) = (phase("traffic").unwrap_or_default(), phase("recovery").unwrap_or(seen.last));
    Ok(overload::worst_moment(&seen.busy, from, to))
}

/// What the part `outage` measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outage {
    pub(super) drains: Vec<Drain>,
    /// Messages that were queued.
    pub(super) queued: u64,
    /// For how long mail was queued, in all, seconds.
    pub(super) queueing_s: f64,
    /// Messages whose size is known.
    pub(super) sized: u64,
    /// Bytes of these.
    pub(super) bytes: u64,
    /// How the machine was overloaded where mail was late, which therefore says nothing.
    pub(super) overload: Option<String>,
}

impl Outage {
    /// Reads it.
    ///
    /// # Errors
    /// What was recorded cannot be read.
    pub(super) fn read(run: &Path, rounds: &[Round], bound: Duration) -> Result<Outage> {
        let mut seen = Seen::default();
        each(&RunDirectory::existing(run).history(), |event| seen.take(event))?;
        Ok(seen.outage(rounds, bound))
    }

    /// Messages that arrived a second.
    pub(super) fn inflow(&self) -> f64 {
        if self.queueing_s > 0.0 { self.queued as f64 / self.queueing_s } else { 0.0 }
    }

    /// Mean size of a message, bytes.
    pub(super) fn mean_size(&self) -> f64 {
        if self.sized > 0 { self.bytes as f64 / self.sized as f64 } else { 0.0 }
    }
}

/// A message on its way.
#[derive(Debug, Default)]
struct Mail {
    /// When its first attempt was due, plus what the load generator was late.
    due: Nanos,
    /// When an attempt was first acknowledged.
    acknowledged: Option<Nanos>,
    /// Its attempts that the spool took over: when, and when each left.
    spooled: BTreeMap<u32, (Nanos, Option<Nanos>)>,
}

/// What a history says of deliveries.
#[derive(Debug, Default)]
struct Seen {
    mail: HashMap<MessageId, Mail>,
    open: HashMap<OpId, Attempt>,
    phases: BTreeMap<String, Nanos>,
    sized: u64,
    bytes: u64,
    last: Nanos,
    busy: Vec<Busy>,
}

impl Seen {
    fn take(&mut self, event: Event) {
        match event {
            Event::Invoke {
                at,
                intended,
                room,
                op,
                user: _,
                action: Action::Store { entry, attempt, size, .. },
            } if entry != Ingress::Append => {
                self.open.insert(op, attempt);
                // What the generator was late with is not the mail server's; a wait for room is.
                let due = intended + at.since(room.unwrap_or(intended).max(intended));
                self.mail.entry(attempt.message).or_insert_with(|| Mail { due, ..Mail::default() });
                (self.sized, self.bytes) = (self.sized + 1, self.bytes + size);
            }
            Event::Complete { at, op, outcome, .. } => {
                let attempt = self.open.remove(&op);
                let mail = attempt.and_then(|attempt| self.mail.get_mut(&attempt.message));
                if let (Some(mail), Outcome::Ok) = (mail, outcome) {
                    mail.acknowledged.get_or_insert(at);
                }
            }
            Event::Phase { at, name } => {
                self.phases.entry(name).or_insert(at);
            }
            Event::Spool { at, attempt, what, detail: _ } => self.spool(at, attempt, what),
            Event::Load { at, processor, disk: _, late } => {
                self.busy.push(Busy { at, processor, late: Duration::from_nanos(late.0) });
            }
            Event::End { at } => self.last = at,
            _ => {}
        }
    }

    fn spool(&mut self, at: Nanos, attempt: Attempt, what: SpoolEvent) {
        let mail = self.mail.entry(attempt.message).or_default();
        match what {
            SpoolEvent::Taken => _ = mail.spooled.insert(attempt.n, (at, None)),
            SpoolEvent::Delivered | SpoolEvent::Bounced => {
                if let Some((_, left)) = mail.spooled.get_mut(&attempt.n) {
                    left.get_or_insert(at);
                }
            }
            SpoolEvent::Uncertain => {}
        }
    }

    fn outage(&self, rounds: &[Round], bound: Duration) -> Outage {
        let phase = |name: &str| self.phases.get(name).copied();
        let begun = |round: &Round| {
            Some((phase(&outage_phase(round.number))?, phase(&reopening_phase(round.number))?))
        };
        let times: Vec<(&Round, Nanos, Nanos)> =
            rounds.iter().filter_map(|round| begun(round).map(|(from, to)| (round, from, to))).collect();
        let traffic_over = phase("recovery").unwrap_or(self.last);
        let next = |n: usize| times.get(n + 1).map_or(traffic_over, |(_, from, _)| *from);
        let drains = times.iter().enumerate();
        let queueing = times.iter().map(|(_, from, to)| to.since(*from).as_secs_f64());
        let mut overload = None;
        let mut excused = |drain: Drain, from: Nanos, to: Nanos| {
            let why = Some(&drain).filter(|one| one.verdict == Verdict::Invalid);
            let why = why.and_then(|_| overload::worst_moment(&self.busy, from, to));
            let verdict = if why.is_some() { Verdict::Unknown } else { drain.verdict };
            overload = overload.take().or(why);
            Drain { verdict, ..drain }
        };
        Outage {
            drains: drains
                .map(|(n, (round, _, open))| {
                    excused(self.drain(round, *open, next(n), bound), *open, next(n))
                })
                .collect(),
            queued: self.mail.values().map(|mail| mail.spooled.len() as u64).sum(),
            queueing_s: queueing.sum(),
            sized: self.sized,
            bytes: self.bytes,
            overload,
        }
    }

    /// What became of the mail that waited at `open`, and of new mail until it was gone, or until `end`.
    fn drain(&self, round: &Round, open: Nanos, end: Nanos, bound: Duration) -> Drain {
        let waited = || self.mail.values().flat_map(|mail| mail.spooled.values());
        let waited =
            || waited().filter(|(taken, left)| *taken <= open && left.is_none_or(|left| left > open));
        let backlog = waited().count() as u64;
        let left = waited().map(|(_, left)| left.filter(|left| *left <= end)).collect::<Option<Vec<Nanos>>>();
        let gone = left.and_then(|left| left.into_iter().max());
        let live = self.live(open, gone.unwrap_or(end));
        let p95 = (live.len() >= FEWEST).then(|| live[(live.len() * 95).div_ceil(100) - 1]);
        let drained_s = gone.map(|gone| gone.since(open).as_secs_f64());
        let verdict = match (p95, drained_s) {
            (Some(p95), _) if p95 > bound => Verdict::Invalid,
            (_, None) if backlog > 0 => Verdict::Invalid,
            (Some(_), Some(_)) => Verdict::Valid,
            (None, _) | (_, None) => Verdict::Unknown,
        };
        Drain {
            allowed: round.rate,
            backlog,
            drained_s,
            rate: drained_s.filter(|seconds| *seconds > 0.0).map(|seconds| backlog as f64 / seconds),
            live: live.len() as u64,
            live_p95_s: p95.filter(|p95| *p95 != NEVER).map(|p95| p95.as_secs_f64()),
            verdict,
        }
    }

    /// How late each message was that was due in this time and did not go through the spool, sorted.
    fn live(&self, from: Nanos, to: Nanos) -> Vec<Duration> {
        let within = |mail: &&Mail| mail.due > from && mail.due <= to && mail.spooled.is_empty();
        let late = |mail: &Mail| mail.acknowledged.map_or(NEVER, |at| at.since(mail.due));
        let mut late: Vec<Duration> = self.mail.values().filter(within).map(late).collect();
        late.sort_unstable();
        late
    }
}

/// Of what was never acknowledged: it sorts last.
const NEVER: Duration = Duration::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::UserId;
    use record::history::digest::Digest;

    fn ms(n: u64) -> Nanos {
        Nanos(n * 1_000_000)
    }

    fn attempt(message: u64) -> Attempt {
        Attempt { message: MessageId(message), n: 1 }
    }

    fn deliver(seen: &mut Seen, message: u64, due: u64, late: Option<u64>) {
        let (op, intended) = (OpId(message), ms(due));
        let action = Action::Store {
            entry: Ingress::Lmtp,
            attempt: attempt(message),
            mailbox: "INBOX".to_owned(),
            size: 1_000 + message,
            digest: Digest([0; 16]),
            flags: Vec::new(),
            carries: None,
        };
        seen.take(Event::Invoke { at: intended, intended, room: None, op, user: UserId(0), action });
        let outcome = if late.is_some() { Outcome::Ok } else { Outcome::Info };
        let at = ms(due + late.unwrap_or(5_000));
        seen.take(Event::Complete {
            at,
            op,
            outcome,
            trouble: None,
            reply: None,
            uid: None,
            seen: Vec::new(),
        });
    }

    fn spool(seen: &mut Seen, message: u64, at: u64, what: SpoolEvent) {
        seen.take(Event::Spool { at: ms(at), attempt: attempt(message), what, detail: None });
    }

    fn phase(seen: &mut Seen, at: u64, name: &str) {
        seen.take(Event::Phase { at: ms(at), name: name.to_owned() });
    }

    /// Ten messages wait from 1 s on; from 2 s on one is let in every 100 ms, and 30 new ones take `late` each.
    fn round(late: Option<u64>, left: u64) -> Outage {
        let mut seen = Seen::default();
        phase(&mut seen, 1_000, "outage-1");
        for n in 0..10 {
            deliver(&mut seen, n, 1_000 + n * 100, Some(1));
            spool(&mut seen, n, 1_001 + n * 100, SpoolEvent::Taken);
        }
        phase(&mut seen, 2_000, "reopening-1");
        (0..left).for_each(|n| spool(&mut seen, n, 2_100 + n * 100, SpoolEvent::Delivered));
        (0..30).for_each(|n| deliver(&mut seen, 100 + n, 2_001 + n * 30, late));
        phase(&mut seen, 4_000, "recovery");
        let second = Duration::from_secs(1);
        let round = Round { number: 1, begins: second, lasts: second, rate: 10.0, drains: second };
        seen.outage(&[round], Duration::from_millis(500))
    }

    #[test]
    fn a_drain_is_measured_beside_new_mail() {
        let outage = round(Some(20), 10);
        let [drain] = <[Drain; 1]>::try_from(outage.drains.clone()).expect("one round");
        assert_eq!((drain.backlog, drain.drained_s, drain.rate), (10, Some(1.0), Some(10.0)));
        assert_eq!((drain.live, drain.live_p95_s, drain.verdict), (30, Some(0.02), Verdict::Valid));
        assert_eq!((outage.queued, outage.queueing_s, outage.inflow()), (10, 1.0, 10.0));
        assert!((outage.mean_size() - 1_087.0).abs() < 0.01, "{}", outage.mean_size());
    }

    #[test]
    fn what_the_generator_was_late_is_not_held_against_new_mail_and_a_wait_for_room_is() {
        let due = |room: Option<u64>| {
            let mut seen = Seen::default();
            deliver(&mut seen, 7, 1_000, Some(5_000));
            let action = Action::Store {
                entry: Ingress::Lmtp,
                attempt: attempt(8),
                mailbox: "INBOX".to_owned(),
                size: 1,
                digest: Digest([0; 16]),
                flags: Vec::new(),
                carries: None,
            };
            let (at, intended, room) = (ms(6_000), ms(1_000), room.map(ms));
            seen.take(Event::Invoke { at, intended, room, op: OpId(8), user: UserId(0), action });
            seen.mail[&MessageId(8)].due
        };
        assert_eq!(due(None), ms(6_000));
        assert_eq!(due(Some(5_900)), ms(1_100));
    }

    #[test]
    fn late_mail_and_mail_that_waits_on_break_the_bound() {
        assert_eq!(round(Some(501), 10).drains[0].verdict, Verdict::Invalid);
        let never = &round(None, 10).drains[0];
        assert_eq!((never.live_p95_s, never.verdict), (None, Verdict::Invalid));
        let waits = &round(Some(20), 9).drains[0];
        assert_eq!((waits.drained_s, waits.rate, waits.verdict), (None, None, Verdict::Invalid));
    }

    #[test]
    fn mail_that_is_late_on_an_overloaded_machine_says_nothing() {
        let mut seen = Seen::default();
        phase(&mut seen, 1_000, "outage-1");
        phase(&mut seen, 2_000, "reopening-1");
        (0..30).for_each(|n| deliver(&mut seen, 100 + n, 2_001 + n * 30, Some(501)));
        phase(&mut seen, 4_000, "recovery");
        let load = |at| Event::Load { at: ms(at), processor: Some(0.97), disk: None, late: ms(3) };
        [3_000, 4_000].map(load).into_iter().for_each(|load| seen.take(load));
        let second = Duration::from_secs(1);
        let round = Round { number: 1, begins: second, lasts: second, rate: 10.0, drains: second };
        let outage = seen.outage(&[round], Duration::from_millis(500));
        assert_eq!(outage.drains[0].verdict, Verdict::Unknown);
        assert_eq!(outage.overload.as_deref(), Some("somebody waited for a processor 97 % of the time"));
    }

    #[test]
    fn the_middle_is_what_was_written_when_some_had_moved() {
        let place = tempfile::tempdir().expect("a directory");
        let run = RunDirectory::existing(place.path());
        let switched = |user: u32, at: u64| Event::Migration {
            at: ms(at),
            step: 0,
            user: UserId(user),
            from: "old".to_owned(),
            to: "new".to_owned(),
            state: MigrationState::Switched,
            detail: None,
        };
        let lines: Vec<String> = [(0, 100), (1, 200), (2, 300)]
            .map(|(user, at)| serde_json::to_string(&switched(user, at)).expect("JSON") + "\n")
            .to_vec();
        std::fs::write(run.history(), lines.concat()).expect("written");
        let call = |at: u64, op: &str, done: u64, errno: i32| {
            let (at, seq) = (ms(at), at);
            let call = serde_json::json!({
                "at": at, "end": at, "seq": seq, "op": op, "ino": 1, "path": "mail/user1/1", "done": done, "errno": errno, "pid": 1,
            });
            format!("{call}\n")
        };
        let calls = [
            call(50, "write", 10, 0),
            call(60, "write", 10, 28),
            call(150, "write", 7, 0),
            call(250, "write", 99, 0),
        ];
        std::fs::write(run.trace(NEW), calls.concat()).expect("written");
        std::fs::write(run.trace(OLD), calls.concat().replace("99", "3")).expect("written");
        assert_eq!(middle(place.path()).expect("measured"), Middle { old: 17, new: 17 });
        std::fs::write(run.history(), "").expect("written");
        assert!(middle(place.path()).is_err());
    }
}
