//! The variables in a definition's texts: which there are, and filling them in.

use super::{Definition, FileText, Listen, MountEntry, Queue, Rebuild, shell};
use crate::plan::server::variables::KNOWN;
use crate::plan::server::variables::in_braces;
use std::collections::BTreeMap;

impl Definition {
    /// The first variable that nobody fills in: a misspelling would reach the server as it stands.
    pub(super) fn unknown_variable(&self) -> Option<String> {
        let wrong = |text: &String| variables_in(text).find(|name| !self.fills(name));
        let of_rebuild = |text: &String| variables_in(text).find(|name| !self.fills(name) && name != "user");
        let of_migration = |text: &String| {
            let own = |name: &String| ["user", "from", "to"].contains(&name.as_str());
            variables_in(text).find(|name| !self.fills(name) && !own(name))
        };
        let rebuild = self.rebuild.iter().flat_map(|rebuild| &rebuild.command);
        let unknown = self.texts().find_map(wrong).or_else(|| rebuild.into_iter().find_map(of_rebuild));
        let unknown = unknown.or_else(|| self.migrate.iter().find_map(of_migration))?;
        let mut known = KNOWN.join(", ") + " and port.NAME";
        for with in &self.with {
            known += &format!(", and with.{}.NAME", with.name());
        }
        Some(format!("`{{{unknown}}}` is no variable; there are {known}"))
    }

    fn fills(&self, name: &str) -> bool {
        let own = |name: &str| KNOWN.contains(&name) || name.starts_with("port.");
        let of = |target: &str| name.strip_prefix("with.")?.strip_prefix(target)?.strip_prefix('.');
        own(name) || self.with.iter().filter_map(|with| of(with.name())).any(own)
    }

    /// Every text that may name variables, but for the rebuild's, which may name `{user}` too.
    fn texts(&self) -> impl Iterator<Item = &String> {
        let listen = [&self.listen.lmtp, &self.listen.smtp, &self.listen.imap];
        let commands = [&self.start, &self.stop, &self.kill, &self.check, &self.version];
        let queue = self.queue.iter().map(|queue| &queue.list);
        let commands = commands.into_iter().chain(&self.prepare).chain(queue).flatten();
        let mounts = self.mounts.iter().flat_map(|mount| mount.bind.iter().chain([&mount.at]));
        commands
            .chain(self.files.values().chain(self.etc.values()).map(FileText::text))
            .chain(self.environment.values())
            .chain(listen.into_iter().flatten())
            .chain(&self.directories)
            .chain(&self.hostname)
            .chain(mounts)
    }

    /// Names of the ports it wants chosen, each once.
    pub fn ports(&self) -> Vec<String> {
        let mut names: Vec<String> = self.texts().flat_map(|text| ports_in(text)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// It keeps a queue of its own, apart from the store.
    pub fn has_queue(&self) -> bool {
        self.texts().any(|text| text.contains("{queue}"))
    }

    /// It says where its mail or its queue is to lie.
    pub(super) fn names_a_store(&self) -> bool {
        self.texts().any(|text| text.contains("{store}") || text.contains("{queue}"))
    }

    /// It delivers what comes for a list to each member.
    pub fn takes_lists(&self) -> bool {
        self.texts().any(|text| text.contains("{lists}"))
    }

    /// Fills in the variables.
    pub fn render(&self, vars: &Vars) -> Rendered {
        let all = |texts: &[String]| vars.fill_command(texts);
        let one = |text: &Option<String>| text.as_ref().map(|text| vars.fill(text));
        let files = |files: &BTreeMap<String, FileText>| {
            let filled = |path: &str, file: &FileText| {
                let of_a_shell = shell::is_script(self, path, file.text());
                let text = if of_a_shell { vars.fill_for_shell(file.text()) } else { vars.fill(file.text()) };
                file.with_text(text)
            };
            files.iter().map(|(path, file)| (path.clone(), filled(path, file))).collect()
        };
        let mount = |mount: &MountEntry| MountEntry {
            bind: one(&mount.bind),
            tmpfs: mount.tmpfs,
            at: vars.fill(&mount.at),
        };
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
            migrate: all(&self.migrate),
            queue: self.queue.as_ref().map(|queue| Queue { list: all(&queue.list), ..queue.clone() }),
            prepare: self.prepare.iter().map(|argv| all(argv)).collect(),
            environment: self.environment.iter().map(|(k, v)| (k.clone(), vars.fill(v))).collect(),
            files: files(&self.files),
            etc: files(&self.etc),
            mounts: self.mounts.iter().map(mount).collect(),
            hostname: one(&self.hostname),
            directories: self.directories.iter().map(|text| vars.fill(text)).collect(),
            listen: Listen {
                lmtp: one(&self.listen.lmtp),
                smtp: one(&self.listen.smtp),
                imap: one(&self.listen.imap),
            },
        }
    }
}

/// What stands in braces and looks like a variable: lower-case letters, dots and dashes.
fn variables_in(text: &str) -> impl Iterator<Item = String> {
    let like =
        |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b".-".contains(&b));
    in_braces(text).map(|(_, name)| name).filter(like).map(str::to_owned)
}

