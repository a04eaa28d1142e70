//! A run directory, judged: history and traces in, [`Report`] out. A pure function of what was saved.
//!
//! The verdict is the worst of all properties: invalid before unknown before valid. A checker that panics makes
//! its property unknown, never valid. A lying storage never mixes with an honest one: what it struck is left to
//! the property `lie-noticed`.

use crate::case::elsewhere::{Elsewhere, LastSeen};
use crate::case::fate::{Fate, fate, settle};
use crate::case::finding::{Finding, Violation};
use crate::case::readings::{Disk, Final};
use crate::case::{Case, forgetful, latency};
use crate::property::{ALL, expectations, gravity};
use crate::reason::because;
use crate::statement::Answered;
use crate::summary::series::series;
use crate::summary::{LostMail, damage, lost_mail, timeline};
use crate::trace::cuts::Cuts;
use crate::trace::{Traces, Wanted};
use crate::{doubt, property, recorded, statement, trace, words};
use fuse_fs::mount::trace::FsEvent;
use record::directory::{NotARun, RunDirectory};
use record::history::MessageId;
use record::ledger::messages::Messages;
use record::ledger::{Ledger, LedgerError};
use record::plan::Plan;
use reports::kit::figures::Clock;
use reports::kit::verdict::Verdict;
use reports::run::{Anomaly, Moment, Property, Report, Run, SCHEMA_VERSION};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Why a run cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// There is none.
    #[error(transparent)]
    NotARun(#[from] NotARun),
    /// A file of the run directory is missing or unreadable.
    #[error("{path}: {error}; without it nothing can be judged: put it back, or run again")]
    Read { path: PathBuf, error: std::io::Error },
    /// The plan makes no sense.
    #[error("{path}: {error}; was it written by another version of this program?")]
    Plan { path: PathBuf, error: serde_json::Error },
    /// The history makes no sense.
    #[error("{path}: {error}")]
    History { path: PathBuf, error: LedgerError },
    /// It is not the one that was run.
    #[error(
        "{path}: it is not the plan that was run: it was changed since; judge one that is as it was recorded"
    )]
    OtherPlan { path: PathBuf },
}

/// What a run comes to.
#[derive(Debug)]
pub struct Judgement {
    pub report: Report,
    /// All mail that is lost, hidden or damaged; the report names the first of it.
    pub lost_mail: Vec<LostMail>,
}

/// Judges a saved run; the report alone.
pub fn judge(run_dir: &Path) -> Result<Report, JudgeError> {
    judgement(run_dir).map(|judgement| judgement.report)
}

/// Judges a saved run.
pub fn judgement(run_dir: &Path) -> Result<Judgement, JudgeError> {
    let directory = RunDirectory::of_run(run_dir)?;
    let (plan, recorded_plan) = read_plan(&directory.plan())?;
    let failure = directory.why_it_failed().map(|why| in_a_line(&why));
    let mut ledger = match failure.is_some() && recorded_nothing(&directory.history()) {
        true => Ledger::default(),
        false => read_history(directory.history())?,
    };
    of_this_plan(&ledger, recorded_plan, directory.plan())?;
    ledger.clock = Clock { scale: plan.story_scale };
    let messages = Messages::of(&ledger);
    let mut traces = Traces::read(run_dir, &plan, &ledger, &messages)
        .map_err(|error| JudgeError::Read { path: run_dir.to_owned(), error })?;
    let cuts = Cuts::read(run_dir, &ledger, &traces);
    traces.believe(&cuts, &ledger, |storage| liar(&ledger, storage));
    let recorded = Recorded { plan, ledger, messages, traces, cuts, failure };
    let Judgement { mut report, lost_mail } = recorded.judge(run_dir);
    let unreadable = |error| JudgeError::Read { path: run_dir.to_owned(), error };
    report.run.recorded = recorded::recorded(run_dir).map_err(unreadable)?;
    report.run.fingerprint = recorded::fingerprint(&report.run.recorded);
    Ok(Judgement { report, lost_mail })
}

fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The run failed before there was anything to record.
fn recorded_nothing(history: &Path) -> bool {
    std::fs::metadata(history).map_or(true, |history| history.len() == 0)
}

fn read_history(path: PathBuf) -> Result<Ledger, JudgeError> {
    let file = BufReader::with_capacity(1 << 18, open(&path)?);
    Ledger::read(file).map_err(|error| JudgeError::History { path, error })
}

fn of_this_plan(ledger: &Ledger, found: blake3::Hash, path: PathBuf) -> Result<(), JudgeError> {
    match ledger.plan.as_deref().is_none_or(|recorded| recorded == found.to_hex().as_str()) {
        true => Ok(()),
        false => Err(JudgeError::OtherPlan { path }),
    }
}

/// The fault of a storage that lied, as far as is known.
fn liar(ledger: &Ledger, storage: &str) -> String {
    let rule = ledger.rules.iter().find(|r| r.storage == storage && r.lying && r.fired > 0);
    rule.map_or_else(|| storage.to_owned(), |r| r.rule.clone())
}

