//! Which mover a name means: one that comes with the program, or a file of the user's own; and a mover that can be started.

use super::find::{Unusable, definition_file};
use super::logs::{self, LOG};
use super::packages::place;
use super::stage::Stage;
use super::{vars, view};
use crate::machine::grounds::Shown;
use crate::machine::process::{Launch, Output, ProcessTree};
use anyhow::{Context, Result};
use record::plan::mover::{Mover, Source};
use record::plan::server::Definition;
use record::plan::server::render::Vars;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// The movers that come with the program.
const BUILT_IN: &[&str] = &[
    include_str!("../../scenarios/movers/mbsync.toml"),
    include_str!("../../scenarios/movers/fetchmail-procmail.toml"),
    include_str!("../../scenarios/movers/fetchmail-maildrop.toml"),
    include_str!("../../scenarios/movers/getmail6.toml"),
    include_str!("../../scenarios/movers/doveadm-move.toml"),
    include_str!("../../scenarios/movers/rsync.toml"),
    include_str!("../../scenarios/movers/rsync-fsync.toml"),
];

/// Who has the mail at an IMAP source.
pub(crate) const USER: &str = "user1";

/// The movers that come with the program.
pub(crate) fn built_in() -> Vec<Mover> {
    BUILT_IN.iter().map(|text| toml::from_str(text).expect("built-in movers are tested")).collect()
}

/// A mover by its name, or a mover file.
pub(crate) fn find(name: &str) -> Result<Mover, Unusable> {
    let built_in = built_in();
    if let Some(mover) = built_in.iter().find(|mover| mover.name == name) {
        return Ok(mover.clone());
    }
    let Some(path) = definition_file("movers", name, Path::new("")) else {
        let names = built_in.iter().map(|mover| mover.name.as_str());
        let meant = fuse_fs::nearest::nearest(name, names).map(|n| format!("did you mean `{n}`? "));
        let help =
            "`fermoposta list` shows those that come with the program; or give the path of a mover file";
        return Err(Unusable::new(format!("there is no mover `{name}`"), meant.unwrap_or_default() + help));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Unusable::unreadable(&path, &error))?;
    parse(&text).map_err(|unusable| unusable.of(&path))
}

fn parse(text: &str) -> Result<Mover, Unusable> {
    let mover: Mover = toml::from_str(text).map_err(|error| {
        let message = format!("is not a mover file: {error}");
        Unusable::new(message, "`fermoposta schema mover` says what one may hold")
    })?;
    let possible = mover.definition().possible();
    possible.map_err(|why| Unusable::new(format!("cannot work: {why}"), "see docs/movers.md"))?;
    match never_works(&mover) {
        None => Ok(mover),
        Some(why) => Err(Unusable::new(format!("cannot work: {why}"), "see docs/movers.md")),
    }
}

/// What a definition may say and a mover cannot.
fn never_works(mover: &Mover) -> Option<&'static str> {
    let definition = mover.definition();
    let ports = definition.ports();
    let files = mover.files.values().map(|file| file.text());
    if !mover.start.iter().chain(files).any(|text| text.contains("{store}")) {
        return Some("neither `start` nor `files` names `{store}`, the disk that the mail is moved to");
    }
    if definition.has_queue() || definition.takes_lists() {
        return Some("`{queue}` and `{lists}` are of mail servers");
    }
    match mover.source {
        Source::Maildir if !ports.is_empty() => {
            Some("a Maildir listens nowhere: write `source = \"imap\"`, or name no `{port...}`")
        }
        Source::Imap | Source::ImapDeleted if ports != ["imap"] => {
            Some("the source listens at `{port.imap}`, which nothing names, or another port is named too")
        }
        Source::Maildir | Source::Imap | Source::ImapDeleted => None,
    }
}

/// Where one mover's things lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    /// Mount point of the destination's storage.
    pub store: &'a Path,
    /// Its own files, on another disk.
    pub work: &'a Path,
    /// Where the source listens for IMAP, if it does.
    pub port: Option<u16>,
    /// What it may not write to.
    pub sealed: &'a [PathBuf],
}

/// A mover that can be started, again and again.
#[derive(Debug)]
pub(crate) struct Prepared {
    launch: Launch,
    work: PathBuf,
}

