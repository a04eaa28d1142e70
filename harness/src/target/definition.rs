//! A target is data: one TOML file with argv, configuration templates, ports, ready probe, stop, kill.

use fuse_fs::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A mail server. Texts may name `{store}` (the mount), `{work}` (a directory of the run for configuration,
/// sockets and logs), `{exe}` (this program), `{port.NAME}` (a free loopback port chosen for NAME), `{uid}` and
/// `{gid}` (owner of the mail store), `{login}` (the user that the harness runs as); `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// Name; the file's name without `.toml`.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Who starts and kills the server.
    pub kind: Kind,
    /// Program and arguments. For `kind = "spawned"` it must stay in the foreground; for `kind = "command"` it
    /// starts the server and returns.
    #[serde(default)]
    pub start: Vec<String>,
    /// `command` only: stops the server in its own way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// `command` only: kills the server at once, as a power failure would.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill: Vec<String>,
    /// Prints the server's version; the first line is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub version: Vec<String>,
    /// Checks the store while the server is stopped; exit code 0 says it is consistent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// Environment of every command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Files written below `{work}` before the start: path to content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Directories made below `{work}` before the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
    /// Programs that must be on the machine: name to the way out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, String>,
    /// Where it listens.
    pub listen: Listen,
    /// Every service must greet within this long after the start. Default 20 s.
    #[serde(default = "Definition::default_ready")]
    pub ready_within: Span,
    /// It must end within this long after it was asked to stop. Default 10 s.
    #[serde(default = "Definition::default_stop")]
    pub stop_within: Span,
    /// Password of every user.
    #[serde(default = "Definition::default_password")]
    pub password: String,
    /// Domain of every user's address. Default `example.test`.
    #[serde(default = "Definition::default_domain")]
    pub domain: String,
    /// The store's layout, for the reading past the server.
    pub layout: Layout,
    /// Numeric owner of the mail store when run as root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Who starts and kills the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The harness, inside the run's namespaces.
    Spawned,
    /// Commands of the user's, in the host's namespaces.
    Command,
}

/// Where a server listens: `{port.NAME}` is chosen free for a `spawned` server; a `command` server says its own
/// `host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Listen {
    /// LMTP, `127.0.0.1:{port.lmtp}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lmtp: Option<String>,
    /// SMTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<String>,
    /// IMAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imap: Option<String>,
}

/// How a store lies on the disk, for the reading past the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Layout {
    /// Maildir (also Maildir++).
    Maildir {
        /// Path of a user's INBOX Maildir below the store, such as `{user}/Maildir`.
        path: String,
    },
    /// Not known: there is no reading past the server.
    Opaque {},
}

/// Numeric owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Definition {
    fn default_ready() -> Span {
        Span(std::time::Duration::from_secs(20))
    }
    fn default_stop() -> Span {
        Span(std::time::Duration::from_secs(10))
    }
    fn default_password() -> String {
        "secret".to_owned()
    }
    fn default_domain() -> String {
        "example.test".to_owned()
    }
}
