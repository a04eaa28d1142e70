//! Whether the power goes a second time before everything was looked for, and when a cut comes: drawn from the seed and the cut's number.

use rand::RngExt;
use record::plan::seed::component;
use std::time::Duration;

/// What follows the first cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Again {
    No,
    /// As soon as the power is back.
    AtOnce,
    /// After this part of the time that the machine took to come back before.
    Recovering(f64),
    /// After this part of the time that looking took before.
    Verifying(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drawn {
    /// How long items are stored before.
    pub(super) work: Duration,
    pub(super) again: Again,
}

/// Of ten cuts seven come alone.
pub(super) fn drawn(seed: u64, cut: u32, work: (Duration, Duration)) -> Drawn {
    let mut rng = component(seed, &format!("power cut {cut}"));
    let between = work.1.saturating_sub(work.0).mul_f64(rng.random_range(0.0..1.0));
    let part = rng.random_range(0.0..1.0);
    let again = match rng.random_range(0..10) {
        0 => Again::AtOnce,
        1 => Again::Recovering(part),
        2 => Again::Verifying(part),
        _ => Again::No,
    };
    Drawn { work: work.0 + between, again }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_drawn_from_the_seed_and_every_kind_comes() {
        let work = (Duration::from_secs(1), Duration::from_secs(3));
        let all: Vec<Drawn> = (1..200).map(|cut| drawn(5, cut, work)).collect();
        assert_eq!(all, (1..200).map(|cut| drawn(5, cut, work)).collect::<Vec<_>>());
        assert!(all.iter().all(|one| one.work >= work.0 && one.work < work.1));
        let counts = |which: fn(&Again) -> bool| all.iter().filter(|one| which(&one.again)).count();
        assert!(counts(|again| *again == Again::No) > 100);
        assert!(counts(|again| *again == Again::AtOnce) > 5);
        assert!(counts(|again| matches!(again, Again::Recovering(_))) > 5);
        assert!(counts(|again| matches!(again, Again::Verifying(_))) > 5);
    }
}
