//! How backing directory, mount point and trace lie to each other. Looked at before anything is made or changed.

use super::mount::Request;
use super::socket::resolved;
use crate::exit::Misplaced;
use crate::mail::client::sanitise;
use anyhow::{Context, Result};
use fuse_fs::mount::table::{self, Entry, Owner};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The places of a mount, without links.
#[derive(Debug)]
pub(super) struct Places {
    pub backing: PathBuf,
    pub mountpoint: PathBuf,
}

impl Places {
    /// Of what was asked, if it can be done.
    ///
    /// # Errors
    /// It cannot: what is in the way, and the way out.
    pub(super) fn of(request: &Request) -> Result<Places> {
        let (backing, mountpoint) = (request.backing.as_path(), request.mountpoint.as_path());
        // It may be frozen, and whoever looked into it would wait.
        let lies_at =
            resolved(mountpoint).map_err(|error| misplaced(format!("{error:#}; name an empty directory")))?;
        if let Some(mount) = table::uppermost(&lies_at)?.filter(|mount| mount.kind == table::KIND) {
            let at = mount.mountpoint.display();
            return Err(misplaced(format!(
                "a fault file system is mounted at {at} already; name another mount point, or end that one (if it is dead: \
                 `umount {at}`)"
            )));
        }
        let places = Places {
            backing: directory("backing directory", backing)?,
            mountpoint: directory("mount point", mountpoint)?,
        };
        places.lie_apart()?;
        is_empty(&places.mountpoint)?;
        request.trace.iter().try_for_each(|trace| places.is_outside(trace))?;
        Ok(places)
    }

    fn lie_apart(&self) -> Result<()> {
        let (backing, mountpoint) = (self.backing.display(), self.mountpoint.display());
        let (mountpoint_in, backing_in) =
            (lies_in(&self.mountpoint, &self.backing)?, lies_in(&self.backing, &self.mountpoint)?);
        let why = match (mountpoint_in, backing_in) {
            (true, true) => {
                format!("{mountpoint} is the backing directory itself, which the mount would cover")
            }
            (true, false) => format!(
                "the mount point {mountpoint} lies in the backing directory {backing}, and so would be shown in itself"
            ),
            (false, true) => format!(
                "the backing directory {backing} lies in the mount point {mountpoint}, which the mount would cover"
            ),
            (false, false) => return Ok(()),
        };
        Err(misplaced(format!("{why}; name an empty directory elsewhere as mount point")))
    }

    /// A trace on the storage that it is of would be on itself, or in the mount point's way.
    fn is_outside(&self, trace: &Path) -> Result<()> {
        let Ok(place) = resolved(trace) else { return Ok(()) };
        let directory = place.parent().unwrap_or(&place);
        if lies_in(directory, &self.backing)? || lies_in(directory, &self.mountpoint)? {
            let trace = trace.display();
            return Err(misplaced(format!(
                "the trace {trace} lies on the storage that it is of; name a file elsewhere"
            )));
        }
        Ok(())
    }

    /// No other mount shows what lies in the backing directory, or the backing directory itself from above, if one of the two keeps
    /// account of what is durable.
    fn lies_beside(&self, mounts: &[Entry], alone: bool) -> Result<()> {
        for mount in mounts {
            let Some(owner) = Owner::of(mount).filter(|owner| alone || owner.keeps_account) else { continue };
            let (inner, outer) = match self.backing.starts_with(&owner.backing) {
                true => (&self.backing, &owner.backing),
                false => (&owner.backing, &self.backing),
            };
            if inner != outer && inner.starts_with(outer) {
                let (inner, outer, at) = (inner.display(), outer.display(), mount.mountpoint.display());
                return Err(misplaced(format!(
                    "{inner} lies in {outer}, one of them is mounted at {at}, and one of the two mounts keeps account of what is \
                     durable; end that one, or name a copy"
                )));
            }
        }
        Ok(())
    }

