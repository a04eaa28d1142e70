//! The report as one HTML file that needs nothing else: no network, no script, light and dark, and on paper.
//!
//! Contract: a function of the reports alone, so the same reports give the same bytes. Every string is made inert first and
//! then escaped, by the template or by [`frame::escaped`]; the page's own policy forbids scripts and requests besides.

use super::difference::DifferenceView;
use super::evidence::Step;
use super::frame::{Mark, Scene};
use super::limits::limits;
use super::plot::Plot;
use super::story_rows::Story;
use super::{evidence, plots};
use crate::kit::figures::{Clock, Timed, grouped, latency};
use crate::kit::glossary::{self, Word, linked, who};
use crate::kit::page::{STYLE, class};
use crate::kit::verdict::Verdict;
use crate::run::model::{Anomaly, Fault, Finding, Messages, Moment, Operation, Property, Recorded, Report};
use crate::run::promise::promise;
use askama::Template;
use std::collections::BTreeMap;

/// Anomalies of one property that are shown with their evidence: of every property that many leave the page small enough to mail.
const MOST_EVIDENCE: usize = 8;
/// Anomalies of one property that are named; the rest is counted.
const MOST_ANOMALIES: usize = 50;
/// Recorded files that are listed: on paper every line counts.
const MOST_FILES: usize = 40;
/// More marks would hide what they mark.
const MOST_MARKS: usize = 40;

/// One page for all runs of a command, the worst first.
#[must_use]
pub fn render_many(reports: &[Report]) -> String {
    let mut reports: Vec<Report> = reports.iter().map(crate::kit::inert::copy).collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.verdict));
    let title = match reports.as_slice() {
        [one] => format!("{}: {}", one.verdict.word(), one.run.scenario),
        many => format!("{} runs", grouped(many.len() as u64)),
    };
    let pages = reports.iter().zip(1..).map(|(report, number)| Page::of(report, number)).collect();
    let document = Document { title, style: STYLE, version: version(&reports), pages, words: glossary::ALL };
    document.render().expect("the template writes into a string, which cannot fail")
}

fn version(reports: &[Report]) -> &str {
    reports.first().map_or("", |report| &report.run.version)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Document<'a> {
    title: String,
    style: &'static str,
    version: &'a str,
    pages: Vec<Page<'a>>,
    words: &'static [Word],
}

/// One run, with everything in the words and figures that are shown.
pub(crate) struct Page<'a> {
    number: usize,
    report: &'a Report,
    figures: Vec<Figure>,
    pub(crate) plots: Vec<Plot>,
    properties: Vec<PropertyView<'a>>,
    story: Story<'a>,
}

/// A number with its unit, and whether it is bad news.
struct Figure {
    value: String,
    words: &'static str,
    class: &'static str,
}

struct PropertyView<'a> {
    property: &'a Property,
    word: &'static str,
    class: &'static str,
    shown: Vec<AnomalyView<'a>>,
    named: &'a [Anomaly],
}

struct AnomalyView<'a> {
    anomaly: &'a Anomaly,
    steps: Vec<Step<'a>>,
    picture: Option<String>,
    /// Shown from the start, without a click.
    open: bool,
    difference: Option<DifferenceView<'a>>,
}

impl AnomalyView<'_> {
    /// Says what several share: there is nothing to unfold.
    fn is_general(&self) -> bool {
        self.steps.is_empty() && self.anomaly.message.is_none()
    }
}

impl<'a> Page<'a> {
    pub(crate) fn of(report: &'a Report, number: usize) -> Page<'a> {
        let (marks, clock) = (marks(report), report.run.clock());
        let phases = phases(report);
        let scene = |series| Scene { series, marks: &marks, phases: &phases, clock };
        let plots = report.series.as_ref().map(|series| plots::all(scene(series), &report.clients));
        Page {
            number,
            report,
            figures: figures(&report.messages),
            plots: plots.unwrap_or_default(),
            properties: report.properties.iter().map(|one| property(one, clock)).collect(),
            story: Story::of(report),
        }
    }

    fn word(&self) -> &'static str {
        self.report.verdict.word()
    }

