//! Events on their way to the one thread that writes them: bounded, never held up by it, and gathered for a moment.
//!
//! To wake a thread costs more than to note an event. So the writer is woken once for all events of a moment, and whoever brings one
//! takes a lock for as long as it takes to put it down. What came before the end is all given out before it.

use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long events are gathered; so much of a trace is lost at most when its process is killed.
const MOMENT: Duration = Duration::from_millis(10);

/// What waits for the writer.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    most: usize,
    waiting: Mutex<Waiting<T>>,
    news: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    events: Vec<T>,
    /// Nothing comes any more.
    ended: bool,
    /// The writer waits for the first event.
    idle: bool,
}

impl<T> Backlog<T> {
    /// A place where at most `most` events wait.
    pub(crate) fn of(most: usize) -> Backlog<T> {
        let waiting = Waiting { events: Vec::new(), ended: false, idle: false };
        Backlog { most, waiting: Mutex::new(waiting), news: Condvar::new() }
    }

    /// Puts an event down; false if there is no room, or it has ended.
    pub(crate) fn put(&self, event: T) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.ended || waiting.events.len() >= self.most {
            return false;
        }
        waiting.events.push(event);
        let wake = std::mem::take(&mut waiting.idle) || waiting.events.len() == self.most / 2;
        drop(waiting);
        if wake {
            self.news.notify_one();
        }
        true
    }

    /// Nothing comes any more.
    pub(crate) fn end(&self) {
        self.waiting.lock().ended = true;
        self.news.notify_one();
    }

    /// Waits for events and gives out what a moment brings, in exchange for an empty list; false once all is given out.
    pub(crate) fn take(&self, batch: &mut Vec<T>) -> bool {
        let mut waiting = self.waiting.lock();
        while waiting.events.is_empty() && !waiting.ended {
            waiting.idle = true;
            self.news.wait(&mut waiting);
        }
        let until = Instant::now() + MOMENT;
        while !waiting.ended && waiting.events.len() < self.most / 2 {
            if self.news.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        std::mem::swap(batch, &mut waiting.events);
        !batch.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn all_that_was_put_down_is_given_out_once_and_in_order() {
        let backlog = Arc::new(Backlog::of(1_000_000));
        let writer = {
            let backlog = backlog.clone();
            std::thread::spawn(move || {
                let (mut all, mut batch) = (Vec::new(), Vec::new());
                while backlog.take(&mut batch) {
                    all.append(&mut batch);
                }
                all
            })
        };
        let bring = |half: u64| {
            let backlog = backlog.clone();
            std::thread::spawn(move || (0..1000).for_each(|n| assert!(backlog.put((half, n)))))
        };
        [bring(0), bring(1)].into_iter().for_each(|each| each.join().unwrap());
        backlog.end();
        let all = writer.join().unwrap();
        let of = |half| all.iter().filter(|event| event.0 == half).map(|event| event.1).collect::<Vec<u64>>();
        assert_eq!((of(0), of(1)), ((0..1000).collect(), (0..1000).collect()));
    }

    #[test]
    fn there_is_no_room_for_more_and_none_after_the_end() {
        let backlog = Backlog::of(4);
        assert_eq!(
            (0..6).map(|n| backlog.put(n)).collect::<Vec<_>>(),
            [true, true, true, true, false, false]
        );
        backlog.end();
        let mut batch = Vec::new();
        assert!(backlog.take(&mut batch));
        assert_eq!(batch, [0, 1, 2, 3]);
        batch.clear();
        assert!(!backlog.put(7) && !backlog.take(&mut batch));
    }
}
