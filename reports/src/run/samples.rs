//! Reports for tests: one of each verdict, and one whose every string attacks the reader.

pub(crate) mod difference;
pub(crate) mod story;

use super::model::{
    Anomaly, Example, Fault, Finding, Generator, Messages, Moment, Operation, Property, Quantiles, Recorded,
    Report, Run, SCHEMA_VERSION,
};
use super::series::{Backlog, Cohort, Outcomes, Series, Service, ServiceState, Stretch, Track};
use crate::kit::verdict::Verdict;

pub(crate) fn valid() -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        verdict: Verdict::Valid,
        sentence: "All 2,911 acknowledged messages are there and intact.".into(),
        run: run(),
        messages: Messages {
            submitted: 3_000,
            acknowledged: 2_911,
            refused: 80,
            uncertain: 9,
            intact: 2_911,
            acknowledged_under_fault: 412,
            ..Messages::default()
        },
        properties: vec![property(
            "acknowledged-durable",
            Verdict::Valid,
            "2,911 of 2,911 acknowledged messages are there.",
        )],
        findings: vec![],
        faults: vec![fault(1_204)],
        operations: vec![operation()],
        generator: Some(generator()),
        timeline: vec![moment(10.0, "nemesis", "fault eio-on-fsync armed")],
        senders: Vec::new(),
        statements: Vec::new(),
        clients: Vec::new(),
        migrations: Vec::new(),
        series: Some(series()),
        left_out: Vec::new(),
        warnings: vec![],
    }
}

pub(crate) fn invalid() -> Report {
    let broken = Property {
        count: 5,
        anomalies: (0..4).map(anomaly).collect(),
        ..property("acknowledged-durable", Verdict::Invalid, "5 of 2,911 acknowledged messages are gone.")
    };
    Report {
        verdict: Verdict::Invalid,
        sentence: "5 of 2,911 acknowledged messages were lost.".into(),
        properties: vec![broken, property("no-duplicate", Verdict::Valid, "No message is stored twice.")],
        messages: Messages { intact: 2_906, lost: 5, ..valid().messages },
        warnings: vec![
            "The load generator was saturated for 1.2 s: the latencies of that time are its own.".into(),
        ],
        ..valid()
    }
}

/// A load generator that was too slow for the load that it was to make.
pub(crate) fn late() -> Report {
    let lateness = Some(Quantiles { p50_s: 2.27, p95_s: 5.1, p99_s: 5.6, max_s: 5.7 });
    let sentence = "The load generator, this machine, was too slow: 99 % of the operations were begun within 5.60 s of when they \
                    were due, and more than 200 ms is late.";
    let generator =
        Generator { lateness, late: true, late_operations: 2_700, never_begun: 26, ..generator() };
    let mut storing = series().storing;
    storing.never_begun = vec![0, 20, 6];
    let series = Series { storing, late_p99_s: vec![None, Some(2.0), Some(5.6)], ..series() };
    Report {
        operations: vec![Operation { lateness, never_begun: 26, ..operation() }],
        generator: Some(Generator { sentence: sentence.into(), ..generator }),
        messages: Messages { never_begun: 26, ..valid().messages },
        series: Some(series),
        warnings: vec![sentence.into()],
        ..valid()
    }
}

/// Mail that came back with other bytes.
pub(crate) fn damaged() -> Report {
    let one = Anomaly {
        sentence: "A message was served with other content than was sent.".into(),
        difference: Some(difference()),
        ..anomaly(0)
    };
    let broken = Property {
        count: 1,
        anomalies: vec![one],
        ..property("content-intact", Verdict::Invalid, "1 message is damaged.")
    };
    Report {
        sentence: "1 of 2,911 acknowledged messages was damaged.".into(),
        properties: vec![broken],
        ..invalid()
    }
}

/// An SMTP server with a queue, and findings.
pub(crate) fn queueing() -> Report {
    let refused = Finding {
        kind: "permanent-refusal".into(),
        count: 2,
        sentence: "2 deliveries were refused for good while the storage had a fault that passes.".into(),
        examples: vec![Example {
            message: Some("1a2b3c4d-17-1".into()),
            evidence: moment(12.345, "client", "554 5.3.0 queue file write error"),
        }],
    };
    Report {
        messages: Messages { intact: 2_900, queued: 8, bounced: 3, ..valid().messages },
        findings: vec![refused],
        ..valid()
    }
}

pub(crate) fn unknown() -> Report {
    let silent = Fault { fired: 0, matched: 0, first_s: None, last_s: None, struck: vec![], ..fault(0) };
    Report {
        verdict: Verdict::Unknown,
        sentence: "The fault eio-on-fsync never fired, so the run proves nothing about it.".into(),
        properties: vec![
            property("coverage", Verdict::Unknown, "1 of 1 faults never fired."),
            valid().properties.remove(0),
        ],
        faults: vec![silent],
        operations: vec![Operation { ok: 0, latency: None, ..operation() }],
        ..valid()
    }
}

pub(crate) use self::difference::{difference, hostile_difference};
pub(crate) use self::story::story;

pub(crate) fn hostile() -> Report {
    let bad = "\u{1b}]0;owned\u{7}\u{1b}[2J<script>alert(1)</script>|\r\n\u{202e}evil\u{9b}31m]]>\u{0}`";
    let report = Report { findings: queueing().findings, properties: invalid().properties, ..story() };
    let json = serde_json::to_string(&report).expect("a report");
    let mut value: serde_json::Value = serde_json::from_str(&json).expect("own output");
    replace_strings(&mut value, bad);
    value["verdict"] = "invalid".into();
    for property in value["properties"].as_array_mut().expect("a list") {
        property["verdict"] = "invalid".into();
    }
    for statement in value["statements"].as_array_mut().expect("a list") {
        statement["verdict"] = "invalid".into();
    }
    let mut hostile: Report = serde_json::from_value(value).expect("same shape");
    let anomalies = hostile.properties.iter_mut().flat_map(|property| &mut property.anomalies);
    anomalies.for_each(|one| one.difference = Some(hostile_difference(bad)));
    hostile
}

