//! The outer half of a run: plan, start the recording process, judge what it recorded.

use super::backing::Backings;
use super::{guard, sent, store};
use crate::machine::confine::{Confinement, Inner};
use crate::machine::{confine, stop};
use crate::run::places::Places;
use anyhow::{Context, Result, bail};
use judge::Judgement;
use judge::summary::LostMail;
use record::directory::RunDirectory;
use record::plan::Plan;
use record::plan::server::ServerKind;
use reports::run::Report;
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

/// How a run came out.
pub(crate) enum Outcome {
    Judged(Box<Report>),
    /// A signal ended it.
    Interrupted(RunDirectory),
}

/// Runs `plan` in namespaces of its own and judges it.
pub(crate) fn run(plan: &Plan, places: &Places) -> Result<Outcome> {
    super::possible::require(plan)?;
    let directory = prepare(plan, places)?;
    let code = record(plan, &directory, places.quiet)?;
    if stop::requested() {
        if let Ok(reason) = std::fs::read_to_string(directory.failure()) {
            anstream::eprintln!("error: {}", reason.trim_end());
        }
        return Ok(Outcome::Interrupted(directory));
    }
    match code {
        Some(0) => Ok(Outcome::Judged(Box::new(judge(directory.path())?))),
        other => bail!(why_it_failed(&directory, other)),
    }
}

/// Judges a recorded run and saves the report beside it, for programs and for people. Beside mail that came back damaged
/// is put what was sent.
pub(crate) fn judge(directory: &Path) -> Result<Report> {
    sent::make_again(directory);
    let Judgement { report, lost_mail } = judge::judgement(directory)?;
    let run = RunDirectory::existing(directory);
    write_lost_mail(&run.lost_mail(), &lost_mail)?;
    let page = reports::run::html::page::render_many(std::slice::from_ref(&report));
    for (path, text) in
        [(run.report(), judge::seal::sealed(&reports::kit::json::to_json(&report))), (run.page(), page)]
    {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report)
}

/// The list is there if it has a line.
fn write_lost_mail(path: &Path, lost: &[LostMail]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if lost.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(cannot),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    let mut list = csv::Writer::from_path(path).with_context(cannot)?;
    lost.iter().try_for_each(|one| list.serialize(one)).with_context(cannot)?;
    list.flush().with_context(cannot)
}

fn prepare(plan: &Plan, places: &Places) -> Result<RunDirectory> {
    let directory = match &places.name {
        Some(name) => RunDirectory::named(&places.runs, name),
        None => RunDirectory::create(&places.runs, &plan.name, &plan.target.server, plan.seed),
    };
    let directory = directory.with_context(|| {
        format!("cannot make a run directory in {}; name another with --runs", places.runs.display())
    })?;
    let mut backings = Vec::new();
    let mut of_the_run = Backings::new(&directory, places);
    for name in plan.storages.keys() {
        let backing = of_the_run.of(name)?;
        match &plan.store {
            Some(store) => store::copy(store, name, &backing)?,
            None => make_backing(&backing)?,
        }
        backings.push((name.clone(), backing));
    }
    write_json(&directory.places(), &backings)?;
    write_json(&directory.plan(), plan)?;
    std::fs::write(directory.scenario(), &plan.text)?;
    Ok(directory)
}

/// Makes the backing directory and proves that it takes data: a full or read-only disk must show now.
fn make_backing(backing: &Path) -> Result<()> {
    let what = || format!("the backing directory {} cannot be used; name another", backing.display());
    std::fs::create_dir_all(backing).with_context(what)?;
    let probe = backing.join(".fermoposta-probe");
    std::fs::write(&probe, vec![0x5a_u8; 1 << 20])
        .and_then(|()| std::fs::File::open(&probe)?.sync_all())
        .with_context(what)?;
    std::fs::remove_file(&probe).with_context(what)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Starts the recording process and waits for its end.
fn record(plan: &Plan, directory: &RunDirectory, quiet: bool) -> Result<Option<i32>> {
    let confinement = confinement(plan);
    let mut parts = vec![OsString::from("__run"), directory.path().as_os_str().to_owned()];
    parts.extend(quiet.then(|| OsString::from("--quiet")));
    let mut inner = confine::start_inner(confinement, &confine::arguments(&parts)).with_context(|| {
        "cannot make namespaces for the run; `fermoposta doctor` says what is missing".to_owned()
    })?;
    match confinement {
        Confinement::Namespaces => {
            let _killed_on_stop = stop::kill_on_stop(inner.keeper());
            Ok(inner.wait()?)
        }
        Confinement::Host => {
            let _told_on_stop = stop::tell_on_stop(inner.keeper());
            wait_on_the_machine(&mut inner, directory)
        }
    }
}

/// How long a recording process that was told to end may take: it ends the mail server first.
const LONGEST_END: Duration = Duration::from_secs(60);

/// Waits for the end of a run on the machine itself, and until nothing of it is left.
fn wait_on_the_machine(inner: &mut Inner, directory: &RunDirectory) -> Result<Option<i32>> {
    let mut told = None;
    let code = loop {
        if let Some(code) = inner.ended_within(Duration::from_millis(100))? {
            break code;
        }
        if stop::requested() && told.get_or_insert_with(Instant::now).elapsed() > LONGEST_END {
            inner.kill()?;
        }
    };
    guard::wait(directory)?;
    Ok(code)
}

/// Where a plan's run takes place.
pub(crate) fn confinement(plan: &Plan) -> Confinement {
    match plan.target.definition.kind {
        ServerKind::Spawned => Confinement::Namespaces,
        ServerKind::Command => Confinement::Host,
    }
}

fn why_it_failed(directory: &RunDirectory, code: Option<i32>) -> String {
    let place = directory.path().display();
    match std::fs::read_to_string(directory.failure()) {
        Ok(reason) => format!("{}\nwhat was recorded until then is in {place}", reason.trim_end()),
        Err(_) => {
            let how = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
            format!(
                "the recording process ended unexpectedly ({how}); nothing is left mounted or running. What it \
                 recorded is in {place}; `fermoposta analyze {place}` judges that much"
            )
        }
    }
}
