//! How far the reading is, and how long it will take, on standard error.

use crate::exit::tell;
use record::inventory::line::Counts;
use reports::kit::figures::{bytes, counted, duration, share};
use std::time::{Duration, Instant};

/// Between two lines.
const EVERY: Duration = Duration::from_secs(5);

pub(super) struct Pace {
    quiet: bool,
    users: u64,
    begun: Instant,
    said: Instant,
    /// Users done when this reading began, which says nothing of its speed.
    before: Option<f64>,
    pub(super) users_done: u64,
    pub(super) folders: Part,
    pub(super) messages: Part,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) done: u64,
    pub(super) all: u64,
}

impl Part {
    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { (self.done as f64 / self.all as f64).min(1.0) }
    }
}

impl Pace {
    pub(super) fn new(users: u64, quiet: bool) -> Pace {
        let now = Instant::now();
        let (folders, messages) = (Part::default(), Part::default());
        Pace { quiet, users, begun: now, said: now, before: None, users_done: 0, folders, messages }
    }

    /// Of all, from 0 to 1: a user counts as much as another, so does a folder.
    fn done(&self) -> f64 {
        let folder = (self.folders.done as f64 + self.messages.share()) / (self.folders.all.max(1) as f64);
        ((self.users_done as f64 + folder.min(1.0)) / self.users.max(1) as f64).min(1.0)
    }

    /// Says it, if it is time.
    pub(super) fn update(&mut self, counts: Counts) {
        let before = *self.before.get_or_insert(self.done());
        let now = Instant::now();
        if self.quiet || now.duration_since(self.said) < EVERY {
            return;
        }
        self.said = now;
        tell!("{}", self.line(before, counts, now.duration_since(self.begun)));
    }

    fn line(&self, before: f64, counts: Counts, elapsed: Duration) -> String {
        let done = self.done();
        let left = match done - before {
            gained if gained > 0.0 => {
                format!(", {} left", duration(elapsed.as_secs_f64() * (1.0 - done) / gained))
            }
            _ => String::new(),
        };
        format!(
            "{} of {}, {}, {} ({}){left}",
            reports::kit::figures::grouped(self.users_done),
            counted(self.users, "user", "users"),
            counted(counts.messages, "message", "messages"),
            bytes(counts.bytes as f64),
            share((done * 1000.0) as u64, 1000)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_what_this_reading_did() {
        let mut pace = Pace::new(60, true);
        pace.users_done = 30;
        pace.folders = Part { done: 5, all: 10 };
        pace.messages = Part { done: 50, all: 100 };
        let counts = Counts { messages: 2_200, bytes: 150_000_000, ..Counts::default() };
        insta::assert_snapshot!(pace.line(0.0, counts, Duration::from_secs(90)), @"30 of 60 users, 2,200 messages, 150 MB (50.9 %), 86.8 s left");
        insta::assert_snapshot!(pace.line(0.4, counts, Duration::from_secs(90)), @"30 of 60 users, 2,200 messages, 150 MB (50.9 %), 6 min 44 s left");
        insta::assert_snapshot!(pace.line(pace.done(), counts, Duration::from_secs(90)), @"30 of 60 users, 2,200 messages, 150 MB (50.9 %)");
    }
}
