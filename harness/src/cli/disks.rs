//! The directories that the command line of a run names. Looked at before anything is made.

use crate::exit::{Misplaced, NoSuch};
use crate::mail::client::sanitise;
use anyhow::Result;
use record::plan::quoted;
use std::io;
use std::path::{Path, PathBuf};

/// A directory on a disk under test, with the option that names it.
pub(super) type Named<'a> = (String, &'a Path);

/// Each disk is there, and is meant for that; run directories are made on none of them.
///
/// # Errors
/// One is not: which, and the way out.
pub(super) fn check(disks: &[Named<'_>], runs: &Path) -> Result<()> {
    // One that is not there would be made: on the root disk, if its name is misspelt.
    disks.iter().try_for_each(exists)?;
    let made_in = where_made(runs)?;
    disks.iter().try_for_each(|disk| is_meant(disk).and_then(|()| lies_apart(disk, runs, &made_in)))
}

fn exists((option, place): &Named<'_>) -> Result<()> {
    if place.is_dir() {
        return Ok(());
    }
    let (what, make) = match place.exists() {
        true => ("is no directory", String::new()),
        false => ("is not there", format!(", or make it: mkdir {}", quoted(&place.display().to_string()))),
    };
    let place = place.display();
    let message = format!("{option} {place}: it {what}; name a directory on the disk under test{make}");
    Err(NoSuch(sanitise(message.as_bytes())).into())
}

/// What holds much else is named by mistake: a variable was empty.
fn is_meant((option, place): &Named<'_>) -> Result<()> {
    let real = place.canonicalize()?;
    let home = std::env::var_os("HOME").and_then(|home| PathBuf::from(home).canonicalize().ok());
    let what = match () {
        () if real == Path::new("/") => "the top of the whole machine",
        () if Some(&real) == home.as_ref() => "your home directory",
        () => return Ok(()),
    };
    Err(misplaced(format!(
        "{option} {}: it is {what}; name a directory of its own on the disk under test",
        place.display()
    )))
}

fn lies_apart((option, place): &Named<'_>, runs: &Path, made_in: &Path) -> Result<()> {
    let real = place.canonicalize()?;
    let (place, runs) = (place.display(), runs.display());
    let why = match () {
        () if made_in.starts_with(&real) => format!("--runs {runs} lies in {option} {place}"),
        () if real.starts_with(made_in) => format!("{option} {place} lies in --runs {runs}"),
        () => return Ok(()),
    };
    Err(misplaced(format!(
        "{why}: what is recorded would lie with the mail under test; name another directory with --runs"
    )))
}

/// Where run directories are made, without links; not all of it needs to be there.
fn where_made(runs: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(runs)?;
    let there = |path: &&Path| path.symlink_metadata().is_ok();
    let above = absolute.ancestors().find(there).unwrap_or(Path::new("/"));
    let rest = absolute.strip_prefix(above)?;
    match above.canonicalize() {
        Ok(real) if real.is_dir() => Ok(real.join(rest)),
        Ok(_) => Err(no_runs(runs, above, "is no directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(no_runs(runs, above, "is a link that leads nowhere"))
        }
        Err(error) => Err(error.into()),
    }
}

fn no_runs(runs: &Path, above: &Path, what: &str) -> anyhow::Error {
    misplaced(format!(
        "--runs {}: {} {what}; name a directory, or a path at which one can be made",
        runs.display(),
        above.display()
    ))
}

fn misplaced(why: String) -> anyhow::Error {
    Misplaced(sanitise(why.as_bytes())).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::symlink;

    /// What is said of these two, below a directory of the test's own.
    fn said(disk: &str, runs: &str) -> String {
        let place = tempfile::tempdir().expect("a directory");
        let here = place.path().canonicalize().expect("it is there");
        std::fs::create_dir_all(here.join("disk/below")).expect("made");
        std::fs::write(here.join("file"), "").expect("written");
        symlink("nowhere", here.join("dangling")).expect("linked");
        symlink("disk", here.join("link")).expect("linked");
        let (disk, runs) = (here.join(disk), here.join(runs));
        let checked = check(&[("--storage-dir".to_owned(), disk.as_path())], &runs);
        let Err(error) = checked else { return String::new() };
        assert_eq!(Exit::of(&error), Exit::Usage);
        error.to_string().replace(&here.display().to_string(), "")
    }

    #[test]
    fn a_misspelt_disk_is_not_made() {
        insta::assert_snapshot!(said("no/such disk", "runs"), @"--storage-dir /no/such disk: it is not there; name a directory on the disk under test, or make it: mkdir '/no/such disk'");
        insta::assert_snapshot!(said("file", "runs"), @"--storage-dir /file: it is no directory; name a directory on the disk under test");
        insta::assert_snapshot!(said("dangling", "runs"), @"--storage-dir /dangling: it is not there; name a directory on the disk under test, or make it: mkdir /dangling");
    }

    #[test]
    fn what_is_recorded_lies_apart_from_the_mail_under_test() {
        insta::assert_snapshot!(said("disk", "disk/runs"), @"--runs /disk/runs lies in --storage-dir /disk: what is recorded would lie with the mail under test; name another directory with --runs");
        insta::assert_snapshot!(said("disk/below", "link"), @"--storage-dir /disk/below lies in --runs /link: what is recorded would lie with the mail under test; name another directory with --runs");
        insta::assert_snapshot!(said("link", "disk"), @"--runs /disk lies in --storage-dir /link: what is recorded would lie with the mail under test; name another directory with --runs");
        assert_eq!(said("disk", "disks/runs"), "");
    }

    #[test]
    fn what_holds_much_else_is_no_disk_under_test() {
        insta::assert_snapshot!(said("/", "runs"), @"--storage-dir /: it is the top of the whole machine; name a directory of its own on the disk under test");
        let home = std::env::var("HOME").expect("it is set where tests run");
        insta::assert_snapshot!(said(&home, "runs").replace(&home, "HOME"), @"--storage-dir HOME: it is your home directory; name a directory of its own on the disk under test");
    }

    #[test]
    fn run_directories_are_made_in_directories() {
        insta::assert_snapshot!(said("disk", "file/x/y"), @"--runs /file/x/y: /file is no directory; name a directory, or a path at which one can be made");
        insta::assert_snapshot!(said("disk", "dangling"), @"--runs /dangling: /dangling is a link that leads nowhere; name a directory, or a path at which one can be made");
        assert_eq!(said("disk", "not/there/yet"), "");
    }
}
