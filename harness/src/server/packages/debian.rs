//! Debian packages: asks apt what the machine lacks, downloads and unpacks it. Needs no root and installs nothing.

use super::tool::output;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories that Debian has below `/usr` since they were merged; packages still name them without it.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Unpacks `packages` and what they depend on into `root`; (package, version) of each.
pub(crate) fn unpack(packages: &[String], root: &Path) -> Result<Vec<(String, String)>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let lacking = lacking(packages)?;
    let downloads = tempfile::tempdir().context("no place for the downloads")?;
    download(&lacking, downloads.path())?;
    for archive in files_in(downloads.path())? {
        let mut command = Command::new("dpkg-deb");
        output(command.arg("-x").arg(&archive).arg(root), "is the disk full?")?;
    }
    MERGED.iter().try_for_each(|name| merge(&root.join(name), &root.join("usr").join(name)))?;
    Ok(lacking)
}

/// What apt would install, with versions. Packages that the machine has are not among them.
fn lacking(packages: &[String]) -> Result<Vec<(String, String)>> {
    let mut command = Command::new("apt-get");
    command.args(["--simulate", "--no-install-recommends", "--yes", "install"]).args(packages);
    let way_out = "`apt-get update` as root brings the lists of packages; Debian's own servers need Debian or a \
                   relative of it";
    Ok(parse(&output(&mut command, way_out)?))
}

/// Reads lines such as `Inst NAME [OLD] (VERSION ORIGIN [ARCH])`.
fn parse(simulated: &str) -> Vec<(String, String)> {
    let installed = simulated.lines().filter_map(|line| line.strip_prefix("Inst "));
    let package = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let version = rest.split_once('(')?.1.split([' ', ')']).next()?;
        Some((name.to_owned(), version.to_owned()))
    };
    installed.filter_map(package).collect()
}

fn download(packages: &[(String, String)], into: &Path) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("apt-get");
    // As root, apt would download as a user who may not write here.
    command.args(["-o", "APT::Sandbox::User=", "download"]).current_dir(into);
    command.args(packages.iter().map(|(name, version)| format!("{name}={version}")));
    output(&mut command, "is there a network, and are the lists of packages new (`apt-get update`)?")
        .map(drop)
}

fn files_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Moves everything below `from` to the same place below `to`.
fn merge(from: &Path, to: &Path) -> Result<()> {
    if !from.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for path in files_in(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.symlink_metadata()?.is_dir() && target.is_dir() {
            merge(&path, &target)?;
        } else {
            std::fs::rename(&path, &target)
                .with_context(|| format!("cannot move {} to {}", path.display(), target.display()))?;
        }
    }
    Ok(std::fs::remove_dir(from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_upgraded_packages_are_read_with_their_versions() {
        let simulated = "Reading state information...\n\
            Inst cpio (2.13+dfsg-7.1 Debian:12.15/oldstable [amd64])\n\
            Remv exim4 [4.96]\n\
            Inst libssl3 [3.0.11-1] (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64]) []\n\
            Conf cpio (2.13+dfsg-7.1 Debian:12.15/oldstable [amd64])\n";
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(parse(simulated), [pair("cpio", "2.13+dfsg-7.1"), pair("libssl3", "3.0.15-1~deb12u1")]);
    }

    #[test]
    fn directories_before_the_merge_end_up_below_usr() {
        let root = tempfile::tempdir().unwrap();
        let (lib, usr) = (root.path().join("lib/x/deep"), root.path().join("usr/lib/x"));
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::create_dir_all(&usr).unwrap();
        std::fs::write(lib.join("a.so"), "a").unwrap();
        std::fs::write(usr.join("b.so"), "b").unwrap();
        merge(&root.path().join("lib"), &root.path().join("usr/lib")).unwrap();
        assert!(usr.join("deep/a.so").exists() && usr.join("b.so").exists());
        assert!(!root.path().join("lib").exists());
    }
}
