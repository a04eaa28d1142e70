//! Statistics of two small samples by their ranks: Mann-Whitney's test and Hodges and Lehmann's estimate with its interval. Every
//! chance is counted out, with ties as without; nothing is approximated.

/// How often a statement of one figure may be wrong.
pub(super) const LEVEL: f64 = 0.05;

/// Runs of a side that are counted out in reasonable time.
pub const MOST_RUNS: usize = 100;

/// A chance is a quotient of whole numbers: its last digit must not decide.
const LAST_DIGIT: f64 = 1e-12;

/// Whether something so rare is believed, if it is one of `tested`.
pub(super) fn significant(chance: f64, tested: usize) -> bool {
    chance * tested.max(1) as f64 <= LEVEL + LAST_DIGIT
}

/// How often values that are dealt to the two sides at random lie as high on the side of `high` as they do, or higher.
pub(super) fn chance(high: &[f64], low: &[f64]) -> f64 {
    let mut all: Vec<f64> = high.iter().chain(low).copied().collect();
    all.sort_by(f64::total_cmp);
    let rank = |value: f64| {
        let below = all.partition_point(|other| *other < value);
        below + all.partition_point(|other| *other <= value) - 1
    };
    let observed: usize = high.iter().map(|value| rank(*value)).sum();
    let ranks: Vec<usize> = all.iter().map(|value| rank(*value)).collect();
    let ways = ways(&ranks, high.len());
    ways[observed..].iter().sum::<f64>() / ways.iter().sum::<f64>()
}

/// In how many ways `chosen` of these ranks, which ascend, have each sum.
fn ways(ranks: &[usize], chosen: usize) -> Vec<f64> {
    let most: usize = ranks.iter().rev().take(chosen).sum();
    let mut ways = vec![vec![0.0; most + 1]; chosen + 1];
    ways[0][0] = 1.0;
    let mut reached = 0;
    for (before, rank) in ranks.iter().enumerate() {
        for taken in (1..=chosen.min(before + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(taken);
            let without = fewer[taken - 1].iter().take(reached + 1);
            more[0].iter_mut().skip(*rank).zip(without).for_each(|(with, without)| *with += without);
        }
        reached += rank;
    }
    ways.swap_remove(chosen)
}

/// Which of all ascending changes from a run of one side to a run of the other is the end of the interval, counted from
/// either end, so that each end is wrong at most so often; 0 if the runs are too few for any.
pub(super) fn end(one: usize, other: usize) -> usize {
    let ranks: Vec<usize> = (0..one + other).collect();
    let ways = ways(&ranks, one);
    let (lowest, all) = (one * one.saturating_sub(1) / 2, ways.iter().sum::<f64>());
    let so_far = ways[lowest..].iter().scan(0.0, |so_far, ways| {
        *so_far += ways / all;
        Some(*so_far)
    });
    so_far.take_while(|chance| significant(*chance, 1)).count()
}

/// Runs on each side with which one of so many figures can be told at all.
pub(super) fn runs_needed(tested: usize) -> u32 {
    let mut deals = 1.0;
    let needed = (1..=MOST_RUNS as u32).find(|runs| {
        let runs = f64::from(*runs);
        deals *= 2.0 * (2.0 * runs - 1.0) / runs;
        significant(1.0 / deals, tested)
    });
    needed.unwrap_or(MOST_RUNS as u32)
}

/// How far one side lies from the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shift {
    /// The one in the middle of all changes from a run of the one to a run of the other.
    pub(super) middle: f64,
    /// Ends of its interval; none if the runs are too few.
    pub(super) ends: Option<[f64; 2]>,
}

