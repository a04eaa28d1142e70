//! A mail server that was there before, on another machine, with TLS, users of its own and their mail: put to the test as it is, and left as it was.

mod certificates;
mod dovecot;
mod machines;

use crate::group::{Named, TestResult, group, percent};
use certificates::Authority;
use dovecot::{Dovecot, LOCKED, SECRETS};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use machines::Machines;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 9] = [
        ("a_run_leaves_everything_else_as_it_was_and_no_password_behind", percent(60, 40), run_beside_mail),
        ("a_server_that_is_killed_and_started_by_commands_is_judged", percent(60, 40), killed),
        ("a_kill_that_does_nothing_proves_nothing", percent(60, 30), not_killed),
        ("a_certificate_of_somebody_else_gets_no_password", percent(40, 15), wrong_certificate),
        ("who_cannot_sign_in_is_named", percent(40, 20), wrong_password),
        ("a_locked_account_is_named_with_what_the_server_says", percent(40, 20), locked_account),
        ("a_folder_that_cannot_be_selected_is_said", percent(40, 20), locked_folder),
        ("mailboxes_with_mail_are_not_written_to", percent(40, 20), mail_is_there),
        ("a_server_that_goes_away_is_said", percent(40, 60), goes_away),
    ];
    group("own_server", machines::missing().or_else(dovecot::missing), tests)
}

const QUIET: &str = r#"
name = "quiet"
why = "Nothing goes wrong."
[workload]
duration = "2s"
rate = "15/s"
[expect]
no-faults = true
"#;

const KILLED: &str = r#"
name = "killed"
why = "The server is killed under traffic and started again."
[workload]
duration = "4s"
rate = "15/s"
[[step]]
at = "1s"
do.kill-target = {}
[[step]]
at = "2s"
do.start-target = {}
"#;

const GONE: &str = r#"
name = "gone"
why = "The server is killed by a command of the operator's and stays away."
[workload]
duration = "2s"
rate = "15/s"
[[step]]
at = "1s"
do.run-command = { argv = ["sh", "KILL"] }
[expect]
recover-within = "3s"
"#;

/// Two machines, a Dovecot on the one, and what a user of the other has.
struct Place {
    machines: Machines,
    dovecot: Dovecot,
    top: tempfile::TempDir,
}

impl Place {
    fn new() -> Result<Place, Failed> {
        let top = tempfile::Builder::new().prefix("own").tempdir()?;
        let machines = Machines::new()?;
        let authority = Authority::new()?;
        fs::write(top.path().join("ca.pem"), authority.pem())?;
        fs::write(top.path().join("other.pem"), Authority::new()?.pem())?;
        let dovecot = Dovecot::start(top.path(), &machines, &authority.server(machines::SERVER)?)?;
        let place = Place { machines, dovecot, top };
        place.users("hidden-test-1")?;
        place.target("ca = 'ca.pem'", "['test1@example.test', 'test2@example.test']")?;
        fs::write(place.path("quiet.toml"), QUIET)?;
        fs::write(place.path("killed.toml"), KILLED)?;
        fs::write(
            place.path("gone.toml"),
            GONE.replace("KILL", &place.dovecot.kill_script().display().to_string()),
        )?;
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// One by its own password, one by a command, one through a master user.
    fn users(&self, first: &str) -> TestResult {
        fs::write(self.path("second"), "hidden-test-2\n")?;
        let rows = format!(
            "address,login,password,password_command,on_behalf_of\nanna@example.test,,hidden-anna,,\n\
             test1@example.test,,{first},,\ntest2@example.test,boss,hidden-boss,,test2@example.test\n\
             bob@example.test,,,cat {},\n",
            self.path("second").display()
        );
        Ok(fs::write(self.path("users.csv"), rows)?)
    }

    fn target(&self, trust: &str, only: &str) -> TestResult {
        let (kill, start) = (self.dovecot.kill_script(), self.dovecot.start_script());
        let text = format!(
            "name = 'ours'\nabout = 'Our own Dovecot'\nkind = 'external'\nsecond-mailbox = 'Prova di carico'\n\
             listen = {{ imap = '{host}:993', lmtp = '{host}:24' }}\ntls = {{ imap = 'implicit', lmtp = 'starttls', {trust} }}\n\
             accounts = {{ file = 'users.csv', only = {only} }}\nkill = ['sh', '{}']\nstart = ['sh', '{}']\n",
            kill.display(),
            start.display(),
            host = machines::SERVER,
        );
        Ok(fs::write(self.path("ours.toml"), text)?)
    }

    fn fermoposta(&self, arguments: &[&str]) -> Result<Output, Failed> {
        self.machines.fermoposta(self.top.path(), arguments, &SECRETS)
    }

    fn run(&self, scenario: &str, more: &[&str]) -> Result<Output, Failed> {
        let always = ["run", scenario, "--target", "ours.toml", "--runs", "runs", "--seed", "7"];
        self.fermoposta(&[&always, more].concat())
    }

    fn inventory(&self, to: &str, more: &[&str]) -> Result<Output, Failed> {
        let source = format!("imaps://{}", machines::SERVER);
        self.fermoposta(&[&["inventory", &source, "--users", "users.csv", "--to", to], more].concat())
    }
}

/// Ends with the code and says all of these, on either output.
fn says(output: &Output, code: i32, words: &[&str]) -> TestResult {
    let shown = said(output);
    let plain: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let absent: Vec<&&str> = words.iter().filter(|word| !plain.contains(**word)).collect();
    match output.status.code() == Some(code) && absent.is_empty() {
        true => Ok(()),
        false => Err(format!("{}, wanted {code}; not said: {absent:?}\n{shown}", output.status).into()),
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// Nothing that is to stay secret is in these outputs, nor in any file below the directory.
fn keeps_secrets(outputs: &[&Output], below: &Path) -> TestResult {
    let mut texts: Vec<(String, Vec<u8>)> =
        outputs.iter().map(|output| ("what was printed".to_owned(), said(output).into_bytes())).collect();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => texts.push((path.display().to_string(), fs::read(&path)?)),
            }
        }
    }
    for (place, text) in texts {
        let found =
            SECRETS.iter().find(|secret| text.windows(secret.len()).any(|part| part == secret.as_bytes()));
        if let Some(secret) = found {
            return Err(format!("{secret} is in {place}").into());
        }
    }
    Ok(())
}

