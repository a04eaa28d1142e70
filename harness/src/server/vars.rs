//! What a target's texts may name, for one run: paths, ids, and loopback ports chosen free.

use super::accounts::Caller;
use anyhow::{Context, Result};
use record::plan::Plan;
use record::plan::lists::lists;
use record::plan::server::Definition;
use record::plan::server::render::Vars;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

/// Where one server's things lie in this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// Mount point of the store's storage.
    pub store: &'a Path,
    /// Its queue, if it has one.
    pub queue: Option<&'a Path>,
    /// Its own files.
    pub work: &'a Path,
    /// Where its packages are unpacked, if they are.
    pub root: Option<&'a Path>,
}

/// The variables of one server of `plan`, but for the ports.
pub(crate) fn vars(plan: &Plan, definition: &Definition, places: Places<'_>) -> Vars {
    let path = |path: Option<&Path>| path.map(|path| path.display().to_string()).unwrap_or_default();
    let sender = plan.workload.bounce_user().map(str::to_owned);
    let users: Vec<String> = plan.workload.user_names().chain(sender).collect();
    let lists = lists(plan.workload.users).into_iter().map(|list| list.written(&users, &definition.domain));
    let mut vars = BTreeMap::from([
        ("store".to_owned(), path(Some(places.store))),
        ("queue".to_owned(), path(places.queue)),
        ("work".to_owned(), path(Some(places.work))),
        ("root".to_owned(), path(places.root)),
        ("exe".to_owned(), "/proc/self/exe".to_owned()),
        ("users".to_owned(), users.join(" ")),
        ("lists".to_owned(), lists.collect::<Vec<String>>().join(" ")),
        ("domain".to_owned(), definition.domain.clone()),
        ("password".to_owned(), definition.password.clone()),
    ]);
    vars.extend(ids(definition));
    Vars(vars)
}

/// As root the store has an owner of its own and the server its own users; else everything is the user's own.
pub(super) fn ids(definition: &Definition) -> [(String, String); 5] {
    let (me, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let owner = definition.owner.filter(|_| me.is_root());
    let (uid, gid) = owner.map_or((me.as_raw(), group.as_raw()), |owner| (owner.uid, owner.gid));
    let own = Caller::of_this_process();
    let user = |name: &str| if me.is_root() { name.to_owned() } else { own.user.clone() };
    [
        ("uid".to_owned(), uid.to_string()),
        ("gid".to_owned(), gid.to_string()),
        ("internal".to_owned(), user("dovecot")),
        ("internal-group".to_owned(), if me.is_root() { "dovecot".to_owned() } else { own.group.clone() }),
        ("unprivileged".to_owned(), user("dovenull")),
    ]
}

/// Chooses a free loopback port for each of the servers' names, no two the same.
pub(crate) fn ports(servers: &[&Definition]) -> Result<Vec<BTreeMap<String, String>>> {
    let names: Vec<Vec<String>> = servers.iter().map(|definition| definition.ports()).collect();
    // All are bound before any is let go, so that no two are the same.
    let bind = |_: &String| TcpListener::bind("127.0.0.1:0");
    let held = names.iter().flatten().map(bind).collect::<std::io::Result<Vec<_>>>();
    let held = held.context("no free loopback port")?;
    let mut held = held.iter();
    let mut next = |name: &String| -> Result<(String, String)> {
        let listener = held.next().expect("one was bound for each name");
        Ok((format!("port.{name}"), listener.local_addr()?.port().to_string()))
    };
    names.iter().map(|names| names.iter().map(&mut next).collect()).collect()
}
