//! What a story adds to the terminal summary: statements, senders, classes of clients, migrations.

use crate::run::senders;
use crate::run::story_words;

use crate::kit::columns::{align, pad, wrap};
use crate::kit::figures::{Clock, Timed, grouped, share};
use crate::kit::style::{Style, paint, section};
use crate::run::model::{ClientClass, Migration, Report, Sender, Statement};

/// Users of a migration named with what went wrong; the rest is counted.
const MAX_TROUBLE: usize = 10;

pub(super) fn statements(report: &Report, style: Style) -> String {
    let width = report.statements.iter().map(|one| one.id.chars().count()).max().unwrap_or(0);
    let lines: String = report.statements.iter().map(|one| statement(one, width, style)).collect();
    section(&format!("Statements: {}", story_words::hold(&report.statements)), &lines, style)
}

fn statement(statement: &Statement, width: usize, style: Style) -> String {
    let word = pad(story_words::answer(statement.verdict), 13, false);
    let indent = 19 + width;
    let required = wrap(&statement.required, indent, style.width);
    let seen = wrap(&format!("Seen: {}", statement.seen), indent, style.width);
    let (id, space) = (pad(&statement.id, width, false), " ".repeat(indent));
    format!("  {id}  {}  {required}\n{space}{seen}\n", paint(&word, statement.verdict, style))
}

pub(super) fn senders(report: &Report, style: Style) -> String {
    if report.senders.is_empty() {
        return String::new();
    }
    let rule = wrap(&senders::sum_rule(&report.senders), 2, style.width);
    let delayed = report.senders.iter().any(|sender| sender.delay.is_some());
    let delays = if delayed { format!("\n{}", delays(report)) } else { String::new() };
    let lines = format!("{}  {rule}\n{delays}", fates(&report.senders));
    section("Senders: what became of their messages", &lines, style)
}

fn fates(senders: &[Sender]) -> String {
    let head = ["sender", "submitted", "stored", "of these late", "queued", "bounced", "given up", "lost"];
    let total = senders::total(senders);
    let rows = senders
        .iter()
        .chain([&total])
        .map(|sender| std::iter::once(sender.name.clone()).chain(story_words::fates(sender)).collect());
    columns(&head, 1, rows)
}

fn delays(report: &Report) -> String {
    let clock = report.run.clock();
    let rows = report.senders.iter().map(|sender| {
        std::iter::once(sender.name.clone()).chain(shown(story_words::delays(sender, clock))).collect()
    });
    columns(&["from submission to acknowledgement", "p50", "p95", "max"], 1, rows)
}

fn shown<const N: usize>(times: [Timed; N]) -> [String; N] {
    times.map(|time| time.to_string())
}

pub(super) fn clients(report: &Report, style: Style) -> String {
    if report.clients.is_empty() {
        return String::new();
    }
    let head = ["class", "clients", "served", "first not served", "all served again"];
    let rows = report.clients.iter().map(|class| client(class, report.run.clock()));
    section("Clients: when they were served", &columns(&head, 1, rows), style)
}

fn client(class: &ClientClass, clock: Clock) -> Vec<String> {
    let served = share(class.served, class.asked);
    let times = shown([story_words::down(class, clock), story_words::healthy_again(class, clock)]);
    [class.name.clone(), grouped(class.clients), served].into_iter().chain(times).collect()
}

pub(super) fn migrations(report: &Report, style: Style) -> String {
    if report.migrations.is_empty() {
        return String::new();
    }
    let clock = report.run.clock();
    let trouble: String = report.migrations.iter().map(|one| troubles(one, style)).collect();
    let lines = format!("{}\n{}{trouble}", moved(&report.migrations, clock), held(&report.migrations, clock));
    section("Migration: where the users are, and how long each was not let in", &lines, style)
}

fn moved(migrations: &[Migration], clock: Clock) -> String {
    let head = ["from", "to", "users", "switched", "back", "between", "begun", "last switched"];
    let rows = migrations.iter().map(|one| {
        let names = [one.from.clone(), one.to.clone()].into_iter();
        names.chain(story_words::places(one)).chain(shown(story_words::ends(one, clock))).collect()
    });
    columns(&head, 2, rows)
}

fn held(migrations: &[Migration], clock: Clock) -> String {
    let rows = migrations.iter().map(|one| {
        let name = format!("{} to {}", one.from, one.to);
        std::iter::once(name).chain(shown(story_words::held(one, clock))).collect()
    });
    columns(&["not let in", "p50", "p99", "max"], 1, rows)
}

fn troubles(migration: &Migration, style: Style) -> String {
    let shown = migration.trouble.iter().take(MAX_TROUBLE);
    let lines = shown.map(|(user, why)| format!("  - {}\n", wrap(&format!("{user}: {why}"), 4, style.width)));
    let more = migration.trouble.len().saturating_sub(MAX_TROUBLE) as u64;
    let more = (more > 0).then(|| format!("  ... and {} more in report.json\n", grouped(more)));
    lines.chain(more).collect()
}

/// A table whose first `left` columns are words.
fn columns(head: &[&str], left: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|word| (*word).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let right: Vec<bool> = (0..rows[0].len()).map(|column| column >= left).collect();
    align(&rows, &right)
}
