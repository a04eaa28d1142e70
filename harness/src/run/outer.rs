//! The outer half of a run: plan, start the recording process, judge what it recorded.

use super::backing::Backings;
use super::made::Made;
use super::{copies, guard, sent, store};
use crate::machine::confine::{Confinement, Inner};
use crate::machine::{confine, room, stop};
use crate::mail::message::corpus::Corpus;
use crate::run::places::Places;
use anyhow::{Context, Result, anyhow};
use judge::Judgement;
use judge::summary::LostMail;
use record::directory::RunDirectory;
use record::plan::Plan;
use record::plan::server::ServerKind;
use reports::run::Report;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a run came out.
pub(crate) enum Outcome {
    Judged(Box<Report>),
    /// A signal ended it.
    Interrupted(RunDirectory),
}

/// A run was not done to its end.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Failed {
    why: String,
    /// What was recorded until then, judged.
    pub report: Option<Box<Report>>,
}

/// Runs `plan` in namespaces of its own and judges it.
///
/// # Errors
/// [`Failed`], once it has begun; before that nothing is left of it.
pub(crate) fn run(plan: &Plan, places: &Places) -> Result<Outcome> {
    plan.workload.corpus.as_deref().map(Corpus::require).transpose()?;
    super::possible::require(plan)?;
    let directory = prepare(plan, places)?;
    let recorded = record(plan, &directory, places.quiet);
    directory.give_room_back();
    if stop::requested() {
        if let Some(reason) = directory.why_it_failed() {
            crate::exit::tell!("error: {reason}");
        }
        return Ok(Outcome::Interrupted(directory));
    }
    match recorded {
        Ok(Some(0)) => Ok(Outcome::Judged(Box::new(judge(directory.path())?))),
        Ok(code) => Err(failed(&directory, directory.why_it_failed().unwrap_or_else(|| ended(code))).into()),
        Err(error) => Err(failed(&directory, format!("{error:#}")).into()),
    }
}

/// What went wrong, or that the disk beneath the run directory is full, which is behind most of it then.
fn or_full(directory: &RunDirectory, why: String) -> String {
    let full = room::full(directory.path()).map(|full| {
        format!("{full}: nothing more can be recorded; make room there, or record elsewhere with --runs DIR ({why})")
    });
    full.unwrap_or(why)
}

/// Writes down why, and judges what there is.
fn failed(directory: &RunDirectory, why: String) -> Failed {
    let why = or_full(directory, why);
    // What cannot be written there is said here.
    let _ = directory.fail(&why);
    let judged = judge::judgement(directory.path()).ok();
    let _ = judged.as_ref().map(|judged| save(directory, judged));
    let why = format!("{why}\nwhat was recorded until then is in {}", directory.path().display());
    Failed { why, report: judged.map(|judged| Box::new(judged.report)) }
}

/// Judges a recorded run and saves the report beside it, for programs and for people. Beside mail that came back damaged
/// is put what was sent.
pub(crate) fn judge(directory: &Path) -> Result<Report> {
    sent::make_again(directory);
    let judged = judge::judgement(directory)?;
    save(&RunDirectory::existing(directory), &judged)?;
    Ok(judged.report)
}

fn save(run: &RunDirectory, Judgement { report, lost_mail }: &Judgement) -> Result<()> {
    write_lost_mail(&run.lost_mail(), lost_mail)?;
    let page = reports::run::html::page::render_many(std::slice::from_ref(report));
    for (path, text) in
        [(run.report(), judge::seal::sealed(&reports::kit::json::to_json(report))), (run.page(), page)]
    {
        whole(&path, &text).with_context(|| {
            let full = room::full(run.path()).map_or(String::new(), |full| format!(": {full}"));
            format!("cannot write {}{full}", path.display())
        })?;
    }
    Ok(())
}

/// Half a report is none.
fn whole(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text).inspect_err(|_| drop(std::fs::remove_file(path)))
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

