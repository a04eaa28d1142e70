//! A rehearsal for the tests of its renderers.

use super::model::{Drain, Figure, Moved, OwnMail, Part, Rehearsal, Reopening, SCHEMA_VERSION};
use crate::comparison::Comparison;
use crate::comparison::limits::Limits;
use crate::kit::verdict::Verdict;
use crate::run::{Quantiles, Recorded};

fn part(name: &str, verdict: Verdict, found: &str, moved: &[(&str, u64, u64)]) -> Part {
    let kept_out = Quantiles { p50_s: 0.021, p95_s: 0.043, p99_s: 0.05, max_s: 0.0512 };
    let of = |&(to, arrived, begun): &(&str, u64, u64)| Moved { to: to.to_owned(), begun, arrived };
    let directory = format!("fermoposta-runs/rehearse-example-1/{name}");
    Part {
        name: name.to_owned(),
        about: format!("What {name} is about."),
        verdict,
        found: found.to_owned(),
        moved: moved.iter().map(of).collect(),
        kept_out: (!moved.is_empty()).then_some(kept_out),
        reproduce: Some(format!("fermoposta run {directory}/scenario.toml --target example --seed 1")),
        directory: Some(directory),
    }
}

fn drain(allowed: f64, drained_s: Option<f64>, live_p95_s: Option<f64>, verdict: Verdict) -> Drain {
    let rate = drained_s.map(|seconds| 80.0 / seconds);
    Drain { allowed, backlog: 80, drained_s, rate, live: 60, live_p95_s, verdict }
}

fn figure(name: &str, value: f64, unit: &str) -> Figure {
    Figure { name: name.to_owned(), value, unit: unit.to_owned(), how: "measured in part outage".to_owned() }
}

fn own_mail() -> OwnMail {
    OwnMail {
        store: "/var/vmail/%d/%n/Maildir".to_owned(),
        users: 60,
        users_there: 4_000,
        gone_while_copied: 3,
        mover: "rsync -a {from}/ {to}/".to_owned(),
        times: 60,
        failed: false,
        ended: vec![
            "for 1 user some files were gone before they were copied (exit code 24), which is no failure"
                .to_owned(),
        ],
        took_ms: 81_250,
        stores: crate::stores::samples::different(),
    }
}

pub(crate) fn rehearsal() -> Rehearsal {
    let lost = "2 of 700 acknowledged messages were lost.";
    let runs = [(); 6].map(|()| crate::run::samples::valid());
    Rehearsal {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Invalid,
        sentence: "The migration is not safe: part full lost mail.".to_owned(),
        reasons: vec![format!("full: {lost}"), "freeze: fault `freeze` never fired.".to_owned()],
        target: "example".to_owned(),
        target_version: Some("1.0".to_owned()),
        version: "0.1.0".to_owned(),
        seed: 1,
        about: [("Old disk", "/mnt/old"), ("New disk", "/mnt/new"), ("Users", "20")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        parts: vec![
            part("mail", Verdict::Invalid, "B is not what A is: 9 messages of A that are not in B.", &[]),
            part(
                "migration",
                Verdict::Valid,
                "All 600 acknowledged messages are intact.",
                &[("new", 20, 20)],
            ),
            part("full", Verdict::Invalid, lost, &[("new", 11, 20), ("new", 9, 9)]),
            part("outage", Verdict::Valid, "All 900 acknowledged messages are intact.", &[]),
        ],
        own_mail: Some(own_mail()),
        comparison: Some(Comparison::of(&runs[..3], &runs[3..], &Limits::default(), "compare".to_owned())),
        reopening: Some(Reopening {
            bound_s: 1.0,
            tries: vec![
                drain(18.0, Some(4.5), Some(0.012), Verdict::Valid),
                drain(72.0, Some(1.2), None, Verdict::Unknown),
                drain(144.0, None, Some(2.5), Verdict::Invalid),
            ],
            sentence: "Let in at most 17.8 messages a second.".to_owned(),
        }),
        figures: vec![
            figure("Backlog per hour of outage", 64_800.0, "messages"),
            figure("Spool per day of outage", 1.3e10, "bytes"),
            figure("Time to drain a day of outage", 24.27, "hours"),
        ],
        recorded: vec![Recorded {
            file: "migration/report.json".to_owned(),
            bytes: 9_000,
            blake3: "6f8a".repeat(16),
        }],
        fingerprint: "5f".repeat(32),
        directory: "fermoposta-runs/rehearse-example-1".to_owned(),
        reproduce: "fermoposta rehearse --source /mnt/old --destination /mnt/new --target example".to_owned(),
        speed: "3 parts in 81 s".to_owned(),
    }
}

/// The same with strings that would do harm.
pub(crate) fn hostile() -> Rehearsal {
    let bad = "<script>alert(1)</script>\u{1b}[2J\u{202e}|".to_owned();
    let mut rehearsal = rehearsal();
    let Rehearsal { sentence, target, directory, reproduce, speed, about, reasons, .. } = &mut rehearsal;
    for text in [sentence, target, directory, reproduce, speed] {
        text.clone_from(&bad);
    }
    (about[0].1, reasons[0]) = (bad.clone(), bad.clone());
    let part = &mut rehearsal.parts[0];
    (part.name, part.about, part.found) = (bad.clone(), bad.clone(), bad.clone());
    (part.directory, part.reproduce) = (Some(bad.clone()), None);
    rehearsal.parts[1].moved[0].to.clone_from(&bad);
    let mail = rehearsal.own_mail.as_mut().expect("the sample has one");
    (mail.store, mail.mover, mail.ended) = (bad.clone(), bad.clone(), vec![bad.clone()]);
    rehearsal.figures[0].how.clone_from(&bad);
    rehearsal.reopening.as_mut().expect("the sample has one").sentence = bad;
    rehearsal
}
