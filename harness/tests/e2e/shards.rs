//! Many runs shared out: shards, each in a directory of its own, and the one result that is made of them.

use crate::group::{Named, TestResult, group, percent};
use crate::stage::{SOUND, fermoposta};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::verdict::Verdict;
use reports::survey::Survey;
use reports::sweep::Sweep;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::Output;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 3] = [
        ("of_a_sweep_come_to_what_the_whole_comes_to", percent(60, 25), sweep),
        ("of_a_survey_come_to_what_the_whole_comes_to", percent(40, 20), survey),
        ("results_of_another_build_do_not_count", percent(40, 6), another_build),
    ];
    group("shards", fermoposta::testing::cannot_mount(), tests)
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> std::io::Result<Place> {
        let place = tempfile::tempdir()?;
        std::fs::write(place.path().join("sound.toml"), SOUND)?;
        Ok(Place(place))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &str) -> std::io::Result<Output> {
        fermoposta(self.0.path(), &arguments.split(' ').collect::<Vec<_>>())
    }

    fn ends(&self, code: i32, arguments: &str) -> Result<String, Failed> {
        let output = self.run(arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let all = format!("{arguments}\n{}{said}", String::from_utf8_lossy(&output.stdout));
        if output.status.code() == Some(code) {
            Ok(said)
        } else {
            Err(format!("{:?}: {all}", output.status).into())
        }
    }

    fn result<R: DeserializeOwned>(&self, file: &str) -> Result<R, Failed> {
        Ok(serde_json::from_str(&std::fs::read_to_string(self.path(file))?)?)
    }

    /// A copy of a directory's results with something else in one of its files.
    fn forged(&self, from: &str, to: &str, file: &str, change: impl Fn(&str) -> String) -> TestResult {
        std::fs::create_dir(self.path(to))?;
        for name in ["sweep-asked.json", "sweep.jsonl"] {
            std::fs::copy(self.path(from).join(name), self.path(to).join(name))?;
        }
        let place = self.path(to).join(file);
        let before = std::fs::read_to_string(&place)?;
        let after = change(&before);
        ensure(before != after, &format!("nothing was changed in {file}: {before}"))?;
        Ok(std::fs::write(place, after)?)
    }
}

fn ensure(so: bool, what: &str) -> TestResult {
    if so { Ok(()) } else { Err(Failed::from(what.to_owned())) }
}

fn says(said: &str, what: &str) -> TestResult {
    ensure(said.contains(what), &format!("it does not say `{what}`, but: {said}"))
}

/// But for how fast it went and where.
fn timeless(sweep: Sweep) -> Sweep {
    Sweep { speed: String::new(), reproduce: String::new(), directory: String::new(), ..sweep }
}

const SWEEP: &str = "sweep reference --first-delivery without --entry lmtp --faults fsync --jobs 2";

fn sweep() -> TestResult {
    let place = Place::new()?;
    place.ends(0, &format!("{SWEEP} --dir whole"))?;
    for shard in ["1", "2", "3"] {
        place.ends(2, &format!("{SWEEP} --shard {shard}/3 --dir s{shard}"))?;
        let part: Sweep = place.result(&format!("s{shard}/sweep.json"))?;
        ensure(part.verdict == Verdict::Unknown, "of a part nobody says that all is well")?;
        ensure(
            part.shard.map(|part| part.to_string()) == Some(format!("{shard}/3")),
            "it says which part it is",
        )?;
    }
    place.ends(0, "merge s1 s2 s3 --to all")?;
    let (whole, merged): (Sweep, Sweep) =
        (place.result("whole/sweep.json")?, place.result("all/sweep.json")?);
    ensure(timeless(whole) == timeless(merged), "all shards come to what the whole comes to")?;
    place.ends(0, "merge all s2 --to again")?;
    missing(&place)?;
    refused(&place)
}

