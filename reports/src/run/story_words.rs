//! What all renderers of a story share: words, counts and times, in the order in which they are shown.

use super::model::{ClientClass, Migration, Quantiles, Sender, Statement};
use crate::kit::figures::{Clock, Timed, grouped};
use crate::kit::verdict::Verdict;

/// Whether a statement holds.
pub(crate) fn answer(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "holds",
        Verdict::Unknown => "cannot tell",
        Verdict::Invalid => "DOES NOT HOLD",
    }
}

/// How many statements hold: `16 of 18 hold`.
pub(crate) fn hold(statements: &[Statement]) -> String {
    let hold = statements.iter().filter(|one| one.verdict == Verdict::Valid).count();
    format!("{hold} of {} hold", statements.len())
}

/// Submitted, stored, of these late, queued, bounced, given up, lost.
pub(crate) fn fates(sender: &Sender) -> [String; 7] {
    let Sender { submitted, stored, late, queued, bounced, given_up, lost, .. } = *sender;
    [submitted, stored, late, queued, bounced, given_up, lost].map(grouped)
}

/// From submission to acknowledgement: median, 95th percentile, longest.
pub(crate) fn delays(sender: &Sender, clock: Clock) -> [Timed; 3] {
    times(sender.delay, |q| [q.p50_s, q.p95_s, q.max_s], clock)
}

/// Users, switched, back, between.
pub(crate) fn places(migration: &Migration) -> [String; 4] {
    let Migration { users, switched, back, between, .. } = *migration;
    [users, switched, back, between].map(grouped)
}

/// When it began, and when the last was switched.
pub(crate) fn ends(migration: &Migration, clock: Clock) -> [Timed; 2] {
    [migration.from_s, migration.to_s].map(|at| clock.moment(at))
}

/// How long a user was not let in: median, 99th percentile, longest.
pub(crate) fn held(migration: &Migration, clock: Clock) -> [Timed; 3] {
    times(migration.held, |q| [q.p50_s, q.p99_s, q.max_s], clock)
}

/// When the first of a class was not served.
pub(crate) fn down(class: &ClientClass, clock: Clock) -> Timed {
    class.down_s.map_or_else(|| word("never"), |at| clock.moment(at))
}

/// From when on all of a class were served again, where one of them was not.
pub(crate) fn healthy_again(class: &ClientClass, clock: Clock) -> Timed {
    match (class.down_s, class.healthy_again_s) {
        (_, Some(at)) => clock.moment(at),
        (Some(_), None) => word("not by the end"),
        (None, None) => word("-"),
    }
}

fn times(quantiles: Option<Quantiles>, which: fn(Quantiles) -> [f64; 3], clock: Clock) -> [Timed; 3] {
    quantiles.map_or_else(|| ["-"; 3].map(word), |all| which(all).map(|seconds| clock.delay(seconds)))
}

fn word(word: &str) -> Timed {
    Timed { run: word.to_owned(), story: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples;

    #[test]
    fn clients_that_never_came_back_are_not_called_healthy() {
        let shown = |down_s, healthy_again_s| {
            let class = ClientClass { down_s, healthy_again_s, ..samples::story().clients.remove(0) };
            [down(&class, Clock::default()), healthy_again(&class, Clock::default())].map(|timed| timed.run)
        };
        assert_eq!(shown(None, None), ["never", "-"]);
        assert_eq!(shown(Some(2.0), None), ["2.000 s", "not by the end"]);
        assert_eq!(shown(Some(2.0), Some(9.5)), ["2.000 s", "9.500 s"]);
    }
}
