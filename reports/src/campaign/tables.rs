//! The tables of a campaign, and its words.

use super::model::{Campaign, Canary, CanaryState, Cell as Of, Expected, Finding, Seeds, Standing};
use crate::kit::figures::{counted, grouped, latency};
use crate::kit::table::{Cell, Column, Look, Table};
use crate::kit::verdict::Verdict;

/// Every cell.
pub(super) fn cells(campaign: &Campaign) -> Table {
    let words = ["scenario", "mail server", "storage", "result"].map(Column::words);
    let numbers = ["runs", "violated", "unknown", "acknowledged", "lost", "p50", "p99"].map(Column::numbers);
    Table {
        head: words.into_iter().chain(numbers).collect(),
        rows: campaign.cells.iter().map(|of| cell(campaign, of)).collect(),
    }
}

fn cell(campaign: &Campaign, of: &Of) -> Vec<Cell> {
    let number = |value: u64| Look::Number.of(grouped(value));
    let time = |value: Option<f64>| Look::Number.of(value.map_or("-".to_owned(), latency));
    vec![
        Look::Name.of(&of.scenario),
        Look::Word.of(&of.target),
        Look::Word.of(of.storage.as_deref().unwrap_or("its own")),
        Cell { link: link(campaign, of), ..Look::Colour(class(of.standing)).of(word(of)) },
        number(of.runs.into()),
        number(of.invalid.into()),
        number(of.unknown.into()),
        number(of.acknowledged),
        number(of.lost),
        time(of.p50_s),
        time(of.p99_s),
    ]
}

/// The first finding of a cell.
fn link(campaign: &Campaign, of: &Of) -> Option<String> {
    let own = |finding: &Finding| {
        (&finding.scenario, &finding.target, &finding.storage) == (&of.scenario, &of.target, &of.storage)
    };
    campaign.findings.iter().position(own).map(|n| format!("#finding-{n}"))
}

/// In the table.
pub(super) fn word(of: &Of) -> &'static str {
    match of.standing {
        Standing::New => "NEW",
        Standing::Open => "?",
        Standing::Missing => "-",
        Standing::Known => "known",
        Standing::Fine if of.missing > 0 => "ok so far",
        Standing::Fine => "ok",
    }
}

fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "invalid",
        Standing::Open | Standing::Missing => "unknown",
        Standing::Known => "apart",
        Standing::Fine => "valid",
    }
}

/// What is known, and whether it still shows.
pub(super) fn expected(campaign: &Campaign) -> Table {
    let head = ["scenario", "mail server", "storage", "expected", "seen", "because"].map(Column::words);
    Table { head: head.into(), rows: campaign.expected.iter().map(expectation).collect() }
}

fn expectation(of: &Expected) -> Vec<Cell> {
    let look = if of.shown > 0 { Look::Colour("apart") } else { Look::Colour("unknown") };
    vec![
        Look::Name.of(&of.scenario),
        Look::Word.of(&of.target),
        Look::Word.of(of.storage.as_deref().unwrap_or("every")),
        Look::Word.of(format!("{} {}", of.property, result(of.verdict))),
        look.of(seen(of)),
        Look::Word.of(&of.reason),
    ]
}

/// A property's.
pub(super) fn result(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "holds",
        Verdict::Unknown => "unknown",
        Verdict::Invalid => "violated",
    }
}

fn seen(of: &Expected) -> String {
    match (of.shown, of.runs) {
        (_, 0) => "not run".to_owned(),
        (0, runs) => format!("not seen in {}", counted(runs.into(), "run", "runs")),
        (shown, runs) => format!("in {} of {}", grouped(shown.into()), counted(runs.into(), "run", "runs")),
    }
}

/// Where a finding is: `power-cut on xfs, dovecot-maildir`.
pub(super) fn place(finding: &Finding) -> String {
    let storage = finding.storage.as_ref().map_or(String::new(), |storage| format!(" on {storage}"));
    format!("{}{storage}, {}", finding.scenario, finding.target)
}

/// How often it shows, and whether it was expected.
pub(super) fn often(finding: &Finding) -> String {
    let known = if finding.expected.is_some() { ", expected" } else { "" };
    format!("{} of {}{known}", grouped(finding.shown.into()), counted(finding.runs.into(), "run", "runs"))
}

/// `NEW`, `?` or `known`.
pub(super) fn mark(finding: &Finding) -> &'static str {
    match (&finding.expected, finding.verdict) {
        (Some(_), _) => "known",
        (None, Verdict::Invalid) => "NEW",
        (None, Verdict::Unknown | Verdict::Valid) => "?",
    }
}

/// The canary in a sentence.
pub(super) fn canary(of: &Canary) -> String {
    let storage = of.storage.as_ref().map_or(String::new(), |storage| format!(" on {storage}"));
    let found = match of.state {
        CanaryState::Found => "was found",
        CanaryState::NotFound => "was NOT found",
        CanaryState::NotRun => "was not run",
    };
    format!("{} violated in {}{storage}, {}: {found}. {}", of.property, of.scenario, of.target, of.sentence)
        .trim_end()
        .to_owned()
}

/// Which seeds.
pub(super) fn seeds(of: &Seeds) -> String {
    match (of.count, &of.until) {
        (Some(count), _) => {
            format!("{} from {} on, in each cell", counted(count.into(), "seed", "seeds"), of.first)
        }
        (None, Some(until)) => format!("seeds from {} on, for {until}", of.first),
        (None, None) => format!("seeds from {} on", of.first),
    }
}

/// What it ran on and with: name and value.
pub(super) fn about(campaign: &Campaign) -> Table {
    let own = [
        ("label", campaign.label.clone()),
        ("began", campaign.began.clone()),
        ("seeds", Some(seeds(&campaign.seeds))),
        ("build", Some(campaign.build.clone())),
        ("speed", Some(campaign.speed.clone())),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let rows = own.chain(campaign.environment.iter().cloned());
    let row = |(name, value): (String, String)| vec![Look::Name.of(name), Look::Text.of(value)];
    Table { head: vec![Column::words(""), Column::words("")], rows: rows.map(row).collect() }
}
