//! Copies of the files of the user's that a plan was made from. They lie so that the copy of the scenario finds them beside
//! itself: the run can be done again when the files are gone, or are others.

use crate::scenario::sender_files;
use crate::server::find;
use anyhow::{Context, Result};
use record::directory::RunDirectory;
use record::plan::Plan;
use std::path::Path;

/// Scenario, target, companions and senders, but for those that come with the program.
pub(crate) fn keep(plan: &Plan, run: &RunDirectory) -> Result<()> {
    let beside = plan.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let target = &plan.target;
    let own = (find::file(&target.given, beside), run.target_file(&target.server));
    let companions = target.definition.with.iter();
    let companions = companions.map(|with| (find::file(&with.target, beside), run.target_file(with.name())));
    let senders = plan.workload.senders.iter().map(|sender| &sender.definition.name);
    let senders = senders.map(|name| (sender_files::file(name, beside), run.sender_file(name)));
    std::fs::write(run.scenario(), &plan.text)?;
    for (file, copy) in [own].into_iter().chain(companions).chain(senders) {
        file.map_or(Ok(()), |file| copied(&file, &copy))?;
    }
    Ok(())
}

fn copied(file: &Path, copy: &Path) -> Result<()> {
    let cannot = || format!("cannot copy {} to {}", file.display(), copy.display());
    copy.parent().map_or(Ok(()), std::fs::create_dir_all).with_context(cannot)?;
    std::fs::copy(file, copy).map(drop).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{self, overrides::Overrides};
    use record::plan::TargetPlan;
    use std::fs;
    use std::path::PathBuf;

    const SCENARIO: &str = "name = \"mine\"\nwhy = \"w\"\nstorage.mail = {}\ntarget.server = \"main server\"\n\
                            time.scale = 7200\nworkload = { duration = \"4s\", senders = { ours = 1 } }\n\
                            expect.no-faults = true\n";
    const TARGET: &str = "name = 'main server'\nabout = 'Ours.'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {}\n\
                          listen.lmtp = '127.0.0.1:{port.lmtp}'\nwith = [{ target = 'companion', when = 'always' }]\n";
    const COMPANION: &str = "name = 'companion'\nabout = 'Ours.'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {}\n\
                             listen.imap = '127.0.0.1:{port.imap}'\n";
    const SENDER: &str = "name = 'ours'\nabout = 'x'\nsource = 'x'\nevidence = 'from-memory'\ngive-up = '48h'\n\
                          retry.every = '20m'\n";

    fn put(directory: &Path, file: &str, text: &str) {
        let path = directory.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn planned(scenario: &Path, target: Option<&str>) -> Plan {
        let overrides = Overrides { seed: 7, target: target.map(str::to_owned), ..Overrides::default() };
        scenario::load(scenario, &overrides).unwrap_or_else(|e| panic!("{:?}", miette::Report::new(e)))
    }

    /// As a shell reads what [`record::plan::quoted`] writes.
    fn words(command: &str) -> Vec<String> {
        let mut words = command.split_inclusive(' ').peekable();
        let mut read = Vec::new();
        while let Some(word) = words.next() {
            let mut word = word.to_owned();
            while word.matches('\'').count() % 2 == 1 {
                word += words.next().expect("a closing quote");
            }
            read.push(word.trim_end().trim_matches('\'').to_owned());
        }
        read
    }

    #[test]
    fn a_run_can_be_done_again_when_all_files_that_it_was_made_from_are_gone() {
        let place = tempfile::tempdir().expect("a directory");
        let (theirs, runs) = (place.path().join("their files"), place.path().join("the runs"));
        put(&theirs, "mine.toml", SCENARIO);
        put(&theirs, "targets/main server.toml", TARGET);
        put(&theirs, "targets/companion.toml", COMPANION);
        put(&theirs, "senders/ours.toml", SENDER);
        let plan = planned(&theirs.join("mine.toml"), None);
        let run = RunDirectory::create(&runs, &plan.name, &plan.target.server, plan.seed).expect("made");
        keep(&plan, &run).expect("kept");
        fs::remove_dir_all(&theirs).expect("removed");
        let command = plan.reproduce_from(&run).expect("it was made from a file");
        let words = words(&command);
        assert_eq!(words[..2], ["fermoposta", "run"], "{command}");
        let again = planned(Path::new(&words[2]), Some(&words[4]));
        let target = TargetPlan { given: plan.target.given.clone(), ..again.target };
        assert_eq!(Plan { file: plan.file.clone(), target, ..again }, plan);
    }

    #[test]
    fn what_comes_with_the_program_is_not_copied() {
        let place = tempfile::tempdir().expect("a directory");
        let plan = planned(&PathBuf::from("../scenarios/baseline.toml"), Some("reference"));
        let run = RunDirectory::named(place.path(), "run").expect("made");
        keep(&plan, &run).expect("kept");
        let files: Vec<_> =
            fs::read_dir(run.path()).expect("there").map(|e| e.expect("one").file_name()).collect();
        assert_eq!(files, ["scenario.toml"]);
        let command = plan.reproduce_from(&run).expect("it was made from a file");
        assert!(command.ends_with("/run/scenario.toml --target reference --seed 7"), "{command}");
    }
}