fn run_beside_mail() -> TestResult {
    let place = Place::new()?;
    let before = place.inventory("before.inventory", &["--ca", "ca.pem"])?;
    says(&before, 0, &["COMPLETE 4 users"])?;
    place.target("ca = 'ca.pem'", "['anna@example.test', 'test1@example.test', 'test2@example.test']")?;
    let ran = place.run("quiet.toml", &["--beside-mail"])?;
    says(&ran, 0, &["VALID", "not be tested here"])?;
    let source = format!("imaps://{}", machines::SERVER);
    let access = ["--users", "users.csv", "--ca", "ca.pem", "--accept", "extra", "--accept", "extra-folders"];
    let compared =
        place.fermoposta(&[&["compare-stores", "before.inventory", &source], &access[..]].concat())?;
    says(&compared, 0, &["VALID B holds what A holds", "missing: only in A 0"])?;
    keeps_secrets(&[&before, &ran, &compared], &place.path("runs"))?;
    let again = place.run("quiet.toml", &["--beside-mail"])?;
    says(&again, 70, &["mail of an earlier run with this seed", "choose another --seed"])
}

fn killed() -> TestResult {
    let place = Place::new()?;
    let ran = place.run("killed.toml", &[])?;
    says(&ran, 0, &["VALID"])?;
    keeps_secrets(&[&ran], &place.path("runs"))
}

fn not_killed() -> TestResult {
    let place = Place::new()?;
    let kill = format!("kill = ['sh', '{}']", place.dovecot.kill_script().display());
    let target = fs::read_to_string(place.path("ours.toml"))?.replace(&kill, "kill = ['true']");
    fs::write(place.path("ours.toml"), target)?;
    says(
        &place.run("killed.toml", &[])?,
        2,
        &["UNKNOWN", "`true` ended well", "the same server still serves"],
    )
}

fn wrong_certificate() -> TestResult {
    let place = Place::new()?;
    let inventory = place.inventory("x.inventory", &["--ca", "other.pem"])?;
    says(
        &inventory,
        70,
        &["its certificate is not trusted: no trusted authority of the name that it gives", "sha256:"],
    )?;
    let untrusted = [
        ("ca = 'other.pem'", "no trusted authority of the name that it gives has signed it"),
        ("name = '10.213.7.2'", "no known authority issued it"),
        ("ca = 'ca.pem', name = 'mail.example.it'", "it is for another name"),
    ];
    for (trust, why) in untrusted {
        place.target(trust, "['test1@example.test']")?;
        let why = format!("its certificate is not trusted: {why}");
        says(&place.run("quiet.toml", &[])?, 70, &[&why])?;
    }
    place.target(&format!("certificate = '{}'", "ab".repeat(32)), "['test1@example.test']")?;
    says(&place.run("quiet.toml", &[])?, 70, &["it is not the pinned one"])?;
    let plain = format!("imap://{}", machines::SERVER);
    let plain = ["inventory", &plain, "--users", "users.csv", "--to", "y.inventory"];
    says(&place.fermoposta(&plain)?, 70, &["in plain text", "LOGINDISABLED", "it wants TLS first"])?;
    if place.dovecot.sign_ins()? > 0 {
        return Err("somebody was signed in to a server that is not trusted".into());
    }
    place.target("verify = false", "['test1@example.test']")?;
    says(&place.run("quiet.toml", &[])?, 0, &["VALID", "not safe from whoever was on the way"])?;
    match place.dovecot.sign_ins()? {
        0 => Err("nobody was signed in with --no-verification: the log is not what it was taken for".into()),
        _ => Ok(()),
    }
}

