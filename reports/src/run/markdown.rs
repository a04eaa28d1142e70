//! A Markdown summary for the job pages of CI systems: the answer first, what is wrong open, what is in order folded away.
//!
//! Several runs begin with a table of all, the worst first. A page has no more than [`MAX`] bytes: a CI system that is given more
//! shows nothing, so it ends before the section that would be too much, and says so.

use self::table::table;
use super::model::{Finding, Property, Quantiles, Report, Run};
use crate::kit::figures::{grouped, latency};
use crate::kit::markdown::{escaped, word};
use crate::kit::verdict::Verdict;

pub(crate) mod evidence;
pub(crate) mod story_tables;
mod table;
#[cfg(test)]
mod tests;

/// GitHub takes 1 MiB for all that a step has to say; this leaves room for others.
pub const MAX: usize = 900_000;
/// Messages named for each finding.
const MAX_EXAMPLES: usize = 3;

#[must_use]
pub fn render(report: &Report) -> String {
    page(&sections(&crate::kit::inert::copy(report)))
}

/// Several runs in one document.
#[must_use]
pub fn render_many(reports: &[Report]) -> String {
    let mut reports: Vec<Report> = reports.iter().map(crate::kit::inert::copy).collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.verdict));
    let index = (reports.len() != 1).then(|| index(&reports));
    page(&index.into_iter().chain(reports.iter().flat_map(sections)).collect::<Vec<String>>())
}

/// As many sections as there is room for.
fn page(sections: &[String]) -> String {
    let mut page = String::new();
    for section in sections {
        if page.len() + section.len() > MAX {
            return page
                + "The rest is left out: CI systems show no larger page. Other forms of the report have everything.\n";
        }
        page += section;
    }
    page
}

fn index(reports: &[Report]) -> String {
    let row = |report: &Report| {
        let (run, answer) = (&report.run, word(report.verdict).to_owned());
        let cells = [&run.scenario, &run.target].map(|text| escaped(text));
        [answer].into_iter().chain(cells).chain([run.seed.to_string(), escaped(&report.sentence)]).collect()
    };
    let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
    let head = format!("## {} runs\n\n", grouped(reports.len() as u64));
    head + &table("| Answer | Scenario | Mail server | Seed | |\n|---|---|---|--:|---|", &rows)
}

/// What is said of one run, each with an empty line after it or nothing.
fn sections(report: &Report) -> Vec<String> {
    let mut sections = vec![head(report), properties(report, |verdict| verdict != Verdict::Valid)];
    sections.extend(evidence::anomalies(report));
    sections.extend([
        story_tables::tables(report),
        remarks(report),
        faults(report),
        operations(report),
        holding(report),
        again(&report.run),
    ]);
    sections
}

/// The commands that run it again.
fn again(run: &Run) -> String {
    let copies = run.reproduce_from_copies.iter();
    let copies: String = copies
        .map(|again| {
            format!(
                "From the copies that its directory keeps of the files it was made from:\n\n    {again}\n\n"
            )
        })
        .collect();
    format!("Run it again:\n\n    {}\n\n{copies}", run.reproduce)
}

fn head(report: &Report) -> String {
    let run = &report.run;
    let version =
        run.target_version.as_ref().map_or(String::new(), |version| format!(" ({})", escaped(version)));
    let lasted = run.clock().duration(run.duration_s);
    let mut lines = vec![
        format!("## {}: {}", word(report.verdict), escaped(&run.scenario)),
        escaped(&report.sentence),
        escaped(&run.why),
        format!(
            "Mail server {}{version}, seed {}, {}, {lasted}.",
            escaped(&run.target),
            run.seed,
            escaped(&run.started)
        ),
    ];
    lines.extend(run.persistence.iter().map(|(storage, profile)| {
        format!("Persistence of storage {}: {}.", escaped(storage), escaped(profile))
    }));
    lines.extend(run.clock().sentence().map(|clocks| format!("Story time: {clocks}.")));
    lines.join("\n\n") + "\n\n"
}

fn properties(report: &Report, which: fn(Verdict) -> bool) -> String {
    let row = |property: &Property| {
        let answer = if property.untested { "Not tested" } else { word(property.verdict) };
        vec![escaped(&property.name), answer.to_owned(), escaped(&property.sentence)]
    };
    let rows: Vec<Vec<String>> =
        report.properties.iter().filter(|property| which(property.verdict)).map(row).collect();
    table("| Property | Answer | |\n|---|---|---|", &rows)
}

/// Those that hold, folded away: they are many, and say the same each time.
fn holding(report: &Report) -> String {
    let table = properties(report, |verdict| verdict == Verdict::Valid);
    if table.is_empty() {
        return table;
    }
    let valid = || report.properties.iter().filter(|property| property.verdict == Verdict::Valid);
    let (number, all) = (valid().count(), report.properties.len());
    let untested = match valid().filter(|property| property.untested).count() {
        0 => String::new(),
        n => format!(", {n} of them not put to the test"),
    };
    format!(
        "<details><summary>{number} of {all} properties hold{untested}</summary>\n\n{table}</details>\n\n"
    )
}

fn faults(report: &Report) -> String {
    let rows = report.faults.iter().map(|fault| {
        let counts = [fault.matched, fault.fired].map(grouped);
        [escaped(&fault.name), escaped(&fault.effect)].into_iter().chain(counts).collect()
    });
    table("| Fault | Effect | Calls matched | Fired |\n|---|---|--:|--:|", &rows.collect::<Vec<_>>())
}

fn operations(report: &Report) -> String {
    let rows = report.operations.iter().map(|operation| {
        let p99 = |of: Option<Quantiles>| of.map_or("-".to_owned(), |quantiles| latency(quantiles.p99_s));
        let counts = [operation.ok, operation.fail, operation.info, operation.never_begun].map(grouped);
        let times = [p99(operation.latency), p99(operation.lateness)];
        std::iter::once(escaped(&operation.name)).chain(counts).chain(times).collect()
    });
    let head = "| Operation | Ok | Refused | Uncertain | Never begun | Latency p99 | Begun late p99 |\n\
                |---|--:|--:|--:|--:|--:|--:|";
    table(head, &rows.collect::<Vec<_>>())
}

/// What changes no verdict, mail that is neither in a mailbox nor lost, and warnings.
fn remarks(report: &Report) -> String {
    let messages = &report.messages;
    let elsewhere = [
        ("queued", messages.queued),
        ("bounced", messages.bounced),
        ("could not be looked for", messages.unread),
    ];
    let elsewhere = elsewhere.iter().filter(|(_, n)| *n > 0);
    let elsewhere = elsewhere.map(|(what, n)| format!("- Acknowledged and {what}: {}\n", grouped(*n)));
    let warnings = report.warnings.iter().map(|warning| format!("- Warning: {}\n", escaped(warning)));
    let generator =
        report.generator.iter().map(|one| format!("- Load generator: {}\n", escaped(&one.sentence)));
    let besides = report.findings.iter().map(finding).chain(warnings).chain(generator);
    let lines: String = elsewhere.chain(besides).collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

fn finding(finding: &Finding) -> String {
    let tokens = finding.examples.iter().filter_map(|example| example.message.as_deref());
    let tokens: Vec<String> = tokens.take(MAX_EXAMPLES).map(escaped).collect();
    let shown = if tokens.is_empty() { String::new() } else { format!(" ({})", tokens.join(", ")) };
    format!("- Finding: {}: {}{shown}\n", escaped(&finding.kind), escaped(&finding.sentence))
}
