//! Where the mail of every user of a run is: read from the run directory alone, so that it can be said of a run that was
//! killed in the middle of a migration.
//!
//! The user's link is the truth of where it is served from; the history says how far its way had come. The two are written
//! one after the other, so the last event of a killed run may be one step behind its link.

use crate::run::placement::Placement;
use anyhow::{Context, Result, ensure};
use fuse_fs::clock::Nanos;
use record::directory::{RunDirectory, read_json};
use record::history::event::MigrationState;
use record::ledger::Ledger;
use record::plan::Plan;
use reports::kit::columns::align;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Where one user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whereabouts {
    pub user: String,
    /// The storage that it is served from.
    pub storage: String,
    /// Where its mail lies on that storage's backing disk.
    pub directory: PathBuf,
    /// How far its migration is, in words.
    pub state: String,
    /// There may be a copy on this other storage, which is not the one to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

/// The last that is known of a user's way.
struct Last {
    state: MigrationState,
    from: String,
    to: String,
}

/// Every user of the run in `directory`, in the order of their numbers.
///
/// # Errors
/// It is no run directory, its users are not placed by cohort, or a link is not one of its own.
pub fn of_run(directory: &Path) -> Result<Vec<Whereabouts>> {
    RunDirectory::of_run(directory)?;
    let path = directory.canonicalize().with_context(|| format!("cannot find {}", directory.display()))?;
    let run = RunDirectory::existing(&path);
    let plan: Plan = read_json(&run.plan())?;
    ensure!(
        !plan.cohorts.is_empty(),
        "the users of this run all lie on storage {}: its scenario names no cohorts",
        plan.target.storage
    );
    let backings: Vec<(String, PathBuf)> = read_json(&run.places())?;
    let placement = Placement::of(&plan, &run, &backings);
    let history = File::open(run.history()).context("cannot read the history")?;
    let last = last_of(&Ledger::read(BufReader::new(history))?);
    plan.workload.user_names().map(|user| one(&placement, user, &last)).collect()
}

fn last_of(ledger: &Ledger) -> BTreeMap<String, Last> {
    let mut last: BTreeMap<String, (Nanos, Last)> = BTreeMap::new();
    for done in &ledger.migrations {
        let (state, from, to) = (done.state, done.from.clone(), done.to.clone());
        last.insert(ledger.user_name(done.user), (done.at, Last { state, from, to }));
    }
    last.into_iter().map(|(user, (_, last))| (user, last)).collect()
}

fn one(placement: &Placement, user: String, last: &BTreeMap<String, Last>) -> Result<Whereabouts> {
    let storage = placement.storage_of(&user)?;
    let directory = placement.disk_root(&user)?.join(&user);
    let (state, other) = match last.get(&user) {
        None => ("not begun".to_owned(), None),
        Some(last) => said(last, &storage),
    };
    Ok(Whereabouts { user, storage, directory, state, other })
}

/// The state in words, and the storage with a copy that is not the one to trust.
fn said(last: &Last, storage: &str) -> (String, Option<String>) {
    let Last { state, from, to } = last;
    let arrived = storage == to.as_str();
    let words = match (state, arrived) {
        (MigrationState::Switched, _) | (MigrationState::Held, true) => format!("moved to {to}"),
        (MigrationState::Copying, _) => format!("being copied to {to}"),
        (MigrationState::Held, false) => format!("held for the last copy to {to}"),
        (MigrationState::Back, _) => format!("stayed on {from}: the migration to {to} failed"),
    };
    (words, Some(if arrived { from.clone() } else { to.clone() }))
}

/// The table that people read.
pub fn table(all: &[Whereabouts]) -> String {
    let head = ["user", "served from", "state", "directory", "untrusted copy on"].map(String::from).to_vec();
    let row = |one: &Whereabouts| {
        let other = one.other.clone().unwrap_or_else(|| "-".to_owned());
        let directory = reports::kit::inert::inert(&one.directory.display().to_string());
        vec![one.user.clone(), one.storage.clone(), one.state.clone(), directory, other]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.iter().map(row)).collect();
    align(&rows, &[false; 5])
}

#[cfg(test)]
mod tests {
    use record::synthetic;

    use super::*;

    fn words(state: MigrationState, storage: &str) -> String {
        let last = Last { state, from: "old".to_owned(), to: "new".to_owned() };
        let (words, other) = said(&last, storage);
        format!("{words} ({})", other.unwrap_or_default())
    }

    #[test]
    fn the_link_says_where_and_the_history_how_far() {
        assert_eq!(words(MigrationState::Copying, "old"), "being copied to new (new)");
        assert_eq!(words(MigrationState::Held, "old"), "held for the last copy to new (new)");
        assert_eq!(words(MigrationState::Held, "new"), "moved to new (old)");
        assert_eq!(words(MigrationState::Switched, "new"), "moved to new (old)");
        assert_eq!(words(MigrationState::Back, "old"), "stayed on old: the migration to new failed (new)");
    }

    use crate::run::placement::tests::placed;
    use record::history::UserId;
    use record::history::event::Event;
    use record::synthetic::World;

    /// A run directory with the plan, and the history of these states.
    fn write(directory: &Path, plan: &Plan, states: &[(u32, MigrationState)]) {
        let run = RunDirectory::existing(directory);
        let backings: Vec<(String, PathBuf)> =
            ["new", "old", "third"].map(|name| (name.to_owned(), run.backing(name))).to_vec();
        std::fs::write(run.plan(), serde_json::to_vec(plan).expect("plain data")).expect("written");
        std::fs::write(run.places(), serde_json::to_vec(&backings).expect("plain data")).expect("written");
        let mut world = World::new(Vec::new(), 3);
        for &(user, state) in states {
            let (at, from, to) = (world.tick(), "old".to_owned(), "new".to_owned());
            world.write(&Event::Migration { at, step: 0, user: UserId(user), from, to, state, detail: None });
        }
        std::fs::write(run.history(), world.finish()).expect("written");
    }

    #[test]
    fn everybody_of_a_run_is_found_by_its_directory() {
        let (place, plan, placement) = placed();
        placement.switch("user1", "new").expect("switched");
        let states = [
            (0, MigrationState::Copying),
            (0, MigrationState::Held),
            (1, MigrationState::Copying),
            (1, MigrationState::Held),
            (1, MigrationState::Back),
        ];
        write(place.path(), &plan, &states);
        let all = of_run(place.path()).expect("a run");
        // The width of a column follows the length of the path.
        let cells = |line: &str| {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" | ")
        };
        let shown: Vec<String> = table(&all).lines().map(cells).collect();
        let shown = shown.join("\n").replace(&place.path().display().to_string(), "RUN");
        insta::assert_snapshot!(shown, @r"
        user | served from | state | directory | untrusted copy on
        user1 | new | moved to new | RUN/storage/new/mail/user1 | old
        user2 | old | stayed on old: the migration to new failed | RUN/storage/old/mail/user2 | new
        user3 | new | not begun | RUN/storage/new/mail/user3 | -
        ");
    }

    #[test]
    fn what_is_no_run_and_a_run_without_cohorts_are_told_from_one_another() {
        let said = |path: &Path| format!("{:#}", of_run(path).expect_err("it is none"));
        let place = tempfile::tempdir().expect("a directory");
        let shown = |text: String| text.replace(&place.path().display().to_string(), "HERE");
        insta::assert_snapshot!(shown(said(&place.path().join("none"))), @"HERE/none is not the directory of a run: it holds no plan.json; `fermoposta run` prints where it recorded");
        insta::assert_snapshot!(shown(said(place.path())), @"HERE is not the directory of a run: it holds no plan.json; `fermoposta run` prints where it recorded");
        write(place.path(), &synthetic::plan(), &[]);
        insta::assert_snapshot!(shown(said(place.path())), @"the users of this run all lie on storage mail: its scenario names no cohorts");
        std::fs::write(RunDirectory::existing(place.path()).plan(), "{").expect("written");
        insta::assert_snapshot!(shown(said(place.path())), @"HERE/plan.json is damaged: EOF while parsing an object at line 1 column 1");
    }
}
