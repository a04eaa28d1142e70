//! Hostile strings made harmless: the only place that knows how.
//!
//! After [`report`], no string holds a control character (so no terminal escape and no line break), a
//! character that reorders or hides its neighbours, or more than [`MAX_CHARS`] characters.

use crate::difference::Difference;
use crate::model::{Anomaly, Example, Fault, Finding, Moment, Operation, Property, Recorded, Report, Run};
use crate::series::{Backlog, Cohort, Outcomes, Series, Service, Stretch, Track};
use crate::survey::{self, Survey};
use crate::sweep::{BadCase, Matrix, Sweep};

mod comparison;
mod rehearsal;
mod story;

pub use comparison::comparison;
pub use rehearsal::rehearsal;
pub use story::policies;

/// Longest string that is shown; the rest is counted, not shown.
pub const MAX_CHARS: usize = 2_000;

/// The same report with every string harmless. Destructures every field, so a new one cannot be forgotten.
#[must_use]
pub fn report(original: &Report) -> Report {
    let mut report = original.clone();
    let Report {
        schema_version: _,
        verdict: _,
        sentence,
        run,
        messages: _,
        properties,
        findings,
        faults,
        operations,
        timeline,
        senders,
        statements,
        clients,
        migrations,
        series,
        warnings,
    } = &mut report;
    clean(sentence);
    clean_run(run);
    properties.iter_mut().for_each(clean_property);
    findings.iter_mut().for_each(clean_finding);
    faults.iter_mut().for_each(clean_fault);
    operations
        .iter_mut()
        .for_each(|Operation { name, ok: _, fail: _, info: _, timed_out: _, latency: _ }| clean(name));
    timeline.iter_mut().for_each(clean_moment);
    story::clean(senders, statements, clients, migrations);
    warnings.iter_mut().for_each(clean);
    series.iter_mut().for_each(clean_series);
    report
}

fn clean_run(run: &mut Run) {
    let Run {
        scenario,
        why,
        sources,
        target,
        target_version,
        seed: _,
        version,
        started,
        duration_s: _,
        directory,
        reproduce,
        story_scale: _,
        contract,
        persistence,
        environment,
        recorded,
        fingerprint,
        overload,
    } = run;
    for text in [scenario, why, target, version, started, directory, reproduce, contract, fingerprint] {
        clean(text);
    }
    sources.iter_mut().chain(target_version).chain(overload).for_each(clean);
    for Recorded { file, bytes: _, blake3 } in recorded {
        clean(file);
        clean(blake3);
    }
    for (name, value) in persistence.iter_mut().chain(environment) {
        clean(name);
        clean(value);
    }
}

fn clean_property(property: &mut Property) {
    let Property { name, title, definition, promise, verdict: _, sentence, untested: _, count: _, anomalies } =
        property;
    [name, title, definition, sentence].into_iter().chain(promise).for_each(clean);
    for Anomaly { sentence, message, place, evidence, difference } in anomalies {
        clean(sentence);
        message.iter_mut().chain(place).for_each(clean);
        evidence.iter_mut().for_each(clean_moment);
        difference.iter_mut().for_each(clean_difference);
    }
}

/// Its bytes stay bytes: whoever shows them shows numbers and [`printable`] characters.
fn clean_difference(Difference { sentence, notes, sent_file, found_file, change: _ }: &mut Difference) {
    [sentence, sent_file, found_file].into_iter().chain(notes).for_each(clean);
}

fn clean_finding(finding: &mut Finding) {
    let Finding { kind, count: _, sentence, examples } = finding;
    [kind, sentence].into_iter().for_each(clean);
    for Example { message, evidence } in examples {
        message.iter_mut().for_each(clean);
        clean_moment(evidence);
    }
}

fn clean_fault(fault: &mut Fault) {
    let Fault { storage, name, effect, lying: _, matched: _, fired: _, first_s: _, last_s: _, struck } =
        fault;
    [storage, name, effect].into_iter().for_each(clean);
    for (op, class, _count) in struck {
        clean(op);
        clean(class);
    }
}

fn clean_series(series: &mut Series) {
    let Series {
        from_s: _,
        step_s: _,
        bins: _,
        storing: Outcomes { acknowledged: _, refused: _, uncertain: _ },
        kinds,
        waiting: _,
        held: _,
        struck: _,
        armed,
        services,
        cohorts,
        backlogs,
    } = series;
    let kinds = kinds.iter_mut().map(|Track { name, ok: _, p50_s: _, p99_s: _ }| name);
    let armed = armed.iter_mut().map(|Stretch { name, from_s: _, to_s: _ }| name);
    let services = services.iter_mut().map(|Service { name, found: _ }| name);
    let cohorts = cohorts.iter_mut().map(|Cohort { name, served: _, not_served: _ }| name);
    let backlogs = backlogs.iter_mut().map(|Backlog { name, most: _ }| name);
    kinds.chain(armed).chain(services).chain(cohorts).chain(backlogs).for_each(clean);
}

fn clean_moment(Moment { at_s: _, who, what }: &mut Moment) {
    clean(who);
    clean(what);
}