/// Of all changes, which need not be in order; `end` is the interval's.
pub(super) fn shift(mut changes: Vec<f64>, end: usize, mean: fn(f64, f64) -> f64) -> Option<Shift> {
    changes.sort_by(f64::total_cmp);
    let last = changes.len().checked_sub(1)?;
    let middle = mean(changes[last / 2], changes[changes.len() / 2]);
    let ends = end.checked_sub(1).map(|end| [changes[end], changes[last - end]]);
    Some(Shift { middle, ends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    /// Permeability of a membrane at term and before: Hollander and Wolfe, Nonparametric Statistical Methods, example 4.1.
    const TERM: [f64; 10] = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const BEFORE: [f64; 5] = [1.15, 0.88, 0.90, 0.74, 1.21];

    fn differences(one: &[f64], other: &[f64]) -> Vec<f64> {
        one.iter().flat_map(|one| other.iter().map(move |other| one - other)).collect()
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn the_chance_is_that_of_the_literature() {
        assert!(near(chance(&TERM, &BEFORE), 382.0 / 3_003.0));
        assert!(near(chance(&[3.0, 4.0, 5.0], &[0.0, 1.0, 2.0]), 1.0 / 20.0));
        assert!(near(chance(&[0.0, 1.0, 2.0], &[3.0, 4.0, 5.0]), 1.0));
    }

    #[test]
    fn ties_are_counted_out() {
        assert!(near(chance(&[2.0, 2.0, 3.0, 5.0], &[1.0, 2.0, 2.0, 4.0]), 17.0 / 70.0));
        assert!(near(chance(&[3.0; 3], &[1.0; 3]), 1.0 / 20.0));
        assert!(near(chance(&[1.0; 4], &[1.0; 4]), 1.0));
    }

    #[test]
    fn the_interval_is_that_of_the_literature() {
        let shift = shift(differences(&TERM, &BEFORE), 9, f64::midpoint).expect("there are runs");
        let [least, most] = shift.ends.expect("there are enough");
        assert!(near(shift.middle, 0.305) && near(least, -0.15) && near(most, 0.76), "{shift:?}");
    }

    /// One more than the critical values of U in the tables (one-sided, 5 %).
    #[test]
    fn the_ends_are_those_of_the_tables() {
        let tables =
            [(3, 3, 0), (4, 4, 1), (5, 5, 4), (6, 6, 7), (7, 7, 11), (8, 8, 15), (9, 9, 21), (10, 10, 27)];
        let more = [(20, 20, 138), (2, 5, 0), (3, 5, 1), (5, 10, 11), (4, 12, 9)];
        for (one, other, critical) in tables.into_iter().chain(more) {
            assert_eq!((end(one, other), end(other, one)), (critical + 1, critical + 1), "{one} and {other}");
        }
        assert_eq!([(1, 1), (2, 2), (1, 18), (2, 4)].map(|(one, other)| end(one, other)), [0; 4]);
    }

    #[test]
    fn more_figures_need_more_runs() {
        assert_eq!([1, 2, 3, 4, 12, 13, 46, 47].map(runs_needed), [3, 4, 4, 5, 5, 6, 6, 7]);
    }

    #[test]
    fn the_most_runs_are_counted_out() {
        let (high, low): (Vec<f64>, Vec<f64>) =
            (0..MOST_RUNS as u32).map(|n| (f64::from(n) + 0.5, f64::from(n))).unzip();
        let chance = chance(&high, &low);
        assert!(chance > 0.4 && chance < 0.5, "{chance}");
    }

    fn runs() -> impl Strategy<Value = Vec<f64>> {
        // Few different values, so that there are ties.
        proptest::collection::vec((0u8..12).prop_map(f64::from), 1..8)
    }

    proptest! {
        #[test]
        fn the_order_of_runs_is_nothing((high, shuffled) in runs().prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())), low in runs()) {
            prop_assert!(near(chance(&high, &low), chance(&shuffled, &low)));
            prop_assert!(near(chance(&low, &high), chance(&low, &shuffled)));
        }

        #[test]
        fn the_sides_are_alike(high in runs(), low in runs()) {
            let negative = |side: &[f64]| side.iter().map(|value| -value).collect::<Vec<_>>();
            prop_assert!(near(chance(&high, &low), chance(&negative(&low), &negative(&high))));
            let end = end(high.len(), low.len());
            let there = shift(differences(&high, &low), end, f64::midpoint).expect("there are runs");
            let back = shift(differences(&low, &high), end, f64::midpoint).expect("there are runs");
            prop_assert!(near(there.middle, -back.middle));
            prop_assert_eq!(there.ends.map(|[least, most]| [-most, -least]), back.ends);
        }

        /// Without ties: a tie that is loosened changes what chance could have done.
        #[test]
        fn who_rises_is_the_less_chance(order in Just((0..12u8).map(|n| f64::from(n) * 2.0).collect::<Vec<_>>()).prop_shuffle(), sides in 1usize..12, which in 0usize..12, by in 0u8..9) {
            let (high, low) = order.split_at(sides);
            let mut higher = high.to_vec();
            higher[which % sides] += f64::from(by) * 4.0 + 1.0;
            prop_assert!(chance(&higher, low) <= chance(high, low) + LAST_DIGIT);
        }
    }

    /// A test that is exact is wrong as often as it says.
    #[test]
    fn equals_are_told_apart_as_often_as_stated() {
        let mut runner = TestRunner::deterministic();
        let side = proptest::collection::vec(0.0..1.0f64, 10);
        let mut draw = || side.new_tree(&mut runner).expect("a side").current();
        let draws = (0..2_000).filter(|_| significant(chance(&draw(), &draw()), 1)).count();
        assert!((60..=115).contains(&draws), "{draws} of 2,000");
    }
}
