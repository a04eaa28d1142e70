//! A mover is data, as a mail server is: one TOML file with packages, files of configuration and the command. It takes mail from a
//! source, stores it at a destination and deletes it at the source.

use super::server::{Definition, FileText, MountEntry, Owner, Packages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where a mover finds the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The built-in mail server's INBOX of `{users}`, with `{password}`, at `127.0.0.1:{port.imap}`, without TLS.
    Imap,
    /// The same, and every message there has the flag `\Deleted`: for movers that take what is to be expunged.
    ImapDeleted,
    /// The Maildir `{work}/source`.
    Maildir,
}

/// A mover of mail. Texts may name `{store}` (the destination's disk: the mail is to end up in the Maildir `{store}/Maildir`, and
/// `{store}/home` is there for what the mover remembers), `{work}` (a directory for its files, on another disk), `{port.imap}`,
/// `{users}`, `{password}`, `{root}` and the other variables of a target file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mover {
    /// Name; the file's name without `.toml`.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Where the mail is.
    pub source: Source,
    /// Program and arguments. It moves what is there, and ends with 0.
    pub start: Vec<String>,
    /// Prints the mover's version; the first line is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub version: Vec<String>,
    /// Environment of the command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Files written below `{work}` before it: path to content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileText>,
    /// Files that it alone sees below `/etc`: path below it to content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub etc: BTreeMap<String, FileText>,
    /// System users that it wants; it alone sees those that the machine lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// What it alone sees mounted, in this order.
    #[serde(default, rename = "mount", skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountEntry>,
    /// Packages that `fermoposta servers install` unpacks for it.
    #[serde(default, skip_serializing_if = "Packages::is_empty")]
    pub packages: Packages,
    /// Directories made below `{work}` before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
    /// Programs that must be on the machine: name to the way out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, String>,
    /// Whose the mail is, in numbers (`{uid}` and `{gid}`), when root has it moved. Default: root's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl Mover {
    /// It is prepared and started as a mail server that listens nowhere.
    ///
    /// # Panics
    /// Never: every field is one of a definition's.
    #[must_use]
    pub fn definition(&self) -> Definition {
        let mut fields = serde_json::to_value(self).expect("a mover is data");
        if let Value::Object(fields) = &mut fields {
            fields.remove("source");
            fields.insert("kind".to_owned(), json!("spawned"));
            fields.insert("listen".to_owned(), json!({}));
        }
        serde_json::from_value(fields).expect("each field is one of a definition")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_mover_is_one_of_a_definition() {
        let mover: Mover = toml::from_str(
            "name = 'm'\nabout = 'a'\nsource = 'imap'\nstart = ['m', '{store}/Maildir']\nversion = ['m', '-V']\n\
             environment = { HOME = '{store}/home' }\nfiles = { rc = 'x' }\netc = { m = 'y' }\nusers = ['m']\n\
             mount = [{ tmpfs = true, at = '/run/m' }]\npackages.debian = ['m']\ndirectories = ['d']\nneeds = { m = 'get it' }\n\
             owner = { uid = 5, gid = 6 }\n",
        )
        .expect("a mover");
        let definition = mover.definition();
        definition.possible().expect("it can run");
        assert_eq!(definition.owner, mover.owner);
        assert_eq!((definition.start, definition.packages), (mover.start, mover.packages));
        assert_eq!((definition.etc.len(), definition.mounts.len(), definition.needs.len()), (1, 1, 1));
    }
}
