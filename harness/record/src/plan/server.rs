//! A target is data: one TOML file with argv, configuration templates, ports, ready probe, stop, kill.

pub mod accounts;
mod external;
pub mod line;
pub(crate) mod possible;
pub mod render;
mod shell;
pub mod sign_in;
pub mod tls;
pub mod variables;

use self::accounts::Accounts;
use self::tls::Tls;
use fuse_fs::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A mail server. Texts may name `{store}` (the mount), `{queue}` (a directory on the queue's storage), `{work}` (a
/// directory of the run for configuration, sockets and logs), `{root}` (where its packages are unpacked; empty when
/// the machine's own are used), `{exe}` (this program), `{port.NAME}` (a free loopback port chosen for NAME), `{uid}`
/// and `{gid}` (owner of the mail store), `{users}` (every user's name, with spaces between), `{lists}` (every list with its
/// members, `list1=user1@example.test,user2@example.test`, with spaces between), `{domain}`,
/// `{password}`, `{with.TARGET.NAME}` (a companion's variable), `{internal}`, `{internal-group}` and `{unprivileged}`
/// (users for the server's own processes: `root` runs name the server's, others the user's own). Any other text in
/// braces stays as it is, and any after `%` or `$`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// Name; the file's name without `.toml`.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Who starts and kills the server.
    pub kind: ServerKind,
    /// Program and arguments. For `kind = "spawned"` it must stay in the foreground; for `kind = "command"` and `external` it
    /// starts the server and returns.
    #[serde(default)]
    pub start: Vec<String>,
    /// `command` and `external` only: stops the server in its own way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// `command` and `external` only: kills the server at once, as a power failure would.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kill: Vec<String>,
    /// Prints the server's version; the first line is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub version: Vec<String>,
    /// Checks the store while the server is stopped; exit code 0 says it is consistent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<String>,
    /// Rebuilds the server's index from the mail in the store; what is read after it must be the same messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
    /// Makes one user's mail in the directory `{to}` what it is in `{from}`, while the server runs: its own tool for a
    /// migration to another storage. It names `{user}` and `{to}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrate: Vec<String>,
    /// How a server that takes mail by SMTP and delivers it later shows its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Environment of every command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Files written below `{work}` before the start: path to content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileText>,
    /// Files that the server alone sees below `/etc`: path below it to content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub etc: BTreeMap<String, FileText>,
    /// System users that the server wants; it alone sees those that the machine lacks, each with a group of its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// System groups that the server wants besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What it alone sees mounted, in this order.
    #[serde(default, rename = "mount", skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<MountEntry>,
    /// The machine's name, as the server alone sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// It logs to `/dev/log`: the lines go to `{work}/syslog.log`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub syslog: bool,
    /// Commands that are run one after the other before its first start; each must end with 0 within `ready-within`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepare: Vec<Vec<String>>,
    /// Other targets that are started along with it, before it, on the same store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<With>,
    /// Packages that `fermoposta servers install` unpacks for it.
    #[serde(default, skip_serializing_if = "Packages::is_empty")]
    pub packages: Packages,
    /// Only root can run it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_root: bool,
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
    /// What a user logs in as by IMAP: `{user}`, or `{user}@{domain}`. Default: as the companion that serves IMAP says in its
    /// own file, else `{user}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// How connections to it are kept from others.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
    /// `external` only: users of its own, who are there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// Each user's mailbox besides `INBOX`, as the server wants it named. Default `Archive`.
    #[serde(default = "Definition::default_second_mailbox")]
    pub second_mailbox: String,
    /// The store's layout, for the reading past the server. Default `opaque`.
    #[serde(default)]
    pub layout: Layout,
    /// Numeric owner of the mail store when run as root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// A file: its text, or its text with mode and owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FileText {
    /// The text; mode 0644.
    Plain(String),
    /// With a mode or an owner.
    Owned(OwnedText),
}

