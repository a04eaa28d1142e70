//! What a target's texts may name, for one run: paths, ids, and loopback ports chosen free.

use super::definition::Vars;
use crate::plan::Plan;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

/// The variables of `plan`'s target, with its store at `store` and its own files below `work`.
pub fn vars(plan: &Plan, store: &Path, work: &Path) -> Result<Vars> {
    let mut vars = BTreeMap::from([
        ("store".to_owned(), store.display().to_string()),
        ("work".to_owned(), work.display().to_string()),
        ("exe".to_owned(), "/proc/self/exe".to_owned()),
    ]);
    vars.extend(ids(plan));
    vars.extend(ports(&plan.target.definition.ports())?);
    Ok(Vars(vars))
}

/// As root the store has an owner of its own and the server its own users; else everything is the user's own.
fn ids(plan: &Plan) -> [(String, String); 5] {
    let (me, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let owner = plan.target.definition.owner.filter(|_| me.is_root());
    let (uid, gid) = owner.map_or((me.as_raw(), group.as_raw()), |owner| (owner.uid, owner.gid));
    let own = nix::unistd::User::from_uid(me).ok().flatten().map_or(me.to_string(), |user| user.name);
    let user = |name: &str| if me.is_root() { name.to_owned() } else { own.clone() };
    let own_group =
        nix::unistd::Group::from_gid(group).ok().flatten().map_or(group.to_string(), |group| group.name);
    [
        ("uid".to_owned(), uid.to_string()),
        ("gid".to_owned(), gid.to_string()),
        ("internal".to_owned(), user("dovecot")),
        ("internal-group".to_owned(), if me.is_root() { "dovecot".to_owned() } else { own_group }),
        ("unprivileged".to_owned(), user("dovenull")),
    ]
}

fn ports(names: &[String]) -> Result<Vec<(String, String)>> {
    // All are bound before any is let go, so that no two are the same.
    let held = names.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>();
    let held = held.context("no free loopback port")?;
    let named = names.iter().zip(&held);
    named
        .map(|(name, listener)| Ok((format!("port.{name}"), listener.local_addr()?.port().to_string())))
        .collect()
}
