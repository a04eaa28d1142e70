//! Whether two shares of bad trials differ by more than chance: Fisher's exact test, two-sided.

use super::binomial::ln_factorials;

/// Bad trials of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub bad: u64,
    pub trials: u64,
}

/// Tables of the same probability are not told apart by rounding.
const ROUNDING: f64 = 1.0 + 1e-7;

/// How probable each division of all the bad ones is, by how many of them fall to `a`.
fn divisions(a: Share, b: Share) -> (u64, Vec<f64>) {
    let (bad, all) = (a.bad + b.bad, a.trials + b.trials);
    let ln = ln_factorials(all);
    let choose = |n: u64, k: u64| ln[n as usize] - ln[k as usize] - ln[(n - k) as usize];
    let least = bad.saturating_sub(b.trials);
    let most = bad.min(a.trials);
    let of = |x: u64| (choose(a.trials, x) + choose(b.trials, bad - x) - choose(all, bad)).exp();
    (least, (least..=most).map(of).collect())
}

/// The probability of what was seen, or anything as improbable, if there were no difference.
#[must_use]
pub fn p_value(a: Share, b: Share) -> f64 {
    let (least, probabilities) = divisions(a, b);
    let seen = probabilities[(a.bad - least) as usize];
    let as_far = probabilities.iter().filter(|one| **one <= seen * ROUNDING);
    as_far.sum::<f64>().min(1.0)
}

/// The least that [`p_value`] could have been, had as many been bad in all.
#[must_use]
pub fn least_p_value(a: Share, b: Share) -> f64 {
    let (_, probabilities) = divisions(a, b);
    let least = probabilities.iter().copied().fold(f64::INFINITY, f64::min);
    probabilities.iter().filter(|one| **one <= least * ROUNDING).sum::<f64>().min(1.0)
}

/// The fewest trials without a bad one that differ from `other` by more than chance, up to `most`.
#[must_use]
pub fn sound_trials_to_differ(other: Share, level: f64, most: u64) -> Option<u64> {
    let differs = |trials: u64| p_value(other, Share { bad: 0, trials }) < level;
    let enough = std::iter::successors(Some(1_u64), |n| Some(n * 2))
        .take_while(|n| *n <= most)
        .find(|n| differs(*n))?;
    let (mut low, mut high) = (enough / 2, enough);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if differs(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bad: u64, trials: u64) -> Share {
        Share { bad, trials }
    }

    fn close(is: f64, exact: f64) {
        assert!((is - exact).abs() < 1e-9, "{is} is not {exact}");
    }

    /// Fractions of binomial coefficients, worked out by hand.
    #[test]
    fn small_tables_are_exact() {
        // Fisher's lady: 3 of 4 and 1 of 4 cups.
        close(p_value(of(3, 4), of(1, 4)), 34.0 / 70.0);
        close(p_value(of(4, 4), of(0, 4)), 2.0 / 70.0);
        close(p_value(of(0, 5), of(1, 5)), 1.0);
        close(p_value(of(0, 9), of(0, 3)), 1.0);
        // All three in the smaller half: 1 of C(10, 3) divisions.
        close(p_value(of(3, 3), of(0, 7)), 1.0 / 120.0);
    }

    #[test]
    fn a_published_table_is_met() {
        assert!((p_value(of(1, 10), of(11, 14)) - 0.002_759_456).abs() < 5e-10);
    }

    #[test]
    fn too_few_could_not_have_told_whatever_was_seen() {
        assert!(least_p_value(of(1, 3), of(0, 3)) > 0.05);
        close(least_p_value(of(2, 4), of(2, 4)), 2.0 / 70.0);
        let before = of(3, 60);
        let sound = sound_trials_to_differ(before, 0.05, 100_000).expect("there are enough");
        assert!(p_value(before, of(0, sound)) < 0.05 && p_value(before, of(0, sound - 1)) >= 0.05);
        assert_eq!(sound_trials_to_differ(of(0, 60), 0.05, 100_000), None);
    }
}
