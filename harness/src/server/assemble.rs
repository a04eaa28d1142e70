//! From a plan to a mail server that can be started: packages found, variables filled in, files written.

use super::vars;
use crate::server::packages::place;

use super::running::{Role, Target};
use super::server::Server;
use super::vars::Places;
use anyhow::Result;
use record::plan::Plan;
use record::plan::server::render::Vars;
use record::plan::server::{Definition, When};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One server before its files are written.
struct Draft {
    role: Role,
    definition: Definition,
    root: Option<PathBuf>,
    work: PathBuf,
    vars: Vars,
}

/// The target of `plan` on the storage mounted at `store`, with its files below `work`.
pub fn assemble(plan: &Plan, store: &Path, queue: Option<&Path>, work: &Path) -> Result<Target> {
    let mut drafts: Vec<Draft> = servers_of(plan)
        .into_iter()
        .map(|(role, definition)| draft(plan, role, definition, store, queue, work))
        .collect();
    let ports = vars::ports(&drafts.iter().map(|draft| &draft.definition).collect::<Vec<_>>())?;
    for (draft, ports) in drafts.iter_mut().zip(ports) {
        draft.vars.0.extend(ports);
    }
    let of_companions = of_companions(&drafts);
    let mut servers = Vec::new();
    for Draft { role, definition, root, work, mut vars } in drafts {
        if role == Role::Main {
            vars.0.extend(of_companions.clone());
        }
        let rendered = definition.render(&vars);
        servers.push((role, Server::prepare(definition, rendered, root.as_deref(), &work)?));
    }
    Ok(Target::of(servers))
}

/// In the order in which they start.
fn servers_of(plan: &Plan) -> Vec<(Role, Definition)> {
    let mut main = plan.target.definition.clone();
    for defect in &plan.target.defects {
        main.start.extend(["--defect".to_owned(), defect.clone()]);
    }
    let companions = |when: When, role: Role| {
        let chosen = plan.target.companions.iter().filter(move |companion| companion.0 == when);
        chosen.map(move |companion| (role, companion.1.clone()))
    };
    let before = companions(When::Always, Role::Companion);
    before.chain([(Role::Main, main)]).chain(companions(When::Reading, Role::Reader)).collect()
}

fn draft(
    plan: &Plan,
    role: Role,
    definition: Definition,
    store: &Path,
    queue: Option<&Path>,
    work: &Path,
) -> Draft {
    let root = place::root(&definition);
    let work = if role == Role::Main { work.to_owned() } else { work.join("with").join(&definition.name) };
    let vars = vars::vars(plan, &definition, Places { store, queue, work: &work, root: root.as_deref() });
    Draft { role, definition, root, work, vars }
}

/// Companions' variables as the mail server's own texts name them.
fn of_companions(drafts: &[Draft]) -> BTreeMap<String, String> {
    let companions = drafts.iter().filter(|draft| draft.role != Role::Main);
    let named = |draft: &Draft| {
        let name = draft.definition.name.clone();
        let vars = draft.vars.0.clone().into_iter();
        vars.map(move |(variable, value)| (format!("with.{name}.{variable}"), value))
    };
    companions.flat_map(named).collect()
}
