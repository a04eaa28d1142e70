//! Packages of languages, by the language's own installer.

use super::tool::output;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Installs npm packages, each `NAME@VERSION`, into `root/node_modules`.
pub(crate) fn npm(packages: &[String], root: &Path) -> Result<Vec<(String, String)>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("npm");
    command.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(root).args(packages);
    output(&mut command, "is npm there (`apt-get install npm`), and a network?")?;
    Ok(packages.iter().filter_map(|package| pair(package, "@")).collect())
}

/// Installs Python packages, each `NAME==VERSION`, into `root/python`.
pub(crate) fn pip(packages: &[String], root: &Path) -> Result<Vec<(String, String)>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // Nothing of the system is touched, whatever its Python says of packages from elsewhere.
    command.env("PIP_BREAK_SYSTEM_PACKAGES", "1").arg("--target").arg(root.join("python")).args(packages);
    output(&mut command, "is pip there (`apt-get install python3-pip`), and a network?")?;
    Ok(packages.iter().filter_map(|package| pair(package, "==")).collect())
}

fn pair(package: &str, between: &str) -> Option<(String, String)> {
    let (name, version) = package.rsplit_once(between)?;
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_part_of_the_name() {
        assert_eq!(pair("@mail/server@1.2.3", "@"), Some(("@mail/server".to_owned(), "1.2.3".to_owned())));
    }
}
