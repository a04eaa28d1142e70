//! One result of the results of several shards.
//!
//! Nothing is run, and what was done twice must have come to the same. What is missing stays missing: it is said, with the
//! command that does just that, and the verdict is not valid.

use super::journal;
use super::many_runs::{self, Asked, ManyRuns, Merged, Wanted, differences, lines};
use super::write_whole::write_whole;
use super::{agreement, matrix, survey, sweep};
use crate::exit::{Exit, Misplaced, NoSuch, Refused, tell};
use anyhow::{Context, Result};
use record::plan::shard::home;
use reports::kit::shard::Shard;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The results of one directory.
struct Part<M: ManyRuns> {
    place: PathBuf,
    asked: Asked<M>,
    done: HashMap<String, M::Outcome>,
}

/// Makes one result in `to` of those in `places`.
///
/// # Errors
/// They are not of the same, or contradict each other; or `to` cannot take it.
pub(crate) fn merge(places: &[PathBuf], to: &Path) -> Result<Exit> {
    let kinds = [
        kind::<survey::outline::Outline>(),
        kind::<sweep::outline::Outline>(),
        kind::<agreement::Outline>(),
        kind::<matrix::outline::Outline>(),
    ];
    let of =
        |place: &PathBuf| kinds.iter().position(|kind| (kind.holds)(place)).ok_or_else(|| nothing(place));
    let found = places.iter().map(of).collect::<Result<BTreeSet<usize>>>()?;
    match found.iter().collect::<Vec<_>>().as_slice() {
        [only] => (kinds[**only].merged)(places, to),
        several => {
            let names: Vec<&str> = several.iter().map(|kind| kinds[**kind].name).collect();
            let names = names.join(" and ");
            Err(Refused(format!("these are results of {names}; merge each kind by itself")).into())
        }
    }
}

/// What many runs can be of.
struct Kind {
    name: &'static str,
    holds: fn(&Path) -> bool,
    merged: fn(&[PathBuf], &Path) -> Result<Exit>,
}

fn kind<M: ManyRuns>() -> Kind {
    Kind { name: M::NAME, holds: |place| Asked::<M>::place(place).is_file(), merged: merged::<M> }
}

fn nothing(place: &Path) -> anyhow::Error {
    NoSuch(format!(
        "{} holds no results of a survey, a sweep, a campaign or of `persistence verify`: there is no survey-asked.json, \
         sweep-asked.json, campaign-asked.json or persistence-asked.json; name the directories that their --shard worked in",
        place.display()
    ))
    .into()
}

fn merged<M: ManyRuns>(places: &[PathBuf], to: &Path) -> Result<Exit> {
    let parts = places.iter().map(|place| read::<M>(place)).collect::<Result<Vec<Part<M>>>>()?;
    let (first, others) = parts.split_first().context("no directory is named")?;
    others.iter().try_for_each(|other| fit(first, other))?;
    let done = union(&parts)?;
    make(to)?;
    let environment = environments(&parts);
    let whole = Asked { shard: Shard::WHOLE, environment: environment.clone(), ..first.asked.clone() };
    whole.write(to)?;
    let wanted = counting(&parts);
    write_whole(&many_runs::journal::<M>(to), &lines(wanted.iter().filter_map(|run| done.get(&run.key)))?)?;
    let verdict =
        first.asked.of.finish(&Merged { done: &done, parts: places, environment, directory: to })?;
    say_what_is_missing(&parts, &done);
    Ok(verdict.into())
}

fn read<M: ManyRuns>(place: &Path) -> Result<Part<M>> {
    let (asked, file) = (Asked::read(place)?, many_runs::journal::<M>(place));
    // A shard that was ended early has none yet.
    let done = if file.exists() { journal::read(&file)? } else { HashMap::new() };
    Ok(Part { place: place.to_owned(), asked, done })
}

/// Whether the results of both count together.
fn fit<M: ManyRuns>(first: &Part<M>, other: &Part<M>) -> Result<()> {
    let (one, two) = (first.place.display(), other.place.display());
    let unlike = differences(&other.asked.identity()?, &first.asked.identity()?);
    if !unlike.is_empty() {
        let unlike = unlike.join("; ");
        return Err(Refused(format!("{two} does not fit {one}: {unlike}")).into());
    }
    match (first.asked.shard.as_part(), other.asked.shard.as_part()) {
        (Some(a), Some(b)) if a.of != b.of => {
            Err(Refused(format!("{two} does not fit {one}: it is {}, not one of {}", b.words(), a.of)).into())
        }
        _ => Ok(()),
    }
}