    /// Keeps every other mount from the backing directory as long as what is returned lives: one that keeps account of what
    /// is durable must be the only one that writes.
    pub(super) fn keep(&self, alone: bool) -> Result<Option<Flock<File>>> {
        self.lies_beside(&table::all()?, alone)?;
        let backing = self.backing.display();
        let directory = File::open(&self.backing).with_context(|| format!("cannot open {backing}"))?;
        let how = if alone { FlockArg::LockExclusiveNonblock } else { FlockArg::LockSharedNonblock };
        match Flock::lock(directory, how) {
            Ok(kept) => Ok(Some(kept)),
            Err((_, Errno::EWOULDBLOCK)) => Err(misplaced(format!(
                "{backing} is the backing directory of another mount, and one of the two keeps account of what is durable: \
                 what the other writes would be missing there; end that one first, or name a copy"
            ))),
            // As on a network's file system: nobody can be kept away there.
            Err(_) => Ok(None),
        }
    }
}

fn misplaced(why: String) -> anyhow::Error {
    Misplaced(sanitise(why.as_bytes())).into()
}

/// Without links.
fn directory(what: &str, path: &Path) -> Result<PathBuf> {
    let found = path.canonicalize().and_then(|real| Ok((real.metadata()?.is_dir(), real)));
    let why = match found {
        Ok((true, real)) => return Ok(real),
        Ok((false, _)) => "it is no directory".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(misplaced(format!("{what} {}: {why}; name a directory, or make it", path.display())))
}

fn is_empty(mountpoint: &Path) -> Result<()> {
    let at = mountpoint.display();
    let mut entries =
        std::fs::read_dir(mountpoint).with_context(|| format!("cannot read the mount point {at}"))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(misplaced(format!("the mount point {at} is not empty; name an empty directory"))),
    }
}

