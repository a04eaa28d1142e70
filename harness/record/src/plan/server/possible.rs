//! What is wrong with a definition that its types cannot exclude.

use super::{Definition, Kind, MountEntry};
use crate::plan::logins::LoginForm;
use std::path::{Component, Path};

impl Definition {
    /// The first contradiction, in words for whoever wrote the file.
    pub fn possible(&self) -> Result<(), String> {
        if self.start.is_empty() {
            return Err("`start` is empty: nothing would run".to_owned());
        }
        if self.queue.as_ref().is_some_and(|queue| queue.list.is_empty()) {
            return Err("`queue.list` is empty: nothing would show the queue".to_owned());
        }
        if let Some(problem) = self.unknown_variable() {
            return Err(problem);
        }
        if let Some(problem) = self.bare_in_a_shell() {
            return Err(problem);
        }
        self.login.as_deref().map_or(Ok(()), LoginForm::possible)?;
        if self.kind == Kind::Command {
            self.possible_command()?;
        }
        self.mounts.iter().try_for_each(possible_mount)?;
        self.etc.keys().try_for_each(|path| below_etc(path))?;
        self.pinned()
    }

    fn possible_command(&self) -> Result<(), String> {
        if self.kill.is_empty() || self.stop.is_empty() {
            return Err(
                "a `command` target needs `stop` and `kill`: the harness must not kill what it did not start"
                    .to_owned(),
            );
        }
        if !self.ports().is_empty() {
            return Err(
                "a `command` target says its own addresses; `{port...}` is for `spawned` ones".to_owned()
            );
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
            Some((name, _)) => Err(format!(
                "`{name}` is for `spawned` targets: a `command` target runs on the machine as it is"
            )),
        }
    }

    /// A version that is not written down would be another one tomorrow.
    fn pinned(&self) -> Result<(), String> {
        let npm = self.packages.npm.iter().find(|name| !name.chars().skip(1).any(|c| c == '@'));
        let pip = self.packages.pip.iter().find(|name| !name.contains("=="));
        match (npm, pip) {
            (Some(name), _) => {
                Err(format!("the npm package `{name}` has no version; write `{name}@VERSION`"))
            }
            (_, Some(name)) => {
                Err(format!("the Python package `{name}` has no version; write `{name}==VERSION`"))
            }
            _ => Ok(()),
        }
    }
}

fn possible_mount(mount: &MountEntry) -> Result<(), String> {
    let at = &mount.at;
    if mount.bind.is_some() == mount.tmpfs {
        return Err(format!("the mount at `{at}` needs either `bind = \"...\"` or `tmpfs = true`"));
    }
    if !Path::new(at).is_absolute() {
        return Err(format!("the mount at `{at}` needs an absolute path"));
    }
    Ok(())
}

fn below_etc(path: &str) -> Result<(), String> {
    if Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(());
    }
    Err(format!("`{path}` in `etc` is not a path below /etc; write it without `/` in front and without `..`"))
}
