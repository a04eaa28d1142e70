//! Whose mail is to be read, and how to log in: a CSV or TOML file.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::exit::NoSuch;
use crate::machine::process::wait;
use crate::mail::client::credentials::Credentials;
use record::plan::server::sign_in::Mechanism;

/// For a command that prints a password.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest password taken.
const LONGEST: u64 = 4096;

/// A user of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// What the user is called in the inventory.
    pub(crate) address: String,
    /// What the server knows the user by.
    pub(crate) login: String,
    pub(crate) password: Option<Password>,
    /// Whose mail it is, if `login` is one that may open that of others.
    pub(crate) on_behalf_of: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Password {
    Given(String),
    /// A shell's line that prints it.
    Printed(String),
}

/// Nothing of it is ever shown.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    address: String,
    login: Option<String>,
    password: Option<String>,
    password_command: Option<String>,
    on_behalf_of: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    user: Vec<Row>,
}

/// Reads them, sorted, as the command line names them.
///
/// # Errors
/// As [`read`].
pub(crate) fn load(path: &Path) -> Result<Vec<User>> {
    Ok(read(path).map_err(|why| NoSuch(format!("--users {}: {why}", path.display())))?)
}

/// Reads them, sorted. What is wrong is said by its line alone: the line may hold a password.
///
/// # Errors
/// It cannot be read or is no list of users.
pub(crate) fn read(path: &Path) -> Result<Vec<User>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let rows = match path.extension().is_some_and(|extension| extension == "toml") {
        true => of_toml(&text),
        false => of_csv(&text),
    };
    rows.and_then(checked)
}

fn of_csv(text: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    let rows = reader.deserialize::<Row>().enumerate().map(|(number, row)| match row {
        Ok(row) => Ok(Row {
            login: empty(row.login),
            password: empty(row.password),
            password_command: empty(row.password_command),
            on_behalf_of: empty(row.on_behalf_of),
            ..row
        }),
        Err(error) => {
            let line = error.position().map_or(number as u64 + 2, csv::Position::line);
            Err(format!(
                "line {line} is no user; the first line is `address,login,password,password_command,on_behalf_of`, or some of these"
            ))
        }
    });
    rows.collect()
}

fn of_toml(text: &str) -> Result<Vec<Row>, String> {
    let rows: Result<Rows, toml::de::Error> = toml::from_str(text);
    rows.map(|rows| rows.user).map_err(|error| {
        let before = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..before].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is wrong; write [[user]] with address, login, password or password_command, on_behalf_of, all as text")
    })
}

fn checked(rows: Vec<Row>) -> Result<Vec<User>, String> {
    let mut users = rows.into_iter().map(user).collect::<Result<Vec<User>, String>>()?;
    users.sort_by(|a, b| a.address.cmp(&b.address));
    if let Some(pair) = users.windows(2).find(|pair| pair[0].address == pair[1].address) {
        return Err(format!("{} is there twice", pair[0].address));
    }
    if users.is_empty() { Err("it names nobody".to_owned()) } else { Ok(users) }
}

fn user(Row { address, login, password, password_command, on_behalf_of }: Row) -> Result<User, String> {
    let one_line = |text: &str| !text.contains(['\r', '\n', '\0']);
    let login = login.unwrap_or_else(|| address.clone());
    let password = match (password, password_command) {
        (Some(_), Some(_)) => {
            return Err(format!("{address} has a password and a password_command; write one"));
        }
        (Some(password), None) if !one_line(&password) => {
            return Err(format!("{address}: a password is one line"));
        }
        (Some(password), None) => Some(Password::Given(password)),
        (None, command) => command.map(Password::Printed),
    };
    let names = [Some(&address), Some(&login), on_behalf_of.as_ref()];
    match !address.is_empty() && names.into_iter().flatten().all(|name| one_line(name)) {
        true => Ok(User { address, login, password, on_behalf_of }),
        false => Err("an address or login is empty, or more than one line".to_owned()),
    }
}

impl User {
    /// What the user signs in with. A command that prints a password is run for it.
    ///
    /// # Errors
    /// There is no password, or none was printed; said without any part of it.
    pub(crate) fn credentials(&self, mechanism: Mechanism) -> Result<Credentials> {
        let password =
            self.password.as_ref().context("the list of users has no password for this one")?.reveal()?;
        Ok(Credentials::offered(&self.login, &password, self.on_behalf_of.as_deref(), mechanism))
    }
}

