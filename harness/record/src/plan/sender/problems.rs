//! What is wrong with a sender that its types cannot exclude. Everything is found at once.

use super::schedule::{Next, SHORTEST_WAIT};
use super::{AgeWithin, Definition, Retry, Stage};
use fuse_fs::rules::problem::Problem;
use fuse_fs::units::Span;
use std::time::Duration;

/// No mail system keeps trying for longer; it bounds the number of attempts.
const LONGEST_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

impl Definition {
    /// Everything wrong with this sender; empty if it can be used.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.name.trim().is_empty() {
            found.push(problem("name", "the name is empty", "name the sender: reports use it"));
        }
        self.life(&mut found);
        let before = found.len();
        self.retry.problems(self.give_up, &mut found);
        if found.len() == before {
            self.first_retry(&mut found);
        }
        found
    }

    fn life(&self, found: &mut Vec<Problem>) {
        if self.give_up.0 > LONGEST_LIFE {
            let message = format!("{} is more than 90 days", self.give_up);
            found.push(problem("give-up", message, "write at most `2160h`"));
        }
        if let Some(notice) = self.delay_notice.filter(|notice| *notice >= self.give_up) {
            let message = format!("{notice} is not before give-up, {}", self.give_up);
            found.push(problem("delay-notice", message, "write less than `give-up`, or leave it out"));
        }
    }

    fn first_retry(&self, found: &mut Vec<Problem>) {
        let without_last_try = Definition { last_try: false, ..self.clone() };
        if let Next::GiveUpAt(_) = without_last_try.next(1, Duration::ZERO) {
            let message = format!("{} is over before the first retry", self.give_up);
            found.push(problem("give-up", message, "give it more time, or let it try earlier"));
        }
    }
}

impl Retry {
    fn problems(&self, give_up: Span, found: &mut Vec<Problem>) {
        match self {
            Retry::Every(wait) => at_least("retry.every", *wait, found),
            Retry::Intervals(waits) => intervals(waits, found),
            Retry::AgeWithin(bounds) => bounds.problems(found),
            Retry::Quadratic(curve) => at_least("retry.quadratic.base", curve.base, found),
            Retry::Stages(stages) => in_stages(stages, give_up, found),
        }
    }
}

fn intervals(waits: &[Span], found: &mut Vec<Problem>) {
    if waits.is_empty() {
        found.push(problem(
            "retry.intervals",
            "the list is empty: it would never try again",
            "write one or more",
        ));
    }
    for (n, wait) in waits.iter().enumerate() {
        at_least(&format!("retry.intervals[{n}]"), *wait, found);
    }
}

impl AgeWithin {
    fn problems(&self, found: &mut Vec<Problem>) {
        at_least("retry.age-within.least", self.least, found);
        if self.least > self.most {
            let message = format!("{} is more than most, {}", self.least, self.most);
            found.push(problem("retry.age-within.least", message, "exchange them"));
        }
        if let Some(scan) = self.scan {
            at_least("retry.age-within.scan", scan, found);
        }
    }
}

fn in_stages(stages: &[Stage], give_up: Span, found: &mut Vec<Problem>) {
    let Some((last, earlier)) = stages.split_last() else {
        found.push(problem(
            "retry.stages",
            "there is no stage: it would never try again",
            "write one or more",
        ));
        return;
    };
    for (n, stage) in stages.iter().enumerate() {
        stage.problems(&format!("retry.stages[{n}]"), found);
    }
    let mut start = Span::default();
    for (n, stage) in earlier.iter().enumerate() {
        start = stage.ends_after(start, give_up, &format!("retry.stages[{n}].until"), found);
    }
    if last.until.is_some() {
        let field = format!("retry.stages[{}].until", earlier.len());
        found.push(problem(
            &field,
            "the last stage has an end",
            "leave it out: the stage lasts until `give-up`",
        ));
    }
}

impl Stage {
    fn problems(&self, field: &str, found: &mut Vec<Problem>) {
        at_least(&format!("{field}.every"), self.every, found);
        if !(self.growth >= 1.0 && self.growth.is_finite()) {
            let message = format!("{} is not 1 or more", self.growth);
            found.push(problem(&format!("{field}.growth"), message, "write a number such as 1.5"));
        }
    }

