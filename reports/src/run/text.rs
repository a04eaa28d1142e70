//! The terminal summary: verdict first, command to reproduce last, nothing to work out in between.
//!
//! Lists are bounded ([`MAX_ANOMALIES`], [`MAX_EVIDENCE`]); what is left out is counted and is in the run
//! directory. Whether to use colour is the caller's decision.

use super::difference::Difference;
use super::model::{Anomaly, Example, Fault, Finding, Moment, Operation, Property, Quantiles, Report, Run};
use super::promise::promise;
use crate::kit::columns::{align, pad, wrap};
use crate::kit::figures::{Clock, grouped, latency};
use crate::kit::glossary::who;
use crate::kit::style::{Style, bold, paint, section};
use crate::kit::verdict::Verdict;
use std::fmt::Write as _;

pub(crate) mod difference;
pub(crate) mod story_sections;
#[cfg(test)]
mod tests;

/// Anomalies shown for each violated property.
pub const MAX_ANOMALIES: usize = 3;
/// Evidence lines shown for each anomaly.
pub const MAX_EVIDENCE: usize = 12;

/// The summaries of several runs, without colour.
#[must_use]
pub fn render_many(reports: &[Report]) -> String {
    let shown: Vec<String> = reports.iter().map(|report| render(report, Style::default())).collect();
    shown.join("\n\n")
}

/// The summary of one run. Always ends with a line break.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let report = &crate::kit::inert::copy(report);
    let sections = [
        headline(report, style),
        about(report, style),
        properties(report, style),
        story_sections::statements(report, style),
        anomalies(report, style),
        story_sections::senders(report, style),
        story_sections::clients(report, style),
        story_sections::migrations(report, style),
        findings(report, style),
        faults(report, style),
        operations(report, style),
        generator(report, style),
        messages(report, style),
        warnings(report, style),
        last_lines(report, style),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

fn headline(report: &Report, style: Style) -> String {
    let word = report.verdict.word();
    let sentence = wrap(&report.sentence, word.len() + 2, style.width);
    format!("{}  {sentence}\n", paint(word, report.verdict, style))
}

fn about(report: &Report, style: Style) -> String {
    let run = &report.run;
    let version = run.target_version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
    let lines = [
        ("Scenario", run.scenario.clone()),
        ("Why", run.why.clone()),
        ("Mail server", format!("{}{version}", run.target)),
        ("Storage", format!("{}: {}", run.contract, promise(&run.contract))),
        ("Persistence", persistence(run)),
        ("When", format!("{}, {}, seed {}", run.started, run.clock().duration(run.duration_s), run.seed)),
        ("Story time", run.clock().sentence().unwrap_or_default()),
    ];
    let filled = lines.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| format!("  {name:<13}{}\n", wrap(value, 15, style.width))).collect()
}

/// What a power cut may take, by storage.
pub(crate) fn persistence(run: &Run) -> String {
    let storages = run.persistence.iter().map(|(name, profile)| format!("{name}: {profile}"));
    storages.collect::<Vec<_>>().join(", ")
}

fn properties(report: &Report, style: Style) -> String {
    let width = report.properties.iter().map(|property| property.name.chars().count()).max().unwrap_or(0);
    let lines: String =
        report.properties.iter().map(|property| property_line(property, width, style)).collect();
    section("Properties", &lines, style)
}

fn property_line(property: &Property, width: usize, style: Style) -> String {
    let word = match property.verdict {
        Verdict::Valid if property.untested => "untested",
        Verdict::Valid => "ok      ",
        Verdict::Unknown => "unknown ",
        Verdict::Invalid => "VIOLATED",
    };
    let sentence = wrap(&property.sentence, 14 + width, style.width);
    let word = if property.untested { word.to_owned() } else { paint(word, property.verdict, style) };
    format!("  {word}  {}  {sentence}\n", pad(&property.name, width, false))
}

fn anomalies(report: &Report, style: Style) -> String {
    let with_anomalies = report.properties.iter().filter(|property| !property.anomalies.is_empty());
    let lines: String =
        with_anomalies.map(|property| anomalies_of(property, report.run.clock(), style)).collect();
    section("What went wrong", &lines, style)
}