impl Password {
    /// # Errors
    /// The command failed, or printed no line.
    pub(super) fn reveal(&self) -> Result<String> {
        match self {
            Password::Given(password) => Ok(password.clone()),
            Password::Printed(command) => printed(command),
        }
    }
}

/// What it prints on standard error is the terminal's; what it prints on standard output is nobody's.
fn printed(command: &str) -> Result<String> {
    let run = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = run.context("cannot start the password_command")?;
    let Some(status) = wait(&mut child, PATIENCE).context("the password_command failed")? else {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        anyhow::bail!("the password_command did not end within {} s", PATIENCE.as_secs());
    };
    anyhow::ensure!(status.success(), "the password_command failed: {status}");
    let mut text = Vec::new();
    child.stdout.take().context("it had an output")?.take(LONGEST).read_to_end(&mut text)?;
    let text = String::from_utf8(text).ok().context("the password_command printed no text")?;
    let line = text.trim_end_matches(['\r', '\n']);
    let one = !line.is_empty() && !line.contains(['\r', '\n', '\0']);
    anyhow::ensure!(one, "the password_command printed no single line");
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Result<Vec<User>> {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join(name);
        std::fs::write(&file, text).expect("written");
        load(&file).map_err(|error| {
            anyhow::anyhow!(error.to_string().replace(&place.path().display().to_string(), ""))
        })
    }

    fn refused(name: &str, text: &str) -> String {
        of(name, text).expect_err("none").to_string()
    }

    #[test]
    fn both_forms_name_the_same_users() {
        let csv =
            "address,login,password,password_command\nbob@x.it,bob,\"se,cret\",\nann@x.it,,,echo pass\n";
        let toml = "[[user]]\naddress='bob@x.it'\nlogin='bob'\npassword='se,cret'\n[[user]]\naddress='ann@x.it'\npassword_command='echo pass'\n";
        let users = of("u.csv", csv).expect("users");
        assert_eq!(users, of("u.toml", toml).expect("users"));
        assert_eq!((users[0].address.as_str(), users[0].login.as_str()), ("ann@x.it", "ann@x.it"));
        let revealed: Vec<String> =
            users.iter().map(|u| u.password.as_ref().expect("one").reveal().expect("told")).collect();
        assert_eq!(revealed, ["pass", "se,cret"]);
        assert!(!format!("{users:?}").contains("cret"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_line_that_may_hold_a_password() {
        let all = [
            refused("u.csv", "address,password\nann,hidden,more\n,hidden\n"),
            refused("u.csv", "address,pasword\nann,hidden\n"),
            refused("u.csv", "address\n"),
            refused("u.csv", "address,password\nann,hidden\nann,hidden\n"),
            refused("u.toml", "[[user]]\naddress='ann'\npassword=4711\n"),
            refused("u.toml", "[[user]]\naddress='ann'\npassword='hidden'\npassword_command='x'\n"),
            refused("u.toml", "[[user]]\naddress='ann'\npassword='hid\n"),
            load(Path::new("/nowhere.csv")).expect_err("none").to_string(),
        ];
        assert!(!all.join("\n").contains("hid") && !all.join("\n").contains("4711"), "{all:?}");
        insta::assert_snapshot!(all.join("\n"), @"
        --users /u.csv: line 2 is no user; the first line is `address,login,password,password_command,on_behalf_of`, or some of these
        --users /u.csv: line 2 is no user; the first line is `address,login,password,password_command,on_behalf_of`, or some of these
        --users /u.csv: it names nobody
        --users /u.csv: ann is there twice
        --users /u.toml: line 3 is wrong; write [[user]] with address, login, password or password_command, on_behalf_of, all as text
        --users /u.toml: ann has a password and a password_command; write one
        --users /u.toml: line 3 is wrong; write [[user]] with address, login, password or password_command, on_behalf_of, all as text
        --users /nowhere.csv: No such file or directory (os error 2)
        ");
        let fails = |command: &str| Password::Printed(command.into()).reveal().expect_err("none").to_string();
        insta::assert_snapshot!([fails("exit 3"), fails("true"), fails("echo a; echo b")].join("\n"), @"
        the password_command failed: exit status: 3
        the password_command printed no single line
        the password_command printed no single line
        ");
    }
}