fn ports_in(text: &str) -> impl Iterator<Item = String> {
    in_braces(text).filter_map(|(_, name)| name.strip_prefix("port.")).map(str::to_owned)
}

/// A definition with its variables filled in. Each field is that of [`Definition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Program and arguments.
    pub start: Vec<String>,
    pub stop: Vec<String>,
    pub kill: Vec<String>,
    /// Prints its version.
    pub version: Vec<String>,
    /// Checks its store.
    pub check: Vec<String>,
    /// Rebuilds its index.
    pub rebuild: Option<Rebuild>,
    /// See [`Definition`]; `{user}`, `{from}` and `{to}` are still in it.
    pub migrate: Vec<String>,
    /// Shows its queue.
    pub queue: Option<Queue>,
    /// Run before the first start.
    pub prepare: Vec<Vec<String>>,
    /// Of every command.
    pub environment: BTreeMap<String, String>,
    /// Below its directory.
    pub files: BTreeMap<String, FileText>,
    /// Below `/etc`.
    pub etc: BTreeMap<String, FileText>,
    /// What it alone sees mounted.
    pub mounts: Vec<MountEntry>,
    /// The machine's name.
    pub hostname: Option<String>,
    /// Below its directory.
    pub directories: Vec<String>,
    pub listen: Listen,
}

/// The variables of one run: name in braces to value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vars(pub BTreeMap<String, String>);

impl Vars {
    fn fill(&self, text: &str) -> String {
        self.fill_with(text, |_, value| Some(value.to_owned()))
    }

    /// A text that a shell reads: each value stays what it is.
    fn fill_for_shell(&self, text: &str) -> String {
        let quoting = shell::quoting(text);
        self.fill_with(text, |at, value| shell::written(value, quoting[at]))
    }

    /// A program and its arguments, a shell's command line among them or not.
    pub fn fill_command(&self, argv: &[String]) -> Vec<String> {
        let lines = shell::lines(argv);
        let filled = argv.iter().enumerate().map(|(at, text)| match lines.contains(&at) {
            true => self.fill_for_shell(text),
            false => self.fill(text),
        });
        filled.collect()
    }

    fn fill_with(&self, text: &str, write: impl Fn(usize, &str) -> Option<String>) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut done = 0;
        for (at, name) in in_braces(text) {
            if let Some(value) = self.0.get(name).and_then(|value| write(at, value)) {
                filled += &text[done..at];
                filled += &value;
                done = at + name.len() + "{}".len();
            }
        }
        filled + &text[done..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_and_other_braces_stay() {
        let vars = Vars([("port.imap".to_owned(), "1143".to_owned())].into());
        assert_eq!(vars.fill("imap {\n port = {port.imap}\n}"), "imap {\n port = 1143\n}");
    }

    #[test]
    fn what_follows_a_percent_or_dollar_sign_is_the_servers_own() {
        let vars = Vars([("store".to_owned(), "/mnt".to_owned())].into());
        assert_eq!(vars.fill("{store}/%{dest.user} ${store} {store"), "/mnt/%{dest.user} ${store} {store");
        assert_eq!(variables_in("%{dest.user} ${store} {uid}").collect::<Vec<_>>(), ["uid"]);
    }

    #[test]
    fn a_companions_variables_are_filled_by_its_name() {
        let vars = Vars([("with.dovecot-maildir.port.lmtp".to_owned(), "2424".to_owned())].into());
        assert_eq!(
            vars.fill("lmtp:inet:127.0.0.1:{with.dovecot-maildir.port.lmtp}"),
            "lmtp:inet:127.0.0.1:2424"
        );
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
}
