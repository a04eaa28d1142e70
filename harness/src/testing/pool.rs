//! Tests of one program, in one pool: those with the most work begin first, as many at once as the machine bears.

use super::gate::Gate;
use super::needs::Needs;
use libtest_mimic::{Arguments, Failed, Trial};
use std::cmp::Reverse;
use std::process::ExitCode;
use std::sync::Arc;

type Body = Box<dyn FnOnce() -> Result<(), Failed> + Send>;

/// A test, and what it needs of the machine.
pub struct Test {
    name: String,
    needs: Needs,
    missing: Option<String>,
    body: Body,
}

impl Test {
    /// A test that passes if `body` is `Ok` and does not panic.
    pub fn new(
        name: impl Into<String>,
        needs: Needs,
        body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
    ) -> Test {
        Test { name: name.into(), needs, missing: None, body: Box::new(body) }
    }

    /// What the machine lacks for it, if anything: it is reported as ignored, with this reason.
    #[must_use]
    pub fn lacking(self, missing: Option<String>) -> Test {
        Test { missing, ..self }
    }

    fn trial(self, place: usize, gate: Arc<Gate>) -> Trial {
        let (needs, body) = (self.needs, self.body);
        let trial = Trial::test(self.name, move || {
            let _inside = gate.enter(place, needs);
            body()
        });
        match self.missing {
            Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
            None => trial,
        }
    }
}

/// Runs tests as the command line of the program says.
pub fn run_all(tests: Vec<Test>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // All wait at the gate at the same time.
    arguments.test_threads = arguments.test_threads.or(Some(tests.len().max(2)));
    libtest_mimic::run(&arguments, trials(tests)).exit_code()
}

/// In the order in which they begin: those with the most work first, and those that must be alone when all others are done.
pub(super) fn trials(mut tests: Vec<Test>) -> Vec<Trial> {
    tests.sort_by_key(|test| (test.needs.alone, Reverse(test.needs.work())));
    let gate = Arc::new(Gate::new(crate::machine::environment::cores()));
    tests.into_iter().enumerate().map(|(place, test)| test.trial(place, gate.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn most_work_is_first_and_those_that_must_be_alone_last() {
        let test = |name, needs| Test::new(name, needs, || Ok(()));
        let seconds = Duration::from_secs;
        let tests = vec![
            test("alone", Needs::alone(seconds(9))),
            test("short", Needs::percent(20, seconds(1))),
            test("long", Needs::percent(20, seconds(5))),
        ];
        let names: Vec<String> = trials(tests).iter().map(|trial| trial.name().to_owned()).collect();
        assert_eq!(names, ["long", "short", "alone"]);
    }

    #[test]
    fn what_cannot_run_is_ignored_with_the_reason() {
        let lacking = |reason: Option<&str>| {
            let test = Test::new("t", Needs::percent(10, Duration::ZERO), || Err("it was run".into()));
            trials(vec![test.lacking(reason.map(str::to_owned))]).remove(0)
        };
        let trial = lacking(Some("no such server"));
        assert!(trial.has_ignored_flag() && trial.kind() == "no such server");
        let conclusion = libtest_mimic::run(&Arguments::from_iter(["t", "--quiet"]), vec![trial]);
        assert_eq!((conclusion.num_ignored, conclusion.num_passed), (1, 0));
        assert!(!lacking(None).has_ignored_flag());
    }
}