    /// Checks the end of a stage that is not the last, and is where the next one starts.
    fn ends_after(&self, start: Span, give_up: Span, field: &str, found: &mut Vec<Problem>) -> Span {
        let Some(until) = self.until else {
            found.push(problem(field, "only the last stage has no end", "write the age at which it ends"));
            return start;
        };
        if until <= start {
            let message = format!("{until} is not after the stage before it, which ends at {start}");
            found.push(problem(field, message, "write the stages in their order"));
        } else if until >= give_up {
            let message =
                format!("{until} is not before give-up, {give_up}: the next stage would never begin");
            found.push(problem(field, message, "leave out the stages that never begin"));
        }
        until
    }
}

fn at_least(field: &str, wait: Span, found: &mut Vec<Problem>) {
    if wait.0 < SHORTEST_WAIT {
        let help = "write a duration such as \"15m\"";
        found.push(problem(field, format!("{wait} is less than a second"), help));
    }
}

fn problem(field: &str, message: impl Into<String>, help: &str) -> Problem {
    Problem { field: field.to_owned(), message: message.into(), help: help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a sender whose `give-up` and `retry` are these.
    fn said(times: &str) -> String {
        let text = format!("name = 's'\nabout = 's'\nsource = 's'\nevidence = 'vendor'\n{times}");
        let sender: Definition = toml::from_str(&text).expect("its form is right");
        sender.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn times_of_nothing_are_refused() {
        insta::assert_snapshot!(said("give-up = '1h'\nretry.every = '0s'"), @r#"retry.every: 0s is less than a second (write a duration such as "15m")"#);
        insta::assert_snapshot!(said("give-up = '1h'\nretry.intervals = ['5m', '0s']"), @r#"retry.intervals[1]: 0s is less than a second (write a duration such as "15m")"#);
        insta::assert_snapshot!(said("give-up = '1h'\nretry.intervals = []"), @"retry.intervals: the list is empty: it would never try again (write one or more)");
        insta::assert_snapshot!(said("give-up = '1h'\nretry.quadratic = { base = '1ms' }"), @r#"retry.quadratic.base: 1ms is less than a second (write a duration such as "15m")"#);
    }

    #[test]
    fn bounds_that_contradict_each_other_are_refused() {
        insta::assert_snapshot!(said("give-up = '1h'\nretry.age-within = { least = '9m', most = '5m', scan = '0s' }"), @r#"
        retry.age-within.least: 9m is more than most, 5m (exchange them)
        retry.age-within.scan: 0s is less than a second (write a duration such as "15m")
        "#);
    }

    #[test]
    fn giving_up_before_the_first_retry_is_refused() {
        insta::assert_snapshot!(said("give-up = '10m'\nlast-try = true\nretry.every = '15m'\ndelay-notice = '10m'"), @r#"
        delay-notice: 10m is not before give-up, 10m (write less than `give-up`, or leave it out)
        give-up: 10m is over before the first retry (give it more time, or let it try earlier)
        "#);
        insta::assert_snapshot!(said("give-up = '3000h'\nretry.every = '15m'"), @"give-up: 3000h is more than 90 days (write at most `2160h`)");
    }

    #[test]
    fn stages_have_an_order() {
        insta::assert_snapshot!(said("give-up = '4h'\nretry.stages = []"), @"retry.stages: there is no stage: it would never try again (write one or more)");
        insta::assert_snapshot!(said(
            "give-up = '4h'\nretry.stages = [
                { until = '2h', every = '1m' }, { until = '1h', every = '1m', growth = 0.5 }, { until = '5h', every = '1m' },
                { every = '1m' }, { until = '3h', every = '1m' }]"
        ), @r#"
        retry.stages[1].growth: 0.5 is not 1 or more (write a number such as 1.5)
        retry.stages[1].until: 1h is not after the stage before it, which ends at 2h (write the stages in their order)
        retry.stages[2].until: 5h is not before give-up, 4h: the next stage would never begin (leave out the stages that never begin)
        retry.stages[3].until: only the last stage has no end (write the age at which it ends)
        retry.stages[4].until: the last stage has an end (leave it out: the stage lasts until `give-up`)
        "#);
    }
}
