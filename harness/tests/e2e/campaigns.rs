//! Campaigns from the command line to their files: what is known is not red, what is new is, nothing is trusted without the canary,
//! only what is not there is run; and what several nights come to beside each other.

use crate::group::{Named, TestResult, group, percent};
use crate::stage::{SOUND, START, ends, fermoposta, server};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::campaign::{Campaign, CanaryState, Standing};
use reports::history::History;
use reports::kit::verdict::Verdict;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What is removed stays: the one property that is violated is the one that is known.
const CUT: &str = r#"
name = "cut"
why  = "The power goes under a load that only stores."

[workload]
duration = "2s"
rate     = "60/s"
users    = 2
timeout  = "2s"
mix      = { deliver = 1 }

[[step]]
at           = "1s"
do.power-cut = { mode = "drop-unsynced" }
"#;

const LISTS: &str = r#"
name      = "nightly"
scenarios = ["sound.toml", "cut.toml"]
targets   = ["mine.toml"]
storages  = ["strict-posix"]
"#;

const CANARY: &str = r#"
[canary]
scenario = "cut.toml"
defects  = ["no-directory-fsync"]
storage  = "strict-posix"
property = "acknowledged-durable"
"#;

/// What is known of the careless server, and of a sound one is not seen.
const KNOWN: &str = r#"
[[expect]]
scenario = "cut.toml"
target   = "mine.toml"
storage  = "strict-posix"
property = "acknowledged-durable"
reason   = "it syncs no directory"
"#;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 5] = [
        ("what_is_known_is_not_red_and_what_is_new_is", percent(60, 25), known_and_new),
        ("without_its_canary_nothing_is_run_and_nothing_trusted", percent(40, 6), blind),
        ("shards_come_to_one_result_and_each_has_its_canary", percent(60, 30), shards),
        ("time_decides_and_what_is_there_is_not_run_again", percent(60, 25), until),
        ("nights_beside_each_other_name_the_first_run_of_a_regression", percent(60, 30), nights),
    ];
    group("campaigns", fermoposta::testing::cannot_mount(), tests)
}

struct Place(tempfile::TempDir);

impl Place {
    /// With a campaign file, and a careless server or a sound one.
    fn new(campaign: &str, careless: bool) -> std::io::Result<Place> {
        let place = Place(tempfile::tempdir()?);
        for (name, text) in [("sound.toml", SOUND), ("cut.toml", CUT), ("nightly.toml", campaign)] {
            std::fs::write(place.path(name), text)?;
        }
        place.put_server(careless)?;
        Ok(place)
    }

    fn put_server(&self, careless: bool) -> std::io::Result<()> {
        let defect = if careless { ", \"--defect\", \"no-directory-fsync\"]" } else { "]" };
        std::fs::write(self.path("mine.toml"), server(&START.replace(']', defect), ""))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &str) -> std::io::Result<Output> {
        fermoposta(self.0.path(), &arguments.split(' ').collect::<Vec<_>>())
    }

    fn result<R: DeserializeOwned>(&self, file: &str) -> Result<R, Failed> {
        Ok(serde_json::from_str(&std::fs::read_to_string(self.path(file))?)?)
    }
}

fn ensure(so: bool, what: &str, output: &Output) -> TestResult {
    if so { Ok(()) } else { Err(Failed::from(format!("{what}\n{}", crate::stage::said(output)))) }
}

fn lines(file: &Path) -> std::io::Result<usize> {
    Ok(std::fs::read_to_string(file)?.lines().count())
}

fn known_and_new() -> TestResult {
    let seeds = "seeds = 2\n";
    let place = Place::new(&[LISTS, seeds, CANARY, KNOWN].concat(), true)?;
    let output = place.run("campaign nightly.toml --jobs 2 --dir d --export junit.xml")?;
    ends(
        &output,
        0,
        &["canary found; 2 cells, 4 runs to be done", "Nothing new in 4 runs; 1 finding is known."],
    )?;
    let campaign: Campaign = place.result("d/campaign.json")?;
    let standings: Vec<Standing> = campaign.cells.iter().map(|cell| cell.standing).collect();
    ensure(standings == [Standing::Known, Standing::Fine], "one cell is known, one fine", &output)?;
    ensure(campaign.expected[0].shown == 2, "the known finding was seen in both runs", &output)?;
    ensure(campaign.canary.state == CanaryState::Found, "the canary was found", &output)?;
    let xml = std::fs::read_to_string(place.path("junit.xml"))?;
    ensure(xml.contains("<skipped") && !xml.contains("<failure"), "known is skipped, not failed", &output)?;
    let kept = std::fs::read_dir(place.path("d/runs"))?.count();
    ensure(kept == 0, "what was expected keeps no directory", &output)?;

    std::fs::write(place.path("nightly.toml"), [LISTS, seeds, CANARY].concat())?;
    let output = place.run("campaign nightly.toml --jobs 2 --dir d")?;
    ends(&output, 1, &["0 runs to be done", "1 of 2 cells shows what nobody expected, in 4 runs."])?;
    let campaign: Campaign = place.result("d/campaign.json")?;
    let report = campaign.findings.first().and_then(|finding| finding.report.clone());
    let there = report.is_some_and(|report| place.path("d").join(report).is_file());
    ensure(there, "what is new has the report of its run", &output)
}

