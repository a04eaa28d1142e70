//! A token bucket: so many a second, with some put by for a burst. Instants are given, not read.

use record::plan::front_door::Limit;
use std::time::{Duration, Instant};

/// Tokens that come at a rate, up to a number.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    limit: Limit,
    most: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// For what arrives by itself: full, and holding what comes in a second, at least one.
    pub(super) fn arrivals(limit: Limit, now: Instant) -> Bucket {
        Bucket::new(limit, limit.0.unwrap_or(1.0).max(1.0), now)
    }

    /// For what we do ourselves: one after another, evenly.
    pub(super) fn paced(limit: Limit, now: Instant) -> Bucket {
        Bucket::new(limit, 1.0, now)
    }

    fn new(limit: Limit, most: f64, now: Instant) -> Bucket {
        Bucket { limit, most, tokens: most, at: now }
    }

    /// Takes a token; otherwise says how long to wait for one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.limit.0 else { return Ok(()) };
        self.tokens = self.filled(rate, now);
        self.at = now.max(self.at);
        if self.tokens < 1.0 {
            let seconds = (1.0 - self.tokens) / rate;
            // A nanosecond more, so that rounding never makes a waiter come too early.
            let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            return Err(wait.saturating_add(Duration::from_nanos(1)));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn filled(&self, rate: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + passed * rate).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_paced_bucket_lets_one_through_and_then_says_how_long_to_wait() {
        let start = Instant::now();
        let mut bucket = Bucket::paced(Limit(Some(4.0)), start);
        assert_eq!(bucket.take(start), Ok(()));
        let wait = bucket.take(start).expect_err("empty");
        assert!(wait >= ms(250) && wait < ms(251), "{wait:?}");
        assert!(bucket.take(start + ms(249)).is_err());
        assert_eq!(bucket.take(start + ms(251)), Ok(()));
        // What was not used is not put by.
        assert_eq!(bucket.take(start + ms(9_000)), Ok(()));
        assert!(bucket.take(start + ms(9_000)).is_err());
    }

    #[test]
    fn arrivals_have_a_second_put_by_and_no_limit_never_refuses() {
        let start = Instant::now();
        let mut bucket = Bucket::arrivals(Limit(Some(3.0)), start);
        assert_eq!((0..9).filter(|_| bucket.take(start).is_ok()).count(), 3);
        let mut slow = Bucket::arrivals(Limit(Some(0.5)), start);
        assert_eq!((slow.take(start).is_ok(), slow.take(start).is_ok()), (true, false));
        let mut open = Bucket::paced(Limit(None), start);
        assert!((0..1_000).all(|_| open.take(start).is_ok()));
    }

    proptest! {
        #[test]
        fn never_more_than_put_by_and_come_since(rate in 0.1f64..50.0, gaps in proptest::collection::vec(0u64..400, 1..200)) {
            let start = Instant::now();
            let mut bucket = Bucket::arrivals(Limit(Some(rate)), start);
            let (mut now, mut taken) = (start, 0u32);
            for gap in gaps {
                now += ms(gap);
                match bucket.take(now) {
                    Ok(()) => taken += 1,
                    Err(wait) => prop_assert_eq!(bucket.clone().take(now + wait), Ok(())),
                }
                let most = rate.max(1.0) + (now - start).as_secs_f64() * rate;
                prop_assert!(f64::from(taken) <= most + 1e-6, "{} of {}", taken, most);
            }
        }
    }
}
