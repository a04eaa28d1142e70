//! All results of a sweep as what its renderers show. Pure.

use super::cases::{Case, Counted};
use super::options::Options;
use super::outline::Outline;
use super::results::CaseResult;
use record::plan::shard::holds;
use reports::kit::class::{Class, Weight};
use reports::kit::figures::grouped;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use reports::sweep::{BadCase, ClassCount, Matrix, Row, SCHEMA_VERSION, Sweep};
use std::collections::HashMap;
use std::time::Duration;

/// Results by the name of the case.
pub(crate) type Done = HashMap<String, CaseResult>;

/// What there is of the sweep, if its options' shard was to be done.
pub(crate) fn sweep(outline: &Outline, cases: &[Case], done: &Done, speed: String) -> Sweep {
    let Outline { options, target_version, counted } = outline;
    let shard = options.shard;
    let own: Vec<Case> = cases.iter().filter(|case| counts(shard, case, done)).cloned().collect();
    let classes = classes(&own, done);
    Sweep {
        schema_version: SCHEMA_VERSION,
        verdict: verdict(shard, &classes),
        sentence: sentence(shard, cases.len() as u64, &classes),
        target: options.definition.name.clone(),
        target_version: target_version.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shard: shard.as_part(),
        seed: options.seed,
        reproduce: options.command(None),
        directory: options.directory.display().to_string(),
        classes,
        deliveries: counted.iter().map(|counted| matrix(options, counted, &own, done)).collect(),
        bad: bad(options, &own, done),
        speed,
    }
}

/// Of a part what is another's is not open.
fn counts(shard: Shard, case: &Case, done: &Done) -> bool {
    holds(shard, &case.id()) || done.contains_key(&case.id())
}

/// A case without a result is not known to be anything.
fn class_of(case: &Case, done: &Done) -> Class {
    done.get(&case.id()).map_or(Class::Unknown, |result| result.class)
}

fn classes(cases: &[Case], done: &Done) -> Vec<ClassCount> {
    let of = |class| cases.iter().filter(|case| class_of(case, done) == class).count() as u64;
    let counts = Class::ALL.iter().map(|class| ClassCount { class: *class, cases: of(*class) });
    counts.filter(|count| count.cases > 0).collect()
}

fn sum(classes: &[ClassCount], weight: Weight) -> u64 {
    classes.iter().filter(|of| of.class.weight() == weight).map(|of| of.cases).sum()
}

/// Of a part nobody can say that all is well.
fn verdict(shard: Shard, classes: &[ClassCount]) -> Verdict {
    match (sum(classes, Weight::Bad), sum(classes, Weight::Open), sum(classes, Weight::Fine)) {
        (1.., _, _) => Verdict::Invalid,
        (0, 0, 1..) if !shard.is_part() => Verdict::Valid,
        (0, _, _) => Verdict::Unknown,
    }
}

fn sentence(shard: Shard, whole: u64, classes: &[ClassCount]) -> String {
    let all: u64 = classes.iter().map(|of| of.cases).sum();
    let part = shard.as_part().map_or(String::new(), |shard| {
        format!(" (those of {}; there are {} in all)", shard.words(), grouped(whole))
    });
    let (bad, open) = (sum(classes, Weight::Bad), sum(classes, Weight::Open));
    let open_words = match open {
        0 => String::new(),
        n => format!("; of {} nothing is known", grouped(n)),
    };
    let apart = match sum(classes, Weight::Apart) {
        0 => String::new(),
        n => format!("; in {} the storage lied, which speaks for nothing", grouped(n)),
    };
    let worst = classes.first().map_or("", |of| of.class.words());
    match bad {
        0 => format!("None of {} cases{part} is bad{open_words}{apart}.", grouped(all)),
        n => format!(
            "{} of {} cases{part} are bad, the worst: {worst}{open_words}{apart}.",
            grouped(n),
            grouped(all)
        ),
    }
}

fn matrix(options: &Options, counted: &Counted, cases: &[Case], done: &Done) -> Matrix {
    let faults = options.wanted.faults();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.delivery == counted.delivery).collect();
    let calls = counted.calls.iter().map(Some).chain([None]);
    let mut rows: Vec<Row> = calls
        .zip(1..)
        .filter_map(|(call, position)| {
            let own: Vec<&&Case> = cases.iter().filter(|case| case.call.as_ref() == call).collect();
            let cell = |fault| own.iter().find(|case| case.fault == fault).map(|case| class_of(case, done));
            let cells = faults.iter().map(|fault| cell(*fault)).collect();
            own.first().map(|case| Row { position, call: case.place(), cells })
        })
        .collect();
    // Of calls that are as bad, the earlier comes first.
    rows.sort_by_key(|row| row.cells.iter().flatten().min().copied());
    Matrix {
        title: counted.delivery.title(),
        columns: faults.iter().map(|fault| fault.name()).collect(),
        rows,
    }
}

fn bad(options: &Options, cases: &[Case], done: &Done) -> Vec<BadCase> {
    let bad = cases.iter().filter_map(|case| Some((case, done.get(&case.id())?)));
    let mut bad: Vec<BadCase> = bad
        .filter(|(_, result)| result.class.weight() == Weight::Bad)
        .map(|(case, result)| BadCase {
            case: case.id(),
            class: result.class,
            call: case.place(),
            fault: case.fault.words(),
            told: result.told.clone(),
            found: result.found.clone(),
            bad: result.bad,
            runs: result.runs,
            directory: result.directory.as_ref().map(|directory| directory.display().to_string()),
            reproduce: options.command(Some(&case.id())),
        })
        .collect();
    bad.sort_by_key(|case| case.class);
    bad
}

/// How fast it went.
pub(crate) fn speed(cases: u64, took: Duration, jobs: usize) -> String {
    if cases == 0 {
        return "every case had been run before".to_owned();
    }
    let seconds = took.as_secs_f64().max(0.001);
    let hourly = (cases as f64 * 3600.0 / seconds) as u64;
    format!(
        "{} cases in {seconds:.0} s, {jobs} at a time and more while they waited: {} an hour",
        grouped(cases),
        grouped(hourly)
    )
}
