//! When clients come: pure functions of plan and seed.

use crate::mail::workload::schedule::rng;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use record::plan::workload::BackOff;
use std::time::Duration;

/// Visits of one client, from the start of the traffic: one in each stretch of `every`, at an instant that the seed
/// draws. It does not end.
pub(crate) struct Visits {
    rng: ChaCha8Rng,
    every: Duration,
    begun: Duration,
}

impl Visits {
    pub(super) fn new(seed: u64, number: u32, every: Duration) -> Visits {
        Visits { rng: rng(seed, "webmail visits", number.into()), every, begun: Duration::ZERO }
    }

    pub(super) fn next(&mut self) -> Duration {
        let at = self.begun + self.every.mul_f64(self.rng.random());
        self.begun += self.every;
        at
    }
}

/// How long one client waits before it tries again.
pub(crate) struct Delays {
    rng: ChaCha8Rng,
    back_off: BackOff,
    failures: u32,
}

impl Delays {
    pub(super) fn new(seed: u64, number: u32, back_off: BackOff) -> Delays {
        Delays { rng: rng(seed, "held back-off", number.into()), back_off, failures: 0 }
    }

    /// Before the first try, so that not all come at one instant.
    pub(super) fn spread(&mut self) -> Duration {
        self.back_off.first.0.mul_f64(self.rng.random())
    }

    /// After one more failure: between half of the step and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let step = step(self.back_off, self.failures);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + self.rng.random::<f64>() / 2.0)
    }

    /// It went well: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The wait after so many failures before this one, without jitter.
fn step(back_off: BackOff, failures: u32) -> Duration {
    let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
    back_off.first.0.saturating_mul(factor).min(back_off.most.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::units::Span;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn back_off(first: u64, most: u64) -> BackOff {
        BackOff { first: Span(ms(first)), most: Span(ms(most)) }
    }

    #[test]
    fn steps_double_up_to_the_most() {
        let steps: Vec<_> = (0..6).map(|n| step(back_off(500, 3000), n).as_millis()).collect();
        assert_eq!(steps, [500, 1000, 2000, 3000, 3000, 3000]);
        assert_eq!(step(back_off(1, 5000), u32::MAX), ms(5000));
    }

    #[test]
    fn clients_differ_and_repeat() {
        let delays = |seed, number| {
            let mut delays = Delays::new(seed, number, back_off(500, 8000));
            let mut all = vec![delays.spread()];
            all.extend((0..5).map(|_| delays.next()));
            all
        };
        assert_eq!(delays(1, 0), delays(1, 0));
        assert_ne!(delays(1, 0), delays(1, 1));
        assert_ne!(delays(1, 0), delays(2, 0));
    }

    proptest! {
        #[test]
        fn a_delay_is_half_of_its_step_to_all_of_it(
            seed: u64,
            number: u32,
            first in 1..10_000u64,
            more in 0..100_000u64,
            resets in prop::collection::vec(any::<bool>(), 1..40),
        ) {
            let back_off = back_off(first, first + more);
            let mut delays = Delays::new(seed, number, back_off);
            prop_assert!(delays.spread() <= back_off.first.0);
            let mut failures = 0;
            for reset in resets {
                if reset {
                    delays.reset();
                    failures = 0;
                }
                let step = step(back_off, failures);
                let delay = delays.next();
                prop_assert!(step / 2 <= delay && delay <= step, "{delay:?} of {step:?}");
                failures += 1;
            }
        }

        #[test]
        fn there_is_one_visit_in_each_stretch(seed: u64, number: u32, every in 1..100_000u64) {
            let mut visits = Visits::new(seed, number, ms(every));
            for n in 0..50u32 {
                let at = visits.next();
                prop_assert!(ms(every) * n <= at && at <= ms(every) * (n + 1), "{n}: {at:?}");
            }
        }
    }
}