fn missing(place: &Place) -> TestResult {
    let said = place.ends(2, "merge s3 s1 --to some")?;
    says(
        &said,
        " runs of shard 2 of 3; to do them: fermoposta sweep reference --dir shard-2-of-3 --entry lmtp",
    )?;
    says(&said, " --faults fsync --shard 2/3")
}

fn refused(place: &Place) -> TestResult {
    says(&place.ends(64, "merge s1 s2 --to all")?, "all is not empty; name a new directory with --to")?;
    says(&place.ends(64, "merge s1 . --to no")?, ". holds no results of a survey")?;
    place.forged("s1", "build", "sweep-asked.json", |text| {
        text.replacen("\"build\": \"", "\"build\": \"0", 1)
    })?;
    says(&place.ends(64, "merge s2 build --to no")?, "build does not fit s2: its build of the program is ")?;
    place.forged("s1", "seed", "sweep-asked.json", |text| text.replacen("\"seed\": 1", "\"seed\": 2", 1))?;
    says(&place.ends(64, "merge s2 seed --to no")?, "seed does not fit s2: its seed is 2, not 1")?;
    let other = |text: &str| text.replacen("\"class\":\"", "\"class\":\"lost\",\"was\":\"", 1);
    place.forged("s1", "other", "sweep.jsonl", other)?;
    says(&place.ends(64, "merge s1 other --to no")?, " was run twice and came to: ")?;
    ensure(!place.path("no").exists(), "nothing is made of what does not fit")
}

/// But for times, and what follows from them.
fn shown(survey: &Survey) -> String {
    let cells = survey.rows.iter().flat_map(|row| &row.cells);
    let cells: Vec<String> = cells
        .map(|cell| format!("{:?} {} of {}, {} lost", cell.worst, cell.shown, cell.runs, cell.lost))
        .collect();
    let findings = survey.findings.iter().map(|finding| {
        format!("{:?} {} {:?} {:?}", finding.class, finding.column, finding.seeds, finding.report)
    });
    let findings: Vec<String> = findings.collect();
    format!("{} {cells:?} {findings:?} {}", survey.sentence, survey.repeat)
}

fn survey() -> TestResult {
    let place = Place::new()?;
    let command = "survey sound.toml --target reference --repeat 4 --jobs 2";
    place.ends(0, &format!("{command} --dir whole"))?;
    for shard in ["1", "2"] {
        let said = place.ends(2, &format!("{command} --shard {shard}/2 --dir s{shard}"))?;
        says(&said, &format!("runs of shard {shard} of 2, "))?;
    }
    place.ends(0, "merge s1 s2 --to all")?;
    let (whole, merged): (Survey, Survey) =
        (place.result("whole/survey.json")?, place.result("all/survey.json")?);
    ensure(shown(&whole) == shown(&merged), "all shards come to what the whole comes to")?;
    ensure(merged.verdict == Verdict::Valid, "and that is valid")?;
    says(
        &place.ends(2, "merge s1 --to some")?,
        "runs of shard 2 of 2; to do them: fermoposta survey sound.toml",
    )
}

/// What an earlier build came to would count for ever.
fn another_build() -> TestResult {
    let place = Place::new()?;
    let command = "survey sound.toml --target reference --repeat 1 --dir s";
    place.ends(0, command)?;
    says(&place.ends(0, command)?, "1 runs, 0 of them to be done")?;
    let results = place.path("s/survey.jsonl");
    older(&results)?;
    let said = place.ends(0, command)?;
    says(&said, "1 results there are of another build of the program than this one (")?;
    says(&said, "1 runs, 1 of them to be done")
}

/// As another build leaves it: under another name.
fn older(results: &Path) -> TestResult {
    let text = std::fs::read_to_string(results)?;
    let text = text.replacen("\"run\":\"", "\"run\":\"0", 1).replacen("\"build\":\"", "\"build\":\"0", 1);
    Ok(std::fs::write(results, text)?)
}
