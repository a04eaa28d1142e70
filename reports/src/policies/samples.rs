//! Compared policies for the tests of their renderers.

use super::model::{Policies, PolicyRun};
use crate::kit::verdict::Verdict;
use crate::run::samples::story::sender;
use crate::run::{Report, Sender, samples};

fn report(senders: Vec<Sender>) -> Report {
    Report { senders, ..samples::story() }
}

pub(super) fn run(policy: &str, report: Report) -> PolicyRun {
    PolicyRun { policy: policy.into(), about: "What is done.".into(), report }
}

pub(crate) fn compared() -> Policies {
    let bounced = Sender { bounced: 120, ..sender("postfix", 1_500, 1_380) };
    let late =
        Sender { delay: samples::story().senders[0].delay, late: 119, ..sender("postfix", 1_500, 1_499) };
    let lost = Sender { lost: 3, ..sender("qmail", 10, 7) };
    let sound = |senders| Report {
        senders,
        verdict: Verdict::Valid,
        sentence: "Every statement holds.".into(),
        ..samples::story()
    };
    let runs = [
        run("552", sound(vec![bounced])),
        run("452", sound(vec![Sender { queued: 1, ..late }, sender("qmail", 10, 10)])),
        run("queue-then-552", report(vec![lost])),
    ];
    Policies::of(&runs, "fermoposta policies scenarios/incidents/libero-2023.toml --seed 7".into())
}

pub(crate) fn hostile() -> Policies {
    let bad = "\u{1b}[2J<script>alert(1)</script>|\n\u{202e}";
    let run = PolicyRun { policy: bad.into(), about: bad.into(), report: samples::hostile() };
    Policies::of(&[run], bad.into())
}
