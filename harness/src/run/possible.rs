use crate::machine::confine;

use crate::machine::confine::Confinement;
use crate::server::needs::{find, missing};
use anyhow::{Result, bail};
use record::plan::Plan;
use record::plan::server::Definition;
use record::plan::step::{MigrateOrder, MigrationTool, StepAction};
use std::ffi::OsString;

pub(crate) fn dev_fuse() -> Result<String, String> {
    let open = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    open.map(|_| "can be opened".to_owned()).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "does not exist; load the fuse module (`modprobe fuse`), or pass the device to \
             the container (`--device /dev/fuse`)"
                .to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            "may not be opened by this user; run as root, or `chmod 666 /dev/fuse` as root".to_owned()
        }
        _ => format!("cannot be opened: {error}"),
    })
}

/// Mounts once for real, in namespaces as a run has them.
pub(crate) fn try_mount() -> Result<String, String> {
    let parts = [OsString::from("__try-mount")];
    let started = confine::start_inner(Confinement::Namespaces, &confine::arguments(&parts));
    let code = started.and_then(|mut inner| inner.wait());
    match code {
        Ok(Some(0)) => Ok("a file system was mounted and unmounted in namespaces of its own".to_owned()),
        Ok(_) => Err("the trial mount failed (see above); run as root".to_owned()),
        Err(error) => Err(format!(
            "namespaces cannot be made: {error}; run as root, or allow them (`sysctl kernel.unprivileged_userns_clone=1`, \
             in a container `--cap-add SYS_ADMIN --security-opt seccomp=unconfined`)"
        )),
    }
}

/// Fails with one clear message if `plan` cannot run here.
pub fn require(plan: &Plan) -> Result<()> {
    if let Err(reason) = dev_fuse() {
        bail!("/dev/fuse {reason}");
    }
    if let Some(reason) = plan.target.definitions().find_map(cannot_run) {
        bail!("target {reason}");
    }
    can_migrate(plan, |program| find(program).is_some())
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
