//! Threads that make calls of the backing directory: as many at work as were asked for, and a reserve that rests.
//!
//! A call of a real disk may take long, and for ever on a network path that is gone. Whoever makes it is held up: the reserve takes
//! the place of a thread that is in one and the same call for a while, so that unrelated calls go on. A call that comes back has its
//! thread at work again, and whoever is one too many then rests. The reserve is bounded: what more is held up than that, all wait for.

use parking_lot::{Condvar, Mutex};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// How often calls under way are looked at: whoever is in the same one at two looks, and sleeps, is held up.
const LOOK: Duration = Duration::from_millis(20);

/// At how many looks in a row no thread must be left before that is said: after about a second.
const SAID_AFTER: u32 = 50;

/// What a thread is doing, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Post {
    /// Calls begun and ended: odd within a call.
    steps: AtomicU64,
    held_up: AtomicBool,
    /// Whose post it is.
    thread: AtomicI32,
}

impl Post {
    fn within_call(&self) -> bool {
        self.steps.load(SeqCst) % 2 == 1
    }

    /// Whether its thread runs, or would if a core were free: another one would not go on faster. Who cannot be asked does not.
    fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.thread.load(Relaxed)));
        stat.is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" R")))
    }
}

#[derive(Debug, Default)]
struct State {
    /// Threads that have a post.
    posted: usize,
    /// Those of them that are neither held up nor resting.
    at_work: usize,
    resting: usize,
    /// Resting ones that were called and are not up yet.
    called: usize,
    /// At how many looks in a row no thread was left.
    used_up: u32,
    closed: bool,
}

/// The threads of one kind of one mount.
#[derive(Debug)]
pub(crate) struct Crew {
    wanted: usize,
    posts: Box<[Post]>,
    state: Mutex<State>,
    relief: Condvar,
    /// More are at work than are wanted.
    crowded: AtomicBool,
    /// Nothing moved for a while, and nobody looks.
    unwatched: AtomicBool,
    watch: Condvar,
}

/// The post of a thread. A thread ends only when all have to.
struct Posted {
    crew: Arc<Crew>,
    post: usize,
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.crew.close();
    }
}

thread_local! {
    static POSTED: RefCell<Option<Posted>> = const { RefCell::new(None) };
}

impl Crew {
    /// A crew of `most` threads, of whom `wanted` are to be at work, and whoever watches over it.
    pub(crate) fn new(wanted: usize, most: usize) -> std::io::Result<Arc<Crew>> {
        let wanted = wanted.max(1);
        let crew = Arc::new(Crew {
            wanted,
            posts: (0..most.max(wanted)).map(|_| Post::default()).collect(),
            state: Mutex::default(),
            relief: Condvar::new(),
            crowded: AtomicBool::new(false),
            unwatched: AtomicBool::new(false),
            watch: Condvar::new(),
        });
        let watched = crew.clone();
        std::thread::Builder::new().name("crew-watch".into()).spawn(move || watched.watch())?;
        Ok(crew)
    }

    /// How many threads there are, the reserve included.
    pub(crate) fn len(&self) -> usize {
        self.posts.len()
    }

    /// Does `work`, one call, on a thread of the crew; afterwards the thread rests if it is one too many. `slow`: it will be held up.
    pub(crate) fn during<T>(self: &Arc<Self>, slow: bool, work: impl FnOnce() -> T) -> T {
        let Some(n) = self.post() else { return work() };
        let post = &self.posts[n];
        post.steps.fetch_add(1, SeqCst);
        if self.unwatched.load(SeqCst) {
            self.rouse_watch();
        }
        if slow {
            self.let_go(post);
        }
        let done = work();
        post.steps.fetch_add(1, SeqCst);
        if post.held_up.load(Relaxed) || self.crowded.load(Relaxed) {
            self.return_from(post);
        }
        done
    }