/// Writes its files.
///
/// # Errors
/// They cannot be written.
pub(crate) fn prepare(mover: &Mover, ground: Ground<'_>) -> Result<Prepared> {
    let Ground { store, work, sealed, .. } = ground;
    let definition = mover.definition();
    let root = place::root(&definition);
    let mut shown = Shown::default();
    shown.show(store, "store");
    shown.show(work, "work");
    root.iter().for_each(|root| shown.show(root, "packages"));
    let seen = vars(&definition, ground, root.as_deref(), |path| shown.seen(path));
    let real = vars(&definition, ground, root.as_deref(), Path::to_owned);
    let mut rendered = definition.render(&seen);
    rendered.mounts = definition.render(&real).mounts;
    std::fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
    let stage = Stage { work, root: root.as_deref(), shown: &shown, sealed };
    let view = view::write(&definition, &rendered, stage)?;
    let (argv, environment, directory) = (rendered.start, rendered.environment, work.to_owned());
    Ok(Prepared { launch: Launch { argv, environment, directory, view, starts: 0 }, work: work.to_owned() })
}

fn vars(
    definition: &Definition,
    ground: Ground<'_>,
    root: Option<&Path>,
    seen: impl Fn(&Path) -> PathBuf,
) -> Vars {
    let path = |path: &Path| seen(path).display().to_string();
    let known = [
        ("store", path(ground.store)),
        ("work", path(ground.work)),
        ("root", root.map(path).unwrap_or_default()),
        ("exe", "/proc/self/exe".to_owned()),
        ("users", USER.to_owned()),
        ("domain", definition.domain.clone()),
        ("password", definition.password.clone()),
    ];
    let port = ground.port.map(|port| ("port.imap", port.to_string()));
    let named = known.into_iter().chain(port).map(|(name, value)| (name.to_owned(), value));
    Vars(named.chain(vars::ids(definition)).collect())
}

impl Prepared {
    /// Starts it, as a process that earlier ones shared no numbers with.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(&mut self) -> Result<ProcessTree> {
        let log = self.work.join(LOG);
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let output = Output::both(file.with_context(|| format!("cannot write {}", log.display()))?)?;
        let tree = ProcessTree::spawn(&self.launch, output).context("the mover cannot be started")?;
        self.launch.starts += 1;
        Ok(tree)
    }

    /// What it said last, in one line.
    pub(crate) fn last_words(&self) -> String {
        let words = logs::last_words(&self.work);
        let said: Vec<&str> = words.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
        if said.is_empty() { "it said nothing".to_owned() } else { format!("it said: {}", said.join(" | ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_movers_are_possible() {
        for text in BUILT_IN {
            parse(text).expect("a built-in mover can run");
        }
    }

    #[test]
    fn a_mover_that_cannot_be_used_is_told_where_and_what_to_do() {
        let said = |text: &str| parse(text).expect_err("wrong").to_string();
        let good = "name = 'm'\nabout = 'a'\nsource = 'maildir'\n";
        insta::assert_snapshot!(said(&format!("{good}start = ['m']")), @"cannot work: neither `start` nor `files` names `{store}`, the disk that the mail is moved to; see docs/movers.md");
        insta::assert_snapshot!(said(&format!("{good}start = ['m', '{{store}}', '{{queue}}']")), @"cannot work: `{queue}` and `{lists}` are of mail servers; see docs/movers.md");
        insta::assert_snapshot!(said(&format!("{good}start = ['m', '{{store}}', '{{port.imap}}']")), @r#"cannot work: a Maildir listens nowhere: write `source = "imap"`, or name no `{port...}`; see docs/movers.md"#);
        let imap = good.replace("maildir", "imap");
        insta::assert_snapshot!(said(&format!("{imap}start = ['m', '{{store}}', '{{port.pop3}}']")), @"cannot work: the source listens at `{port.imap}`, which nothing names, or another port is named too; see docs/movers.md");
        insta::assert_snapshot!(said(&format!("{good}start = ['m', '{{stor}}']")), @"cannot work: `{stor}` is no variable; there are store, queue, work, root, exe, uid, gid, users, lists, domain, password, internal, internal-group, unprivileged and port.NAME; see docs/movers.md");
        let foreign = said(&format!("{good}start = ['m', '{{store}}']\nlisten = {{}}"));
        assert!(
            foreign.contains("unknown field `listen`")
                && foreign.ends_with("`fermoposta schema mover` says what one may hold"),
            "{foreign}"
        );
        insta::assert_snapshot!(find("rsycn").expect_err("no such").to_string(), @"there is no mover `rsycn`; did you mean `rsync`? `fermoposta list` shows those that come with the program; or give the path of a mover file");
    }
}
