//! What a rehearsal was made from, with digests, and whether it still follows from it.

use super::own_mail::moved;
use crate::campaign::compare_stores::{Asked, compare};
use crate::campaign::saved;
use crate::exit::{Doubtful, NoSuch};
use crate::mail::inventory::source::Access;
use anyhow::{Context, Result};
use judge::recorded::{changes, digests, fingerprint};
use judge::seal::{self, Broken};
use record::directory::RunDirectory;
use reports::kit::json::to_json;
use reports::rehearsal::forms::FORMATS;
use reports::rehearsal::{OwnMail, Part, Rehearsal};
use reports::run::Recorded;
use reports::stores::{Side, Stores};
use std::path::{Path, PathBuf};

/// The kept form that is sealed.
const KEPT: &str = "rehearsal.json";

/// A rehearsal lies there.
pub(crate) fn is_in(directory: &Path) -> bool {
    directory.join(KEPT).is_file()
}

/// With the digests of what it was made from.
///
/// # Errors
/// A file that was written by us cannot be read.
pub(super) fn with_proof(rehearsal: Rehearsal) -> Result<Rehearsal> {
    let recorded = evidence(Path::new(&rehearsal.directory), &rehearsal)?;
    let proved = Rehearsal { fingerprint: fingerprint(&recorded), recorded, ..rehearsal };
    // As it will be read, so that no number is rounded on one side only.
    serde_json::from_str(&to_json(&proved)).context("a rehearsal reads back what it wrote")
}

/// The text of a form as it is kept.
pub(super) fn kept(extension: &str, text: String) -> String {
    if extension == "json" { seal::sealed(&text) } else { text }
}

/// Those that are there: one that is gone is told by its absence.
fn evidence(top: &Path, rehearsal: &Rehearsal) -> Result<Vec<Recorded>> {
    let runs = rehearsal.parts.iter().filter_map(|part| below(part, rehearsal));
    let reports = runs.map(|run| run.join("report.json"));
    let mail = ["after.inventory", "before.inventory", "mover.log"];
    let mail = of_mail_part(rehearsal).into_iter().flat_map(|part| mail.map(|name| part.join(name)));
    let mut files: Vec<PathBuf> = reports.chain(mail).filter(|file| top.join(file).is_file()).collect();
    files.sort();
    digests(top, &files).with_context(|| format!("cannot read what is in {}", top.display()))
}

fn of_mail_part(rehearsal: &Rehearsal) -> Option<PathBuf> {
    let part = rehearsal.parts.iter().find(|part| part.name == moved::NAME)?;
    below(part, rehearsal)
}

/// Its directory in that of the rehearsal, wherever this is now.
fn below(part: &Part, rehearsal: &Rehearsal) -> Option<PathBuf> {
    let path = Path::new(part.directory.as_ref()?);
    path.strip_prefix(&rehearsal.directory).ok().map(Path::to_owned)
}

/// Reads it, and says what is wrong with its seal.
///
/// # Errors
/// There is none, or it is of another form.
pub(crate) fn unsealed(directory: &Path) -> Result<(Rehearsal, Option<Broken>)> {
    let place = directory.join(KEPT);
    let text =
        std::fs::read_to_string(&place).map_err(|error| NoSuch(format!("{}: {error}", place.display())))?;
    let read = serde_json::from_str(&text);
    let rehearsal =
        read.map_err(|error| Doubtful(format!("{} is no rehearsal: {error}", place.display())))?;
    Ok((rehearsal, seal::check(&text).err()))
}

/// Reads it.
///
/// # Errors
/// As [`unsealed`]; [`Doubtful`] if it was edited.
pub(crate) fn read(directory: &Path) -> Result<Rehearsal> {
    let (rehearsal, broken) = unsealed(directory)?;
    match broken {
        None => Ok(rehearsal),
        Some(broken) => Err(Doubtful(edited(directory, broken)).into()),
    }
}

fn edited(directory: &Path, broken: Broken) -> String {
    format!("{}: {broken}; only doing it again proves anything", directory.join(KEPT).display())
}

