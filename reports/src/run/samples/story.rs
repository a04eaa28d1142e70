//! An outage of 142 hours told in 71 seconds, with everything that a story adds to a report.

use super::{fault, moment, run, valid};
use crate::kit::verdict::Verdict;
use crate::run::model::{ClientClass, Messages, Migration, Quantiles, Report, Run, Sender, Statement};
use crate::run::series::{Backlog, Cohort, Outcomes, Series, Service, ServiceState, Stretch};

pub(crate) fn story() -> Report {
    Report {
        verdict: Verdict::Invalid,
        sentence: "No acknowledged message was lost, but 1 of 3 statements does not hold.".into(),
        run: Run {
            scenario: "libero-2023".into(),
            why: "Storage froze during a migration and stayed away for five days.".into(),
            duration_s: 71.0,
            story_scale: Some(7_200.0),
            ..run()
        },
        messages: Messages { submitted: 2_400, acknowledged: 2_351, intact: 2_351, ..Messages::default() },
        faults: vec![crate::run::model::Fault { first_s: Some(9.006), last_s: Some(44.37), ..fault(1_204) }],
        timeline: vec![
            moment(-0.5, "target", "the mail server greets"),
            moment(9.006, "storage", "storage new froze at 150,000 files"),
            moment(18.0, "nemesis", "front door: reject with 552"),
            moment(44.375, "nemesis", "front door: admit cohort first"),
        ],
        senders: senders(),
        statements: statements(),
        clients: clients(),
        migrations: vec![migration()],
        series: Some(series()),
        ..valid()
    }
}

fn senders() -> Vec<Sender> {
    vec![
        Sender {
            late: 402,
            queued: 3,
            given_up: 11,
            delay: Some(Quantiles { p50_s: 0.0043, p95_s: 31.25, p99_s: 38.0, max_s: 41.2 }),
            ..sender("postfix", 1_500, 1_486)
        },
        Sender { bounced: 35, delay: None, ..sender("exchange-online", 900, 865) },
    ]
}

pub(crate) fn sender(name: &str, submitted: u64, stored: u64) -> Sender {
    Sender { name: name.into(), submitted, stored, ..Sender::default() }
}

fn statements() -> Vec<Statement> {
    let statement = |id: &str, required: &str, seen: &str, verdict| Statement {
        id: id.into(),
        required: required.into(),
        seen: seen.into(),
        verdict,
    };
    vec![
        statement(
            "L1",
            "The new storage is correct and fast for a while before it fails.",
            "8,120 calls without an error, the slowest in 3.1 ms.",
            Verdict::Valid,
        ),
        statement(
            "L5",
            "Clients see time-outs, not errors.",
            "212 of 214 operations timed out, 2 were refused.",
            Verdict::Invalid,
        ),
        statement(
            "L14",
            "Stateless sessions are served before held ones.",
            "No held session was open when the storage came back.",
            Verdict::Unknown,
        ),
    ]
}

fn clients() -> Vec<ClientClass> {
    let class = |name: &str, down_s, healthy_again_s, availability: &[(f64, f64)]| ClientClass {
        name: name.into(),
        clients: 20,
        asked: 1_420,
        served: 711,
        down_s,
        healthy_again_s,
        availability: availability.to_vec(),
    };
    vec![
        class("webmail", Some(9.02), Some(50.5), &[(-1.0, 1.0), (9.0, 0.0), (44.5, 0.5), (50.5, 1.0)]),
        class("held", Some(9.4), None, &[(-1.0, 1.0), (10.0, 0.0), (48.0, 0.4), (60.0, 0.95)]),
    ]
}

fn migration() -> Migration {
    Migration {
        from: "old".into(),
        to: "new".into(),
        users: 200,
        switched: 150,
        back: 49,
        between: 1,
        from_s: 1.0,
        to_s: 8.9,
        held: Some(Quantiles { p50_s: 0.021, p95_s: 0.4, p99_s: 0.9, max_s: 35.4 }),
        trouble: vec![("user151".into(), "rsync did not end within 30 s".into())],
    }
}

fn series() -> Series {
    let bins = 72;
    let during = |from: usize, to: usize, inside: u64, outside: u64| -> Vec<u64> {
        (0..bins).map(|bin| if (from..to).contains(&bin) { inside } else { outside }).collect()
    };
    let storing = Outcomes {
        acknowledged: during(10, 45, 0, 40),
        refused: during(19, 45, 22, 0),
        uncertain: during(10, 19, 12, 0),
        never_begun: Vec::new(),
    };
    let found = [(-1.0, 9.0, true), (9.0, 44.4, false), (44.4, 71.0, true)];
    let found = found.map(|(from_s, to_s, up)| ServiceState { from_s, to_s, up }).to_vec();
    Series {
        from_s: -1.0,
        step_s: 1.0,
        bins,
        storing,
        kinds: Vec::new(),
        waiting: during(10, 19, 31, 4),
        late_p99_s: Vec::new(),
        held: during(10, 45, 64, 0),
        struck: during(10, 45, 30, 0),
        armed: vec![Stretch { name: "eio-on-fsync".into(), from_s: 9.0, to_s: 44.37 }],
        services: vec![Service { name: "imap".into(), found }],
        cohorts: vec![
            Cohort {
                name: "migrated".into(),
                served: during(10, 45, 0, 30),
                not_served: during(10, 45, 25, 0),
            },
            Cohort { name: "not-yet".into(), served: during(0, 72, 10, 0), not_served: vec![0; bins] },
        ],
        backlogs: vec![Backlog {
            name: "not acknowledged yet, with its senders".into(),
            most: during(10, 50, 480, 3),
        }],
    }
}