/// Every run that is asked for, and every other that was done and counts.
fn counting<M: ManyRuns>(parts: &[Part<M>]) -> Vec<Wanted> {
    let Some(first) = parts.first() else { return Vec::new() };
    let asked = first.asked.of.runs();
    let known: BTreeSet<&str> = asked.iter().map(|run| run.key.as_str()).collect();
    let done = parts.iter().flat_map(|part| part.done.values());
    let others = done.filter_map(|outcome| first.asked.of.extra(outcome));
    let others = others.filter(|run| !known.contains(run.key.as_str()));
    let others: BTreeMap<String, Wanted> = others.map(|run| (run.key.clone(), run)).collect();
    asked.iter().cloned().chain(others.into_values()).collect()
}

/// All results that count.
fn union<M: ManyRuns>(parts: &[Part<M>]) -> Result<HashMap<String, M::Outcome>> {
    let mut all: HashMap<String, (&Path, &M::Outcome)> = HashMap::new();
    for Wanted { key, title } in counting(parts) {
        for part in parts {
            let Some(outcome) = part.done.get(&key) else { continue };
            let (place, before) = all.entry(key.clone()).or_insert((&part.place, outcome));
            let (before, now) = (M::came_to(before), M::came_to(outcome));
            if before != now {
                let (one, two) = (place.display(), part.place.display());
                return Err(Refused(format!(
                    "{title} was run twice and came to: {before} ({one}), {now} ({two}); leave out one of them"
                ))
                .into());
            }
        }
    }
    Ok(all.into_iter().map(|(key, (_, outcome))| (key, outcome.clone())).collect())
}

/// What is there stays: it may be somebody's result.
fn make(to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)
        .with_context(|| format!("cannot make {}; name another directory with --to", to.display()))?;
    match std::fs::read_dir(to)?.next() {
        None => Ok(()),
        Some(_) => {
            Err(Misplaced(format!("{} is not empty; name a new directory with --to", to.display())).into())
        }
    }
}

/// Each fact once, with every value that a machine had.
fn environments<M: ManyRuns>(parts: &[Part<M>]) -> Vec<(String, String)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in parts.iter().flat_map(|part| part.asked.environment.iter().cloned()) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            None => all.push((name, vec![value])),
            Some((_, values)) if !values.contains(&value) => values.push(value),
            Some(_) => {}
        }
    }
    all.into_iter().map(|(name, values)| (name, values.join(" and "))).collect()
}

fn say_what_is_missing<M: ManyRuns>(parts: &[Part<M>], done: &HashMap<String, M::Outcome>) {
    for words in missing(parts, done) {
        tell!("{words}");
    }
}

/// A line for each shard of which something is missing, with the command that does it.
fn missing<M: ManyRuns>(parts: &[Part<M>], done: &HashMap<String, M::Outcome>) -> Vec<String> {
    let Some(first) = parts.first() else { return Vec::new() };
    let shards = || parts.iter().map(|part| part.asked.shard);
    let like = shards().find_map(Shard::as_part).unwrap_or(Shard::WHOLE);
    let mut lacking: BTreeMap<Shard, u64> = BTreeMap::new();
    for run in first.asked.of.runs().iter().filter(|run| !done.contains_key(&run.key)) {
        *lacking.entry(home(like, &run.title)).or_default() += 1;
    }
    let words = |(shard, count): (Shard, u64)| {
        let place = parts.iter().find(|part| part.asked.shard == shard).map(|part| part.place.clone());
        let place = place.unwrap_or_else(|| beside(&first.place, shard));
        let command = first.asked.of.command(shard, &place);
        format!("missing: {count} runs of {}; to do them: {command}", shard.words())
    };
    lacking.into_iter().map(words).collect()
}

/// A directory that nobody was in yet.
fn beside(first: &Path, shard: Shard) -> PathBuf {
    first.with_file_name(format!("shard{}", shard.suffix()))
}
