//! The disk beneath the run directory, which is not under test, is full.

use crate::group::{TestResult, group, percent};
use crate::stage::HEALTHY;
use fermoposta::testing::{Test, cannot_mount};
use libtest_mimic::Failed;
use std::process::Command;

pub(crate) fn tests() -> Vec<Test> {
    let not_root = (!nix::unistd::geteuid().is_root()).then(|| "only root mounts a small disk".to_owned());
    let tests =
        [("beneath_the_run_directory", percent(30, 20), beneath_the_run_directory as fn() -> TestResult)];
    group("full_disk", cannot_mount().or(not_root), tests)
}

/// Healthy traffic, of more than the small disk has room to record. Its name stood alone before an empty reason.
fn scenario() -> String {
    HEALTHY.replace("1s", "4s").replace("20/s", "50/s")
}

/// In a mount namespace of its own. Then what `report` says, while the disk is still full.
const SCRIPT: &str = r#"cd "$0" && mount -t tmpfs -o size=300k small small || exit 99
"$1" run scenario.toml --seed 1 --runs small/runs --storage-dir disk
echo "run: $?" >&2
"$1" report small/runs/* >&2
echo "report: $?" >&2"#;

fn beneath_the_run_directory() -> TestResult {
    let place = tempfile::tempdir()?;
    ["small", "disk"].iter().try_for_each(|name| std::fs::create_dir(place.path().join(name)))?;
    std::fs::write(place.path().join("scenario.toml"), scenario())?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT]).arg(place.path()).arg(std::env::current_exe()?);
    let output = command.env("FERMOPOSTA_SELF", "1").output()?;
    // The lines of a report are broken to fit a terminal.
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let (run, report) =
        said.split_once("run: 70 ").ok_or_else(|| Failed::from(format!("not 70:\n{said}")))?;
    let directory = place.path().canonicalize()?.join("small/runs/healthy-reference-1");
    let full = format!("the disk beneath {} is full (", directory.display());
    for (who, said) in [("run", run), ("report", report)] {
        for wanted in [&full, " of 300.0 KiB left: tmpfs on small", "record elsewhere with --runs DIR"] {
            if !said.contains(wanted) {
                return Err(Failed::from(format!("`{who}` does not say {wanted:?}:\n{said}")));
            }
        }
    }
    Ok(())
}
