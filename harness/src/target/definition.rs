//! A target is data: one TOML file with argv, configuration templates, ports, ready probe, stop, kill.

use fuse_fs::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A mail server. Texts may name `{store}` (the mount), `{work}` (a directory of the run for configuration,
/// sockets and logs), `{exe}` (this program), `{port.NAME}` (a free loopback port chosen for NAME), `{uid}` and
/// `{gid}` (owner of the mail store), `{internal}`, `{internal-group}` and `{unprivileged}` (users for the server's own processes: `root`
/// runs name the server's, others the user's own). Any other text in braces stays as it is.
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
    /// Rebuilds the server's index from the mail in the store; what is read after it must be the same messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
    /// How a server that takes mail by SMTP and delivers it later shows its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
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

/// The targets that come with the program.
const BUILT_IN: [&str; 2] = [
    include_str!("../../../scenarios/targets/reference.toml"),
    include_str!("../../../scenarios/targets/dovecot-maildir.toml"),
];

/// The targets that come with the program.
pub fn built_in() -> Vec<Definition> {
    BUILT_IN.iter().map(|text| toml::from_str(text).expect("built-in targets are tested")).collect()
}

/// A target by its name, or a target file: as given, or beside the scenario. `Err` is (message, way out).
pub fn find(server: &str, beside: &Path) -> Result<Definition, (String, String)> {
    let built_in = built_in();
    if let Some(definition) = built_in.iter().find(|definition| definition.name == server) {
        return Ok(definition.clone());
    }
    let names: Vec<&str> = built_in.iter().map(|definition| definition.name.as_str()).collect();
    let Some(path) = target_file(server, beside) else {
        let meant =
            fuse_fs::nearest::nearest(server, names.iter().copied()).map(|n| format!("did you mean `{n}`? "));
        let help = format!(
            "{}built in are {}; or give the path of a target file",
            meant.unwrap_or_default(),
            names.join(", ")
        );
        return Err((format!("there is no target `{server}`"), help));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        (
            format!("{} cannot be read: {error}", path.display()),
            "check the path and its permissions".to_owned(),
        )
    })?;
    let definition: Definition = toml::from_str(&text).map_err(|error| {
        (
            format!("{} is not a target file: {error}", path.display()),
            "`fermoposta schema target` says what one may hold".to_owned(),
        )
    })?;
    definition
        .possible()
        .map_err(|message| (format!("{}: {message}", path.display()), "see docs/targets.md".to_owned()))?;
    Ok(definition)
}

/// `server` as a path, or `targets/server.toml` beside the scenario or one level up.
fn target_file(server: &str, beside: &Path) -> Option<PathBuf> {
    let named = format!("targets/{server}.toml");
    let places =
        [PathBuf::from(server), beside.join(server), beside.join(&named), beside.join("..").join(&named)];
    places.into_iter().find(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file())
}

impl Definition {
    /// What the types cannot exclude.
    fn possible(&self) -> Result<(), String> {
        if self.start.is_empty() {
            return Err("`start` is empty: nothing would run".to_owned());
        }
        if self.queue.as_ref().is_some_and(|queue| queue.list.is_empty()) {
            return Err("`queue.list` is empty: nothing would show the queue".to_owned());
        }
        if let Some(name) = self.unknown_variable() {
            return Err(format!("`{{{name}}}` is no variable; there are {} and port.NAME", KNOWN.join(", ")));
        }
        if self.kind == Kind::Command && (self.kill.is_empty() || self.stop.is_empty()) {
            return Err(
                "a `command` target needs `stop` and `kill`: the harness must not kill what it did not start"
                    .to_owned(),
            );
        }
        if self.kind == Kind::Command && !self.ports().is_empty() {
            return Err(
                "a `command` target says its own addresses; `{port...}` is for `spawned` ones".to_owned()
            );
        }
        Ok(())
    }

    /// The first variable that nobody fills in: a misspelling would reach the server as it stands.
    fn unknown_variable(&self) -> Option<String> {
        let known = |name: &str| KNOWN.contains(&name) || name.starts_with("port.");
        let wrong = |text: &String| variables_in(text).find(|name| !known(name));
        let of_rebuild = |text: &String| variables_in(text).find(|name| !known(name) && name != "user");
        let rebuild = self.rebuild.iter().flat_map(|rebuild| &rebuild.command);
        self.texts().find_map(wrong).or_else(|| rebuild.into_iter().find_map(of_rebuild))
    }

