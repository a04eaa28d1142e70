//! A Dovecot of named users, each with a password of their own, over the Maildirs of [`super::tree`].

use super::tree::{ANN, BOB};
use crate::group::TestResult;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Owner of the mail.
pub(super) const OWNER: u32 = 5000;
pub(super) const PASSWORDS: [(&str, &str); 2] = [(ANN, "hidden-anna-1"), (BOB, "hidden-bob-2")];
const READY: Duration = Duration::from_secs(60);
/// Between two looks at whether it is ready.
const PACE: Duration = Duration::from_millis(20);

pub(super) struct Dovecot {
    master: Child,
    pub(super) address: String,
}

/// Why it cannot be started here.
pub(super) fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("Dovecot changes its user, for which it must be root".to_owned());
    }
    let there = |program: &str| Path::new(program).exists();
    let installed = there("/usr/sbin/dovecot") && there("/usr/lib/dovecot/imap");
    (!installed).then(|| "there is no Dovecot: `apt-get install dovecot-imapd`".to_owned())
}

impl Dovecot {
    /// `work` is short, for sockets lie in it.
    pub(super) fn start(work: &Path, store: &Path) -> Result<Dovecot, libtest_mimic::Failed> {
        fs::set_permissions(work, fs::Permissions::from_mode(0o755))?;
        ["run", "state"].iter().try_for_each(|name| fs::create_dir_all(work.join(name)))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let users: String =
            PASSWORDS.iter().map(|(user, password)| format!("{user}:{{PLAIN}}{password}\n")).collect();
        fs::write(work.join("users"), users)?;
        fs::write(work.join("dovecot.conf"), configuration(work, store, port))?;
        let mut master = Command::new("/usr/sbin/dovecot")
            .arg("-F")
            .arg("-c")
            .arg(work.join("dovecot.conf"))
            .stdin(Stdio::null())
            .stderr(fs::File::create(work.join("stderr"))?)
            .spawn()?;
        let address = format!("127.0.0.1:{port}");
        let until = Instant::now() + READY;
        while TcpStream::connect(&address).is_err() {
            if master.try_wait()?.is_some() || Instant::now() > until {
                return Err(fs::read_to_string(work.join("stderr"))?.into());
            }
            std::thread::sleep(PACE);
        }
        Ok(Dovecot { master, address })
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let master = nix::unistd::Pid::from_raw(self.master.id().cast_signed());
        // It ends its processes by itself.
        let _ = nix::sys::signal::kill(master, nix::sys::signal::Signal::SIGTERM);
        let _ = self.master.wait();
    }
}

pub(super) fn own(store: &Path) -> TestResult {
    let done = Command::new("chown").arg("-R").arg(format!("{OWNER}:{OWNER}")).arg(store).status()?;
    if done.success() { Ok(()) } else { Err(format!("chown: {done}").into()) }
}

fn configuration(work: &Path, store: &Path, port: u16) -> String {
    let (work, store) = (work.display(), store.display());
    format!(
        r#"
base_dir = {work}/run
state_dir = {work}/state
protocols = imap
listen = 127.0.0.1
mail_uid = {OWNER}
mail_gid = {OWNER}
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
log_path = {work}/log
mail_location = maildir:{store}/%u/Maildir
mail_home = {store}/%u
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = {work}/users
}}
userdb {{
  driver = static
  args = allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
"#
    )
}
