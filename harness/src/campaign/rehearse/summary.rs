//! What the parts of a rehearsal come to together: the answer, what speaks against it, and what follows for the real service.
//!
//! Go only if every part is valid, the new disk keeps the limits, and a backlog can be let in beside new mail. No go if one of
//! these is disproved. Else neither is proved.

use reports::kit::figures;

#[cfg(test)]
mod tests;

use super::baselines;
use super::done::{Done, NoResult};
use super::measure::Outage;
use super::options::{Options, Service, Stretch};
use super::own_mail::moved;
use reports::comparison::Comparison;
use reports::kit::verdict::Verdict;
use reports::rehearsal::{Drain, Figure, Moved, OwnMail, Part, Rehearsal, Reopening, SCHEMA_VERSION};
use reports::run::Report;
use std::path::Path;
use std::time::Duration;

/// Everything that was found.
pub(crate) struct Findings<'a> {
    pub(super) options: &'a Options,
    pub(super) mail: Option<&'a Result<moved::Moved, NoResult>>,
    pub(super) done: &'a [Done],
    pub(super) comparison: Option<Comparison>,
    /// How the machine was overloaded while the disks were compared.
    pub(super) busy: Option<String>,
    pub(super) outage: Option<Outage>,
    pub(super) directory: &'a Path,
    /// How often it was interrupted and went on.
    pub(super) again: u64,
    pub(super) took: Duration,
}

/// The rehearsal as it is told.
pub(crate) fn rehearsal(found: &Findings<'_>) -> Rehearsal {
    let reasons = reasons(found);
    let verdict = reasons.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Valid);
    let reasons: Vec<String> = reasons.into_iter().map(|(_, reason)| reason).collect();
    let reports = || found.done.iter().filter_map(|done| done.report.as_deref().ok());
    let seconds = figures::duration(found.took.as_secs_f64());
    let parts = found.done.len() + usize::from(found.mail.is_some());
    let left_out = reports().find_map(Report::left_out_in_words);
    let left_out = left_out.map(|left_out| ("Left out of the corpus".to_owned(), left_out));
    Rehearsal {
        schema_version: SCHEMA_VERSION,
        verdict,
        sentence: sentence(found, verdict, &reasons),
        reasons,
        target: reports()
            .next()
            .map_or_else(|| mover_or_target(found.options), |report| report.run.target.clone()),
        target_version: reports().find_map(|report| report.run.target_version.clone()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: found.options.seed,
        about: about(found.options).into_iter().chain(left_out).chain(interrupted(found.again)).collect(),
        parts: found.mail.map(part_of_mail).into_iter().chain(found.done.iter().map(part)).collect(),
        own_mail: found.mail.and_then(|mail| mail.as_ref().ok()).map(|moved| moved.mail.clone()),
        comparison: found.comparison.clone(),
        reopening: found.outage.as_ref().map(|outage| reopening(found.options, outage)),
        figures: found.outage.as_ref().map_or_else(Vec::new, |outage| figures_of(found.options, outage)),
        recorded: Vec::new(),
        fingerprint: String::new(),
        directory: found.directory.display().to_string(),
        reproduce: found.options.command(),
        speed: format!("{} in {seconds}", figures::counted(parts as u64, "part", "parts")),
    }
}

/// Of a rehearsal of own mail alone no server was asked for.
fn mover_or_target(options: &Options) -> String {
    if options.has_runs() { options.target.clone() } else { "a mover of your own".to_owned() }
}

fn sentence(found: &Findings<'_>, verdict: Verdict, reasons: &[String]) -> String {
    let first = reasons.first().map_or("", String::as_str).trim_end_matches('.');
    let more = match reasons.len() {
        0 | 1 => String::new(),
        n => format!(" ({} more)", n - 1),
    };
    match verdict {
        Verdict::Valid => go(found),
        Verdict::Unknown => format!("The rehearsal proves neither: {first}{more}."),
        Verdict::Invalid => format!("The migration is not safe as rehearsed: {first}{more}."),
    }
}

/// Says no more than what was tried.
fn go(found: &Findings<'_>) -> String {
    let proved = [
        (Stretch::Migration, "every part is valid"),
        (Stretch::Failures, "every failure struck"),
        (Stretch::Disks, "the new disk keeps its limits"),
        (Stretch::Outage, "a backlog can be let in beside new mail"),
    ];
    let of = |(part, words): &(Stretch, &str)| found.options.does(*part).then(|| (*words).to_owned());
    let mail = found.mail.and_then(|mail| mail.as_ref().ok()).map(|moved| brought(&moved.mail));
    let words: Vec<String> = mail.into_iter().chain(proved.iter().filter_map(of)).collect();
    let words = match words.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one}, and {other}"),
        [all @ .., last] => format!("{}, and {last}", all.join(", ")),
        [] => String::new(),
    };
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

