//! Where users' mail lies on a disk: a path with a variable where the user's name stands.

use anyhow::{Context, Result};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// `%u` is the user, `%n` what stands before the @ and `%d` what stands behind it; each is a whole part of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    path: PathBuf,
}

/// A user whose mail was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) user: String,
    pub(crate) path: PathBuf,
}

/// What the only user of a path without a variable is called.
const ONLY: &str = "user";

impl FromStr for Template {
    type Err = String;

    fn from_str(path: &str) -> Result<Template, String> {
        let odd = path.split('/').find(|part| part.contains('%') && !["%u", "%n", "%d"].contains(part));
        match odd {
            _ if path.is_empty() => Err("a path is missing".to_owned()),
            Some(part) => Err(format!(
                "`{part}`: write %u, %n or %d as a whole part of the path, such as /var/vmail/%d/%n/Maildir"
            )),
            None => Ok(Template { path: PathBuf::from(path) }),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Template {
    fn names_users(&self) -> bool {
        self.path.components().any(|part| variable(part).is_some())
    }

    /// The directory that all users' mail lies in, with what is not mail there.
    pub(crate) fn top(&self) -> PathBuf {
        self.path.components().take_while(|part| variable(*part).is_none()).collect()
    }

    /// The same users' mail, but in the directory `top`.
    pub(crate) fn beneath(&self, top: &Path) -> Template {
        let names_users = self.names_users();
        let rest = self.path.components().skip_while(|part| names_users && variable(*part).is_none());
        let rest = if names_users {
            rest.collect()
        } else {
            PathBuf::from(self.path.file_name().unwrap_or_default())
        };
        Template { path: top.join(rest) }
    }

    /// Where the mail of this user lies; none of a name that is no part of a path.
    pub(crate) fn of(&self, user: &str) -> Option<PathBuf> {
        let (name, domain) = user.split_once('@').unwrap_or((user, ""));
        let plain =
            |part: &str| !part.is_empty() && !part.contains(['/', '\0']) && part != "." && part != "..";
        let mut path = PathBuf::new();
        for part in self.path.components() {
            match variable(part) {
                None => path.push(part),
                Some(variable) => {
                    let value = match variable {
                        Variable::User => user,
                        Variable::Name => name,
                        Variable::Domain => domain,
                    };
                    path.push(Some(value).filter(|value| plain(value))?);
                }
            }
        }
        Some(path)
    }

    /// All users whose mail is there.
    pub(crate) fn users(&self) -> Result<Vec<Place>> {
        if !self.names_users() {
            return Ok(vec![Place { user: ONLY.to_owned(), path: self.path.clone() }]);
        }
        let mut found = vec![(Values::default(), PathBuf::new())];
        for part in self.path.components() {
            found = match variable(part) {
                None => found.into_iter().map(|(values, path)| (values, path.join(part))).collect(),
                Some(variable) => {
                    let below = found.iter().map(|(values, path)| below(values, path, variable));
                    below.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()
                }
            };
        }
        let mut places: Vec<Place> = found
            .into_iter()
            .filter(|(_, path)| path.is_dir())
            .map(|(values, path)| Place { user: values.user(), path })
            .collect();
        places.sort();
        let twice = places.windows(2).find(|pair| pair[0].user == pair[1].user);
        anyhow::ensure!(
            twice.is_none(),
            "{self}: user {} is found in two places; write the path of one",
            twice.map_or("", |pair| &pair[0].user)
        );
        Ok(places)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    User,
    Name,
    Domain,
}

fn variable(part: Component<'_>) -> Option<Variable> {
    match part.as_os_str().to_str()? {
        "%u" => Some(Variable::User),
        "%n" => Some(Variable::Name),
        "%d" => Some(Variable::Domain),
        _ => None,
    }
}

#[derive(Clone, Default)]
struct Values {
    user: String,
    name: String,
    domain: String,
}

impl Values {
    fn with(&self, variable: Variable, value: String) -> Values {
        let mut with = self.clone();
        match variable {
            Variable::User => with.user = value,
            Variable::Name => with.name = value,
            Variable::Domain => with.domain = value,
        }
        with
    }

    fn user(&self) -> String {
        match (self.user.as_str(), self.name.as_str(), self.domain.as_str()) {
            ("", name, "") => name.to_owned(),
            ("", "", domain) => domain.to_owned(),
            ("", name, domain) => format!("{name}@{domain}"),
            (user, ..) => user.to_owned(),
        }
    }
}

fn below(values: &Values, path: &Path, variable: Variable) -> Result<Vec<(Values, PathBuf)>> {
    let cannot = || format!("cannot look for users in {}", path.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).with_context(cannot)? {
        let entry = entry.with_context(cannot)?.path();
        if !entry.is_dir() {
            continue;
        }
        let name = entry.file_name().unwrap_or_default().to_str();
        let name = name.with_context(|| format!("{}: the name is no UTF-8", entry.display()))?;
        found.push((values.with(variable, name.to_owned()), entry.clone()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_where_their_mail_lies_and_a_user_has_one_place() {
        let top = tempfile::tempdir().expect("a directory");
        for path in ["b.it/zoe/Maildir", "a.it/bob/Maildir", "a.it/ann/Maildir", "a.it/none", "lost+found"] {
            std::fs::create_dir_all(top.path().join(path)).expect("made");
        }
        let path = format!("{}/%d/%n/Maildir", top.path().display());
        let template: Template = path.parse().expect("a template");
        let users: Vec<String> =
            template.users().expect("found").into_iter().map(|place| place.user).collect();
        assert_eq!(users, ["ann@a.it", "bob@a.it", "zoe@b.it"]);
        assert_eq!(template.of("ann@a.it"), Some(top.path().join("a.it/ann/Maildir")));
        assert_eq!((template.of("ann"), template.of("../x@a.it")), (None, None));
    }

    #[test]
    fn a_variable_is_a_whole_part() {
        insta::assert_snapshot!("/var/mail/%u.d".parse::<Template>().expect_err("odd"), @"`%u.d`: write %u, %n or %d as a whole part of the path, such as /var/vmail/%d/%n/Maildir");
        insta::assert_snapshot!("".parse::<Template>().expect_err("none"), @"a path is missing");
        let moved =
            |path: &str| path.parse::<Template>().expect("a template").beneath(Path::new("/new")).to_string();
        assert_eq!(
            [moved("/var/vmail/%d/%n/Maildir"), moved("/home/ann/Maildir")],
            ["/new/%d/%n/Maildir", "/new/Maildir"]
        );
        let one: Template = "/home/ann/Maildir".parse().expect("a template");
        assert_eq!(one.users().expect("one")[0].user, "user");
    }
}
