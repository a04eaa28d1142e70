use crate::machine::filesystem::FilesystemError;
use crate::machine::{confine, filesystem};

use crate::machine::confine::Confinement;
use crate::server::needs::{find, missing};
use anyhow::{Result, bail};
use fuse_fs::durability::profile::Profile;
use record::plan::Plan;
use record::plan::device::{Filesystem, OnDevice};
use record::plan::keeper::Keeper;
use record::plan::server::Definition;
use record::plan::step::{MigrateOrder, MigrationTool, StepAction};
use std::ffi::OsString;

/// Why nothing can be mounted here, and the way out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoMount {
    #[error(
        "does not exist; load the fuse module (`modprobe fuse`), or pass the device to the container (`--device /dev/fuse`)"
    )]
    NoDevice,
    #[error("may not be opened by this user; run as root, or `chmod 666 /dev/fuse` as root")]
    Forbidden,
    #[error("cannot be opened: {0}")]
    Unopened(std::io::Error),
    #[error("the trial mount failed (see above); {}", who_may_mount(nix::unistd::geteuid().is_root()))]
    Failed,
    #[error(
        "namespaces cannot be made: {0}; run as root, or allow them (`sysctl kernel.unprivileged_userns_clone=1`, \
         in a container `--cap-add SYS_ADMIN --security-opt seccomp=unconfined`)"
    )]
    NoNamespaces(std::io::Error),
}

/// The way out for whom the kernel lets make namespaces, but not mount in them.
fn who_may_mount(root: bool) -> &'static str {
    match root {
        true => {
            "AppArmor or another security module may forbid it (`dmesg | grep DENIED`); in a container \
             `--cap-add SYS_ADMIN --security-opt apparmor=unconfined`"
        }
        false => {
            "run as root, or let AppArmor allow it (`sysctl kernel.apparmor_restrict_unprivileged_userns=0` as root)"
        }
    }
}

/// Whether /dev/fuse can be opened.
pub(crate) fn dev_fuse() -> Result<(), NoMount> {
    let open = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    open.map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => NoMount::NoDevice,
        std::io::ErrorKind::PermissionDenied => NoMount::Forbidden,
        _ => NoMount::Unopened(error),
    })
}

/// Mounts once for real, in namespaces as a run has them.
pub(crate) fn try_mount() -> Result<(), NoMount> {
    let parts = [OsString::from("__try-mount")];
    let started = confine::start_inner(Confinement::Namespaces, &confine::arguments(&parts));
    match started.and_then(|mut inner| inner.wait()) {
        Ok(Some(0)) => Ok(()),
        Ok(_) => Err(NoMount::Failed),
        Err(error) => Err(NoMount::NoNamespaces(error)),
    }
}

/// Fails with one clear message if `plan` cannot run here.
pub(crate) fn require(plan: &Plan) -> Result<()> {
    if let Some(reason) = dev_fuse().err().filter(|_| !plan.storages.is_empty()) {
        bail!("/dev/fuse {reason}");
    }
    if let Some(reason) = plan.target.definitions().find_map(cannot_run) {
        bail!("target {reason}");
    }
    for on in plan.storages.values().filter_map(|storage| storage.on.as_ref()) {
        filesystem::possible(on.filesystem)?;
    }
    can_migrate(plan, |program| find(program).is_some())
}

/// The model on which `plan` may run where its real file systems cannot be made, and why they cannot.
pub(crate) fn model_instead(plan: &Plan) -> Option<(Profile, FilesystemError)> {
    instead(plan, filesystem::possible)
}

fn instead<E>(plan: &Plan, possible: impl Fn(Filesystem) -> Result<(), E>) -> Option<(Profile, E)> {
    let real = || plan.storages.values().filter_map(|storage| storage.on.as_ref());
    let all_may = real().all(|on| on.or_model);
    let cannot = |on: &OnDevice| Some((on.filesystem.model(), possible(on.filesystem).err()?));
    real().find_map(cannot).filter(|_| all_may)
}

/// Fails if a storage cannot be kept so here.
pub(crate) fn can_keep(keeper: Keeper) -> Result<(), FilesystemError> {
    match keeper {
        Keeper::Model(_) => Ok(()),
        Keeper::Real(real) => filesystem::possible(real),
    }
}

/// Fails if a step migrates with a tool that is not there.
pub(crate) fn can_migrate(plan: &Plan, is_there: impl Fn(&str) -> bool) -> Result<()> {
    for step in &plan.steps {
        match &step.action {
            StepAction::Migrate(MigrateOrder { tool: MigrationTool::Rsync, .. }) if !is_there("rsync") => {
                bail!("a step migrates with rsync, which is not installed; `apt-get install rsync`")
            }
            StepAction::Migrate(MigrateOrder { tool: MigrationTool::Server, .. })
                if plan.target.definition.migrate.is_empty() =>
            {
                let name = &plan.target.definition.name;
                bail!(
                    "a step migrates with the mail server's own tool, and target {name} names none; use `tool = \"rsync\"`"
                )
            }
            _ => {}
        }
    }
    Ok(())
}

/// Why a target cannot run here, if it cannot: its name, what is missing and the way out.
pub fn cannot_run(definition: &Definition) -> Option<String> {
    let (name, missing) = (&definition.name, missing(definition));
    if !missing.is_empty() {
        return Some(format!("{name}: {}", missing.join("; ")));
    }
    let forbidden = definition.needs_root && !nix::unistd::geteuid().is_root();
    forbidden.then(|| format!("{name}: only root can start its server; run as root"))
}

/// Why runs cannot mount here, if they cannot.
pub fn cannot_mount() -> Option<String> {
    dev_fuse().err().map(|reason| format!("/dev/fuse {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::overrides::Overrides;

    #[test]
    fn a_model_takes_the_place_of_what_cannot_be_made_only_where_every_storage_allows_it() {
        let planned = |or_model: &str| {
            let text = format!(
                "name = \"x\"\nwhy = \"x\"\n[storage.mail]\non = {{ filesystem = \"xfs\", size = \"1 GiB\"{or_model} }}\n\
                 [[step]]\nat = \"1s\"\ndo.power-cut = {{}}\n"
            );
            let plan = crate::scenario::plan("t.toml".as_ref(), &text, &Overrides::default());
            plan.unwrap_or_else(|problems| panic!("{}", problems.shown()))
        };
        let allowed = planned(", or-model = true");
        assert_eq!(instead(&allowed, |_| Err("no root")), Some((Profile::Xfs, "no root")));
        assert_eq!(instead(&allowed, |_| Ok::<(), &str>(())), None);
        assert_eq!(instead(&planned(""), |_| Err("no root")), None);
    }

    #[test]
    fn whoever_may_not_mount_is_told_who_forbids_it() {
        assert!(who_may_mount(true).contains("AppArmor") && !who_may_mount(true).contains("run as root"));
        assert!(who_may_mount(false).contains("AppArmor") && who_may_mount(false).contains("run as root"));
    }
}