fn anomalies_of(property: &Property, clock: Clock, style: Style) -> String {
    let shown = property.anomalies.len().min(MAX_ANOMALIES);
    let mut out = match u64::try_from(shown) {
        Ok(shown) if shown < property.count => {
            format!("  {}: {} of {}\n", called(property), shown, grouped(property.count))
        }
        _ => format!("  {}: {}\n", called(property), grouped(property.count)),
    };
    out.extend(
        property
            .anomalies
            .iter()
            .take(MAX_ANOMALIES)
            .enumerate()
            .map(|(index, one)| anomaly(index + 1, one, clock, style)),
    );
    out
}

/// Its name, and what it demands in plain words.
fn called(property: &Property) -> String {
    if property.title.is_empty() {
        property.name.clone()
    } else {
        format!("{} ({})", property.name, property.title)
    }
}

fn anomaly(number: usize, anomaly: &Anomaly, clock: Clock, style: Style) -> String {
    let mut out = format!("  {number}. {}\n", wrap(&anomaly.sentence, 5, style.width));
    let about = [
        anomaly.message.as_ref().map(|token| format!("message {token}")),
        anomaly.place.as_ref().map(|place| format!("in {place}")),
    ];
    let about: Vec<String> = about.into_iter().flatten().collect();
    if !about.is_empty() {
        let _ = writeln!(out, "     {}", about.join(" "));
    }
    out.extend(anomaly.evidence.iter().take(MAX_EVIDENCE).map(|line| at(line, &line.what, clock, style)));
    if anomaly.evidence.len() > MAX_EVIDENCE {
        let _ = writeln!(
            out,
            "     ... and {} more lines in report.json",
            grouped((anomaly.evidence.len() - MAX_EVIDENCE) as u64)
        );
    }
    out.extend(anomaly.difference.iter().map(|one| changed(one, style)));
    out
}

/// What was sent and what came back.
fn changed(one: &Difference, style: Style) -> String {
    let mut out = format!("     {}\n", wrap(&one.sentence, 5, style.width));
    out.extend(difference::lines(one).iter().map(|line| format!("       {line}\n")));
    out.extend(one.notes.iter().map(|note| format!("     - {}\n", wrap(note, 7, style.width))));
    out
}

/// A line of a list in time order, saying `what` of the moment.
fn at(moment: &Moment, what: &str, clock: Clock, style: Style) -> String {
    let width = clock.moment_width();
    let what = wrap(what, 20 + width, style.width);
    format!("     {:>width$}  {:<12} {what}\n", clock.moment(moment.at_s), who(&moment.who))
}

fn findings(report: &Report, style: Style) -> String {
    let lines: String = report.findings.iter().map(|one| finding(one, report.run.clock(), style)).collect();
    section("Findings (they change no verdict)", &lines, style)
}

fn finding(finding: &Finding, clock: Clock, style: Style) -> String {
    let indent = 4 + finding.kind.chars().count();
    let mut out = format!("  {}: {}\n", finding.kind, wrap(&finding.sentence, indent, style.width));
    for Example { message, evidence } in finding.examples.iter().take(MAX_ANOMALIES) {
        let about = message.as_ref().map_or(String::new(), |token| format!("message {token}: "));
        out += &at(evidence, &format!("{about}{}", evidence.what), clock, style);
    }
    out
}

fn faults(report: &Report, style: Style) -> String {
    if report.faults.is_empty() {
        return section("Faults", "  none were armed\n", style);
    }
    let head =
        ["fault", "effect", "storage", "calls matched", "fired", "first", "last"].map(String::from).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(report.faults.iter().map(|fault| fault_row(fault, report.run.clock())))
        .collect();
    section("Faults", &align(&rows, &[false, false, false, true, true, true, true]), style)
}

fn fault_row(fault: &Fault, clock: Clock) -> Vec<String> {
    let lying = if fault.lying { " (lying)" } else { "" };
    let time = |at: Option<f64>| at.map_or("never".to_owned(), |at| clock.moment(at).to_string());
    vec![
        fault.name.clone(),
        format!("{}{lying}", fault.effect),
        fault.storage.clone(),
        grouped(fault.matched),
        grouped(fault.fired),
        time(fault.first_s),
        time(fault.last_s),
    ]
}

