//! The run directory of a test: evidence of one that failed stays where Cargo's other output is, one that passed leaves nothing.

use libtest_mimic::Failed;
use std::path::{Path, PathBuf};
use tempfile::{Builder, TempDir};

/// Below Cargo's target directory.
const HOME: &str = "fermoposta-runs";

/// Where run directories of one test are made. It goes with this value, unless the test panics or keeps it.
pub(super) struct Evidence {
    place: Option<TempDir>,
}

impl Evidence {
    /// For the runs of a scenario file.
    pub(super) fn new(scenario: &Path) -> std::io::Result<Evidence> {
        let home = home(&std::env::current_exe()?);
        std::fs::create_dir_all(&home)?;
        let name = scenario.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Evidence { place: Some(Builder::new().prefix(&format!("{name}-")).tempdir_in(home)?) })
    }

    pub(super) fn path(&self) -> &Path {
        self.place.as_ref().expect("it is there until it is kept").path()
    }

    /// Lets it stay, if anything is in it; the sentence says where it is.
    pub(super) fn keep(mut self) -> String {
        self.leave()
    }

    /// A failure without a verdict: what was recorded until then stays.
    pub(super) fn with(self, why: &Failed) -> Failed {
        format!("{}\n{}", why.message().unwrap_or_default().trim_end(), self.keep()).into()
    }

    fn leave(&mut self) -> String {
        let run = |place: &TempDir| Some(std::fs::read_dir(place.path()).ok()?.next()?.ok()?.path());
        match self.place.take().and_then(|place| Some((run(&place)?, place.keep()))) {
            Some((run, _)) => format!("evidence: {} (report.html is the page to read)", run.display()),
            None => "evidence: none, the run came to no directory".to_owned(),
        }
    }
}

/// A test that panics has failed.
impl Drop for Evidence {
    fn drop(&mut self) {
        if std::thread::panicking() && self.place.is_some() {
            eprintln!("{}", self.leave());
        }
    }
}

/// Cargo marks its target directory, above every program that it builds.
fn home(program: &Path) -> PathBuf {
    let target = program.ancestors().find(|above| above.join("CACHEDIR.TAG").is_file());
    target.map_or_else(std::env::temp_dir, Path::to_owned).join(HOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_a_run() -> (Evidence, PathBuf) {
        let evidence = Evidence::new(Path::new("tests/a scenario.toml")).expect("target can be written");
        let run = evidence.path().join("a-reference-1");
        std::fs::create_dir(&run).expect("it is new");
        (evidence, run)
    }

    #[test]
    fn it_lies_in_cargos_target_directory() {
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("target/debug/deps/scenarios-0123");
        assert_eq!(home(&program), std::env::temp_dir().join(HOME));
        std::fs::create_dir(place.path().join("target")).expect("it is new");
        std::fs::write(place.path().join("target/CACHEDIR.TAG"), "").expect("writable");
        assert_eq!(home(&program), place.path().join("target").join(HOME));
        let (evidence, _) = with_a_run();
        let mut parts = evidence.path().components().rev().map(|part| part.as_os_str().to_string_lossy());
        assert!(parts.next().expect("a name").starts_with("a scenario-"));
        assert_eq!(parts.next().expect("a parent"), HOME);
    }

    #[test]
    fn a_test_that_passed_leaves_nothing() {
        let (evidence, run) = with_a_run();
        drop(evidence);
        assert!(!run.parent().expect("its place").exists());
    }

    #[test]
    fn evidence_of_a_failure_is_named_and_stays() {
        let (evidence, run) = with_a_run();
        let said = evidence.with(&Failed::from("the machine has no disk\n"));
        let shown = said.message().expect("a message").replace(&run.display().to_string(), "RUN");
        insta::assert_snapshot!(shown, @r#"
        the machine has no disk
        evidence: RUN (report.html is the page to read)
        "#);
        assert!(run.is_dir());
        std::fs::remove_dir_all(run.parent().expect("its place")).expect("ours");
    }

    #[test]
    fn evidence_of_a_test_that_panics_stays() {
        let (evidence, run) = with_a_run();
        let test = std::thread::spawn(move || {
            let _evidence = evidence;
            panic!("as an assertion does");
        });
        test.join().expect_err("it panics");
        assert!(run.is_dir());
        std::fs::remove_dir_all(run.parent().expect("its place")).expect("ours");
    }

    #[test]
    fn what_came_to_no_run_leaves_nothing() {
        let evidence = Evidence::new(Path::new("x.toml")).expect("target can be written");
        let place = evidence.path().to_owned();
        insta::assert_snapshot!(evidence.keep(), @"evidence: none, the run came to no directory");
        assert!(!place.exists());
    }
}