/// What speaks against it, a line each: its seal, files that are others now, pages that are not its own, parts that come to something
/// else when they are judged anew, mail that differs otherwise when it is compared anew.
///
/// # Errors
/// Something cannot be read.
pub(crate) fn doubts(directory: &Path) -> Result<Vec<String>> {
    let (rehearsal, broken) = unsealed(directory)?;
    let mut found: Vec<String> = broken.map(|broken| edited(directory, broken)).into_iter().collect();
    let now = evidence(directory, &rehearsal)?;
    found.extend(changes(&rehearsal.recorded, &now));
    if fingerprint(&rehearsal.recorded) != rehearsal.fingerprint {
        found.push(format!("its fingerprint {} is not that of its files", rehearsal.fingerprint));
    }
    found.extend(pages(directory, &rehearsal));
    for part in &rehearsal.parts {
        found.extend(of_part(directory, part, &rehearsal)?);
    }
    if let (Some(mail), Some(part)) = (&rehearsal.own_mail, of_mail_part(&rehearsal)) {
        let better = rehearsal.verdict < mail.stores.verdict;
        found.extend(better.then(|| "its answer is better than that of the mail".to_owned()));
        found.extend(of_mail(&directory.join(part), mail));
    }
    Ok(found)
}

/// Forms for people that do not say what the kept one says.
fn pages(directory: &Path, rehearsal: &Rehearsal) -> Vec<String> {
    let other = |extension: &str, text: String| {
        let file = directory.join(format!("rehearsal.{extension}"));
        std::fs::read_to_string(file).is_ok_and(|there| there != text)
    };
    // Another version may show the same otherwise.
    let same = rehearsal.version == env!("CARGO_PKG_VERSION");
    let forms = FORMATS.iter().filter(|form| same && form.extension != "json");
    forms
        .filter(|form| other(form.extension, (form.render)(rehearsal)))
        .map(|form| format!("rehearsal.{} is not what {KEPT} comes to", form.extension))
        .collect()
}

fn of_part(directory: &Path, part: &Part, rehearsal: &Rehearsal) -> Result<Vec<String>> {
    let better = rehearsal.verdict < part.verdict;
    let better = better.then(|| format!("its answer is better than that of part {}", part.name));
    let run = below(part, rehearsal).map(|run| directory.join(run));
    let run = run.filter(|run| RunDirectory::existing(run).report().is_file());
    let Some(run) = run else { return Ok(better.into_iter().collect()) };
    let report = saved::unsealed(&run)?.0;
    let told = (report.verdict != part.verdict).then(|| {
        let (said, is) = (part.verdict.word(), report.verdict.word());
        format!("part {} is said to be {said}, and its report is {is}", part.name)
    });
    let of_run = saved::doubts(&run, &report)?.into_iter().map(|doubt| format!("{}: {doubt}", part.name));
    Ok(better.into_iter().chain(told).chain(of_run).collect())
}

fn of_mail(part: &Path, mail: &OwnMail) -> Option<String> {
    let side = |name: &str| part.join(format!("{name}.inventory")).display().to_string();
    let accepted = mail.stores.kinds.iter().filter(|one| one.accepted).map(|one| one.kind).collect();
    let (a, b) = (side("before"), side("after"));
    let asked =
        Asked { a, b, users: None, users_b: None, access: Access::default(), accepted, most: moved::NAMED };
    let anew = match compare(&asked) {
        Ok(anew) => anew,
        Err(error) => return Some(format!("the mail cannot be compared anew: {error:#}")),
    };
    let told = |stores: &Stores| format!("{}: {}", stores.verdict.word(), stores.sentence);
    // Where they lay then, and the program that compared them.
    let anew = Stores {
        a: Side { name: mail.stores.a.name.clone(), ..anew.a },
        b: Side { name: mail.stores.b.name.clone(), ..anew.b },
        version: mail.stores.version.clone(),
        reproduce: mail.stores.reproduce.clone(),
        ..anew
    };
    let words = || {
        format!("the mail compared anew comes to {} The rehearsal says {}", told(&anew), told(&mail.stores))
    };
    (anew != mail.stores).then(words)
}