fn wrong_password() -> TestResult {
    let place = Place::new()?;
    place.users("hidden-wrong")?;
    let inventory = place.inventory("x.inventory", &["--ca", "ca.pem"])?;
    says(&inventory, 2, &["INCOMPLETE 1 mailbox, folder or message could not be read"])?;
    let ran = place.run("quiet.toml", &[])?;
    says(
        &ran,
        70,
        &["test1@example.test: cannot be signed in before anything was sent", "AUTHENTICATIONFAILED"],
    )?;
    keeps_secrets(&[&inventory, &ran], &place.path("runs"))?;
    fs::write(place.path("users.csv"), "address,password\nnobody@example.test,hidden-nobody\n")?;
    place.target("ca = 'ca.pem'", "['nobody@example.test']")?;
    says(&place.run("quiet.toml", &[])?, 70, &["nobody@example.test: cannot be signed in"])?;
    place.target("ca = 'ca.pem'", "['test1@example.test']")?;
    says(&place.run("quiet.toml", &[])?, 64, &["names test1@example.test, who is not in"])
}

fn locked_account() -> TestResult {
    let place = Place::new()?;
    fs::write(place.path("users.csv"), format!("address,password\n{LOCKED},hidden-locked\n"))?;
    let inventory = place.inventory("x.inventory", &["--ca", "ca.pem"])?;
    says(&inventory, 2, &["INCOMPLETE 1 mailbox, folder or message could not be read"])?;
    let said = fs::read_to_string(place.path("x.inventory"))?;
    if !said.contains("cannot log in: the server answered NO") || !said.contains("Locked_by_the_postmaster") {
        return Err(format!("the inventory does not say why:\n{said}").into());
    }
    place.target("ca = 'ca.pem'", &format!("['{LOCKED}']"))?;
    let ran = place.run("quiet.toml", &[])?;
    let name = format!("{LOCKED}: cannot be signed in before anything was sent");
    says(&ran, 70, &[&name, "Locked_by_the_postmaster"])?;
    keeps_secrets(&[&inventory, &ran], &place.path("runs"))
}

fn locked_folder() -> TestResult {
    let place = Place::new()?;
    let before = place.inventory("before.inventory", &["--ca", "ca.pem"])?;
    says(&before, 0, &["COMPLETE 4 users"])?;
    place.dovecot.lock_folder("anna@example.test", "Con spazi")?;
    let after = place.inventory("after.inventory", &["--ca", "ca.pem"])?;
    says(&after, 2, &["INCOMPLETE 1 mailbox, folder or message could not be read"])?;
    let compared = place.fermoposta(&["compare-stores", "before.inventory", "after.inventory"])?;
    says(
        &compared,
        2,
        &[
            "UNKNOWN",
            "unread: user anna@example.test folder `Con spazi`: B: cannot be opened: the server answered NO",
            "missing: only in A 0",
        ],
    )?;
    place.dovecot.lock_folder("test1@example.test", "Prova di carico")?;
    let ran = place.run("quiet.toml", &[])?;
    says(
        &ran,
        2,
        &["UNKNOWN", "was not read to the end (first test1@example.test Prova di carico: the server said: "],
    )?;
    keeps_secrets(&[&before, &after, &compared, &ran], &place.path("runs"))
}

fn mail_is_there() -> TestResult {
    let place = Place::new()?;
    place.target("ca = 'ca.pem'", "['anna@example.test']")?;
    let before = place.dovecot.files("anna@example.test")?;
    let ran = place.run("quiet.toml", &[])?;
    says(&ran, 70, &["anna@example.test has 3 messages in INBOX, and nothing was written", "--beside-mail"])?;
    match place.dovecot.files("anna@example.test")? == before {
        true => Ok(()),
        false => Err("something was written".into()),
    }
}

fn goes_away() -> TestResult {
    let place = Place::new()?;
    let ran = place.run("gone.toml", &[])?;
    says(&ran, 2, &["UNKNOWN"])?;
    says(&place.inventory("x.inventory", &["--ca", "ca.pem"])?, 70, &["has been away for 30 s"])
}