fn brought(mail: &OwnMail) -> String {
    let (moved, there) = (mail.users, mail.users_there);
    let of = if moved < there {
        format!(" of {} of {} users", figures::grouped(moved), figures::grouped(there))
    } else {
        String::new()
    };
    let accepted = mail.stores.kinds.iter().any(|kind| kind.accepted && kind.count > 0);
    let but = if accepted { ", but for what was accepted" } else { "" };
    format!("your mover brought every message{of} with folder, flags and date{but}")
}

/// What speaks against going, worst first.
fn reasons(found: &Findings<'_>) -> Vec<(Verdict, String)> {
    let mut reasons: Vec<(Verdict, String)> = found.done.iter().filter_map(reason).collect();
    reasons.extend(found.mail.into_iter().flat_map(mail));
    reasons.extend(found.options.does(Stretch::Disks).then(|| disks(found)).into_iter().flatten());
    reasons.extend(found.options.does(Stretch::Outage).then(|| drains(found)).flatten());
    // Stable: of one weight, in the order of the parts.
    reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    reasons
}

fn reason(done: &Done) -> Option<(Verdict, String)> {
    let (verdict, why) = match &done.report {
        Ok(report) => (report.verdict, report.sentence.clone()),
        Err(why) => (Verdict::Unknown, why.to_string()),
    };
    (verdict != Verdict::Valid).then(|| (verdict, format!("{}: {why}", done.name)))
}

/// A mover that says that it failed is not believed, nor is its work taken for whole.
fn mail(done: &Result<moved::Moved, NoResult>) -> Vec<(Verdict, String)> {
    let of = |why: &str| format!("{}: {why}", moved::NAME);
    let moved = match done {
        Ok(moved) => &moved.mail,
        Err(why) => return vec![(Verdict::Unknown, of(&why.to_string()))],
    };
    let stores = &moved.stores;
    let differs = (stores.verdict != Verdict::Valid).then(|| (stores.verdict, of(&stores.sentence)));
    let failed = moved.failed.then(|| (Verdict::Unknown, of(&format!("{}.", moved.ended.join("; ")))));
    differs.into_iter().chain(failed).collect()
}

fn part_of_mail(done: &Result<moved::Moved, NoResult>) -> Part {
    let why = mail(done);
    let sentences =
        || why.iter().map(|(_, why)| why.trim_start_matches("mail: ")).collect::<Vec<_>>().join(" ");
    let well = |moved: &moved::Moved| moved.mail.stores.sentence.clone();
    let all_well = done.as_ref().ok().filter(|_| why.is_empty()).map(well);
    Part {
        name: moved::NAME.to_owned(),
        about: moved::ABOUT.to_owned(),
        verdict: why.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Valid),
        found: all_well.unwrap_or_else(sentences),
        moved: Vec::new(),
        kept_out: None,
        directory: done.as_ref().ok().map(|moved| moved.directory.display().to_string()),
        reproduce: done.as_ref().ok().map(|moved| moved.mail.stores.reproduce.clone()),
    }
}

fn disks(found: &Findings<'_>) -> Vec<(Verdict, String)> {
    let comparison = found.comparison.as_ref();
    let reasons = comparison.map(|comparison| baselines::reasons(comparison, found.busy.as_deref()));
    reasons.unwrap_or_else(|| vec![(Verdict::Unknown, "The two disks could not be compared.".to_owned())])
}

fn drains(found: &Findings<'_>) -> Option<(Verdict, String)> {
    let Some(outage) = &found.outage else {
        return Some((Verdict::Unknown, "How fast a backlog may be let in was not measured.".to_owned()));
    };
    if best(outage).is_some() {
        return None;
    }
    let failed = outage.drains.iter().any(|drain| drain.verdict == Verdict::Invalid);
    let verdict = if failed { Verdict::Invalid } else { Verdict::Unknown };
    Some((verdict, reopening(found.options, outage).sentence))
}

/// The fastest reopening beside which new mail kept the bound.
fn best(outage: &Outage) -> Option<&Drain> {
    let kept = outage.drains.iter().filter(|drain| drain.verdict == Verdict::Valid && drain.rate.is_some());
    kept.max_by(|one, other| one.rate.unwrap_or(0.0).total_cmp(&other.rate.unwrap_or(0.0)))
}

fn best_rate(outage: &Outage) -> Option<f64> {
    best(outage).and_then(|drain| drain.rate)
}

fn interrupted(times: u64) -> Option<(String, String)> {
    let times_in_words = figures::counted(times, "time", "times");
    let words = format!("{times_in_words}; parts that had a result were not done again");
    (times > 0).then(|| ("Interrupted".to_owned(), words))
}