/// A run as it was recorded.
pub(crate) struct Recorded {
    pub(crate) plan: Plan,
    pub(crate) ledger: Ledger,
    pub(crate) messages: Messages,
    pub(crate) traces: Traces,
    pub(crate) cuts: Cuts,
    /// Why the run was not done to its end.
    pub(crate) failure: Option<String>,
}

/// The plan, and the digest of its file.
fn read_plan(path: &Path) -> Result<(Plan, blake3::Hash), JudgeError> {
    let text = std::fs::read(path).map_err(|error| JudgeError::Read { path: path.to_owned(), error })?;
    let plan = serde_json::from_slice(&text);
    let plan = plan.map_err(|error| JudgeError::Plan { path: path.to_owned(), error })?;
    Ok((plan, blake3::hash(&text)))
}

fn open(path: &Path) -> Result<File, JudgeError> {
    File::open(path).map_err(|error| JudgeError::Read { path: path.to_owned(), error })
}

impl Recorded {
    pub(crate) fn judge(&self, run_dir: &Path) -> Judgement {
        let Recorded { plan, ledger, messages, traces, cuts, failure } = self;
        let last = Final::of(ledger, messages);
        let disk = Disk::of(ledger);
        let mut fates: Vec<Fate> =
            (0..messages.len()).map(|slot| fate(ledger, messages, &last, slot)).collect();
        let elsewhere = Elsewhere::of(plan, ledger);
        settle(&mut fates, ledger, messages, &disk, elsewhere.unlisted_queue());
        let place = |attempt| match last.holds(ledger, messages, attempt) {
            true => LastSeen::Shown,
            false if disk.finished(ledger, attempt).next().is_some() => LastSeen::Disk,
            false if disk.complete => LastSeen::Nowhere,
            false => LastSeen::Unknown,
        };
        elsewhere.account(&mut fates, ledger, messages, place);
        let (last, disk, elsewhere, fates) = (&last, &disk, &elsewhere, &fates[..]);
        let case = Case { plan, ledger, traces, cuts, messages, last, disk, elsewhere, fates };
        Judgement { report: report(run_dir, &case, failure.as_deref()), lost_mail: lost_mail::list(&case) }
    }
}

fn report(run_dir: &Path, case: &Case<'_>, failure: Option<&str>) -> Report {
    let Case { plan, ledger, traces, .. } = *case;
    let answers = statement::answers(case);
    let judged = findings(case, &answers);
    let shown = Shown { run_dir, calls: trace::calls(traces, ledger, &wanted(case, &judged)) };
    let verdict = judged.iter().map(|j| j.finding.verdict).max().unwrap_or(Verdict::Unknown);
    let to_its_end = ledger.ended && failure.is_none();
    let verdict = if to_its_end { verdict } else { verdict.max(Verdict::Unknown) };
    let counts = words::messages(case);
    let mut properties: Vec<Property> = judged.iter().map(|j| property(case, j, &shown)).collect();
    properties.sort_by_key(gravity::order);
    let faults = timeline::faults(plan, ledger, traces);
    Report {
        schema_version: SCHEMA_VERSION,
        verdict,
        sentence: words::sentence(case, verdict, failure, &counts, &properties, &faults),
        run: Run {
            overload: overload(case, &judged),
            failure: failure.map(str::to_owned),
            ..run(run_dir, plan, ledger)
        },
        messages: counts,
        properties,
        findings: crate::findings::all(case),
        faults,
        operations: latency::operations(ledger),
        generator: Some(crate::case::generator::generator(plan, ledger)),
        timeline: timeline::timeline(ledger),
        senders: crate::summary::senders::senders(case),
        statements: statement::reported(&answers),
        clients: crate::summary::clients::clients(ledger),
        migrations: crate::summary::migrations::migrations(
            ledger,
            &crate::reason::store_seen::moved_nothing(case),
        ),
        series: Some(series(ledger, &plan.cohorts, traces.over_time())),
        left_out: ledger.corpus.iter().flat_map(crate::corpus::left_out).collect(),
        warnings: words::warnings(
            case,
            failure,
            judged.iter().flat_map(|j| j.finding.warnings.clone()).collect(),
        ),
    }
}

/// What anomalies are shown with, besides the case.
struct Shown<'a> {
    run_dir: &'a Path,
    calls: HashMap<MessageId, Vec<FsEvent>>,
}

struct Judged {
    name: String,
    title: &'static str,
    definition: String,
    promise: Option<&'static str>,
    finding: Finding,
}

fn findings(case: &Case<'_>, answers: &[Answered<'_>]) -> Vec<Judged> {
    let fixed = ALL.iter().map(|checker| Judged {
        name: checker.name.to_owned(),
        title: checker.title,
        definition: checker.definition.to_owned(),
        promise: checker.promise,
        finding: doubt::weighed(case, checker.name, guarded(|| (checker.check)(case))),
    });
    let stated = expectations::stated(case.plan).into_iter().map(|stated| Judged {
        finding: guarded(|| (stated.check)(case)),
        name: stated.name,
        title: stated.title,
        definition: stated.definition,
        promise: None,
    });
    let statements = statement::finding(answers).map(|finding| Judged {
        name: statement::PROPERTY.to_owned(),
        title: statement::TITLE,
        definition: statement::DEFINITION.to_owned(),
        promise: None,
        finding,
    });
    fixed.chain(stated).chain(statements).collect()
}