/// By whatever path: a directory has one number, however many links and mounts lead to it.
fn lies_in(inner: &Path, outer: &Path) -> Result<bool> {
    let number = |path: &Path| {
        let found = path.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
        anyhow::Ok((found.dev(), found.ino()))
    };
    let outer = number(outer)?;
    Ok(inner.ancestors().map(number).collect::<Result<Vec<_>>>()?.contains(&outer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::symlink;

    /// What is said of mounting `backing` at `mountpoint`, both below a directory of the test's own.
    fn said(backing: &str, mountpoint: &str, trace: Option<&str>) -> String {
        let place = tempfile::tempdir().expect("a directory");
        let here = place.path().canonicalize().expect("it is there");
        for directory in ["b/inner", "b/out/deep", "m"] {
            std::fs::create_dir_all(here.join(directory)).expect("made");
        }
        std::fs::write(here.join("file"), "").expect("written");
        symlink(here.join("b"), here.join("link")).expect("linked");
        symlink("nowhere", here.join("dangling")).expect("linked");
        let request = Request {
            backing: here.join(backing),
            mountpoint: here.join(mountpoint),
            trace: trace.map(|trace| here.join(trace)),
            ..Request::default()
        };
        let error = match Places::of(&request) {
            Ok(_) => return String::new(),
            Err(error) => error,
        };
        assert_eq!(Exit::of(&error), Exit::Usage);
        error.to_string().replace(&here.display().to_string(), "")
    }

    #[test]
    fn a_mount_is_never_shown_in_itself() {
        insta::assert_snapshot!(said("b", "b", None), @"/b is the backing directory itself, which the mount would cover; name an empty directory elsewhere as mount point");
        insta::assert_snapshot!(said("b/inner", "link/inner", None), @"/b/inner is the backing directory itself, which the mount would cover; name an empty directory elsewhere as mount point");
        insta::assert_snapshot!(said("b", "b/inner", None), @"the mount point /b/inner lies in the backing directory /b, and so would be shown in itself; name an empty directory elsewhere as mount point");
        insta::assert_snapshot!(said("link", "b/inner/.", None), @"the mount point /b/inner lies in the backing directory /b, and so would be shown in itself; name an empty directory elsewhere as mount point");
        insta::assert_snapshot!(said("b/out/deep", "link/out", None), @"the backing directory /b/out/deep lies in the mount point /b/out, which the mount would cover; name an empty directory elsewhere as mount point");
        insta::assert_snapshot!(said("/", "m", None), @"the mount point /m lies in the backing directory /, and so would be shown in itself; name an empty directory elsewhere as mount point");
    }

    #[test]
    fn places_are_directories() {
        insta::assert_snapshot!(said("b", "nowhere", None), @"mount point /nowhere: it is not there; name a directory, or make it");
        insta::assert_snapshot!(said("dangling", "m", None), @"backing directory /dangling: it is not there; name a directory, or make it");
        insta::assert_snapshot!(said("file", "m", None), @"backing directory /file: it is no directory; name a directory, or make it");
        insta::assert_snapshot!(said("m", "b", None), @"the mount point /b is not empty; name an empty directory");
        insta::assert_snapshot!(said("b", "/", None), @"/ has no name; name an empty directory");
        insta::assert_snapshot!(said("b", "nowhere/m", None), @"cannot find /nowhere: No such file or directory (os error 2); name an empty directory");
    }

    #[test]
    fn a_trace_is_not_on_the_storage_that_it_is_of() {
        insta::assert_snapshot!(said("b", "m", Some("link/inner/trace")), @"the trace /link/inner/trace lies on the storage that it is of; name a file elsewhere");
        insta::assert_snapshot!(said("b", "m", Some("m/trace")), @"the trace /m/trace lies on the storage that it is of; name a file elsewhere");
        assert_eq!(said("b", "m", Some("trace")), "");
    }

    #[test]
    fn backing_directories_do_not_lie_in_one_another() {
        let table = b"41 40 0:61 / /srv/m rw - fuse.fermoposta fermoposta-7+:/srv/b/inner rw\n\
                      42 40 0:62 / /srv/n rw - fuse.fermoposta fermoposta-7:/srv/plain rw";
        let said = |backing: &str, alone| {
            let places = Places { backing: backing.into(), mountpoint: "/srv/o".into() };
            places
                .lies_beside(&table::parse(table), alone)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        insta::assert_snapshot!(said("/srv/b", false), @"/srv/b/inner lies in /srv/b, one of them is mounted at /srv/m, and one of the two mounts keeps account of what is durable; end that one, or name a copy");
        insta::assert_snapshot!(said("/srv/b/inner/deep", false), @"/srv/b/inner/deep lies in /srv/b/inner, one of them is mounted at /srv/m, and one of the two mounts keeps account of what is durable; end that one, or name a copy");
        insta::assert_snapshot!(said("/srv/plain/deep", true), @"/srv/plain/deep lies in /srv/plain, one of them is mounted at /srv/n, and one of the two mounts keeps account of what is durable; end that one, or name a copy");
        for (apart, alone) in [("/srv/b/inner2", true), ("/srv/plain/deep", false), ("/srv/b/inner", true)] {
            assert_eq!(said(apart, alone), "", "{apart}");
        }
    }

    #[test]
    fn whoever_keeps_account_of_what_is_durable_is_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let here = place.path().to_owned();
        let places = || Places { backing: here.clone(), mountpoint: here.clone() };
        let alone = places().keep(true).expect("nobody else is there");
        let refused = places().keep(false).expect_err("somebody keeps account");
        insta::assert_snapshot!(refused.to_string().replace(&here.display().to_string(), "B"), @"B is the backing directory of another mount, and one of the two keeps account of what is durable: what the other writes would be missing there; end that one first, or name a copy");
        drop(alone);
        let _one_of_two = places().keep(false).expect("nobody else is there");
        places().keep(false).expect("neither keeps account");
        places().keep(true).expect_err("somebody writes");
    }
}