fn operations(report: &Report, style: Style) -> String {
    if report.operations.is_empty() {
        return String::new();
    }
    let head = ["operation", "ok", "refused", "uncertain", "timed out", "p50", "p95", "p99", "max"]
        .map(String::from)
        .to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(report.operations.iter().map(operation_row)).collect();
    let right = [false, true, true, true, true, true, true, true, true];
    section(
        "Client operations (latency of those that ended well, from the start of each)",
        &align(&rows, &right),
        style,
    )
}

fn operation_row(operation: &Operation) -> Vec<String> {
    let counts = [operation.ok, operation.fail, operation.info, operation.timed_out].map(grouped);
    std::iter::once(operation.name.clone()).chain(counts).chain(quantiles(operation.latency)).collect()
}

fn quantiles(of: Option<Quantiles>) -> [String; 4] {
    of.map_or_else(
        || [const { String::new() }; 4].map(|_| "-".to_owned()),
        |quantiles| [quantiles.p50_s, quantiles.p95_s, quantiles.p99_s, quantiles.max_s].map(latency),
    )
}

/// The load, apart from what became of it.
fn generator(report: &Report, style: Style) -> String {
    let Some(generator) = &report.generator else { return String::new() };
    let head = ["operation", "never begun", "late p50", "p95", "p99", "max"].map(String::from).to_vec();
    let row = |operation: &Operation| {
        let cells = [operation.name.clone(), grouped(operation.never_begun)];
        cells.into_iter().chain(quantiles(operation.lateness)).collect()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(report.operations.iter().map(row)).collect();
    let sentence = wrap(&generator.sentence, 2, style.width);
    let table = align(&rows, &[false, true, true, true, true, true]);
    section("Load generator (this machine, not the mail server)", &format!("  {sentence}\n{table}"), style)
}

fn messages(report: &Report, style: Style) -> String {
    let messages = &report.messages;
    let rows = [
        ("submitted", messages.submitted),
        ("acknowledged", messages.acknowledged),
        ("acknowledged while a fault was armed", messages.acknowledged_under_fault),
        ("refused", messages.refused),
        ("uncertain (no clear answer)", messages.uncertain),
        ("acknowledged and intact at the end", messages.intact),
        ("acknowledged and lost", messages.lost),
        ("acknowledged, on disk but not visible", messages.invisible),
        ("acknowledged and damaged", messages.damaged),
    ];
    let elsewhere = [
        ("acknowledged, and could not be looked for", messages.unread),
        ("of these shown after a rebuild of the index", messages.hidden),
        ("acknowledged and in the queue at the end", messages.queued),
        ("acknowledged and bounced to the sender", messages.bounced),
        ("never begun: not submitted", messages.never_begun),
    ];
    let elsewhere = elsewhere.iter().filter(|(_, value)| *value > 0);
    let rows: Vec<Vec<String>> =
        rows.iter().chain(elsewhere).map(|(name, value)| vec![(*name).to_owned(), grouped(*value)]).collect();
    section("Messages", &align(&rows, &[false, true]), style)
}

fn warnings(report: &Report, style: Style) -> String {
    let lines: String =
        report.warnings.iter().map(|warning| format!("  - {}\n", wrap(warning, 4, style.width))).collect();
    section("Warnings", &lines, style)
}

fn last_lines(report: &Report, style: Style) -> String {
    let [page, directory, reproduce] =
        ["Report to show", "Everything recorded", "Run it again"].map(|words| bold(words, style));
    let run = &report.run;
    let messages = &report.messages;
    let lost = match messages.lost + messages.invisible + messages.damaged {
        0 => String::new(),
        _ => format!("{}        {}/lost-mail.csv\n", bold("All lost mail", style), run.directory),
    };
    let copies = run.reproduce_from_copies.iter();
    let copies: String =
        copies.map(|again| format!("{}   {again}\n", bold("Or from its copies", style))).collect();
    format!(
        "{page}       {0}/report.html\n{lost}{directory}  {0}\n{reproduce}         {1}\n{copies}",
        run.directory, run.reproduce
    )
}