/// Every string of a survey comes from a scenario, a target file, a server or a message.
#[must_use]
pub fn survey(survey: &Survey) -> Survey {
    let mut survey = survey.clone();
    let Survey {
        schema_version: _,
        verdict: _,
        sentence,
        version,
        repeat: _,
        columns,
        rows,
        findings,
        environment,
        reproduce,
        speed,
    } = &mut survey;
    let mut strings: Vec<&mut String> = vec![sentence, version, reproduce, speed];
    strings.extend(columns.iter_mut().flat_map(|column| [&mut column.name, &mut column.why]));
    strings.extend(rows.iter_mut().flat_map(|row| std::iter::once(&mut row.target).chain(&mut row.version)));
    strings.extend(environment.iter_mut().flat_map(|(name, value)| [name, value]));
    for finding in findings {
        let survey::Finding {
            class: _,
            target,
            target_version,
            column,
            shown: _,
            runs: _,
            seeds: _,
            sentence,
            evidence,
            report,
            reproduce,
        } = finding;
        strings.extend([target, column, sentence, reproduce]);
        strings.extend(target_version.iter_mut().chain(report));
        strings.extend(evidence.iter_mut().flat_map(|moment| [&mut moment.who, &mut moment.what]));
    }
    strings.into_iter().for_each(clean);
    survey
}

/// Every string of a sweep comes from a target file, a server or a file name.
#[must_use]
pub fn sweep(sweep: &Sweep) -> Sweep {
    let mut sweep = sweep.clone();
    let Sweep {
        schema_version: _,
        verdict: _,
        sentence,
        target,
        target_version,
        version,
        seed: _,
        reproduce,
        directory,
        classes: _,
        deliveries,
        bad,
        speed,
    } = &mut sweep;
    let mut strings: Vec<&mut String> = vec![sentence, target, version, reproduce, directory, speed];
    strings.extend(target_version);
    for Matrix { title, columns, rows } in deliveries {
        strings.push(title);
        strings.extend(columns);
        strings.extend(rows.iter_mut().map(|row| &mut row.call));
    }
    for BadCase { case, class: _, call, fault, told, found, bad: _, runs: _, directory, reproduce } in bad {
        strings.extend([case, call, fault, told, found, reproduce]);
        strings.extend(directory);
    }
    strings.into_iter().for_each(clean);
    sweep
}

fn clean(text: &mut String) {
    *text = inert(text);
}

/// One string made harmless: dangerous characters as `\u{1b}`, the tail beyond [`MAX_CHARS`] counted.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown = String::with_capacity(text.len().min(MAX_CHARS));
    for character in chars.by_ref().take(MAX_CHARS) {
        match is_dangerous(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    match chars.count() {
        0 => shown,
        more => format!("{shown}... ({} more characters)", crate::figures::count(more as u64)),
    }
}

/// An inert text as a cell of a table that a spreadsheet may open: an apostrophe goes before what would begin a formula, at
/// the beginning and after whatever the reader may take for the end of a cell.
#[must_use]
pub fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        if begins && begins_formula(character) {
            shown.push('\'');
        }
        shown.push(character);
        begins = matches!(character, ',' | ';' | '|') || begins && character == ' ';
    }
    shown
}

/// Those of OWASP's list that are left in an inert text, with their wide forms.
fn begins_formula(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

/// One byte of mail as a character of a hex dump: printable ASCII, or a dot.
#[must_use]
pub fn printable(byte: u8) -> char {
    if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }
}

/// Controls a terminal, reorders text, or is not seen at all.
#[must_use]
pub fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_are_spelled_out() {
        insta::assert_snapshot!(
            inert("a\u{1b}[31mred\r\n\u{202e}gpj.exe\u{9b}2J \u{e9}\u{200b}"),
            @r"a\u{1b}[31mred\r\n\u{202e}gpj.exe\u{9b}2J é\u{200b}"
        );
    }

    #[test]
    fn no_cell_begins_a_formula() {
        let hostile =
            ["=1+1", " =1", "+1", "-1", "@a", "\t=1", "\r=1", "a; =1", "a|+1", "\u{ff1d}1", "fsync-eio", ""];
        insta::assert_debug_snapshot!(hostile.map(|text| cell(&inert(text))), @r#"
        [
            "'=1+1",
            " '=1",
            "'+1",
            "'-1",
            "'@a",
            "\\t=1",
            "\\r=1",
            "a; '=1",
            "a|'+1",
            "'＝1",
            "fsync-eio",
            "",
        ]
        "#);
    }

    #[test]
    fn a_byte_is_printable_ascii_or_a_dot() {
        let shown: String = (0..=u8::MAX).map(printable).filter(|shown| *shown != '.').collect();
        assert_eq!(shown.len(), 94);
        assert!(!shown.chars().any(is_dangerous) && shown.is_ascii());
        assert_eq!([0x1b, 0x7f, 0x9b, b'\n', b'<', b'.'].map(printable), ['.', '.', '.', '.', '<', '.']);
    }

    #[test]
    fn a_huge_string_is_cut_and_counted() {
        let shown = inert(&"x".repeat(MAX_CHARS + 1_234));
        assert!(shown.ends_with("x... (1,234 more characters)"));
    }
}
