//! Dovecot as an installation has it: TLS, named users with passwords of their own, a master user, nested folders with mail in them. It is started
//! by scripts, as operators do, and not by the program under test.

use super::certificates::Identity;
use super::machines::Machines;
use crate::clean_up::wait_until;
use crate::group::TestResult;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const OWNER: u32 = 5000;
/// Every password of the installation, and those that are wrong.
pub(super) const SECRETS: [&str; 7] = [
    "hidden-anna",
    "hidden-test-1",
    "hidden-test-2",
    "hidden-boss",
    "hidden-wrong",
    "hidden-nobody",
    "hidden-locked",
];
/// Whose password is right, and who may not sign in all the same.
pub(super) const LOCKED: &str = "locked@example.test";
const USERS: [(&str, &str); 4] = [
    ("anna@example.test", "hidden-anna"),
    ("test1@example.test", "hidden-test-1"),
    ("test2@example.test", "hidden-own-2"),
    ("bob@example.test", "hidden-test-2"),
];
/// Folders as Maildir++ has them, and how many messages each holds.
const FOLDERS: [(&str, u32); 3] =
    [("Archivio.2023.Citt&AOA-", 150), ("Archivio.2023", 20), ("Con spazi", 30)];

pub(super) struct Dovecot {
    top: PathBuf,
}

/// Why it cannot be started here.
pub(super) fn missing() -> Option<String> {
    let there = |program: &str| Path::new(program).exists();
    let all = ["/usr/sbin/dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp"];
    (!all.into_iter().all(there))
        .then(|| "there is no Dovecot: `apt-get install dovecot-imapd dovecot-lmtpd`".to_owned())
}

impl Dovecot {
    pub(super) fn start(top: &Path, machines: &Machines, identity: &Identity) -> Result<Dovecot, Failed> {
        fs::set_permissions(top, fs::Permissions::from_mode(0o755))?;
        let dovecot = Dovecot { top: top.join("d") };
        ["run", "state", "store"].iter().try_for_each(|name| fs::create_dir_all(dovecot.top.join(name)))?;
        let users: String =
            USERS.iter().map(|(user, password)| format!("{user}:{{PLAIN}}{password}\n")).collect();
        let locked =
            format!("{LOCKED}:{{PLAIN}}hidden-locked::::::nologin=yes reason=Locked_by_the_postmaster\n");
        fs::write(dovecot.top.join("users"), users + &locked)?;
        fs::write(dovecot.top.join("masters"), "boss:{PLAIN}hidden-boss\n")?;
        fs::write(dovecot.top.join("server.pem"), &identity.certificate)?;
        fs::write(dovecot.top.join("server.key"), &identity.key)?;
        fs::write(dovecot.top.join("dovecot.conf"), configuration(&dovecot.top))?;
        USERS.iter().try_for_each(|(user, _)| dovecot.furnish(user))?;
        let owned = Command::new("chown")
            .args(["-R", &format!("{OWNER}:{OWNER}")])
            .arg(dovecot.top.join("store"))
            .status()?;
        if !owned.success() {
            return Err(format!("chown: {owned}").into());
        }
        dovecot.write_scripts(machines)?;
        let started = Command::new("sh").arg(dovecot.start_script()).stdin(Stdio::null()).status()?;
        if !started.success() {
            return Err(fs::read_to_string(dovecot.top.join("stderr"))?.into());
        }
        Ok(dovecot)
    }

    fn write_scripts(&self, machines: &Machines) -> TestResult {
        let (top, there) = (self.top.display(), machines.on_the_server());
        let start = format!(
            "setsid {there} /usr/sbin/dovecot -F -c {top}/dovecot.conf </dev/null >{top}/stderr 2>&1 &\n\
             n=0\nuntil test -s {top}/run/master.pid; do n=$((n + 1)); test $n -lt 300 || exit 1; sleep 0.1; done\n"
        );
        fs::write(self.start_script(), start)?;
        let kill = format!("kill -s KILL -- -$(cat {top}/run/master.pid)\nrm {top}/run/master.pid\n");
        Ok(fs::write(self.kill_script(), kill)?)
    }

