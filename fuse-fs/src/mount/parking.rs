//! Calls that wait: for a moment (latency, throttle) or for a rule to be healed (freeze).
//!
//! A waiting call is a closure with its data and its reply handle; it holds no thread. One timer thread knows
//! when each is due, a few workers run them, others are in reserve. The number of waiting calls is bounded by the kernel: each is a
//! system call that somebody waits in.

use super::crew::Crew;
use super::ending::ends_before;
use crate::clock::Nanos;
use crate::rules::decision::RuleId;
use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Workers, those in reserve included: so many calls that waited the backing directory may hold up at once before others wait again.
const MOST_WORKERS: usize = 32;

/// How long a worker that is in a call of the backing directory is waited for at the end.
const LAST_CALL: Duration = Duration::from_secs(5);

/// How frozen calls go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thaw {
    /// They do what they were asked.
    Continue,
    /// Nobody healed them within their bound: as [`Thaw::Continue`], but for calls that are overdue then.
    Expired,
    /// They fail with this errno.
    Fail(i32),
}

/// What runs when a wait is over.
pub type Resume = Box<dyn FnOnce(Thaw) + Send>;

struct Parked {
    rule: Option<RuleId>,
    /// Not before this, even when healed: the delay of the other rules that struck.
    ready: Nanos,
    resume: Resume,
}

#[derive(Default)]
struct State {
    calls: HashMap<u64, Parked>,
    /// When to look at a call: its delay is over, or its freeze thaws by itself.
    due: BinaryHeap<Reverse<(Nanos, u64)>>,
    by_rule: BTreeMap<RuleId, Vec<u64>>,
    /// When each rule was last healed, and how: a call decided before that must not be parked after it.
    healed: BTreeMap<RuleId, (Nanos, Thaw)>,
    /// The same for the last heal of all rules.
    all_healed: Option<(Nanos, Thaw)>,
    pub next: u64,
    closed: Option<Thaw>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    work: Sender<(Resume, Thaw)>,
}

/// The waiting calls of one mount.
pub struct Parking {
    shared: Arc<Shared>,
    crew: Arc<Crew>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    longest_freeze: Duration,
}

impl std::fmt::Debug for Parking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parking").field("parked", &self.parked_count(None)).finish_non_exhaustive()
    }
}

impl Parking {
    /// Starts the timer and `workers` threads. No freeze outlasts `longest_freeze`.
    pub fn new(workers: usize, longest_freeze: Duration) -> std::io::Result<Parking> {
        let (work, jobs) = unbounded();
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), work });
        let crew = Crew::new(workers, MOST_WORKERS)?;
        let mut threads = vec![spawn_timer(shared.clone())?];
        for n in 0..crew.len() {
            threads.push(spawn_worker(n, crew.clone(), jobs.clone())?);
        }
        Ok(Parking { shared, crew, threads: Mutex::new(threads), longest_freeze })
    }

    /// Parks a call: for `delay`, then, if `freeze` names a rule, until that rule is healed or `thaw_after`
    /// (at most the mount's own bound) has passed. `decided` is when, at the earliest, that was decided: a heal
    /// since then holds for this call too.
    pub fn park(
        &self,
        decided: Nanos,
        delay: Duration,
        freeze: Option<(RuleId, Option<Duration>)>,
        resume: Resume,
    ) {
        let now = Nanos::now();
        let ready = now + delay;
        let mut state = self.shared.state.lock();
        if let Some(thaw) = state.closed {
            drop(state);
            return resume(thaw);
        }
        let id = state.next;
        state.next += 1;
        let due = match freeze {
            None => ready,
            Some((rule, after)) => {
                state.by_rule.entry(rule).or_default().push(id);
                ready + after.unwrap_or(self.longest_freeze).min(self.longest_freeze)
            }
        };
        state.calls.insert(id, Parked { rule: freeze.map(|f| f.0), ready, resume });
        state.due.push(Reverse((due, id)));
        if let Some((rule, outcome)) = freeze.and_then(|f| Some((f.0, state.healed_since(f.0, decided)?))) {
            state.forget_frozen(rule, id);
            self.shared.release(&mut state, id, outcome);
        }
        self.shared.changed.notify_one();
    }

    /// Holds a call until everything is closed.
    pub fn hold(&self, resume: Resume) {
        let mut state = self.shared.state.lock();
        if let Some(thaw) = state.closed {
            drop(state);
            return resume(thaw);
        }
        let id = state.next;
        state.next += 1;
        state.calls.insert(id, Parked { rule: None, ready: Nanos(u64::MAX), resume });
    }

    /// Lets the frozen calls of one rule (or of all) go on. Returns how many there were.
    pub fn heal(&self, rule: Option<RuleId>, outcome: Thaw) -> usize {
        let mut state = self.shared.state.lock();
        let ids = state.take_frozen(rule);
        let healed = (Nanos::now(), outcome);
        match rule {
            Some(rule) => {
                state.healed.insert(rule, healed);
            }
            None => state.all_healed = Some(healed),
        }
        let count = ids.len();
        for id in ids {
            self.shared.release(&mut state, id, outcome);
        }
        self.shared.changed.notify_one();
        count
    }

    /// How many calls wait: those frozen by one rule, or all, delayed ones included.
    pub fn parked_count(&self, rule: Option<RuleId>) -> usize {
        let state = self.shared.state.lock();
        match rule {
            Some(rule) => state.by_rule.get(&rule).map_or(0, Vec::len),
            None => state.calls.len(),
        }
    }

    /// How many calls that waited are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.crew.under_way()
    }

    /// Answers every waiting call with `outcome` and any later one too; ends the threads. Whether all ended: one that the backing
    /// directory holds up is not waited for without end.
    pub fn close(&self, outcome: Thaw) -> bool {
        let calls = {
            let mut state = self.shared.state.lock();
            state.closed = Some(outcome);
            state.by_rule.clear();
            std::mem::take(&mut state.calls)
        };
        for call in calls.into_values() {
            self.shared.hand_over(call.resume, outcome);
        }
        self.shared.changed.notify_all();
        self.crew.close();
        let mut threads = self.threads.lock();
        for _ in 1..threads.len() {
            self.shared.hand_over(Box::new(|_| END.set(true)), outcome);
        }
        let (deadline, own) = (Instant::now() + LAST_CALL, std::thread::current().id());
        // A worker whose call came back late may be the last who has this: it does not wait for itself.
        threads.retain(|thread| thread.thread().id() != own && !ends_before(deadline, thread));
        threads.is_empty()
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        self.close(Thaw::Fail(libc::EIO));
    }
}

