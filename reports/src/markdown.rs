//! A Markdown summary for the job pages of CI systems.

use std::fmt::Write as _;

use crate::difference::Difference;
use crate::figures::{count, latency};
use crate::model::{Report, Verdict};
use crate::text::difference;

/// Anomalies listed; the rest is counted.
const MAX_ANOMALIES: usize = 10;
/// Messages named for each finding.
const MAX_EXAMPLES: usize = 3;

/// One run.
#[must_use]
pub fn render(report: &Report) -> String {
    let report = &crate::inert::report(report);
    let mut out = format!(
        "## {}: {}\n\n{}\n\n",
        word(report.verdict),
        escaped(&report.run.scenario),
        escaped(&report.sentence)
    );
    let _ = writeln!(out, "{}\n", escaped(&report.run.why));
    let _ = writeln!(out, "Mail server {}, seed {}.\n", escaped(&report.run.target), report.run.seed);
    for (storage, profile) in &report.run.persistence {
        let _ = writeln!(out, "Persistence of storage {}: {}.\n", escaped(storage), escaped(profile));
    }
    if let Some(clocks) = report.run.clock().sentence() {
        let lasted = report.run.clock().duration(report.run.duration_s);
        let _ = writeln!(out, "It lasted {lasted}: {clocks}.\n");
    }
    out += &properties(report);
    out += &story::tables(report);
    out += &faults(report);
    out += &operations(report);
    out += &anomalies(report);
    out += &findings(report);
    for warning in &report.warnings {
        let _ = writeln!(out, "- Warning: {}", escaped(warning));
    }
    let _ = writeln!(out, "\nRun it again:\n\n    {}", report.run.reproduce);
    out
}

/// Several runs in one document.
#[must_use]
pub fn render_many(reports: &[Report]) -> String {
    reports.iter().map(render).collect::<Vec<_>>().join("\n")
}

/// A string from outside, for a place outside of code.
pub(crate) fn text(text: &str) -> String {
    escaped(&crate::inert::inert(text))
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "Valid",
        Verdict::Unknown => "Unknown",
        Verdict::Invalid => "INVALID",
    }
}

fn properties(report: &Report) -> String {
    let rows = report.properties.iter().map(|property| {
        format!(
            "| {} | {} | {} |\n",
            escaped(&property.name),
            word(property.verdict),
            escaped(&property.sentence)
        )
    });
    format!("| Property | Answer | |\n|---|---|---|\n{}\n", rows.collect::<String>())
}

fn faults(report: &Report) -> String {
    let rows = report.faults.iter().map(|fault| {
        format!(
            "| {} | {} | {} | {} |\n",
            escaped(&fault.name),
            escaped(&fault.effect),
            count(fault.matched),
            count(fault.fired)
        )
    });
    format!("| Fault | Effect | Calls matched | Fired |\n|---|---|--:|--:|\n{}\n", rows.collect::<String>())
}

fn operations(report: &Report) -> String {
    let rows = report.operations.iter().map(|operation| {
        let p99 = operation.latency.map_or("-".to_owned(), |quantiles| latency(quantiles.p99_s));
        let [ok, fail, info] = [operation.ok, operation.fail, operation.info].map(count);
        format!("| {} | {ok} | {fail} | {info} | {p99} |\n", escaped(&operation.name))
    });
    format!(
        "| Operation | Ok | Refused | Uncertain | p99 |\n|---|--:|--:|--:|--:|\n{}\n",
        rows.collect::<String>()
    )
}

fn anomalies(report: &Report) -> String {
    let found = report
        .properties
        .iter()
        .flat_map(|property| property.anomalies.iter().map(move |one| (property, one)));
    let lines = found.take(MAX_ANOMALIES).map(|(property, one)| {
        let changed: String = one.difference.iter().map(changed).collect();
        format!("- {}: {}\n{changed}", escaped(&property.name), escaped(&one.sentence))
    });
    lines.collect()
}

/// Indented, as a part of its item of the list.
fn changed(one: &Difference) -> String {
    let lines: String = difference::lines(one).iter().map(|line| format!("  {line}\n")).collect();
    // Within a fence only its own end means anything; what reads Markdown badly gets no tags either.
    let lines = lines.replace(['<', '>', '&', '`'], ".");
    format!("\n  {}\n\n  ```text\n{lines}  ```\n\n", escaped(&one.sentence))
}

/// What changes no verdict, and mail that is neither in a mailbox nor lost.
fn findings(report: &Report) -> String {
    let elsewhere = [("queued", report.messages.queued), ("bounced", report.messages.bounced)];
    let elsewhere = elsewhere.iter().filter(|(_, n)| *n > 0);
    let elsewhere = elsewhere.map(|(what, n)| format!("- Acknowledged and {what}: {}\n", count(*n)));
    let found = report.findings.iter().map(|finding| {
        let tokens = finding.examples.iter().filter_map(|example| example.message.as_deref());
        let tokens: Vec<String> = tokens.take(MAX_EXAMPLES).map(escaped).collect();
        let shown = if tokens.is_empty() { String::new() } else { format!(" ({})", tokens.join(", ")) };
        format!("- Finding: {}: {}{shown}\n", escaped(&finding.kind), escaped(&finding.sentence))
    });
    elsewhere.chain(found).collect()
}

/// Markdown's and HTML's own characters as text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}

mod story;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn invalid_run_leads_with_its_verdict() {
        let shown = render(&samples::invalid());
        assert!(
            shown.starts_with("## INVALID: fsync-eio\n\n5 of 2,911 acknowledged messages were lost."),
            "{shown}"
        );
    }

    #[test]
    fn findings_and_mail_elsewhere_are_shown() {
        let shown = render(&samples::queueing());
        assert!(shown.contains("- Acknowledged and queued: 8\n- Acknowledged and bounced: 3\n"), "{shown}");
        assert!(
            shown.contains("- Finding: permanent-refusal: 2 deliveries were refused for good"),
            "{shown}"
        );
        assert!(shown.contains("(1a2b3c4d-17-1)\n"), "{shown}");
        assert!(!render(&samples::valid()).contains("queued"));
    }

    #[test]
    fn changed_bytes_stand_in_a_fence_below_their_anomaly() {
        let shown = render(&samples::damaged());
        let from = shown.find("- content-intact").expect("the anomaly");
        let to = shown.find("- Warning").expect("it follows");
        insta::assert_snapshot!(&shown[from..to], @"
        - content-intact: A message was served with other content than was sent.

          Bytes 4,096 to 4,607 (hex 1000 to 11ff) of 9,212 are zero where other bytes were sent; the rest is the same.

          ```text
          sent   00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
          found  00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
          sent   00001000  73[69 78 74]65[65 6e 20 6c 65 74 74]65 72 73 2e  |sixteen letters.|
          found  00001000  00[00 00 00]00[00 00 00 00 00 00 00]00 00 00 00  |................|
          sent   00001010 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
          found  00001010 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
          ... 29 rows left out
          sent   000011f0 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
          found  000011f0 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
          sent   00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
          found  00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
          sent:  damaged/1a2b3c4d-0-1/sent.eml
          found: damaged/1a2b3c4d-0-1/1-fetch-imap.eml
          ```
        ");
    }

    #[test]
    fn hostile_strings_stay_text() {
        let shown = render(&samples::hostile());
        let (before_code, _) = shown.split_once("Run it again:").expect("the last section");
        assert!(!before_code.contains("<script>") && !shown.contains('\u{1b}'), "{shown}");
    }
}
