//! `replay`: the tree that a power cut left, rebuilt from the state before it and the seed, and compared.

use crate::exit::{Exit, say};
use anyhow::{Context, Result, ensure};
use fuse_fs::durability::cut::CutReport;
use record::directory::RunDirectory;
use reports::kit::figures::grouped;
use reports::kit::inert::inert;
use std::path::{Path, PathBuf};

/// Differences shown of one cut; the rest is counted.
const MOST_DIFFERENCES: usize = 20;

/// Rebuilds what every recorded cut of `run` left, into `to` or for the comparison only. Exit 70 if one differs.
pub(crate) fn run(run: &Path, to: Option<&Path>) -> Result<Exit> {
    let records = records(run)?;
    let scratch = tempfile::tempdir().context("no room for the rebuilt trees; give a directory with --to")?;
    let to = to.unwrap_or(scratch.path());
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut all_same = true;
    for (name, record) in records {
        let report = report(&record)?;
        let place = to.join(&name);
        let differences = fuse_fs::durability::record::replay(&record, &place)
            .with_context(|| format!("cannot rebuild {} in {}", name, place.display()))?;
        say(in_words(&name, &report, &differences))?;
        all_same &= differences.is_empty();
    }
    Ok(if all_same { Exit::Valid } else { Exit::Environment })
}

/// Records of a run's cuts in their order: name and directory.
fn records(run: &Path) -> Result<Vec<(String, PathBuf)>> {
    let directory = RunDirectory::of_run(run)?;
    let mut records = Vec::new();
    if directory.cuts().is_dir() {
        for entry in std::fs::read_dir(directory.cuts())? {
            let path = entry?.path();
            if path.join("choice.json").is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                records.push((name, path));
            }
        }
    }
    ensure!(
        !records.is_empty(),
        "{} has no record of a power cut; cuts are made by `do.power-cut` steps and by faults with \
         `effect.power-cut`",
        run.display()
    );
    records.sort_by_key(|(name, _)| (ordinal(name), name.clone()));
    Ok(records)
}

/// `12-mail` is the twelfth.
fn ordinal(name: &str) -> u64 {
    name.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(u64::MAX)
}

fn report(record: &Path) -> Result<CutReport> {
    let path = record.join("choice.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// One line a cut; differences below it.
fn in_words(name: &str, report: &CutReport, differences: &[String]) -> String {
    let what = judge::summary::timeline::cut_in_words(report);
    let seed = report.seed;
    if differences.is_empty() {
        return format!("{}: {what}, seed {seed}: same tree, bit for bit\n", inert(name));
    }
    let n = differences.len();
    let mut out = format!("{}: {what}, seed {seed}: {} differences\n", inert(name), grouped(n as u64));
    for line in differences.iter().take(MOST_DIFFERENCES) {
        out += &format!("  {}\n", inert(line));
    }
    if n > MOST_DIFFERENCES {
        out += &format!("  ... and {} more\n", grouped((n - MOST_DIFFERENCES) as u64));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::clock::Nanos;
    use fuse_fs::durability::cut::CutMode;
    use fuse_fs::durability::profile::Persistence;

    fn cut() -> CutReport {
        CutReport {
            at: Nanos(1),
            persistence: Persistence::default(),
            mode: CutMode::Random,
            seed: 7,
            pending: 1312,
            kept: 120,
            dropped: 1180,
            partial: 12,
            last_call: 9,
        }
    }

    #[test]
    fn the_same_tree_takes_a_line() {
        insta::assert_snapshot!(
            in_words("1-mail", &cut(), &[]),
            @"1-mail: ext4-ordered (random): 1,312 effects pending, 120 kept, 1,180 dropped, 12 in part, seed 7: same tree, bit for bit"
        );
    }

    #[test]
    fn differences_are_shown_up_to_a_bound_and_counted() {
        let differences: Vec<String> = (0..22).map(|n| format!("user{n}/\u{1b}cur: missing")).collect();
        let shown = in_words("2-mail", &cut(), &differences);
        assert_eq!(shown.lines().count(), 22);
        assert!(shown.contains("seed 7: 22 differences\n  user0/\\u{1b}cur: missing\n"), "{shown}");
        assert!(shown.ends_with("  ... and 2 more\n"), "{shown}");
    }

    #[test]
    fn the_twelfth_comes_after_the_second() {
        let mut names = ["12-mail", "2-mail", "odd", "2-archive"];
        names.sort_by_key(|name| (ordinal(name), *name));
        assert_eq!(names, ["2-archive", "2-mail", "12-mail", "odd"]);
    }
}