/// Messages that anomalies are about.
fn wanted(case: &Case<'_>, judged: &[Judged]) -> Wanted {
    let accused = judged.iter().flat_map(|j| &j.finding.found).filter_map(|f| Some(f.attempt?.message));
    let owner = |message| {
        let place = case.messages.slot(message).and_then(|slot| case.origin(slot));
        place.map(|place| case.ledger.user_name(case.ledger.user_of(place)))
    };
    accused.map(|message| (message, owner(message).unwrap_or_default())).collect()
}

/// A checker that panics has answered nothing.
pub(crate) fn guarded(check: impl FnOnce() -> Finding) -> Finding {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| {
        Finding::unknown("The checker itself failed; please report this with the run directory.")
    })
}

fn property(case: &Case<'_>, judged: &Judged, shown: &Shown<'_>) -> Property {
    let finding = &judged.finding;
    Property {
        name: judged.name.clone(),
        title: judged.title.to_owned(),
        definition: judged.definition.clone(),
        promise: judged.promise.map(str::to_owned),
        verdict: finding.verdict,
        sentence: finding.sentence.clone(),
        untested: finding.untested,
        count: finding.count,
        anomalies: finding.found.iter().map(|found| anomaly(case, found, shown)).collect(),
    }
}

fn anomaly(case: &Case<'_>, found: &Violation, shown: &Shown<'_>) -> Anomaly {
    let message = found.attempt.map(|a| a.message);
    let slot = message.and_then(|m| case.messages.slot(m));
    let mut evidence: Vec<Moment> = slot.map(|slot| words::operations(case, slot)).unwrap_or_default();
    let touched = message.and_then(|m| shown.calls.get(&m)).into_iter().flatten();
    evidence.extend(touched.flat_map(|call| words::call(case.ledger, call)));
    let user = found.place.map(|place| case.ledger.user_of(place));
    evidence.extend(because::shown(case, slot, user).into_iter().map(|t| words::taken(case.ledger, t)));
    evidence.extend(found.read_at.map(|at| words::reading(case.ledger, at, &found.sentence)));
    evidence.extend(slot.map(|slot| words::end(case, slot)));
    evidence.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    Anomaly {
        sentence: found.sentence.clone(),
        message: found.attempt.map(|a| case.ledger.token(a)),
        place: found.place.map(|p| case.ledger.place_name(p)),
        evidence,
        difference: damage::difference(shown.run_dir, case, found),
    }
}

/// What the runner noted about the machine, in `environment.json`.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Environment {
    started: String,
    target_version: Option<String>,
    reproduce: String,
    facts: Vec<(String, String)>,
}

fn run(run_dir: &Path, plan: &Plan, ledger: &Ledger) -> Run {
    let directory = RunDirectory::existing(run_dir);
    let noted = std::fs::read(directory.environment()).ok();
    let noted: Environment = noted.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let by_rule = ledger.rules.iter().any(|r| r.lying && r.fired > 0);
    let lying = by_rule || !ledger.rollbacks.is_empty() || !forgetful(plan, ledger).is_empty();
    Run {
        scenario: plan.name.clone(),
        why: plan.why.clone(),
        sources: plan.sources.clone(),
        target: plan.target.server.clone(),
        target_version: noted.target_version,
        seed: plan.seed,
        version: plan.version.clone(),
        started: noted.started,
        duration_s: ledger.seconds(ledger.last),
        directory: run_dir.display().to_string(),
        reproduce: if noted.reproduce.is_empty() { plan.reproduce() } else { noted.reproduce },
        reproduce_from_copies: plan.reproduce_from(&directory),
        story_scale: plan.story_scale,
        contract: contract(plan, lying).to_owned(),
        persistence: timeline::persistence(plan),
        environment: noted.facts,
        recorded: Vec::new(),
        fingerprint: String::new(),
        overload: None,
        failure: None,
    }
}

fn contract(plan: &Plan, lying: bool) -> &'static str {
    match (plan.storages.is_empty(), lying) {
        (true, _) => "elsewhere",
        (false, true) => "lying",
        (false, false) => "honest",
    }
}

/// How the machine was overloaded where otherwise something late would be held against the mail server.
fn overload(case: &Case<'_>, judged: &[Judged]) -> Option<String> {
    let excused = judged.iter().find_map(|judged| judged.finding.overload.clone());
    let hung = || crate::findings::server_hung::excused(case);
    excused.or_else(hung).or_else(|| property::overload::of_single(case))
}

/// Names and definitions of everything that is always judged, for `list`.
pub fn properties() -> impl Iterator<Item = (&'static str, &'static str)> {
    property::ALL.iter().map(|c| (c.name, c.definition))
}