thread_local! {
    /// Set by the last job of a worker.
    static END: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl State {
    fn take_frozen(&mut self, rule: Option<RuleId>) -> Vec<u64> {
        match rule {
            Some(rule) => self.by_rule.remove(&rule).unwrap_or_default(),
            None => std::mem::take(&mut self.by_rule).into_values().flatten().collect(),
        }
    }

    /// The next call that is due, or how long until one is.
    fn next_due(&mut self, now: Nanos) -> Result<Parked, Option<Duration>> {
        while let Some(&Reverse((due, id))) = self.due.peek() {
            if due > now {
                return Err(Some(due.since(now)));
            }
            self.due.pop();
            let Some(call) = self.calls.remove(&id) else { continue };
            if let Some(rule) = call.rule {
                self.forget_frozen(rule, id);
            }
            return Ok(call);
        }
        Err(None)
    }

    fn forget_frozen(&mut self, rule: RuleId, id: u64) {
        if let Some(ids) = self.by_rule.get_mut(&rule) {
            ids.retain(|&other| other != id);
        }
    }

    /// How a call goes on that was decided before the last heal of its rule.
    fn healed_since(&self, rule: RuleId, decided: Nanos) -> Option<Thaw> {
        let last = self.healed.get(&rule).copied().into_iter().chain(self.all_healed).max_by_key(|h| h.0)?;
        (last.0 >= decided).then_some(last.1)
    }
}

impl Shared {
    /// A healed call goes on now, or when its delay is over.
    fn release(&self, state: &mut State, id: u64, outcome: Thaw) {
        let Some(call) = state.calls.remove(&id) else { return };
        if call.ready <= Nanos::now() {
            return self.hand_over(call.resume, outcome);
        }
        let resume = call.resume;
        let (ready, later) = (call.ready, state.next);
        state.next += 1;
        let resume: Resume = Box::new(move |end| {
            resume(match (end, outcome) {
                (Thaw::Continue | Thaw::Expired, outcome) => outcome,
                (failed @ Thaw::Fail(_), _) => failed,
            });
        });
        state.calls.insert(later, Parked { rule: None, ready, resume });
        state.due.push(Reverse((ready, later)));
    }

    fn hand_over(&self, resume: Resume, outcome: Thaw) {
        if let Err(unsent) = self.work.send((resume, outcome)) {
            let (resume, outcome) = unsent.into_inner();
            resume(outcome);
        }
    }
}

fn spawn_timer(shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("parking-timer".into()).spawn(move || {
        let mut state = shared.state.lock();
        while state.closed.is_none() {
            match state.next_due(Nanos::now()) {
                Ok(call) => {
                    let thaw = if call.rule.is_some() { Thaw::Expired } else { Thaw::Continue };
                    shared.hand_over(call.resume, thaw);
                }
                Err(Some(wait)) => {
                    shared.changed.wait_for(&mut state, wait);
                }
                Err(None) => shared.changed.wait(&mut state),
            }
        }
    })
}

fn spawn_worker(
    n: usize,
    crew: Arc<Crew>,
    jobs: Receiver<(Resume, Thaw)>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("parking-{n}")).spawn(move || {
        for (resume, outcome) in jobs {
            crew.during(false, || resume(outcome));
            if END.get() {
                return;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn lot() -> Parking {
        Parking::new(2, Duration::from_secs(60)).unwrap()
    }

    fn note(sender: &mpsc::Sender<Thaw>) -> Resume {
        let sender = sender.clone();
        Box::new(move |thaw| sender.send(thaw).unwrap())
    }

    #[test]
    fn a_delay_ends_by_itself() {
        let (send, receive) = mpsc::channel();
        let started = Nanos::now();
        let park = |lot: &Parking| lot.park(Nanos::now(), Duration::from_millis(20), None, note(&send));
        lot_with(park, &receive, Thaw::Continue);
        assert!(Nanos::now().since(started) >= Duration::from_millis(20));
    }

    fn lot_with(park: impl FnOnce(&Parking), receive: &mpsc::Receiver<Thaw>, expected: Thaw) {
        let lot = lot();
        park(&lot);
        assert_eq!(receive.recv_timeout(Duration::from_secs(10)).unwrap(), expected);
    }

    #[test]
    fn a_freeze_waits_for_its_own_rule() {
        let (send, receive) = mpsc::channel();
        let lot = lot();
        lot.park(Nanos::now(), Duration::ZERO, Some((RuleId(1), None)), note(&send));
        assert_eq!(lot.heal(Some(RuleId(2)), Thaw::Continue), 0);
        assert_eq!(lot.parked_count(Some(RuleId(1))), 1);
        assert_eq!(lot.heal(Some(RuleId(1)), Thaw::Fail(libc::EIO)), 1);
        assert_eq!(receive.recv_timeout(Duration::from_secs(10)).unwrap(), Thaw::Fail(libc::EIO));
        assert_eq!(lot.parked_count(None), 0);
    }

    #[test]
    fn a_freeze_thaws_by_itself_at_its_bound() {
        let (send, receive) = mpsc::channel();
        let bound = Some(Duration::from_millis(10));
        lot_with(
            |lot| lot.park(Nanos::now(), Duration::ZERO, Some((RuleId(0), bound)), note(&send)),
            &receive,
            Thaw::Expired,
        );
    }

    #[test]
    fn closing_answers_everything() {
        let (send, receive) = mpsc::channel();
        let lot = lot();
        for _ in 0..1000 {
            lot.park(Nanos::now(), Duration::ZERO, Some((RuleId(0), None)), note(&send));
        }
        lot.close(Thaw::Fail(libc::ENODEV));
        lot.park(Nanos::now(), Duration::ZERO, None, note(&send));
        assert_eq!(receive.try_iter().filter(|t| *t == Thaw::Fail(libc::ENODEV)).count(), 1001);
    }

    #[test]
    fn a_call_decided_before_a_heal_is_not_parked_after_it() {
        let (send, receive) = mpsc::channel();
        let (lot, decided) = (lot(), Nanos::now());
        lot.heal(Some(RuleId(1)), Thaw::Fail(libc::EIO));
        lot.park(decided, Duration::ZERO, Some((RuleId(1), None)), note(&send));
        assert_eq!(receive.recv_timeout(Duration::from_secs(10)).unwrap(), Thaw::Fail(libc::EIO));
        lot.park(Nanos::now(), Duration::ZERO, Some((RuleId(1), None)), note(&send));
        assert_eq!(lot.parked_count(Some(RuleId(1))), 1);
        lot.heal(None, Thaw::Continue);
        assert_eq!(receive.recv_timeout(Duration::from_secs(10)).unwrap(), Thaw::Continue);
        assert_eq!(lot.parked_count(None), 0);
    }
}