fn blind() -> TestResult {
    let canary = CANARY.replace("cut.toml", "sound.toml");
    let place = Place::new(&[LISTS, "seeds = 1\n", &canary].concat(), true)?;
    let output = place.run("campaign nightly.toml --dir d")?;
    ends(&output, 70, &["The canary was not found: nothing here can be trusted.", "was NOT found"])?;
    ensure(lines(&place.path("d/campaign.jsonl"))? == 1, "nothing was run but the canary", &output)?;
    let campaign: Campaign = place.result("d/campaign.json")?;
    ensure(campaign.verdict == Verdict::Unknown, "unknown, whatever is bad", &output)?;
    std::fs::write(place.path("nightly.toml"), [LISTS, &canary].concat())?;
    let output = place.run("campaign nightly.toml --dir d")?;
    ends(&output, 64, &["nothing says how long it goes on", "add `seeds = 5`"])
}

fn shards() -> TestResult {
    let place = Place::new(&[LISTS, "seeds = 3\n", CANARY, KNOWN].concat(), true)?;
    for shard in ["1", "2"] {
        let output =
            place.run(&format!("campaign nightly.toml --jobs 2 --shard {shard}/2 --dir s{shard}"))?;
        ends(&output, 2, &["canary found", &format!("of shard {shard} of 2")])?;
    }
    let output = place.run("merge s1 --to some")?;
    ends(&output, 2, &["runs are missing", "of shard 2 of 2; to do them: fermoposta campaign nightly.toml"])?;
    let output = place.run("merge s1 s2 --to all")?;
    ends(&output, 0, &["Nothing new in 6 runs; 1 finding is known."])?;
    let merged: Campaign = place.result("all/campaign.json")?;
    ensure(merged.cells.iter().all(|cell| cell.runs == 3), "every run is there once", &output)?;
    let results = place.path("s2/campaign.jsonl");
    let text = std::fs::read_to_string(&results)?;
    std::fs::write(&results, text.replacen("\"canary\":true", "\"canary\":false", 1))?;
    ends(&place.run("merge s1 s2 --to no")?, 64, &["was run twice and came to: found (s1), not found (s2)"])
}

fn until() -> TestResult {
    let place = Place::new(&[LISTS, "until = \"6s\"\n", CANARY, KNOWN].concat(), false)?;
    let output = place.run("campaign nightly.toml --jobs 2 --dir d")?;
    ends(&output, 0, &["runs are begun for 6s", "1 finding is known, 1 of them not seen any more."])?;
    let campaign: Campaign = place.result("d/campaign.json")?;
    ensure(campaign.cells.iter().all(|cell| cell.runs > 0), "every cell was run", &output)?;
    ensure(campaign.expected[0].shown == 0 && campaign.expected[0].runs > 0, "not seen", &output)?;
    let before = lines(&place.path("d/campaign.jsonl"))?;
    // As if it had been killed before one more result was whole. (The last of those that are may be the only one of its cell.)
    let text = std::fs::read_to_string(place.path("d/campaign.jsonl"))?;
    let half = text.lines().last().and_then(|line| line.get(..line.len() / 2)).unwrap_or_default();
    std::fs::write(place.path("d/campaign.jsonl"), format!("{text}{half}"))?;
    std::fs::write(place.path("nightly.toml"), [LISTS, "until = \"1ms\"\n", CANARY, KNOWN].concat())?;
    let output = place.run("campaign nightly.toml --jobs 2 --dir d")?;
    ends(&output, 0, &["Every run had been done before"])?;
    ensure(lines(&place.path("d/campaign.jsonl"))? == before, "the time was over", &output)
}

fn nights() -> TestResult {
    let place = Place::new(&[LISTS, "seeds = 1\n", CANARY].concat(), false)?;
    ends(&place.run("campaign nightly.toml --jobs 2 --dir n1 --label good")?, 0, &[])?;
    place.put_server(true)?;
    ends(&place.run("campaign nightly.toml --jobs 2 --dir n2 --label careless")?, 1, &[])?;
    let output = place.run("history n2 n1 --export all.json --export all.html")?;
    ends(
        &output,
        0,
        &["1 regression in 2 cells over 2 nights, 1 of them not seen to be gone.", "last seen in careless"],
    )?;
    let history: History = place.result("all.json")?;
    let names: Vec<&str> = history.nights.iter().map(|night| night.name.as_str()).collect();
    ensure(names == ["good", "careless"], "in the order of time, by their labels", &output)?;
    let first = &history.regressions[0];
    let is_it = (first.property.as_str(), first.seed, first.since) == ("acknowledged-durable", 1, 1);
    ensure(is_it && first.reproduce.contains("cut.toml"), "the first run is named", &output)?;
    ensure(std::fs::read_to_string(place.path("all.html"))?.contains("<svg"), "with a picture", &output)?;
    ends(&place.run("history n1 .")?, 64, &[". holds no campaign, no survey and no run"])?;
    strangers(&place)
}

/// A survey of something else, and one beside which a campaign can stand.
fn strangers(place: &Place) -> TestResult {
    ends(&place.run("survey sound.toml --target reference --repeat 1 --dir other")?, 0, &[])?;
    ends(&place.run("history n1 other")?, 64, &["cannot be set beside the others"])?;
    ends(&place.run("survey sound.toml --target mine.toml --repeat 1 --dir same")?, 0, &[])?;
    ends(&place.run("history n1 same")?, 0, &["over 2 nights", "do not note their scenario file"])
}