    /// Every text that may name variables, but for the rebuild's, which may name `{user}` too.
    fn texts(&self) -> impl Iterator<Item = &String> {
        let listen = [&self.listen.lmtp, &self.listen.smtp, &self.listen.imap];
        let commands = [&self.start, &self.stop, &self.kill, &self.check, &self.version];
        let commands = commands.into_iter().chain(self.queue.as_ref().map(|queue| &queue.list)).flatten();
        commands
            .chain(self.files.values())
            .chain(self.environment.values())
            .chain(listen.into_iter().flatten())
    }

    /// Names of the ports it wants chosen, each once.
    pub fn ports(&self) -> Vec<String> {
        let mut names: Vec<String> = self.texts().flat_map(|text| ports_in(text)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Fills in the variables.
    pub fn render(&self, vars: &Vars) -> Rendered {
        let all = |texts: &[String]| texts.iter().map(|text| vars.fill(text)).collect::<Vec<_>>();
        let map =
            |texts: &BTreeMap<String, String>| texts.iter().map(|(k, v)| (k.clone(), vars.fill(v))).collect();
        let one = |text: &Option<String>| text.as_ref().map(|text| vars.fill(text));
        Rendered {
            start: all(&self.start),
            stop: all(&self.stop),
            kill: all(&self.kill),
            version: all(&self.version),
            check: all(&self.check),
            rebuild: self.rebuild.as_ref().map(|rebuild| {
                let command = all(&rebuild.command);
                Rebuild { command, running: rebuild.running }
            }),
            queue: self.queue.as_ref().map(|queue| Queue { list: all(&queue.list), ..queue.clone() }),
            environment: map(&self.environment),
            files: map(&self.files),
            directories: all(&self.directories),
            listen: Listen {
                lmtp: one(&self.listen.lmtp),
                smtp: one(&self.listen.smtp),
                imap: one(&self.listen.imap),
            },
        }
    }
}

/// Variables other than ports.
const KNOWN: [&str; 8] = ["store", "work", "exe", "uid", "gid", "internal", "internal-group", "unprivileged"];

/// What stands in braces and looks like a variable: lower-case letters, dots and dashes.
fn variables_in(text: &str) -> impl Iterator<Item = String> {
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    let like =
        |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b".-".contains(&b));
    inside.filter(like).map(str::to_owned)
}

fn ports_in(text: &str) -> impl Iterator<Item = String> {
    text.split("{port.").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned())
}

/// A definition with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Program and arguments.
    pub start: Vec<String>,
    /// See [`Definition::stop`].
    pub stop: Vec<String>,
    /// See [`Definition::kill`].
    pub kill: Vec<String>,
    /// See [`Definition::version`].
    pub version: Vec<String>,
    /// See [`Definition::check`].
    pub check: Vec<String>,
    /// See [`Definition::rebuild`].
    pub rebuild: Option<Rebuild>,
    /// See [`Definition::queue`].
    pub queue: Option<Queue>,
    /// See [`Definition::environment`].
    pub environment: BTreeMap<String, String>,
    /// See [`Definition::files`].
    pub files: BTreeMap<String, String>,
    /// See [`Definition::directories`].
    pub directories: Vec<String>,
    /// Addresses.
    pub listen: Listen,
}

/// The variables of one run: name in braces to value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vars(pub BTreeMap<String, String>);

impl Vars {
    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_targets_are_possible() {
        for definition in built_in() {
            definition.possible().expect("a built-in target can run");
            assert!(
                definition.ports().contains(&"imap".to_owned()),
                "{} names its IMAP port",
                definition.name
            );
        }
    }

    #[test]
    fn variables_are_filled_and_other_braces_stay() {
        let vars = Vars([("port.imap".to_owned(), "1143".to_owned())].into());
        assert_eq!(vars.fill("imap {\n port = {port.imap}\n}"), "imap {\n port = 1143\n}");
    }

    #[test]
    fn a_rebuild_that_names_the_user_runs_for_each() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rebuild = |text| Rebuild { command: words(text), running: false };
        let users = ["user1".to_owned(), "user2".to_owned()];
        assert_eq!(
            rebuild("resync -u {user}").commands(&users),
            [words("resync -u user1"), words("resync -u user2")]
        );
        assert_eq!(rebuild("resync all").commands(&users), [words("resync all")]);
    }

    #[test]
    fn an_unknown_target_names_the_nearest() {
        let (message, help) = find("dovecot", Path::new("/nowhere")).unwrap_err();
        insta::assert_snapshot!(format!("{message}\n{help}"), @r#"
        there is no target `dovecot`
        built in are reference, dovecot-maildir; or give the path of a target file
        "#);
    }
}