    /// How many calls are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.posts.iter().filter(|post| post.within_call()).count()
    }

    /// How many of them are held up.
    pub(crate) fn held_up(&self) -> usize {
        self.posts.iter().filter(|post| post.held_up.load(Relaxed) && post.within_call()).count()
    }

    /// Nobody rests any more, and nobody watches.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.relief.notify_all();
        self.watch.notify_all();
    }

    /// The number of this thread's post; `None` if there are more threads than posts.
    fn post(self: &Arc<Self>) -> Option<usize> {
        POSTED.with_borrow_mut(|posted| match posted {
            Some(posted) => Arc::ptr_eq(&posted.crew, self).then_some(posted.post),
            None => {
                let post = self.take_post()?;
                *posted = Some(Posted { crew: self.clone(), post });
                Some(post)
            }
        })
    }

    fn take_post(&self) -> Option<usize> {
        let mut state = self.state.lock();
        let post = (state.posted < self.posts.len()).then_some(state.posted)?;
        // SAFETY: it takes no argument and cannot fail.
        self.posts[post].thread.store(unsafe { libc::gettid() }, Relaxed);
        state.posted += 1;
        state.at_work += 1;
        self.note_crowd(&state);
        Some(post)
    }

    /// The thread of this post is not to be counted on.
    fn let_go(&self, post: &Post) {
        let mut state = self.state.lock();
        if !post.held_up.swap(true, Relaxed) {
            state.at_work -= 1;
            self.call_up(&mut state, 1);
        }
    }

    fn return_from(&self, post: &Post) {
        let mut state = self.state.lock();
        if post.held_up.swap(false, Relaxed) {
            state.at_work += 1;
        }
        if state.at_work > self.wanted && !state.closed {
            state.at_work -= 1;
            state.resting += 1;
            self.note_crowd(&state);
            while state.called == 0 && !state.closed {
                self.relief.wait(&mut state);
            }
            state.called = state.called.saturating_sub(1);
            state.resting -= 1;
            state.at_work += 1;
        }
        self.note_crowd(&state);
    }

    fn note_crowd(&self, state: &State) {
        self.crowded.store(state.at_work > self.wanted, Relaxed);
    }

    /// Calls resting threads if too few are at work: at least `many`, so that however many calls are held up at once, others
    /// are soon served.
    fn call_up(&self, state: &mut State, many: usize) {
        let missing = self.wanted.saturating_sub(state.at_work + state.called);
        if missing == 0 {
            return;
        }
        let called = missing.max(many).min(state.resting - state.called);
        state.called += called;
        (0..called).for_each(|_| _ = self.relief.notify_one());
    }

    /// Looks at every call under way; whether any moved since the last look or is under way.
    fn look(&self, seen: &mut [u64]) -> bool {
        let mut state = self.state.lock();
        let (mut alive, mut held_up, mut stuck) = (false, 0, 0);
        for (post, seen) in self.posts.iter().zip(seen) {
            let steps = post.steps.load(SeqCst);
            let (under_way, same) = (steps % 2 == 1, steps == *seen);
            if under_way && same && !post.held_up.load(Relaxed) && !post.is_running() {
                post.held_up.store(true, Relaxed);
                state.at_work -= 1;
            }
            held_up += usize::from(post.held_up.load(Relaxed));
            stuck += usize::from(under_way && same);
            alive |= under_way || !same;
            *seen = steps;
        }
        self.call_up(&mut state, held_up);
        self.say_if_used_up(&mut state, stuck);
        alive
    }

    fn say_if_used_up(&self, state: &mut State, stuck: usize) {
        state.used_up = if stuck == self.posts.len() { state.used_up.saturating_add(1) } else { 0 };
        if state.used_up == SAID_AFTER {
            tracing::warn!("{}", used_up(stuck));
        }
    }

    fn watch(&self) {
        let mut seen = vec![0; self.posts.len()];
        loop {
            let alive = self.look(&mut seen);
            let mut state = self.state.lock();
            if !alive {
                self.unwatched.store(true, SeqCst);
                let quiet =
                    || self.posts.iter().zip(&seen).all(|(post, seen)| post.steps.load(SeqCst) == *seen);
                while quiet() && self.unwatched.load(SeqCst) && !state.closed {
                    self.watch.wait(&mut state);
                }
                self.unwatched.store(false, SeqCst);
            }
            if !state.closed {
                self.watch.wait_for(&mut state, LOOK);
            }
            if state.closed {
                return;
            }
        }
    }

    fn rouse_watch(&self) {
        // Under the lock: between its last look and its wait nobody could wake it.
        let _state = self.state.lock();
        self.unwatched.store(false, SeqCst);
        self.watch.notify_one();
    }
}