    fn class(&self) -> &'static str {
        class(self.report.verdict)
    }

    fn meaning(&self) -> &'static str {
        match self.report.verdict {
            Verdict::Valid if self.report.faults.iter().any(|fault| fault.fired > 0) => {
                "The faults struck, mail was acknowledged meanwhile, and every promise that was put to the test was kept."
            }
            Verdict::Valid => {
                "No fault struck a call, as the scenario wants it, and every promise that was put to the test was kept. What happened besides is below."
            }
            Verdict::Unknown => "Nothing bad was proved, but this run does not prove the opposite either.",
            Verdict::Invalid if !self.breaks_promise() && !self.report.statements.is_empty() => {
                "No promise was broken, but the story was not what it must be. What follows says how."
            }
            Verdict::Invalid => "At least one promise was broken. What follows says which, and shows it.",
        }
    }

    fn breaks_promise(&self) -> bool {
        self.report.properties.iter().any(|property| property.verdict == Verdict::Invalid)
    }

    fn storage(&self) -> String {
        let contract = &self.report.run.contract;
        format!("{contract}: {}", promise(contract))
    }

    /// What is kept across a power cut, and by which storages.
    fn kept(&self) -> Vec<(&str, String)> {
        let mut storages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, profile) in &self.report.run.persistence {
            storages.entry(profile).or_default().push(name);
        }
        let words = |names: Vec<&str>| match names.as_slice() {
            [one] => format!("storage {one}"),
            several => format!("storages {}", several.join(", ")),
        };
        storages.into_iter().map(|(profile, names)| (profile, words(names))).collect()
    }

    /// The same without the storages.
    fn profiles(&self) -> String {
        self.kept().iter().map(|(profile, _)| *profile).collect::<Vec<_>>().join(", ")
    }

    fn limits(&self) -> Vec<&'static str> {
        limits(&self.report.run)
    }

    /// The recorded files that are listed.
    fn recorded(&self) -> &[Recorded] {
        let all = &self.report.run.recorded;
        &all[..all.len().min(MOST_FILES)]
    }

    fn unlisted(&self) -> usize {
        self.report.run.recorded.len() - self.recorded().len()
    }

    /// Enough of the fingerprint to be copied by hand.
    fn fingerprint(&self) -> String {
        self.report.run.fingerprint.chars().take(16).collect()
    }

    /// Marks that are in the table only.
    fn unmarked(&self) -> usize {
        marked(self.report).count().saturating_sub(MOST_MARKS)
    }

    fn clock(&self) -> Clock {
        self.report.run.clock()
    }

    fn took(&self) -> Timed {
        self.clock().duration(self.report.run.duration_s)
    }

    /// Properties with something to show.
    fn broken(&self) -> impl Iterator<Item = &PropertyView<'a>> {
        self.properties.iter().filter(|view| !view.shown.is_empty())
    }
}

impl PropertyView<'_> {
    /// Who broke it, where that is known: what a lying storage struck is judged by properties of its own.
    fn blame(&self) -> Option<&'static str> {
        let broken = self.property.verdict == Verdict::Invalid;
        match self.property.name.as_str() {
            "lie-noticed" | "rolled-back" => broken.then_some(
                "Broken by the storage, which lied; the mail server is charged with not noticing.",
            ),
            "gone-for-good" => broken.then_some(
                "Broken by the storage, which is gone for good: what lay on it alone nobody can give back.",
            ),
            _ => (broken && self.property.promise.is_some())
                .then_some("Broken by the mail server: what a lying storage struck is not counted here."),
        }
    }

    /// Anomalies that are counted only.
    fn more(&self) -> Option<String> {
        let more = self.property.count.saturating_sub((self.shown.len() + self.named.len()) as u64);
        (more > 0).then(|| grouped(more))
    }
}

fn property(property: &Property, clock: Clock) -> PropertyView<'_> {
    let word = match property.verdict {
        Verdict::Valid if property.untested => "not tested",
        Verdict::Valid => "kept",
        Verdict::Unknown => "not known",
        Verdict::Invalid => "BROKEN",
    };
    let all = &property.anomalies[..property.anomalies.len().min(MOST_ANOMALIES)];
    let (shown, named) = all.split_at(all.len().min(MOST_EVIDENCE));
    PropertyView {
        property,
        word,
        class: if property.untested { "untested" } else { class(property.verdict) },
        shown: first_open(shown.iter().map(|one| anomaly(one, clock)).collect()),
        named,
    }
}

