//! What works on this machine, one line each, with the way out where something does not.

use crate::exit::Exit;
use crate::run::possible::{dev_fuse, try_mount};
use crate::server::needs::{find, missing, what_runs_would_use};
use anyhow::Result;
use record::plan::server::Definition;
use std::path::PathBuf;

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
    for definition in crate::server::find::built_in() {
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
