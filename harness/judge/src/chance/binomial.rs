//! What so many bad ones of so many trials say about how often it is bad: exact limits (Clopper and Pearson 1934).
//!
//! A limit is one-sided: with none bad, `1 - (1 - confidence)^(1/n)`.

/// Trials beyond this are taken for a mistake of who asks.
pub const MOST_TRIALS: u64 = 10_000_000;

/// Halvings of an interval: beyond what a double tells apart.
const HALVINGS: usize = 200;

/// Logarithms of the factorials up to `n`.
pub(super) fn ln_factorials(n: u64) -> Vec<f64> {
    let mut sum = 0.0;
    let rest = (1..=n).map(|i| {
        sum += (i as f64).ln();
        sum
    });
    std::iter::once(0.0).chain(rest).collect()
}

/// Coefficients of the terms of "at most `bad`".
struct AtMost {
    ln_choose: Vec<f64>,
    trials: u64,
}

impl AtMost {
    fn new(bad: u64, trials: u64) -> AtMost {
        let mut sum = 0.0;
        let rest = (1..=bad).map(|i| {
            sum += ((trials - i + 1) as f64).ln() - (i as f64).ln();
            sum
        });
        AtMost { ln_choose: std::iter::once(0.0).chain(rest).collect(), trials }
    }

    /// How probable it is, if each trial is bad with probability `p`, which lies between 0 and 1.
    fn probability(&self, p: f64) -> f64 {
        let (ln_bad, ln_good) = (p.ln(), (-p).ln_1p());
        let term = |(i, ln_choose): (usize, &f64)| {
            (ln_choose + i as f64 * ln_bad + (self.trials - i as u64) as f64 * ln_good).exp()
        };
        self.ln_choose.iter().enumerate().map(term).sum()
    }
}

/// The highest share of bad trials that `bad` of `trials` still allow at this confidence. Of no trials: all of them.
///
/// # Panics
/// More are bad than there are.
#[must_use]
pub fn upper_limit(bad: u64, trials: u64, confidence: f64) -> f64 {
    assert!(bad <= trials, "{bad} of {trials}");
    if bad == trials {
        return 1.0;
    }
    let at_most = AtMost::new(bad, trials);
    halved(|p| at_most.probability(p) > 1.0 - confidence)
}

/// The lowest share of bad trials that `bad` of `trials` still allow at this confidence.
///
/// # Panics
/// More are bad than there are.
#[must_use]
pub fn lower_limit(bad: u64, trials: u64, confidence: f64) -> f64 {
    assert!(bad <= trials, "{bad} of {trials}");
    if bad == 0 {
        return 0.0;
    }
    let fewer = AtMost::new(bad - 1, trials);
    halved(|p| fewer.probability(p) > confidence)
}

/// Where `below` ceases to hold between 0 and 1.
fn halved(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if below(middle) { low = middle } else { high = middle }
    }
    high
}

/// The fewest trials that, with `bad` of them bad, show a share of at most `share`; none within [`MOST_TRIALS`]: `None`.
#[must_use]
pub fn trials_to_show(share: f64, bad: u64, confidence: f64) -> Option<u64> {
    if !(share > 0.0 && share < 1.0) {
        return None;
    }
    let shows = |trials: u64| trials > bad && AtMost::new(bad, trials).probability(share) <= 1.0 - confidence;
    if !shows(MOST_TRIALS) {
        return None;
    }
    let (mut low, mut high) = (bad, MOST_TRIALS);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if shows(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(is: f64, exact: f64) {
        assert!((is - exact).abs() <= 1e-9 * exact, "{is} is not {exact}");
    }

    #[test]
    fn with_none_bad_the_limit_has_a_closed_form() {
        for trials in [1, 10, 59, 299, 2_995, 100_000] {
            close(upper_limit(0, trials, 0.95), 1.0 - 0.05_f64.powf(1.0 / trials as f64));
        }
        assert!(upper_limit(0, 59, 0.95) <= 0.05 && upper_limit(0, 58, 0.95) > 0.05);
        assert!(upper_limit(0, 299, 0.95) <= 0.01 && upper_limit(0, 298, 0.95) > 0.01);
        assert!(upper_limit(0, 2_995, 0.95) <= 0.001 && upper_limit(0, 2_994, 0.95) > 0.001);
    }

    /// By the beta distribution's quantiles, where they have a closed form: `Beta(n, 1)` and `Beta(1, n)`; and of one in two, by
    /// the roots of a quadratic.
    #[test]
    fn limits_with_some_bad_are_exact() {
        close(lower_limit(7, 7, 0.95), 0.05_f64.powf(1.0 / 7.0));
        close(upper_limit(1, 2, 0.95), 0.95_f64.sqrt());
        close(lower_limit(1, 2, 0.95), 1.0 - 0.95_f64.sqrt());
        close(lower_limit(1, 20, 0.95), 1.0 - 0.95_f64.powf(1.0 / 20.0));
        assert_eq!((upper_limit(5, 5, 0.95), lower_limit(0, 5, 0.95)), (1.0, 0.0));
        assert_eq!(upper_limit(0, 0, 0.95), 1.0);
    }

    /// Of 1 and of 2 in 10: the published tables of Clopper and Pearson at 95 % one-sided (90 % two-sided).
    #[test]
    fn limits_are_those_of_the_tables() {
        for (bad, trials, low, high) in
            [(1, 10, 0.0051, 0.3942), (2, 10, 0.0368, 0.5069), (5, 10, 0.2224, 0.7776)]
        {
            assert!((lower_limit(bad, trials, 0.95) - low).abs() < 5e-5, "{bad} of {trials}");
            assert!((upper_limit(bad, trials, 0.95) - high).abs() < 5e-5, "{bad} of {trials}");
        }
    }

    #[test]
    fn a_plan_names_the_fewest_trials() {
        let plans = [0.05, 0.01, 0.001, 0.0001].map(|share| trials_to_show(share, 0, 0.95));
        assert_eq!(plans, [Some(59), Some(299), Some(2_995), Some(29_956)]);
        assert_eq!(trials_to_show(0.01, 1, 0.95), Some(473));
        assert_eq!(trials_to_show(0.01, 0, 0.99), Some(459));
        assert_eq!(trials_to_show(0.5, 0, 0.95), Some(5));
        assert_eq!([0.0, 1.0, -0.1, f64::NAN, 1e-9].map(|share| trials_to_show(share, 0, 0.95)), [None; 5]);
    }

    #[test]
    fn a_plan_and_a_limit_agree() {
        for bad in 0..4 {
            for share in [0.2, 0.03, 0.002] {
                let trials = trials_to_show(share, bad, 0.95).expect("few are enough");
                assert!(upper_limit(bad, trials, 0.95) <= share);
                assert!(upper_limit(bad, trials - 1, 0.95) > share);
            }
        }
    }
}
