//! One of many runs on a machine that has too much to do: what was late in it says nothing, so it is thrown away and done
//! again, a few times.

use crate::machine::load;
use crate::machine::stop;
use crate::run::outer::{self, Outcome};
use crate::run::places::Places;
use anyhow::Result;
use record::plan::Plan;
use reports::kit::verdict::Verdict;
use reports::run::Report;
use std::path::Path;
use std::time::Duration;

/// Times that a run is done, at most.
pub(crate) const TRIES: u32 = 3;

/// Before that, the machine has this long to become less busy.
const CALM: Duration = Duration::from_secs(30);

/// Why a run is to be done again: nothing was proved against the mail server, and something would have been if the machine
/// had not been overloaded.
pub(crate) fn spoiled(report: &Report) -> Option<&str> {
    report.run.overload.as_deref().filter(|_| report.verdict != Verdict::Invalid)
}

/// Runs `plan`, again if the machine spoiled it; `discard` is given the directory of a run that is thrown away. What the
/// last try comes to counts, and says itself that the machine was overloaded.
///
/// # Errors
/// It came to no result.
pub(crate) fn run(plan: &Plan, places: &Places, discard: impl Fn(&Path)) -> Result<Outcome> {
    again(|| outer::run(plan, places), discard, || _ = load::calm(CALM, stop::requested))
}

fn again(
    mut run: impl FnMut() -> Result<Outcome>,
    discard: impl Fn(&Path),
    calm: impl Fn(),
) -> Result<Outcome> {
    for _ in 1..TRIES {
        let outcome = run()?;
        let Outcome::Judged(report) = &outcome else { return Ok(outcome) };
        let Some(why) = spoiled(report) else { return Ok(outcome) };
        let (scenario, target, seed) = (&report.run.scenario, &report.run.target, report.run.seed);
        let why = reports::kit::inert::inert(why);
        crate::exit::tell!(
            "done again: {scenario}, {target}, seed {seed}: the machine was overloaded ({why})"
        );
        discard(Path::new(&report.run.directory));
        calm();
    }
    run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn outcome(verdict: Verdict, overload: Option<&str>) -> Outcome {
        let mut report = crate::campaign::samples::report(&[], &[], 0, 0);
        (report.verdict, report.run.overload) = (verdict, overload.map(str::to_owned));
        Outcome::Judged(Box::new(report))
    }

    /// How often was run, and how often thrown away, if the machine is overloaded in the first `busy` runs.
    fn tries(busy: u32, verdict: Verdict) -> (u32, u32) {
        let (mut runs, thrown_away) = (0, Cell::new(0));
        let run = || {
            runs += 1;
            Ok(outcome(verdict, (runs <= busy).then_some("somebody waited")))
        };
        again(run, |_| thrown_away.set(thrown_away.get() + 1), || ()).expect("a result");
        (runs, thrown_away.get())
    }

    #[test]
    fn a_run_that_the_machine_spoiled_is_done_again_a_few_times() {
        assert_eq!(tries(0, Verdict::Unknown), (1, 0));
        assert_eq!(tries(1, Verdict::Unknown), (2, 1));
        assert_eq!(tries(9, Verdict::Unknown), (3, 2));
    }

    #[test]
    fn what_is_proved_stays_however_busy_the_machine_was() {
        assert_eq!(tries(9, Verdict::Invalid), (1, 0));
    }
}