fn series() -> Series {
    let storing = Outcomes {
        acknowledged: vec![8, 10, 3],
        refused: vec![0, 0, 6],
        uncertain: vec![0, 1, 0],
        never_begun: vec![0, 0, 0],
    };
    let fetch = Track {
        name: "fetch".into(),
        ok: vec![2, 0, 1],
        p50_s: vec![Some(0.002), None, Some(0.4)],
        p99_s: vec![Some(0.004), None, Some(0.4)],
    };
    let found = vec![
        ServiceState { from_s: 0.0, to_s: 1.0, up: true },
        ServiceState { from_s: 1.0, to_s: 1.5, up: false },
    ];
    Series {
        from_s: -0.5,
        step_s: 0.5,
        bins: 3,
        storing,
        kinds: vec![fetch],
        waiting: vec![1, 4, 2],
        late_p99_s: vec![None, Some(0.001_5), Some(0.002)],
        held: vec![0, 2, 0],
        struck: vec![0, 5, 1],
        armed: vec![Stretch { name: "eio-on-fsync".into(), from_s: 0.0, to_s: 0.7 }],
        services: vec![Service { name: "lmtp".into(), found }],
        cohorts: vec![Cohort {
            name: "all users".into(),
            served: vec![10, 10, 4],
            not_served: vec![0, 1, 6],
        }],
        backlogs: vec![Backlog {
            name: "not acknowledged yet, with its senders".into(),
            most: vec![1, 3, 2],
        }],
    }
}

fn replace_strings(value: &mut serde_json::Value, text: &str) {
    match value {
        serde_json::Value::String(old) => *old = text.into(),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| replace_strings(item, text)),
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(|field| replace_strings(field, text))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn run() -> Run {
    Run {
        scenario: "fsync-eio".into(),
        why: "A delivery whose fsync failed must not be acknowledged.".into(),
        sources: vec![],
        target: "reference".into(),
        target_version: Some("0.1.0".into()),
        seed: 42,
        version: "0.1.0".into(),
        started: "2026-01-23T03:00:00Z".into(),
        duration_s: 41.25,
        directory: "fermoposta-runs/fsync-eio-42".into(),
        reproduce: "fermoposta run scenarios/fsync-eio.toml --seed 42".into(),
        reproduce_from_copies: None,
        story_scale: None,
        contract: "honest".into(),
        persistence: vec![("mail".into(), "ext4-ordered".into())],
        environment: vec![("kernel".into(), "6.18".into())],
        recorded: vec![Recorded { file: "history.jsonl".into(), bytes: 571_918, blake3: "0a".repeat(32) }],
        fingerprint: "5f".repeat(32),
        overload: None,
        failure: None,
    }
}

fn property(name: &str, verdict: Verdict, sentence: &str) -> Property {
    Property {
        name: name.into(),
        title: "Mail stays as it was acknowledged".into(),
        definition: "Definition.".into(),
        promise: Some("RFC 5321, 6.1: it is not lost.".into()),
        verdict,
        sentence: sentence.into(),
        untested: false,
        count: 0,
        anomalies: vec![],
    }
}

fn anomaly(index: u64) -> Anomaly {
    Anomaly {
        sentence: format!(
            "Message {index} was acknowledged at 12.345 s and is not in the mailbox at the end."
        ),
        message: Some(format!("1a2b3c4d-{index}-1")),
        place: Some("user1/INBOX".into()),
        evidence: vec![
            moment(12.301, "client", "deliver by LMTP starts"),
            moment(12.34, "fault", "eio-on-fsync: fsync of user1/Maildir/tmp/1.host fails with EIO"),
            moment(12.345, "client", "250 OK"),
        ],
        difference: None,
    }
}

pub(crate) fn moment(at_s: f64, who: &str, what: &str) -> Moment {
    Moment { at_s, who: who.into(), what: what.into() }
}

fn fault(fired: u64) -> Fault {
    Fault {
        storage: "mail".into(),
        name: "eio-on-fsync".into(),
        effect: "errno EIO on fsync".into(),
        lying: false,
        matched: 8_428,
        fired,
        first_s: Some(5.012),
        last_s: Some(14.9),
        struck: vec![("fsync".into(), "tmp".into(), fired)],
    }
}

fn operation() -> Operation {
    Operation {
        name: "deliver".into(),
        ok: 2_911,
        fail: 80,
        info: 9,
        timed_out: 4,
        latency: Some(Quantiles { p50_s: 0.0042, p95_s: 0.0181, p99_s: 0.25, max_s: 30.1 }),
        lateness: Some(punctual()),
        never_begun: 0,
    }
}

fn punctual() -> Quantiles {
    Quantiles { p50_s: 0.001, p95_s: 0.0015, p99_s: 0.002, max_s: 0.011 }
}

fn generator() -> Generator {
    Generator {
        lateness: Some(punctual()),
        bound_s: 0.5,
        late: false,
        late_operations: 0,
        never_begun: 0,
        sentence:
            "99 % of the operations were begun within 2.00 ms of when they were due; 500 ms would be late."
                .into(),
    }
}
