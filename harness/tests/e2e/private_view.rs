//! What a target file gives its mail server of the machine: files, users, mounts, a host name, a syslog, companions.
//! The built-in server stands for a real one; a script looks at everything before its first start.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use reports::kit::verdict::Verdict;
use std::path::Path;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 3] = [
        ("what_is_declared_is_seen", percent(30, 6), what_is_declared_is_seen),
        ("a_preparation_that_fails", percent(50, 2), fails),
        ("a_companion_that_dies_is_named", percent(30, 6), a_companion_that_dies_is_named),
    ];
    let missing = fermoposta::testing::cannot_mount();
    let ordinary = || (!nix::unistd::geteuid().is_root()).then(|| "only root gives servers users".to_owned());
    group("private_view", missing.or_else(ordinary), tests)
}

const SCENARIO: &str = r#"
name = "view"
why  = "The traffic is short: what matters was looked at before."
[workload]
duration = "1s"
mix      = { deliver = 1 }
[expect]
no-faults = true
"#;

const SERVER: &str = r#"
about = "The built-in server under a private view"
kind = "spawned"
start = [
    "{exe}", "__reference-server", "--store", "{store}", "--password", "{password}",
    "--lmtp", "127.0.0.1:{port.lmtp}", "--imap", "127.0.0.1:{port.imap}",
]
listen = { lmtp = "127.0.0.1:{port.lmtp}", imap = "127.0.0.1:{port.imap}" }
layout.maildir = { path = "{user}/Maildir" }
"#;

const LOOKS: &str = r#"
prepare = [["/bin/sh", "{work}/look.sh"]]
rebuild = { command = ["/bin/sh", "{work}/look-at-the-running-server.sh"], running = true }
users = ["fp-daemon"]
groups = ["fp-drop"]
hostname = "mail.view.test"
syslog = true
with = [{ target = "companion.toml", when = "always" }]
[[mount]]
bind = "{work}/spool"
at = "/var/lib/fermoposta-absent/spool"
[[mount]]
tmpfs = true
at = "/run"
[etc]
"fermoposta-view/main.cf" = "queue = {queue}"
"fermoposta-view/secret" = { text = "x", mode = 0o640, owner = "fp-daemon" }
[files]
"look-at-the-running-server.sh" = '''
set -ex
test "$(uname -n)" = mail.view.test
test -S /dev/log
tr '\0' ' ' < /proc/1/cmdline | grep __reference-server
'''
"look.sh" = '''
set -ex
test "$(cat /etc/fermoposta-view/main.cf)" = "queue = {queue}"
test "$(stat -c %a:%U /etc/fermoposta-view/secret)" = 640:fp-daemon
test "$(getent group fp-drop | cut -d: -f1)" = fp-drop
test "$(uname -n)" = mail.view.test
test -z "$(ls -A /run)"
touch /var/lib/fermoposta-absent/spool/it-is-writable
test -e {work}/spool/it-is-writable
test -c /dev/null
test -S /dev/log
logger it-can-be-logged
until grep it-can-be-logged {work}/syslog.log; do :; done
test {with.companion.port.lmtp} -gt 0
test -d {queue}
mkdir {queue}/drop
chown fp-daemon:fp-drop {queue}/drop
chmod 1730 {queue}/drop
test "$(stat -c %a:%U:%G {queue}/drop)" = 1730:fp-daemon:fp-drop
'''
"#;

fn a_companion_that_dies_is_named() -> TestResult {
    let place = tempfile::tempdir()?;
    let mortal = "name = 'mortal'\nabout = 'It ends soon'\nkind = 'spawned'\nstart = ['/bin/sleep', '0.5']\n\
        listen = {}\nlayout.opaque = {}\n";
    std::fs::write(place.path().join("mortal.toml"), mortal)?;
    let run = run(place.path(), "with = [{ target = 'mortal.toml', when = 'always' }]")?;
    let named = run.report.timeline.iter().any(|moment| moment.what.contains("mortal: exit status: 0"));
    if named { Ok(()) } else { Err(run.failed()) }
}

/// Runs the server with `more` in its target file.
fn run(place: &Path, more: &str) -> Result<fermoposta::testing::ScenarioRun, Failed> {
    let scenario = place.join("view.toml");
    std::fs::write(&scenario, SCENARIO)?;
    std::fs::write(place.join("companion.toml"), format!("name = 'companion'\n{SERVER}"))?;
    let target = place.join("server.toml");
    std::fs::write(&target, format!("name = 'server'\n{SERVER}{more}"))?;
    fermoposta::testing::run(&scenario, &["--target", &target.display().to_string()])
}

fn what_is_declared_is_seen() -> TestResult {
    let place = tempfile::tempdir()?;
    let run = run(place.path(), LOOKS)?;
    let machine = ["/var/lib/fermoposta-absent", "/etc/fermoposta-view"].map(Path::new);
    if let Some(left) = machine.into_iter().find(|path| path.exists()) {
        return Err(format!("{} was made on the machine", left.display()).into());
    }
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.failed()) }
}

fn fails() -> TestResult {
    let place = tempfile::tempdir()?;
    let Err(said) = run(place.path(), "prepare = [['/bin/false']]") else {
        return Err("a run whose preparation failed came to a verdict".into());
    };
    let said = said.message().unwrap_or_default();
    let wanted = "server: `/bin/false` ended with exit status: 1; its output is in";
    if said.contains(wanted) { Ok(()) } else { Err(format!("nothing says {wanted:?}: {said}").into()) }
}
