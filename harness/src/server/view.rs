//! What a mail server alone sees: its packages over `/usr`, its files and users over `/etc`, mounts, `/dev/log`.

use super::stage::Stage;
use crate::machine::syslog;

use super::accounts::{Accounts, Caller};
use super::error::TargetError;
use crate::machine::view::{View, ViewMount};
use record::plan::server::render::Rendered;
use record::plan::server::{Definition, FileText};
use std::collections::BTreeMap;
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Name of the socket in the server's directory that it sees as `/dev/log`.
const LOG_SOCKET: &str = "syslog.socket";

/// Writes everything that `rendered` says into its directory and returns what the server sees of the machine.
pub(crate) fn write(
    definition: &Definition,
    rendered: &Rendered,
    stage: Stage<'_>,
) -> Result<View, TargetError> {
    let Stage { work, root, shown, sealed } = stage;
    let accounts = accounts(definition).map_err(failed(Path::new("/etc/passwd and /etc/group")))?;
    for directory in rendered.directories.iter().map(|directory| work.join(directory)) {
        std::fs::create_dir_all(&directory).map_err(failed(&directory))?;
    }
    write_files(&rendered.files, work, &accounts)?;
    let mut mounts = Vec::new();
    if let Some(usr) = root.map(|root| root.join("usr")).filter(|usr| usr.is_dir()) {
        mounts.push(ViewMount::Overlay { over: vec![usr], at: "/usr".into() });
    }
    mounts.extend(etc(rendered, &accounts, root, work)?);
    for mount in &rendered.mounts {
        mounts.push(declared(mount)?);
    }
    if definition.syslog {
        mounts.push(log_socket(work)?);
    }
    let (shown, sealed, directory) = (shown.clone(), sealed.to_owned(), shown.seen(work));
    Ok(View { hostname: rendered.hostname.clone(), mounts, shown, sealed, directory })
}

/// From now on whatever the server logs to `/dev/log` is written into a file.
fn log_socket(work: &Path) -> Result<ViewMount, TargetError> {
    let log = work.join("syslog.log");
    let opened = OpenOptions::new().create(true).append(true).open(&log);
    opened.and_then(|log| syslog::listen(work, LOG_SOCKET, log)).map_err(failed(&log))?;
    Ok(ViewMount::Bind { from: work.join(LOG_SOCKET), at: "/dev/log".into() })
}

/// Turns what the kernel said of `path` into an error.
pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> TargetError + use<> {
    let path = path.to_owned();
    move |error| TargetError::Prepare { path, error }
}

/// The machine's accounts and the server's. An ordinary user's servers run as that user: nobody else is missing.
struct Seen {
    accounts: Accounts,
    /// They are not the machine's alone.
    changed: bool,
}

fn accounts(definition: &Definition) -> io::Result<Seen> {
    let read = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let machine = Accounts { passwd: read("/etc/passwd")?, group: read("/etc/group")? };
    let accounts = match nix::unistd::geteuid().is_root() {
        true => machine.clone().with(&definition.users, &definition.groups),
        false => machine.clone().with_caller(&Caller::of_this_process()),
    };
    let changed = accounts != machine;
    Ok(Seen { accounts, changed })
}

/// Files and accounts over `/etc`, if there are any.
fn etc(
    rendered: &Rendered,
    seen: &Seen,
    root: Option<&Path>,
    work: &Path,
) -> Result<Option<ViewMount>, TargetError> {
    let packaged = root.map(|root| root.join("etc")).filter(|etc| etc.is_dir());
    if rendered.etc.is_empty() && !seen.changed && packaged.is_none() {
        return Ok(None);
    }
    let mut files = BTreeMap::from([("hosts".to_owned(), FileText::Plain(hosts(rendered)))]);
    if seen.changed {
        files.insert("passwd".to_owned(), FileText::Plain(seen.accounts.passwd.clone()));
        files.insert("group".to_owned(), FileText::Plain(seen.accounts.group.clone()));
    }
    files.extend(rendered.etc.clone());
    let own = work.join("etc");
    write_files(&files, &own, seen)?;
    let over: Vec<PathBuf> = [own].into_iter().chain(packaged).collect();
    Ok(Some(ViewMount::Overlay { over, at: "/etc".into() }))
}

