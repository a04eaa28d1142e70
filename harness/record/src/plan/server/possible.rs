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
    #[error("it says its own addresses; `{{port...}}` is for `spawned` targets")]
    PortOfTheHarness,
    #[error("`{0}` is for `spawned` targets: this one runs on the machine as it is")]
    OnTheMachine(&'static str),
    #[error(
        "an `external` target needs `accounts = {{ file = \"users.csv\" }}`: its users are there already, and only theirs is written to"
    )]
    NoAccounts,
    #[error(
        "an `external` target has its passwords in the file of `accounts`: a target file is copied into every run directory"
    )]
    PasswordInFile,
    #[error("an `external` target needs `listen.imap`: nothing else shows what became of the mail")]
    Unread,
    #[error("`{0}` is not for `external` targets: their storage and their users are not the harness's")]
    NotHere(&'static str),
    #[error("the rebuild of an `external` target runs while the server does: write `running = true`")]
    RebuildOfStopped,
    #[error("`accounts` is for `external` targets: of others the harness knows the users")]
    AccountsOfOthers,
    #[error("`ca`, `certificate` and `verify = false` below `tls` contradict each other; keep one")]
    ManyWaysToTrust,
    #[error(
        "`tls` says whom to trust, but no service has it; write `imap = \"implicit\"` or `\"starttls\"` below it"
    )]
    TrustForNothing,
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
        if self.start.is_empty() && self.kind != ServerKind::External {
            return Err(Impossible::NothingStarts);
        }
        if self.queue.as_ref().is_some_and(|queue| queue.list.is_empty()) {
            return Err(Impossible::NothingLists);
        }
        if let Some(problem) = self.unknown_variable().or_else(|| self.bare_in_a_shell()) {
            return Err(Impossible::Variable(problem));
        }
        self.login.as_deref().map_or(Ok(()), LoginForm::possible)?;
        match self.kind {
            ServerKind::Spawned => {}
            ServerKind::Command if self.kill.is_empty() || self.stop.is_empty() => {
                return Err(Impossible::NoWayToEnd);
            }
            ServerKind::Command => self.not_of_the_harness()?,
            ServerKind::External => {
                self.not_of_the_harness()?;
                self.possible_external()?;
            }
        }
        if self.accounts.is_some() && self.kind != ServerKind::External {
            return Err(Impossible::AccountsOfOthers);
        }
        self.possible_tls()?;
        self.mounts.iter().try_for_each(possible_mount)?;
        self.etc.keys().try_for_each(|path| below_etc(path))?;
        self.pinned()
    }

    fn possible_tls(&self) -> Result<(), Impossible> {
        match self.tls.ways_to_trust() {
            2.. => Err(Impossible::ManyWaysToTrust),
            1 if !self.tls.is_used() => Err(Impossible::TrustForNothing),
            _ => Ok(()),
        }
    }

    fn not_of_the_harness(&self) -> Result<(), Impossible> {
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
