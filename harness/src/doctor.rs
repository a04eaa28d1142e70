//! What works on this machine, one line each, with the way out where something does not.

use crate::exit::Exit;
use crate::machine::ask::ask;
use crate::machine::confine::{self, Confinement};
use crate::machine::tool::path_with_daemons;
use crate::plan::{MigrateOrder, MigrationTool, Plan, StepAction};
use crate::servers;
use crate::target::definition::Definition;
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One thing that was looked at.
struct Finding {
    what: String,
    /// What is there, or why not and the way out.
    result: Result<String, String>,
    /// Runs need it.
    needed: bool,
}

/// Prints every finding; exit 70 if something that every run needs is missing.
pub fn run() -> Result<Exit> {
    let findings = look();
    let width = findings.iter().map(|f| f.what.len()).max().unwrap_or(0);
    for finding in &findings {
        let (mark, text) = match &finding.result {
            Ok(text) => ("ok", text),
            Err(text) if finding.needed => ("MISSING", text),
            Err(text) => ("absent", text),
        };
        anstream::println!("{mark:<8} {:<width$}  {text}", finding.what);
    }
    let broken = findings.iter().any(|f| f.needed && f.result.is_err());
    Ok(if broken { Exit::Environment } else { Exit::Valid })
}

fn look() -> Vec<Finding> {
    let mut findings = vec![
        Finding { what: "/dev/fuse".into(), result: dev_fuse(), needed: true },
        Finding { what: "namespaces and mounting".into(), result: try_mount(), needed: true },
        Finding { what: "user".into(), result: Ok(user()), needed: false },
        Finding { what: "fusermount3".into(), result: fusermount(), needed: false },
    ];
    for definition in crate::target::find::built_in() {
        findings.push(Finding {
            what: format!("target {}", definition.name),
            result: target(&definition),
            needed: false,
        });
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let beneath = crate::machine::environment::file_system(&here);
    findings.push(Finding { what: "storage beneath .".into(), result: Ok(beneath), needed: false });
    findings
}

fn dev_fuse() -> Result<String, String> {
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
fn try_mount() -> Result<String, String> {
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

fn user() -> String {
    let uid = nix::unistd::geteuid();
    let note = if uid.is_root() {
        ""
    } else {
        "; runs use a user namespace, and files of other users cannot be made"
    };
    format!("uid {uid}{note}")
}

fn fusermount() -> Result<String, String> {
    find("fusermount3")
        .map(|path| path.display().to_string())
        .ok_or_else(|| "only `mount` as an ordinary user needs it; `apt-get install fuse3`".to_owned())
}

fn target(definition: &Definition) -> Result<String, String> {
    let missing: Vec<String> = missing(definition);
    if !missing.is_empty() {
        return Err(missing.join("; "));
    }
    let companions = definition.with.iter().map(|with| with.target.as_str()).collect::<Vec<_>>().join(", ");
    let with = if companions.is_empty() { companions } else { format!("; with {companions}") };
    let root = if definition.needs_root { "; needs root" } else { "" };
    Ok(format!("{}{with}{root}", what_runs_would_use(definition)))
}

/// What runs would use: what is unpacked for the target, or the machine's own.
pub fn what_runs_would_use(definition: &Definition) -> String {
    if let Some(root) = servers::root(definition) {
        let version = servers::version(definition, &root).unwrap_or_default();
        return format!("{version}, unpacked in {}", root.display());
    }
    version(definition).unwrap_or_else(|| definition.about.clone())
}

/// The first line of what a target's version command prints on this machine.
fn version(definition: &Definition) -> Option<String> {
    find(definition.version.first()?)?;
    Some(ask(&definition.version).ok()?.lines().next()?.trim().to_owned())
}

/// Programs a target needs and that are neither on the machine nor unpacked for it, each with the way out.
pub fn missing(definition: &Definition) -> Vec<String> {
    let root = servers::root(definition);
    let absent = definition.needs.iter().filter(|(program, _)| {
        find(program).is_none() && !root.as_ref().is_some_and(|root| holds(root, program))
    });
    let mut missing: Vec<String> =
        absent.map(|(program, way_out)| format!("{program} is not installed; {way_out}")).collect();
    let packages = &definition.packages;
    if root.is_none() && !(packages.npm.is_empty() && packages.pip.is_empty()) {
        missing.push("its packages are not unpacked".to_owned());
    }
    if let Some(last) = missing.last_mut().filter(|_| !packages.is_empty()) {
        let name = &definition.name;
        *last += &format!("; `fermoposta servers install {name}` unpacks it beside the system");
    }
    missing
}

/// The program is among what is unpacked in `root`.
fn holds(root: &Path, program: &str) -> bool {
    match program.strip_prefix('/') {
        Some(path) => root.join(path).is_file(),
        None => ["usr/bin", "usr/sbin"].iter().any(|place| root.join(place).join(program).is_file()),
    }
}

/// A program on the PATH, or where daemons lie.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).exists().then(|| PathBuf::from(program));
    }
    std::env::split_paths(&path_with_daemons())
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
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
fn can_migrate(plan: &Plan, is_there: impl Fn(&str) -> bool) -> Result<()> {
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
    use crate::plan::StepPlan;
    use crate::synthetic;

    fn with_migration(order: &str) -> Plan {
        let action = StepAction::Migrate(toml::from_str(order).expect("an order"));
        let step = StepPlan { at: None, after_fired: None, at_counter: None, may_fail: false, action };
        Plan { steps: vec![step], ..synthetic::plan() }
    }

    fn refused(plan: &Plan, rsync: bool) -> String {
        let result = can_migrate(plan, |program| program == "rsync" && rsync);
        result.err().map(|reason| reason.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_migration_needs_its_tool_and_the_reason_names_the_way_out() {
        let rsync = with_migration("to = 'new'");
        assert_eq!(refused(&rsync, true), "");
        insta::assert_snapshot!(refused(&rsync, false), @"a step migrates with rsync, which is not installed; `apt-get install rsync`");
        let mut own = with_migration("to = 'new'\ntool = 'server'");
        insta::assert_snapshot!(refused(&own, true), @r#"a step migrates with the mail server's own tool, and target model names none; use `tool = "rsync"`"#);
        own.target.definition.migrate = vec!["own-tool".to_owned()];
        assert_eq!(refused(&own, false), "");
        assert_eq!(refused(&synthetic::plan(), false), "");
    }
}
