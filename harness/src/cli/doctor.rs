//! What works on this machine, one line each, with the way out where something does not.

use crate::exit::{Exit, say};
use crate::run::possible::{NoMount, dev_fuse, try_mount};
use crate::server::needs::{find, missing, what_runs_would_use};
use anyhow::Result;
use record::plan::device::Filesystem;
use record::plan::server::Definition;
use std::path::PathBuf;
use strum::VariantArray;

/// One thing that was looked at.
struct Finding {
    what: String,
    /// What is there; if it is absent, why and the way out.
    text: String,
    mark: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq, strum::Display)]
enum Mark {
    #[strum(serialize = "ok")]
    There,
    #[strum(serialize = "absent")]
    Absent,
    /// Absent, and every run needs it.
    #[strum(serialize = "MISSING")]
    Missing,
}

impl Finding {
    fn there(what: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding { what: what.into(), text: text.into(), mark: Mark::There }
    }

    fn absent(what: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding { what: what.into(), text: text.into(), mark: Mark::Absent }
    }

    /// What every run needs.
    fn needed(what: &str, looked: Result<(), NoMount>, there: &str) -> Finding {
        let (text, mark) = match looked {
            Ok(()) => (there.to_owned(), Mark::There),
            Err(reason) => (reason.to_string(), Mark::Missing),
        };
        Finding { what: what.to_owned(), text, mark }
    }
}

/// Prints every finding; exit 70 if something that every run needs is missing.
pub(crate) fn run() -> Result<Exit> {
    let findings = look();
    let width = findings.iter().map(|f| f.what.len()).max().unwrap_or(0);
    for Finding { what, text, mark } in &findings {
        say(format!("{:<8} {what:<width$}  {text}\n", mark.to_string()))?;
    }
    let broken = findings.iter().any(|finding| finding.mark == Mark::Missing);
    Ok(if broken { Exit::Environment } else { Exit::Valid })
}

fn look() -> Vec<Finding> {
    let mounts = "a file system was mounted and unmounted in namespaces of its own";
    let mut findings = vec![
        Finding::needed("/dev/fuse", dev_fuse(), "can be opened"),
        Finding::needed("namespaces and mounting", try_mount(), mounts),
        Finding::there("user", user()),
        fusermount(),
    ];
    findings.extend(crate::server::find::built_in().iter().map(target));
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    findings.extend(Filesystem::VARIANTS.iter().map(|filesystem| real(*filesystem)));
    findings.push(Finding::there("storage beneath .", crate::machine::environment::file_system(&here)));
    findings
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

fn fusermount() -> Finding {
    const NAME: &str = "fusermount3";
    match find(NAME) {
        Some(path) => Finding::there(NAME, path.display().to_string()),
        None => Finding::absent(NAME, "only `mount` as an ordinary user needs it; `apt-get install fuse3`"),
    }
}

fn real(filesystem: Filesystem) -> Finding {
    let what = filesystem.profile();
    match crate::machine::filesystem::possible(filesystem) {
        Ok(()) => Finding::there(what, "can be made, and mounted on a device of a run's"),
        Err(reason) => Finding::absent(what, reason.to_string()),
    }
}

fn target(definition: &Definition) -> Finding {
    let (what, missing) = (format!("target {}", definition.name), missing(definition));
    if !missing.is_empty() {
        return Finding::absent(what, missing.join("; "));
    }
    let companions = definition.with.iter().map(|with| with.target.as_str()).collect::<Vec<_>>().join(", ");
    let with = if companions.is_empty() { companions } else { format!("; with {companions}") };
    let root = if definition.needs_root { "; needs root" } else { "" };
    Finding::there(what, format!("{}{with}{root}", what_runs_would_use(definition)))
}

#[cfg(test)]
mod tests {
    use record::synthetic;

    use crate::run::possible::can_migrate;
    use record::plan::Plan;
    use record::plan::step::{StepAction, StepPlan};

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
