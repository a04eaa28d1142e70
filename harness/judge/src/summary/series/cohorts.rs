//! How the users of each cohort were served: of their operations that ended, those that ended well.

use super::bins::Bins;
use record::ledger::Ledger;
use record::ledger::entry::ClientOp;
use record::plan::CohortPlan;
use reports::run::series::Cohort;

/// What the users of a run without cohorts are called.
const ALL: &str = "all users";

/// Each cohort, in the order of the scenario; all users as one if it names none. An operation that the generator had no
/// room for counts neither way; one that was never answered counts as not served when the run ends.
pub(crate) fn cohorts(ledger: &Ledger, planned: &[CohortPlan], bins: &Bins) -> Vec<Cohort> {
    let started = || ledger.ops.iter().filter(|op| !op.unsent());
    if planned.is_empty() {
        return vec![cohort(ALL, started(), ledger, bins)];
    }
    let of = |plan: &CohortPlan| {
        let users = plan.first.0..plan.first.0 + plan.users;
        let own = started().filter(|op| users.contains(&ledger.user_of(op.place).0));
        cohort(&plan.name, own, ledger, bins)
    };
    planned.iter().map(of).collect()
}

fn cohort<'a>(
    name: &str,
    ops: impl Iterator<Item = &'a ClientOp> + Clone,
    ledger: &Ledger,
    bins: &Bins,
) -> Cohort {
    let count = |served: bool| {
        let ended = ops.clone().filter(move |op| op.certain() == served).map(|op| op.ended.min(ledger.last));
        bins.counts(ended)
    };
    Cohort { name: name.to_owned(), served: count(true), not_served: count(false) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::UserId;
    use record::synthetic::{OK, REFUSED, VANISHED, World};

    fn ledger() -> Ledger {
        let mut world = World::new(Vec::new(), 2);
        world.deliver(0, 1, 1, OK);
        world.deliver(1, 2, 1, REFUSED);
        world.deliver(1, 3, 1, VANISHED);
        world.deliver(1, 4, 1, OK);
        Ledger::read(world.finish().as_slice()).expect("the history is well-formed")
    }

    fn sums(cohorts: &[Cohort]) -> Vec<(&str, u64, u64)> {
        let sum = |values: &[u64]| values.iter().sum();
        cohorts.iter().map(|one| (one.name.as_str(), sum(&one.served), sum(&one.not_served))).collect()
    }

    #[test]
    fn each_cohort_has_the_operations_of_its_users() {
        let ledger = ledger();
        let plan = |name: &str, first, users| CohortPlan {
            name: name.to_owned(),
            first: UserId(first),
            users,
            storage: "mail".to_owned(),
            own_entrance: false,
        };
        let bins = Bins::of(&ledger);
        let got = cohorts(&ledger, &[plan("old", 0, 1), plan("new", 1, 1)], &bins);
        assert_eq!(sums(&got), [("old", 1, 0), ("new", 1, 2)]);
        assert!(got.iter().all(|one| one.served.len() == bins.count && one.not_served.len() == bins.count));
        assert_eq!(sums(&cohorts(&ledger, &[], &bins)), [("all users", 2, 2)]);
    }

    #[test]
    fn what_is_never_answered_counts_at_the_end_and_what_was_never_sent_not_at_all() {
        let mut ledger = ledger();
        let bins = Bins::of(&ledger);
        ledger.ops[2].ended = fuse_fs::clock::Nanos(u64::MAX);
        ledger.ops[1].trouble = Some(record::history::Trouble::Saturated);
        let got = cohorts(&ledger, &[], &bins);
        assert_eq!(sums(&got), [("all users", 2, 1)]);
        assert_eq!(got[0].not_served.last(), Some(&1));
    }
}
