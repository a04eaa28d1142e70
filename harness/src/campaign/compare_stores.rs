//! `compare-stores`: two inventories, or stores of which one is taken now, and how they differ. That is judged in
//! [`judge::stores`].

use crate::exit::{Misplaced, NoSuch};
use crate::mail::inventory::source::{Access, Source};
use crate::mail::inventory::take::{self, Unfinished};
use anyhow::{Context, Result};
use judge::stores::compare::{self, BadSide};
use record::inventory::reader::Reader;
use record::plan::quoted;
use reports::stores::{Kind, Stores};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) a: String,
    pub(crate) b: String,
    /// Lists of users, for a side that is no inventory.
    pub(crate) users: Option<PathBuf>,
    pub(crate) users_b: Option<PathBuf>,
    pub(crate) access: Access,
    /// Kinds that decide nothing.
    pub(crate) accepted: Vec<Kind>,
    /// How many of each kind are named.
    pub(crate) most: u64,
}

pub(crate) fn compare(asked: &Asked) -> Result<Stores> {
    let room = tempfile::tempdir().context("no room for an inventory; name a directory in TMPDIR")?;
    let mut a = side(&asked.a, (asked.users.as_deref(), &asked.access), &room.path().join("a"))?;
    let mut b = side(&asked.b, (asked.users_b.as_deref(), &asked.access), &room.path().join("b"))?;
    let how =
        compare::Asked { accepted: asked.accepted.clone(), most: asked.most, reproduce: command(asked) };
    Ok(compare::compare(&mut a, &mut b, &how)?)
}

fn side(
    name: &str,
    (users, access): (Option<&Path>, &Access),
    to: &Path,
) -> Result<compare::Source<BufReader<File>>> {
    let path = match Source::is_named_by(name) {
        false => Path::new(name),
        true => {
            let source = name.parse::<Source>().map_err(NoSuch)?.with_access(access);
            let taken =
                take::take(&take::Asked { source: &source, users, to, quiet: false, may_be_empty: false });
            // Nothing of it is kept, so nothing can go on from there.
            taken.map_err(|error| match error.downcast::<Unfinished>() {
                Ok(Unfinished { why, .. }) => anyhow::Error::from(why).context(format!("cannot read {name}")),
                Err(other) => other,
            })?;
            to
        }
    };
    if path.is_dir() {
        return Err(Misplaced(format!(
            "{name} is a directory; write maildir:{name}, or the file of an inventory"
        ))
        .into());
    }
    let file = File::open(path).map_err(|error| NoSuch(format!("{name} cannot be read: {error}")))?;
    let opened = Reader::open(BufReader::new(file));
    let reader = opened.map_err(|error| BadSide { name: name.to_owned(), error })?;
    Ok(compare::Source { name: name.to_owned(), reader })
}

/// The command for the same comparison.
fn command(asked: &Asked) -> String {
    let Asked { a, b, users, users_b, access, accepted, most } = asked;
    let mut words = format!("fermoposta compare-stores {} {}", quoted(a), quoted(b));
    let list = |name: &str, path: &Option<PathBuf>| {
        path.as_ref()
            .map_or(String::new(), |path| format!(" --{name} {}", quoted(&path.display().to_string())))
    };
    words += &list("users", users);
    words += &if users == users_b { String::new() } else { list("users-b", users_b) };
    words += &access.options();
    words.extend(accepted.iter().map(|kind| format!(" --accept {}", kind.name())));
    if *most == 1_000 { words } else { format!("{words} --name {most}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::plan::server::sign_in::Mechanism;
    use record::plan::server::tls::Trust;

    #[test]
    fn the_command_compares_them_again() {
        let asked = Asked {
            a: "old one.inventory".into(),
            b: "imap://new.example.it".into(),
            users: Some("users.csv".into()),
            users_b: Some("new.csv".into()),
            access: Access { trust: Trust::Authorities("our ca.pem".into()), sign_in: Mechanism::Login },
            accepted: vec![Kind::Dates],
            most: 5,
        };
        insta::assert_snapshot!(command(&asked), @"fermoposta compare-stores 'old one.inventory' imap://new.example.it --users users.csv --users-b new.csv --ca 'our ca.pem' --sign-in login --accept dates --name 5");
    }
}
