//! Every target that comes with the program, where its mail server is there: without faults nothing is lost.

use fermoposta::target::definition::Definition;
use fermoposta::target::find;
use libtest_mimic::{Arguments, Failed, Trial};
use reports::model::Verdict;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    let mut arguments = Arguments::from_args();
    // Each is a mail server with many processes.
    arguments.test_threads = arguments.test_threads.or(Some(1));
    // The built-in one has every scenario as a test.
    let targets = find::built_in().into_iter().filter(|definition| definition.name != "reference");
    libtest_mimic::run(&arguments, targets.map(trial).collect()).exit_code()
}

fn trial(definition: Definition) -> Trial {
    let name = definition.name.clone();
    let trial = Trial::test(format!("servers::{name}"), move || loses_nothing(&name));
    match fermoposta::doctor::cannot_mount().or_else(|| cannot_run(&definition)) {
        Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
        None => trial,
    }
}

fn cannot_run(definition: &Definition) -> Option<String> {
    let companions = find::companions(definition, Path::new("")).expect("they come with the program");
    let companions = companions.iter().map(|(_, companion)| companion);
    [definition].into_iter().chain(companions).find_map(fermoposta::doctor::cannot_run)
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
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.summary.into()) }
}