fn make(plan: &Plan, places: &Places) -> Result<RunDirectory> {
    let directory = match &places.name {
        Some(name) => RunDirectory::named(&places.runs, name),
        None => RunDirectory::create(&places.runs, &plan.name, &plan.target.server, plan.seed),
    };
    directory.with_context(|| {
        let full = room::full(&places.runs).map_or(String::new(), |full| format!(": {full}"));
        format!("cannot make a run directory in {}{full}; name another with --runs", places.runs.display())
    })
}

/// Everything that the recording process finds; nothing is left if it cannot be made.
fn prepare(plan: &Plan, places: &Places) -> Result<RunDirectory> {
    let mut made = Made::below(&places.runs);
    let directory = make(plan, places)?;
    made.add([directory.path()]);
    furnish(plan, places, &directory, &mut made)
        .map_err(|error| anyhow!(or_full(&directory, format!("{error:#}"))))?;
    made.keep();
    Ok(directory)
}

fn furnish(plan: &Plan, places: &Places, directory: &RunDirectory, made: &mut Made) -> Result<()> {
    write_json(&directory.plan(), plan)?;
    copies::keep(plan, directory)?;
    directory.set_room_aside().context("no room to record a run")?;
    let mut of_the_run = Backings::new(directory, places);
    let backings = make_backings(plan, &mut of_the_run);
    made.add(of_the_run.made());
    write_json(&directory.places(), &backings?)
}

/// Names and directories of the storages.
fn make_backings(plan: &Plan, of_the_run: &mut Backings<'_>) -> Result<Vec<(String, PathBuf)>> {
    let mut backings = Vec::new();
    for (name, storage) in &plan.storages {
        let place = of_the_run.of(name, plan.on_device(name).unwrap_or(name))?;
        // A file system on a device has things of its own at its root.
        let backing = if storage.on.is_some() { place.join("store") } else { place };
        match &plan.store {
            // What is to lie on a device is copied when there is one.
            Some(store) if storage.on.is_none() && storage.cache.is_none() => {
                store::copy(store, name, &backing)?
            }
            Some(_) | None => make_backing(&backing)?,
        }
        backings.push((name.clone(), backing));
    }
    Ok(backings)
}

/// Makes the backing directory, which whoever the mail server is may enter, and proves that it takes data: a full or read-only
/// disk must show now.
fn make_backing(backing: &Path) -> Result<()> {
    let what = || format!("the backing directory {} cannot be used; name another", backing.display());
    std::fs::create_dir_all(backing).with_context(what)?;
    std::fs::set_permissions(backing, Permissions::from_mode(0o755)).with_context(what)?;
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
        ServerKind::Command | ServerKind::External => Confinement::Host,
    }
}

/// How a recording process ended that said nothing.
fn ended(code: Option<i32>) -> String {
    let how = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
    format!("the recording process ended unexpectedly ({how}); nothing is left mounted or running")
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::synthetic;
    use std::collections::BTreeMap;

    #[test]
    fn a_corpus_that_cannot_be_sent_is_refused_before_there_is_a_run_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let (runs, mail) = (place.path().join("runs"), place.path().join("mail"));
        std::fs::create_dir(&mail).expect("made");
        let places =
            Places { runs: runs.clone(), storage: None, apart: BTreeMap::new(), name: None, quiet: true };
        let refused = |corpus: &Path| {
            let mut plan = synthetic::plan();
            plan.workload.corpus = Some(corpus.to_owned());
            let error = run(&plan, &places).err().expect("it cannot be sent");
            assert!(!runs.exists(), "it left {}", runs.display());
            error.to_string().replace(&place.path().display().to_string(), "PLACE")
        };
        insta::assert_snapshot!(refused(&mail), @"the corpus PLACE/mail has no message that can be sent (0 left out); it must be a Maildir, an mbox file or a directory of message files");
        std::fs::write(mail.join("1.eml"), "no mail").expect("written");
        insta::assert_snapshot!(refused(&mail), @"the corpus PLACE/mail has no message that can be sent (1 left out, first PLACE/mail/1.eml: at byte 0: does not begin with a header line); it must be a Maildir, an mbox file or a directory of message files");
        insta::assert_snapshot!(refused(&place.path().join("absent")), @"the corpus PLACE/absent: No such file or directory (os error 2)");
    }
}
