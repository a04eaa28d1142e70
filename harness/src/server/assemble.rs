//! From a plan to a mail server that can be started: packages found, variables filled in, files written.

use super::running::{Role, Target};
use super::server::Server;
use super::stage::Stage;
use super::vars;
use super::vars::Places;
use crate::machine::grounds::{Grounds, Shown};
use crate::server::packages::place;
use anyhow::Result;
use record::plan::Plan;
use record::plan::server::render::Vars;
use record::plan::server::{Definition, ServerKind, When};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One server before its files are written.
struct Draft {
    role: Role,
    definition: Definition,
    root: Option<PathBuf>,
    work: PathBuf,
    vars: Vars,
    /// With the paths that the harness sees.
    real: Vars,
}

/// The target of `plan` on the storage mounted at `store`, with its files below `work`, on the run's `grounds`.
pub(crate) fn assemble(
    plan: &Plan,
    store: &Path,
    queue: Option<&Path>,
    work: &Path,
    grounds: &Grounds,
) -> Result<Target> {
    let chosen = servers_of(plan);
    let shown = shown(&chosen, grounds);
    let mut drafts: Vec<Draft> = chosen
        .into_iter()
        .map(|(role, definition)| {
            draft(plan, role, definition, Places { store, queue, work, root: None }, &shown)
        })
        .collect();
    let ports = vars::ports(&drafts.iter().map(|draft| &draft.definition).collect::<Vec<_>>())?;
    for (draft, ports) in drafts.iter_mut().zip(ports) {
        draft.vars.0.extend(ports.clone());
        draft.real.0.extend(ports);
    }
    let of_companions = of_companions(&drafts);
    let mut servers = Vec::new();
    for Draft { role, definition, root, work, mut vars, mut real } in drafts {
        if role == Role::Main {
            vars.0.extend(of_companions.clone());
            real.0.extend(of_companions.clone());
        }
        let mut rendered = definition.render(&vars);
        rendered.mounts = definition.render(&real).mounts;
        let stage = Stage { work: &work, root: root.as_deref(), shown: &shown, sealed: grounds.writable() };
        servers.push((role, Server::prepare(definition, rendered, stage)?));
    }
    Ok(Target::of(servers))
}

/// The run's directories and the unpacked packages, under the paths that mail servers see. A server that is not started here
/// sees what everybody sees.
fn shown(servers: &[(Role, Definition)], grounds: &Grounds) -> Shown {
    if servers.iter().any(|(_, definition)| definition.kind != ServerKind::Spawned) {
        return Shown::default();
    }
    let mut shown = grounds.shown().clone();
    for (number, root) in servers.iter().enumerate().filter_map(|(n, (_, d))| Some((n, place::root(d)?))) {
        shown.show(&root, &format!("packages-{number}"));
    }
    shown
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

fn draft(plan: &Plan, role: Role, definition: Definition, places: Places<'_>, shown: &Shown) -> Draft {
    let (root, work) = (place::root(&definition), places.work);
    let work = if role == Role::Main { work.to_owned() } else { work.join("with").join(&definition.name) };
    let real = Places { work: &work, root: root.as_deref(), ..places };
    let seen = |path: &Path| shown.seen(path);
    let (seen_work, seen_root) = (seen(&work), root.as_deref().map(seen));
    let (seen_store, seen_queue) = (seen(places.store), places.queue.map(seen));
    let places = Places {
        store: &seen_store,
        queue: seen_queue.as_deref(),
        work: &seen_work,
        root: seen_root.as_deref(),
    };
    let (vars, real) = (vars::vars(plan, &definition, places), vars::vars(plan, &definition, real));
    Draft { role, definition, root, work, vars, real }
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