/// A file's text, mode and owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnedText {
    /// What the file holds.
    pub text: String,
    /// Mode, such as `0o600`. Default `0o644`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Name of its user, and of its group if there is one of that name. Default: whoever runs the harness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl FileText {
    pub fn text(&self) -> &String {
        match self {
            FileText::Plain(text) | FileText::Owned(OwnedText { text, .. }) => text,
        }
    }

    pub fn mode(&self) -> u32 {
        match self {
            FileText::Owned(OwnedText { mode: Some(mode), .. }) => *mode,
            _ => 0o644,
        }
    }

    /// Its owner's name.
    pub fn owner(&self) -> Option<&str> {
        match self {
            FileText::Owned(file) => file.owner.as_deref(),
            FileText::Plain(_) => None,
        }
    }

    /// The same with another text.
    pub fn with_text(&self, text: String) -> FileText {
        match self {
            FileText::Plain(_) => FileText::Plain(text),
            FileText::Owned(file) => FileText::Owned(OwnedText { text, ..file.clone() }),
        }
    }
}

/// Something the server alone sees mounted: a directory or file that is elsewhere, or an empty directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MountEntry {
    /// What is shown there; not together with `tmpfs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<String>,
    /// An empty directory in memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tmpfs: bool,
    /// Absolute path. It need not exist on the machine.
    pub at: String,
}

/// A target that is started along with this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct With {
    /// Name of its target, or a target file.
    pub target: String,
    /// When it runs.
    pub when: When,
}

impl With {
    /// What its variables are named after: its target's name, which is also its file's.
    pub fn name(&self) -> &str {
        let file = Path::new(&self.target).file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or(&self.target);
        file.strip_suffix(".toml").unwrap_or(file)
    }
}

/// When a companion runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Whenever the mail server does.
    Always,
    /// Only for the final readings and the rebuild, which go through it.
    Reading,
}

/// Packages of a mail server. What they depend on and the machine lacks comes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Packages {
    /// Debian packages; unpacked into `{root}`, whose `usr` the server sees laid over `/usr`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub debian: Vec<String>,
    /// npm packages, each `NAME@VERSION`, in `{root}/node_modules`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub npm: Vec<String>,
    /// Python packages, each `NAME==VERSION`, in `{root}/python`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pip: Vec<String>,
}

impl Packages {
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self == &Packages::default()
    }
}

/// How a server's index is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rebuild {
    /// Program and arguments. If they name `{user}` it is run once for each user.
    pub command: Vec<String>,
    /// It needs the running server. Default: it is run while the server is stopped.
    #[serde(default)]
    pub running: bool,
}

/// The queue of a server that delivers later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Queue {
    /// Program and arguments that print at least the header lines of every queued message, in any form. It is run
    /// while the server runs, and its exit code is 0 if it showed the whole queue.
    pub list: Vec<String>,
    /// After the recovery the queue has this long to become empty. Default 30 s.
    #[serde(default = "Queue::default_drain")]
    pub drain_within: Span,
}

impl Queue {
    fn default_drain() -> Span {
        Span(std::time::Duration::from_secs(30))
    }
}

/// Who starts and kills the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// The harness, inside the run's namespaces.
    Spawned,
    /// Commands of the user's, in the host's namespaces.
    Command,
    /// Nobody, or commands of the user's: it runs already, here or on another machine, with users of its own.
    External,
}

/// Where a server listens: `{port.NAME}` is chosen free for a `spawned` server; a `command` or `external` server says its own
/// `host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Listen {
    /// LMTP, `127.0.0.1:{port.lmtp}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lmtp: Option<String>,
    /// SMTP, `127.0.0.1:{port.smtp}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<String>,
    /// IMAP, `127.0.0.1:{port.imap}`.
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

impl Default for Layout {
    fn default() -> Layout {
        Layout::Opaque {}
    }
}

/// Who owns the mail store, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Rebuild {
    /// The commands to run, one after the other: one, or one for each user if the command names `{user}`.
    pub fn commands(&self, users: &[String]) -> Vec<Vec<String>> {
        const USER: &str = "{user}";
        if !self.command.iter().any(|text| text.contains(USER)) {
            return vec![self.command.clone()];
        }
        let of = |user: &String| self.command.iter().map(|text| text.replace(USER, user)).collect();
        users.iter().map(of).collect()
    }
}

impl Definition {
    /// Files that lie beside the target file are found from anywhere.
    pub fn beside(&mut self, home: &Path) {
        self.tls.beside(home);
        if let Some(accounts) = &mut self.accounts {
            accounts.beside(home);
        }
    }

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
    fn default_second_mailbox() -> String {
        "Archive".to_owned()
    }
}