fn anomaly(anomaly: &Anomaly, clock: Clock) -> AnomalyView<'_> {
    let steps = evidence::steps(&anomaly.evidence, clock);
    let difference = anomaly.difference.as_ref().map(DifferenceView::of);
    AnomalyView { anomaly, picture: evidence::lanes(&steps), steps, open: false, difference }
}

fn first_open(mut shown: Vec<AnomalyView<'_>>) -> Vec<AnomalyView<'_>> {
    if let Some(first) = shown.iter_mut().find(|one| !one.is_general()) {
        first.open = true;
    }
    shown
}

/// What is always shown, and what only where there is some of it.
fn figures(messages: &Messages) -> Vec<Figure> {
    let figure = |value, words, class| Figure { value: grouped(value), words, class };
    let bad = |value| if value > 0 { "bad" } else { "plain" };
    let always = [
        figure(messages.acknowledged, "messages acknowledged", "plain"),
        figure(messages.acknowledged_under_fault, "of them while a fault was armed", "plain"),
        figure(messages.intact, "found intact at the end", "plain"),
        figure(messages.lost, "lost", bad(messages.lost)),
        figure(messages.damaged, "damaged", bad(messages.damaged)),
    ];
    let sometimes = [
        (messages.unread, "could not be looked for", "bad"),
        (messages.invisible, "on the disk and not shown", "bad"),
        (messages.hidden, "of them shown after the index was rebuilt", "plain"),
        (messages.queued, "in the queue at the end", "plain"),
        (messages.bounced, "bounced to their senders", "plain"),
        (messages.refused, "refused", "plain"),
        (messages.uncertain, "without a clear answer", "plain"),
        (messages.never_begun, "never begun: the load generator had no room", "plain"),
    ];
    let sometimes = sometimes.into_iter().filter(|(value, _, _)| *value > 0);
    always.into_iter().chain(sometimes.map(|(value, words, class)| figure(value, words, class))).collect()
}

/// Steps and what befell the storages; phases and the mail server's own life stand in the table.
fn marked(report: &Report) -> impl Iterator<Item = &Moment> {
    report.timeline.iter().filter(|moment| match moment.who.as_str() {
        "nemesis" => !moment.what.starts_with("phase "),
        who => who == "storage",
    })
}

/// What the run was busy with, from when on.
fn phases(report: &Report) -> Vec<Mark> {
    let phase = |moment: &Moment| {
        let name = moment.what.strip_prefix("phase ").filter(|_| moment.who == "nemesis")?;
        Some(Mark { at_s: moment.at_s, what: name.to_owned() })
    };
    report.timeline.iter().filter_map(phase).take(MOST_MARKS).collect()
}

fn marks(report: &Report) -> Vec<Mark> {
    let mark = |moment: &Moment| Mark { at_s: moment.at_s, what: moment.what.clone() };
    marked(report).take(MOST_MARKS).map(mark).collect()
}

/// A moment, or a word where there is none.
fn time(at: &Option<f64>, clock: Clock) -> Timed {
    at.map_or_else(|| Timed { run: "never".to_owned(), story: None }, |at| clock.moment(at))
}

fn struck(fault: &Fault) -> String {
    let struck = fault.struck.iter().map(|(op, class, n)| format!("{op} {class}: {}", grouped(*n)));
    struck.collect::<Vec<_>>().join("; ")
}

/// How late the operations of a kind were begun, the 99th percentile.
fn late(operation: &Operation) -> String {
    operation.lateness.map_or_else(String::new, |q| latency(q.p99_s))
}

/// Quantiles of an operation's latency as cells.
fn quantiles(operation: &Operation) -> [String; 4] {
    operation
        .latency
        .map_or_else(|| [const { String::new() }; 4], |q| [q.p50_s, q.p95_s, q.p99_s, q.max_s].map(latency))
}

/// Messages named by a finding.
fn named(finding: &Finding) -> Vec<&str> {
    finding.examples.iter().filter_map(|example| example.message.as_deref()).collect()
}
