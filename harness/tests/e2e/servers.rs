//! Every target that comes with the program, where its mail server is there: without faults nothing is lost.

use crate::group::percent;
use fermoposta::testing::Test;
use fermoposta::testing::inside::{built_in, companions};
use libtest_mimic::Failed;
use record::plan::server::Definition;
use reports::kit::verdict::Verdict;
use std::path::Path;

pub(crate) fn tests() -> Vec<Test> {
    // The built-in one has every scenario as a test.
    let targets = built_in().into_iter().filter(|definition| definition.name != "reference");
    targets.map(test).collect()
}

fn test(definition: Definition) -> Test {
    let name = definition.name.clone();
    let missing = fermoposta::testing::cannot_mount().or_else(|| cannot_run(&definition));
    // Each is a mail server with many processes.
    Test::new(format!("servers::{name}"), percent(40, 15), move || loses_nothing(&name)).lacking(missing)
}

fn cannot_run(definition: &Definition) -> Option<String> {
    let companions =
        companions(definition, &definition.name, Path::new("")).expect("they come with the program");
    let companions = companions.iter().map(|(_, companion)| companion);
    [definition].into_iter().chain(companions).find_map(fermoposta::testing::cannot_run)
}

const SCENARIO: &str = r#"
name = "nothing-fails"
why  = "Without any fault nothing may be lost."
[workload]
duration = "3s"
rate     = "20/s"
users    = 4
mix      = { deliver = 1 }
[expect]
no-faults    = true
acknowledged = 20
"#;

fn loses_nothing(target: &str) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let scenario = place.path().join("nothing-fails.toml");
    std::fs::write(&scenario, SCENARIO)?;
    let run = fermoposta::testing::run(&scenario, &["--target", target])?;
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.failed()) }
}