fn used_up(calls: usize) -> String {
    format!(
        "the backing directory answers none of {calls} calls, and all other calls of the mount wait for them; see what is wrong \
         with the disk, or the network path, beneath it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::JoinHandle;

    const PATIENCE: Duration = Duration::from_secs(60);

    type Job = Box<dyn FnOnce() + Send>;

    /// Threads that take jobs from one queue.
    fn workers(crew: &Arc<Crew>) -> (crossbeam_channel::Sender<Job>, Vec<JoinHandle<()>>) {
        let (give, jobs) = crossbeam_channel::unbounded::<Job>();
        let work = |_| {
            let (crew, jobs) = (crew.clone(), jobs.clone());
            std::thread::spawn(move || jobs.iter().for_each(|job| crew.during(false, job)))
        };
        (give, (0..crew.len()).map(work).collect())
    }

    fn hang(started: &Sender<()>) -> (Job, Sender<()>) {
        let (release, released) = channel::<()>();
        let started = started.clone();
        let job = move || {
            started.send(()).unwrap();
            released.recv_timeout(PATIENCE).unwrap();
        };
        (Box::new(job), release)
    }

    fn one_is_done(give: &crossbeam_channel::Sender<Job>) -> Receiver<()> {
        let (done, is_done) = channel();
        give.send(Box::new(move || done.send(()).unwrap())).unwrap();
        is_done
    }

    fn finish(give: crossbeam_channel::Sender<Job>, threads: Vec<JoinHandle<()>>) {
        drop(give);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn whoever_is_held_up_is_replaced_and_whoever_is_one_too_many_rests() {
        let crew = Crew::new(1, 8).unwrap();
        let (give, threads) = workers(&crew);
        // Each thread has its post once it has worked, and all but one rest then.
        while crew.state.lock().resting < 7 {
            one_is_done(&give).recv_timeout(PATIENCE).unwrap();
        }
        let (started, has_started) = channel();
        let releases: Vec<_> = (0..6).map(|_| hang(&started)).collect();
        let releases: Vec<_> = releases
            .into_iter()
            .map(|(job, release)| {
                give.send(job).unwrap();
                release
            })
            .collect();
        (0..6).for_each(|_| has_started.recv_timeout(PATIENCE).unwrap());
        one_is_done(&give).recv_timeout(PATIENCE).unwrap();
        releases.iter().for_each(|release| release.send(()).unwrap());
        finish(give, threads);
    }

    #[test]
    fn more_held_up_than_the_bound_are_waited_for() {
        let crew = Crew::new(1, 3).unwrap();
        let (give, threads) = workers(&crew);
        let (started, has_started) = channel();
        let releases: Vec<_> = (0..3)
            .map(|_| {
                let (job, release) = hang(&started);
                give.send(job).unwrap();
                release
            })
            .collect();
        (0..3).for_each(|_| has_started.recv_timeout(PATIENCE).unwrap());
        let done = one_is_done(&give);
        assert!(done.recv_timeout(4 * LOOK).is_err());
        releases.iter().for_each(|release| release.send(()).unwrap());
        done.recv_timeout(PATIENCE).unwrap();
        finish(give, threads);
    }

    #[test]
    fn the_end_of_one_is_the_end_of_all() {
        let crew = Crew::new(1, 4).unwrap();
        let (give, threads) = workers(&crew);
        while crew.state.lock().resting < 3 {
            one_is_done(&give).recv_timeout(PATIENCE).unwrap();
        }
        finish(give, threads);
        assert!(crew.state.lock().closed);
    }

    #[test]
    fn that_no_thread_is_left_is_said_with_the_way_out() {
        insta::assert_snapshot!(used_up(64), @"the backing directory answers none of 64 calls, and all other calls of the mount wait for them; see what is wrong with the disk, or the network path, beneath it");
    }
}
