//! What is wrong with a definition that its types cannot exclude.

use super::{Definition, MountEntry, ServerKind};
use crate::plan::logins::{LoginForm, NoLoginForm};
use std::path::{Component, Path};

/// A contradiction in a definition, in words for whoever wrote the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error("`start` is empty: nothing would run")]
    NothingStarts,
    #[error("`queue.list` is empty: nothing would show the queue")]
    NothingLists,
    #[error("{0}")]
    Variable(String),
    #[error(transparent)]
    Login(#[from] NoLoginForm),
    #[error("a `command` target needs `stop` and `kill`: the harness must not kill what it did not start")]
    NoWayToEnd,
    #[error("a `command` target says its own addresses; `{{port...}}` is for `spawned` ones")]
    PortOfTheHarness,
    #[error("`{0}` is for `spawned` targets: a `command` target runs on the machine as it is")]
    OnTheMachine(&'static str),
    #[error("the npm package `{0}` has no version; write `{0}@VERSION`")]
    NpmVersion(String),
    #[error("the Python package `{0}` has no version; write `{0}==VERSION`")]
    PythonVersion(String),
    #[error("the mount at `{0}` needs either `bind = \"...\"` or `tmpfs = true`")]
    MountOfNothing(String),
    #[error("the mount at `{0}` needs an absolute path")]
    RelativeMount(String),
    #[error("`{0}` in `etc` is not a path below /etc; write it without `/` in front and without `..`")]
    OutsideEtc(String),
}

impl Definition {
    /// Fails with the first contradiction.
    pub fn possible(&self) -> Result<(), Impossible> {
        if self.start.is_empty() {
            return Err(Impossible::NothingStarts);
        }
        if self.queue.as_ref().is_some_and(|queue| queue.list.is_empty()) {
            return Err(Impossible::NothingLists);
        }
        if let Some(problem) = self.unknown_variable().or_else(|| self.bare_in_a_shell()) {
            return Err(Impossible::Variable(problem));
        }
        self.login.as_deref().map_or(Ok(()), LoginForm::possible)?;
        if self.kind == ServerKind::Command {
            self.possible_command()?;
        }
        self.mounts.iter().try_for_each(possible_mount)?;
        self.etc.keys().try_for_each(|path| below_etc(path))?;
        self.pinned()
    }

    fn possible_command(&self) -> Result<(), Impossible> {
        if self.kill.is_empty() || self.stop.is_empty() {
            return Err(Impossible::NoWayToEnd);
        }
        if !self.ports().is_empty() {
            return Err(Impossible::PortOfTheHarness);
        }
        let private = [
            ("etc", self.etc.is_empty()),
            ("users", self.users.is_empty()),
            ("groups", self.groups.is_empty()),
            ("mount", self.mounts.is_empty()),
            ("hostname", self.hostname.is_none()),
            ("syslog", !self.syslog),
            ("packages", self.packages.is_empty()),
            ("with", self.with.is_empty()),
        ];
        match private.iter().find(|(_, absent)| !absent) {
            None => Ok(()),
            Some((name, _)) => Err(Impossible::OnTheMachine(name)),
        }
    }

    /// A version that is not written down would be another one tomorrow.
    fn pinned(&self) -> Result<(), Impossible> {
        let npm = self.packages.npm.iter().find(|name| !name.chars().skip(1).any(|c| c == '@'));
        let pip = self.packages.pip.iter().find(|name| !name.contains("=="));
        match (npm, pip) {
            (Some(name), _) => Err(Impossible::NpmVersion(name.clone())),
            (_, Some(name)) => Err(Impossible::PythonVersion(name.clone())),
            _ => Ok(()),
        }
    }
}

fn possible_mount(mount: &MountEntry) -> Result<(), Impossible> {
    let at = &mount.at;
    if mount.bind.is_some() == mount.tmpfs {
        return Err(Impossible::MountOfNothing(at.clone()));
    }
    if !Path::new(at).is_absolute() {
        return Err(Impossible::RelativeMount(at.clone()));
    }
    Ok(())
}

fn below_etc(path: &str) -> Result<(), Impossible> {
    if Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(());
    }
    Err(Impossible::OutsideEtc(path.to_owned()))
}
