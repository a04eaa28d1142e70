use reports::kit::figures::round_up;

use fuse_fs::clock::Nanos;
use record::ledger::Ledger;

/// More bins than a picture is wide would not be seen.
pub(crate) const MOST_BINS: f64 = 160.0;

/// Equal stretches of time.
pub(crate) struct Bins {
    pub(crate) from: Nanos,
    pub(crate) step: u64,
    pub(crate) count: usize,
}

impl Bins {
    pub(crate) fn of(ledger: &Ledger) -> Bins {
        let from = ledger.phases.first().map_or(ledger.start, |(at, _)| *at).min(ledger.start);
        let length = ledger.last.0.saturating_sub(from.0).max(1);
        let step = (step_of(length as f64 / 1e9) * 1e9) as u64;
        Bins { from, step, count: (length / step + 1) as usize }
    }

    /// Bin of a moment; none if it is outside.
    pub(crate) fn at(&self, at: Nanos) -> Option<usize> {
        let bin = (at.0.checked_sub(self.from.0)? / self.step) as usize;
        (bin < self.count).then_some(bin)
    }

    pub(crate) fn counts(&self, moments: impl Iterator<Item = Nanos>) -> Vec<u64> {
        let mut counts = vec![0; self.count];
        moments.filter_map(|at| self.at(at)).for_each(|bin| counts[bin] += 1);
        counts
    }

    /// The most at once, in each bin, of things that last. What lasts beyond the end counts to the end.
    pub(crate) fn most(&self, spans: impl Iterator<Item = (Nanos, Nanos)>) -> Vec<u64> {
        let mut changes: Vec<(Nanos, i64)> = spans.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
        // An end comes before a beginning at the same moment.
        changes.sort_unstable();
        let (mut most, mut now, mut changes) = (vec![0; self.count], 0_i64, changes.into_iter().peekable());
        for (bin, most) in most.iter_mut().enumerate() {
            let end = self.from.0 + (bin as u64 + 1) * self.step;
            let mut high = now;
            while let Some((_, by)) = changes.next_if(|(at, _)| at.0 < end) {
                now += by;
                high = high.max(now);
            }
            *most = high.unsigned_abs();
        }
        most
    }
}

/// A round length that gives few enough bins.
pub(crate) fn step_of(length_s: f64) -> f64 {
    round_up((length_s / MOST_BINS).max(0.001))
}