/// A container mounts its own `/etc/hosts`, which would be hidden.
fn hosts(rendered: &Rendered) -> String {
    let here = || nix::unistd::gethostname().ok()?.into_string().ok();
    let name = rendered.hostname.clone().or_else(here).unwrap_or_default();
    format!("127.0.0.1 localhost {name}\n::1 localhost {name}\n")
}

fn write_files(files: &BTreeMap<String, FileText>, below: &Path, seen: &Seen) -> Result<(), TargetError> {
    for (name, file) in files {
        let path = below.join(name);
        make_directories(path.parent().unwrap_or(below)).map_err(failed(&path))?;
        write_file(&path, file, seen).map_err(failed(&path))?;
    }
    Ok(())
}

/// Whoever the server is, it may look into them, whatever the harness's umask says.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    make_directories(directory.parent().unwrap_or(Path::new("/")))?;
    std::fs::create_dir(directory)?;
    std::fs::set_permissions(directory, Permissions::from_mode(0o755))
}

fn write_file(path: &Path, file: &FileText, seen: &Seen) -> io::Result<()> {
    std::fs::write(path, file.text())?;
    if let Some(name) = file.owner().filter(|_| nix::unistd::geteuid().is_root()) {
        let ids = seen.accounts.ids(name);
        let no_such = || io::Error::other(format!("there is no user {name}; add it to `users`"));
        let (uid, gid) = ids.ok_or_else(no_such)?;
        chown(path, Some(uid), Some(gid))?;
    }
    std::fs::set_permissions(path, Permissions::from_mode(file.mode()))
}

/// A mount that the definition declares. A directory that is to be shown and does not exist is made.
fn declared(mount: &record::plan::server::MountEntry) -> Result<ViewMount, TargetError> {
    let at = PathBuf::from(&mount.at);
    let Some(from) = mount.bind.as_ref().map(PathBuf::from) else { return Ok(ViewMount::Tmpfs { at }) };
    if !from.exists() {
        std::fs::create_dir_all(&from).map_err(failed(&from))?;
    }
    Ok(ViewMount::Bind { from, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::grounds::Shown;
    use record::plan::server::render::Vars;

    #[test]
    fn packages_come_first_then_etc_then_mounts_then_the_log() {
        let place = tempfile::tempdir().unwrap();
        let (root, work) = (place.path().join("root"), place.path().join("server"));
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::create_dir_all(&work).unwrap();
        let text = "name = 't'\nabout = 't'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {}\nlisten = {}\n\
            syslog = true\nmount = [{ tmpfs = true, at = '/run' }, { bind = '{work}/q', at = '/var/spool/q' }]\n\
            etc = { 'exim4/trusted_configs' = '{work}/exim.conf', 'secret' = { text = 'x', mode = 0o600 } }\n";
        let definition: Definition = toml::from_str(text).unwrap();
        let vars = Vars([("work".to_owned(), work.display().to_string())].into());
        let stage = Stage { work: &work, root: Some(&root), shown: &Shown::default(), sealed: &[] };
        let view = write(&definition, &definition.render(&vars), stage).unwrap();
        let shown = format!("{:#?}", view.mounts).replace(&place.path().display().to_string(), "");
        insta::assert_snapshot!(shown, @r#"
        [
            Overlay {
                over: [
                    "/root/usr",
                ],
                at: "/usr",
            },
            Overlay {
                over: [
                    "/server/etc",
                ],
                at: "/etc",
            },
            Tmpfs {
                at: "/run",
            },
            Bind {
                from: "/server/q",
                at: "/var/spool/q",
            },
            Bind {
                from: "/server/syslog.socket",
                at: "/dev/log",
            },
        ]
        "#);
        let trusted = std::fs::read_to_string(work.join("etc/exim4/trusted_configs")).unwrap();
        assert_eq!(trusted, work.join("exim.conf").display().to_string());
        assert_eq!(work.join("etc/secret").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(work.join("q").is_dir());
    }
}