    pub(super) fn start_script(&self) -> PathBuf {
        self.top.join("start.sh")
    }

    pub(super) fn kill_script(&self) -> PathBuf {
        self.top.join("kill.sh")
    }

    /// Mail that was there before: nested folders for everybody, something in the inbox for Anna alone.
    fn furnish(&self, user: &str) -> TestResult {
        let maildir = self.maildir(user);
        let inbox = if user.starts_with("anna") { 3 } else { 0 };
        fill(&maildir, user, inbox)?;
        for (folder, messages) in FOLDERS {
            let place = maildir.join(format!(".{folder}"));
            fill(&place, user, messages)?;
            fs::write(place.join("maildirfolder"), "")?;
        }
        Ok(())
    }

    fn maildir(&self, user: &str) -> PathBuf {
        self.top.join("store").join(user).join("Maildir")
    }

    /// Nobody but root can open this folder, made if it is not there.
    pub(super) fn lock_folder(&self, user: &str, folder: &str) -> TestResult {
        let place = self.maildir(user).join(format!(".{folder}"));
        ["cur", "new", "tmp"].iter().try_for_each(|part| fs::create_dir_all(place.join(part)))?;
        std::os::unix::fs::chown(&place, Some(0), Some(0))?;
        Ok(fs::set_permissions(&place, fs::Permissions::from_mode(0o700))?)
    }

    /// Names of the files of a user's mail.
    pub(super) fn files(&self, user: &str) -> Result<BTreeSet<PathBuf>, Failed> {
        let mut folders = vec![self.maildir(user)];
        let mut files = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let own = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dovecot"));
                match path.is_dir() {
                    true => folders.push(path),
                    false if !own => drop(files.insert(path)),
                    false => {}
                }
            }
        }
        Ok(files)
    }

    /// How often somebody signed in.
    pub(super) fn sign_ins(&self) -> Result<usize, Failed> {
        Ok(fs::read_to_string(self.top.join("log"))?.matches("imap-login: Info: Login: user=").count())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let Ok(pid) = fs::read_to_string(self.top.join("run/master.pid")) else { return };
        let Ok(pid) = pid.trim().parse::<i32>() else { return };
        // It may have been killed; its group has its number.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        let gone = || !Path::new("/proc").join(pid.to_string()).join("exe").exists();
        // The directory is removed next; whatever writes there still is said by that.
        let _ = wait_until("the end of Dovecot", gone);
    }
}

fn fill(maildir: &Path, user: &str, messages: u32) -> TestResult {
    ["cur", "new", "tmp"].iter().try_for_each(|part| fs::create_dir_all(maildir.join(part)))?;
    let folder = maildir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for n in 0..messages {
        let text = format!(
            "From: <a@example.test>\nTo: <{user}>\nMessage-ID: <{n}.{folder}.{user}>\nSubject: {n}\n\nWhat was there before, {n}.\n"
        );
        fs::write(maildir.join("cur").join(format!("{}.M{n}P1.host:2,S", 1_600_000_000 + n)), text)?;
    }
    Ok(())
}

fn configuration(top: &Path) -> String {
    let top = top.display();
    format!(
        r#"
base_dir = {top}/run
state_dir = {top}/state
protocols = imap lmtp
listen = *
mail_uid = {OWNER}
mail_gid = {OWNER}
first_valid_uid = 1
ssl = yes
ssl_cert = <{top}/server.pem
ssl_key = <{top}/server.key
ssl_dh =
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
auth_master_user_separator =
log_path = {top}/log
mail_location = maildir:{top}/store/%u/Maildir
mail_home = {top}/store/%u
mail_max_userip_connections = 100
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {top}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = {top}/users
}}
userdb {{
  driver = static
  args = home={top}/store/%u
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 143
  }}
  inet_listener imaps {{
    port = 993
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = 24
  }}
}}
service stats {{
  chroot =
}}
"#
    )
}
