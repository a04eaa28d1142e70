//! The run and its answers.

use super::family::Family;
use super::sample::{Labels, Sample, of, one, plain, quantiles, verdicts};
use crate::run::model::{Fault, Messages, Operation, Report};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "fermoposta_run_info",
        help: "What was run; always 1.",
        samples: |report| vec![of(about(report), 1)],
    },
    Family {
        name: "fermoposta_run_verdict",
        help: "The answer: 1 for the one that was given.",
        samples: |report| verdicts(&Labels::default(), report.verdict).into(),
    },
    Family {
        name: "fermoposta_run_start_time_seconds",
        help: "When the run started, counted from 1970.",
        samples: |report| {
            report.run.start().map(|at| plain(at.as_millisecond() as f64 / 1e3)).into_iter().collect()
        },
    },
    Family {
        name: "fermoposta_run_duration_seconds",
        help: "How long traffic and recovery lasted.",
        samples: |report| vec![plain(report.run.duration_s)],
    },
    Family {
        name: "fermoposta_run_warnings",
        help: "How many warnings the report has.",
        samples: |report| vec![plain(report.warnings.len() as u64)],
    },
    Family {
        name: "fermoposta_corpus_left_out",
        help: "Files and messages of the corpus that were not sent, by the reason.",
        samples: |report| report.left_out.iter().map(|all| one("reason", &all.why, all.count)).collect(),
    },
    Family {
        name: "fermoposta_messages",
        help: "Messages by state; one may be in several: submitted, acknowledged, lost.",
        samples: |report| messages(&report.messages),
    },
    Family {
        name: "fermoposta_property_verdict",
        help: "The answer for each property: 1 for the one that was given.",
        samples: |report| {
            let all = report.properties.iter();
            all.flat_map(|one| verdicts(&Labels::default().with("property", &one.name), one.verdict))
                .collect()
        },
    },
    Family {
        name: "fermoposta_property_anomalies",
        help: "How often each property was violated.",
        samples: |report| report.properties.iter().map(|all| one("property", &all.name, all.count)).collect(),
    },
    Family {
        name: "fermoposta_statement_verdict",
        help: "Whether what must be shown was shown: valid if it holds, invalid if not.",
        samples: |report| {
            let all = report.statements.iter();
            all.flat_map(|one| verdicts(&Labels::default().with("statement", &one.id), one.verdict)).collect()
        },
    },
    Family {
        name: "fermoposta_finding_cases",
        help: "What was seen besides, which changes no verdict.",
        samples: |report| report.findings.iter().map(|all| one("kind", &all.kind, all.count)).collect(),
    },
    Family {
        name: "fermoposta_fault_calls_matched",
        help: "File-system calls that were as the fault wants them while it was armed.",
        samples: |report| report.faults.iter().map(|fault| of(named(fault), fault.matched)).collect(),
    },
    Family {
        name: "fermoposta_fault_calls_fired",
        help: "File-system calls that the fault struck.",
        samples: |report| report.faults.iter().map(|fault| of(named(fault), fault.fired)).collect(),
    },
    Family {
        name: "fermoposta_operations",
        help: "Client operations by how they ended; an uncertain one may or may not have happened.",
        samples: |report| report.operations.iter().flat_map(outcomes).collect(),
    },
    Family {
        name: "fermoposta_operations_timed_out",
        help: "Of the refused and the uncertain: those that ran into the time limit.",
        samples: |report| {
            report.operations.iter().map(|all| one("operation", &all.name, all.timed_out)).collect()
        },
    },
    Family {
        name: "fermoposta_operation_latency_seconds",
        help: "Latency of the operations that ended well, from when they were begun.",
        samples: |report| {
            let all = report.operations.iter();
            all.flat_map(|one| quantiles(&Labels::default().with("operation", &one.name), one.latency))
                .collect()
        },
    },
    Family {
        name: "fermoposta_operation_lateness_seconds",
        help: "From when operations were due until they were begun: the doing of the load generator, not of the server.",
        samples: |report| {
            let all = report.operations.iter();
            all.flat_map(|one| quantiles(&Labels::default().with("operation", &one.name), one.lateness))
                .collect()
        },
    },
    Family {
        name: "fermoposta_operations_never_begun",
        help: "Operations that the load generator had no room for: neither refused nor uncertain.",
        samples: |report| {
            let all = report.operations.iter();
            all.map(|one| self::one("operation", &one.name, one.never_begun)).collect()
        },
    },
    Family {
        name: "fermoposta_generator_late",
        help: "1 if the load generator was too slow, so that no time of the run is judged.",
        samples: |report| report.generator.iter().map(|generator| plain(u64::from(generator.late))).collect(),
    },
    Family {
        name: "fermoposta_generator_lateness_seconds",
        help: "From when all operations were due until they were begun.",
        samples: |report| {
            let generator = report.generator.iter();
            generator.flat_map(|one| quantiles(&Labels::default(), one.lateness)).collect()
        },
    },
    Family {
        name: "fermoposta_generator_lateness_bound_seconds",
        help: "What is called late.",
        samples: |report| report.generator.iter().map(|generator| plain(generator.bound_s)).collect(),
    },
];

fn about(report: &Report) -> Labels {
    let run = &report.run;
    Labels::default()
        .with("version", &run.version)
        .with("target_version", run.target_version.as_deref().unwrap_or_default())
        .with("contract", &run.contract)
        .with("persistence", crate::run::text::persistence(run))
        .with("directory", &run.directory)
}

fn messages(messages: &Messages) -> Vec<Sample> {
    let Messages {
        submitted,
        acknowledged,
        refused,
        uncertain,
        intact,
        lost,
        invisible,
        hidden,
        queued,
        bounced,
        damaged,
        unread,
        acknowledged_under_fault,
        never_begun,
    } = *messages;
    let states = [
        ("submitted", submitted),
        ("acknowledged", acknowledged),
        ("acknowledged-under-fault", acknowledged_under_fault),
        ("refused", refused),
        ("uncertain", uncertain),
        ("intact", intact),
        ("lost", lost),
        ("invisible", invisible),
        ("hidden", hidden),
        ("queued", queued),
        ("bounced", bounced),
        ("damaged", damaged),
        ("unread", unread),
        ("never-begun", never_begun),
    ];
    states.map(|(state, number)| one("state", state, number)).into()
}

fn named(fault: &Fault) -> Labels {
    Labels::default().with("storage", &fault.storage).with("fault", &fault.name)
}

fn outcomes(operation: &Operation) -> [Sample; 3] {
    [("ok", operation.ok), ("refused", operation.fail), ("uncertain", operation.info)].map(
        |(outcome, number)| {
            of(Labels::default().with("operation", &operation.name).with("outcome", outcome), number)
        },
    )
}
