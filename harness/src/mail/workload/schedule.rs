//! When which kind of operation starts for whom: a pure function of plan and seed.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp, Zipf};
use record::history::UserId;
use record::plan::workload::{Mix, WorkloadPlan};
use std::sync::Arc;
use std::time::Duration;

/// A generator for one purpose.
pub(crate) fn rng(seed: u64, purpose: &str, n: u64) -> ChaCha8Rng {
    let mut key = blake3::Hasher::new_derive_key("fermoposta workload");
    key.update(&seed.to_le_bytes());
    key.update(&n.to_le_bytes());
    key.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*key.finalize().as_bytes())
}

/// Kinds of operations, as in [`Mix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MixKind {
    /// LMTP or SMTP.
    Deliver,
    /// IMAP APPEND.
    Append,
    /// UID FETCH.
    Fetch,
    /// UID STORE.
    Flag,
    /// UID MOVE.
    Move,
    /// UID COPY.
    Copy,
    /// UID EXPUNGE.
    Expunge,
    /// UID SEARCH.
    Search,
}

/// An operation to start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// From the start of the traffic.
    pub at: Duration,
    pub kind: MixKind,
    pub user: UserId,
    /// Randomness for its details.
    pub draw: u64,
}

/// The arrivals, in order.
pub(crate) struct Schedule {
    plan: Arc<WorkloadPlan>,
    rng: ChaCha8Rng,
    users: Option<Zipf<f64>>,
    now: f64,
    stage: usize,
    stage_end: f64,
}

impl Schedule {
    /// From the plan's first stage on.
    pub(crate) fn new(plan: &Arc<WorkloadPlan>, seed: u64) -> Schedule {
        let users = Zipf::new(f64::from(plan.users.max(1)), plan.skew.max(0.0)).ok();
        let stage_end = plan.stages.first().map_or(0.0, |s| s.duration.0.as_secs_f64());
        Schedule { plan: plan.clone(), rng: rng(seed, "arrivals", 0), users, now: 0.0, stage: 0, stage_end }
    }

    /// The next arrival's time. A Poisson process has no memory, so each stage begins anew.
    fn next_time(&mut self) -> Option<f64> {
        loop {
            let stage = self.plan.stages.get(self.stage)?;
            let gap = Exp::new(stage.rate).ok().filter(|_| stage.rate > 0.0);
            let next = gap.map_or(f64::INFINITY, |gap| self.now + gap.sample(&mut self.rng));
            if next < self.stage_end {
                self.now = next;
                return Some(next);
            }
            self.now = self.stage_end;
            self.stage += 1;
            let following = self.plan.stages.get(self.stage)?;
            self.stage_end += following.duration.0.as_secs_f64();
        }
    }

    fn user(&mut self) -> UserId {
        let rank = self.users.map_or(1.0, |users| users.sample(&mut self.rng));
        UserId((rank as u32).clamp(1, self.plan.users.max(1)) - 1)
    }
}

impl Iterator for Schedule {
    type Item = Arrival;
    fn next(&mut self) -> Option<Arrival> {
        let at = Duration::from_secs_f64(self.next_time()?);
        let kind = kind(&self.plan.mix, self.rng.random());
        Some(Arrival { at, kind, user: self.user(), draw: self.rng.next_u64() })
    }
}

/// The kind at `share` (0 to 1) of the summed weights.
fn kind(mix: &Mix, share: f64) -> MixKind {
    let weights = [
        (mix.deliver, MixKind::Deliver),
        (mix.append, MixKind::Append),
        (mix.fetch, MixKind::Fetch),
        (mix.flag, MixKind::Flag),
        (mix.mv, MixKind::Move),
        (mix.copy, MixKind::Copy),
        (mix.expunge, MixKind::Expunge),
        (mix.search, MixKind::Search),
    ];
    let mut left = share * weights.iter().map(|(w, _)| w).sum::<f64>();
    for (weight, kind) in weights {
        if left < weight {
            return kind;
        }
        left -= weight;
    }
    MixKind::Deliver
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::workload::context::tests::plan;

    #[test]
    fn same_seed_same_schedule_and_another_seed_another() {
        let plan = Arc::new(plan());
        let all = |seed| Schedule::new(&plan, seed).collect::<Vec<_>>();
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }

    #[test]
    fn rates_mix_and_skew_are_the_plans() {
        let mut plan = plan();
        plan.stages = [(100.0, 20), (0.0, 5), (400.0, 20)]
            .map(|(rate, seconds)| record::plan::workload::Stage {
                rate,
                duration: fuse_fs::units::Span(Duration::from_secs(seconds)),
            })
            .to_vec();
        let all: Vec<Arrival> = Schedule::new(&Arc::new(plan), 3).collect();
        let between = |a: u64, b: u64| all.iter().filter(|x| (a..b).contains(&x.at.as_secs())).count();
        assert!((1800..2200).contains(&between(0, 20)), "{}", between(0, 20));
        assert_eq!(between(20, 25), 0);
        assert!((7600..8400).contains(&between(25, 45)), "{}", between(25, 45));
        assert!(all.is_sorted_by_key(|x| x.at));
        let delivers = all.iter().filter(|x| x.kind == MixKind::Deliver).count() as f64 / all.len() as f64;
        assert!((delivers - 0.5).abs() < 0.03, "{delivers}");
        let of = |user| all.iter().filter(|x| x.user == UserId(user)).count() as f64;
        assert!((of(0) / of(1) - 2.0).abs() < 0.3, "{} {}", of(0), of(1));
    }

    #[test]
    fn gaps_are_exponential() {
        let mut plan = plan();
        plan.stages[0].duration = fuse_fs::units::Span(Duration::from_secs(100));
        let all: Vec<f64> = Schedule::new(&Arc::new(plan), 3).map(|x| x.at.as_secs_f64()).collect();
        let gaps: Vec<f64> = all.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let above = gaps.iter().filter(|g| **g > mean).count() as f64 / gaps.len() as f64;
        assert!((above - (-1f64).exp()).abs() < 0.03, "{above}");
    }
}