fn about(options: &Options) -> Vec<(String, String)> {
    let Options { source, destination, messages, rate, tool, at_once, .. } = options;
    let users = figures::grouped(u64::from(options.users()));
    let disks = [("Old disk", source.display().to_string()), ("New disk", destination.display().to_string())];
    let runs = [
        ("Users", format!("{users}, {at_once} on their way at once")),
        ("Messages before", format!("{} in each mailbox", figures::grouped(u64::from(*messages)))),
        ("Traffic", format!("{} operations a second", figures::number(*rate))),
        ("Moved by", tool.to_string()),
    ];
    let kept = options.persistence.map(|keeper| ("Kept by", keeper.name().to_owned()));
    let runs = runs.into_iter().chain(kept);
    let rows = disks.into_iter().chain(runs.filter(|_| options.has_runs()));
    rows.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn part(done: &Done) -> Part {
    let Done { name, about, reproduce, report } = done;
    let report = report.as_deref();
    let migrations = report.map(|report| report.migrations.as_slice()).unwrap_or_default();
    let moved =
        migrations.iter().map(|one| Moved { to: one.to.clone(), begun: one.users, arrived: one.switched });
    let held = migrations.iter().filter_map(|one| one.held);
    Part {
        name: name.clone(),
        about: about.clone(),
        verdict: report.map_or(Verdict::Unknown, |report| report.verdict),
        found: report.map_or_else(NoResult::to_string, told),
        moved: moved.collect(),
        kept_out: held.max_by(|one, other| one.p95_s.total_cmp(&other.p95_s)),
        directory: report.ok().map(|report| report.run.directory.clone()),
        reproduce: reproduce.clone(),
    }
}

/// The answer of a part, and what was seen besides.
fn told(report: &Report) -> String {
    let besides = report.findings.iter().map(|finding| finding.sentence.as_str());
    std::iter::once(report.sentence.as_str()).chain(besides).collect::<Vec<_>>().join(" ")
}

fn rate(rate: f64) -> String {
    figures::number((rate * 10.0).round() / 10.0)
}

fn reopening(options: &Options, outage: &Outage) -> Reopening {
    let bound_s = options.live_p95.0.as_secs_f64();
    let bound = figures::seconds(bound_s);
    let sentence = match best(outage).and_then(|drain| Some((drain, drain.rate?))) {
        Some((drain, fastest)) => {
            let inflow = outage.inflow().max(f64::MIN_POSITIVE);
            let last = outage.drains.last().is_some_and(|last| last.allowed <= drain.allowed);
            format!(
                "Let in at most {} messages a second: {} times what arrived. New mail kept {bound} at the 95th percentile, {}.",
                rate(fastest),
                rate(fastest / inflow),
                if last { "also at the fastest that was tried" } else { "but not at the next faster" },
            )
        }
        None => format!(
            "At no rate that was tried is it shown that new mail keeps {bound} while a backlog is let in{}.",
            outage
                .overload
                .as_ref()
                .map_or_else(String::new, |why| format!(": the machine was overloaded ({why})"))
        ),
    };
    Reopening { bound_s, tries: outage.drains.clone(), sentence }
}

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

fn figure(name: &str, value: f64, unit: &str, how: String) -> Figure {
    Figure { name: name.to_owned(), value, unit: unit.to_owned(), how }
}

fn figures_of(options: &Options, outage: &Outage) -> Vec<Figure> {
    let (inflow, size) = (outage.inflow(), outage.mean_size());
    let mut all = vec![
        figure(
            "Mean message size",
            size,
            "bytes",
            format!("mean of the {} deliveries of part outage", figures::grouped(outage.sized)),
        ),
        figure(
            "Mail that arrived",
            inflow,
            "messages/s",
            format!(
                "{} were queued in {:.1} s of part outage",
                figures::grouped(outage.queued),
                outage.queueing_s
            ),
        ),
        figure("Backlog per hour of outage", inflow * HOUR, "messages", "at that rate".to_owned()),
        figure(
            "Spool per day of outage",
            inflow * DAY * size,
            "bytes",
            "at that rate and mean size".to_owned(),
        ),
    ];
    if let Some(best) = best_rate(outage) {
        let how = "the fastest of part outage beside which new mail kept the bound".to_owned();
        all.push(figure("Fastest safe drain", best, "messages/s", how));
        let how = "what arrived in a day, at the fastest safe drain, beside as much new mail".to_owned();
        all.push(figure("Time to drain a day of outage", inflow * DAY / best / HOUR, "hours", how));
    }
    all.extend(options.service.iter().flat_map(|service| real(*service, size, best_rate(outage))));
    all
}

/// The same for the service that is to be moved.
fn real(service: Service, size: f64, best: Option<f64>) -> Vec<Figure> {
    let daily = service.mailboxes as f64 * service.mail_per_day;
    let (mailboxes, each) = (figures::grouped(service.mailboxes), figures::number(service.mail_per_day));
    let given = format!("{mailboxes} mailboxes, {each} messages a day each");
    let mut all = vec![
        figure("Real service: backlog per hour of outage", daily / 24.0, "messages", given.clone()),
        figure(
            "Real service: spool per day of outage",
            daily * size,
            "bytes",
            format!("{given}, at the mean size of part outage"),
        ),
    ];
    all.extend(best.map(|best| {
        let how = "at the fastest safe drain of this rehearsal: as if the real service were this one server";
        figure("Real service: time to drain a day of outage", daily / best / HOUR, "hours", how.to_owned())
    }));
    all
}
