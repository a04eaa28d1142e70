//! The measured sequences (`measured.txt`, whose head explains the format): read, done on a rig, looked at.

use super::rig::{OpenFile, Rig, Sync};
use super::tree::{Node, NodeContent, Tree};
use crate::fs::request::Outcome;
use std::collections::BTreeSet;

/// What the rules were made from.
pub(super) const MEASURED: &str = include_str!("measured.txt");
/// Random and mail-like sequences that they were mended from.
pub(super) const MIXED: &str = include_str!("mixed.txt");
/// Others of that kind, looked at only when the rules were done.
pub(super) const HELD_OUT: &str = include_str!("held_out.txt");
/// The smallest sequence of each kind that the rules once had wrong.
pub(super) const MENDED: &str = include_str!("mended.txt");

/// One sequence with what was measured of it.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    setup: Vec<&'static str>,
    steps: Vec<&'static str>,
    watched: Vec<&'static str>,
    attributes: Vec<&'static str>,
    /// Whether the canary was recorded.
    pub(super) canary: bool,
    measured: Vec<Measured>,
}

/// One outcome on some file systems.
#[derive(Debug)]
struct Measured {
    systems: Vec<&'static str>,
    shown: &'static str,
}

/// All sequences of a file, in its order.
pub(crate) fn all(text: &'static str) -> Vec<Sequence> {
    let is_data = |line: &&str| !line.starts_with('#');
    let mut sequences: Vec<Sequence> = Vec::new();
    for line in text.lines().filter(is_data).filter(|line| !line.is_empty()) {
        let last = sequences.last_mut();
        match (line.split_once(' ').expect("a word and what it says"), last) {
            (("set", rest), Some(sequence)) => sequence.setup = operations(rest),
            (("do", rest), Some(sequence)) => sequence.steps = operations(rest),
            (("see", rest), Some(sequence)) => sequence.look_at(rest),
            (("ext4" | "xfs" | "btrfs", _), Some(sequence)) => sequence.measured.push(outcome(line)),
            _ => sequences.push(head(line)),
        }
    }
    sequences
}

fn head(line: &'static str) -> Sequence {
    let (id, title) = line.split_once(" | ").expect("ID | title");
    Sequence {
        id,
        title,
        setup: Vec::new(),
        steps: Vec::new(),
        watched: Vec::new(),
        attributes: Vec::new(),
        canary: true,
        measured: Vec::new(),
    }
}

fn operations(text: &'static str) -> Vec<&'static str> {
    text.trim().split("; ").collect()
}

fn outcome(line: &'static str) -> Measured {
    let mut parts = line.splitn(3, " | ");
    let mut next = || parts.next().expect("FILE SYSTEMS | HOW OFTEN | OUTCOME");
    let (systems, _, shown) = (next(), next(), next());
    Measured { systems: systems.split(' ').collect(), shown }
}

impl Sequence {
    fn look_at(&mut self, words: &'static str) {
        for word in words.split(' ') {
            match word.strip_prefix('+') {
                Some(attribute) => self.attributes.push(attribute),
                None if word == "-canary" => self.canary = false,
                None => self.watched.push(word),
            }
        }
    }

    /// What was measured on a file system, without double.
    pub(super) fn outcomes(&self, system: &str) -> BTreeSet<String> {
        self.measured.iter().filter(|m| m.systems.contains(&system)).map(|m| sorted(m.shown)).collect()
    }

    /// Whether the last call is the fsync of the clean file u/U, or its fdatasync after an overwrite in place.
    pub(super) fn ends_with_a_sync_that_commits_by_chance(&self) -> bool {
        matches!(self.steps.last(), Some(&"fsync u/U" | &"write u/U 100 x fdatasync"))
    }

    /// Why the sequence cannot be done through FUSE here, if so.
    pub(super) fn left_out(&self) -> Option<&'static str> {
        let has = |word| self.setup.iter().chain(&self.steps).any(|step| step.split(' ').any(|w| w == word));
        if has("tmpfile") {
            return Some("O_TMPFILE is not offered by the file system");
        }
        if has("sync-file-range") {
            return Some("sync_file_range ends in the kernel: FUSE has no request for it");
        }
        if has("ms-async") {
            return Some("msync(MS_ASYNC) sends no request");
        }
        let not_root = !nix::unistd::geteuid().is_root();
        (not_root && has("chown")).then_some("only root may give a file away")
    }

    /// Prepares a rig, makes all of it durable, creates the canary and does the sequence.
    pub(super) fn play(&self, rig: &Rig) -> BTreeSet<String> {
        let mut player = Player { rig, open: None, kept: Vec::new() };
        for directory in ["tmp", "new", "cur", "u", "cn", "a", "b"] {
            rig.mkdir(directory).expect("a new directory");
        }
        for step in ["write u/U 8192 u", "write u/V 8192 v"].iter().chain(&self.setup) {
            player.must(step);
        }
        rig.sync_all();
        let before = rig.tree().0.into_keys().collect();
        player.must("write cn/c 0 n");
        for step in &self.steps {
            player.must(step);
        }
        before
    }

    /// A tree as outcomes are written; `before` is what was there after the setup.
    pub(super) fn look(&self, tree: &Tree, before: &BTreeSet<String>) -> String {
        let mut shown: Vec<String> = Vec::new();
        for path in &self.watched {
            shown.push(format!("{path}={}", describe(tree.0.get(*path), &self.attributes)));
        }
        let elsewhere =
            |path: &str| path == "u/N" || path == "u/Q" || path.starts_with("cn/") || is_counted(path);
        for (path, node) in &tree.0 {
            if !self.watched.contains(&path.as_str()) && !before.contains(path) && !elsewhere(path) {
                shown.push(format!("+{path}={}", describe(Some(node), &[])));
            }
        }
        if self.id.starts_with("24") {
            shown.push(format!("_count={}", tree.0.keys().filter(|path| is_counted(path)).count()));
        }
        let canary = self.canary && tree.0.contains_key("cn/c");
        sorted(&(shown.join("; ") + if canary { " [canary]" } else { "" }))
    }
}

/// An outcome with what appeared besides the watched paths in order: directories were walked in theirs.
fn sorted(shown: &str) -> String {
    let (shown, canary) = shown.strip_suffix(" [canary]").map_or((shown, ""), |shown| (shown, " [canary]"));
    let mut parts: Vec<&str> = shown.split("; ").collect();
    parts.sort_by_key(|part| part.strip_prefix('+'));
    parts.join("; ") + canary
}

fn is_counted(path: &str) -> bool {
    path.strip_prefix("a/f").is_some_and(|n| n.len() == 3 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn describe(node: Option<&Node>, attributes: &[&str]) -> String {
    let Some(node) = node else { return "-".into() };
    let mut shown = format!("{:?}", node.kind);
    if node.kind != NodeContent::Directory && node.nlink != 1 {
        shown += &format!(" nl={}", node.nlink);
    }
    for attribute in attributes {
        shown += &match *attribute {
            "mode" => format!(" mode={:o}", node.mode),
            "owner" => format!(" uid={}", node.uid),
            "mtime" => format!(" mtime={}", class(node.mtime)),
            "xattr" => format!(" xattr={}", node.xattr.as_deref().unwrap_or("-")),
            other => panic!("unknown attribute {other}"),
        };
    }
    shown
}

/// A time as the sequences know it: what the setup set, what the sequence set, or the time of the run.
fn class(seconds: i64) -> &'static str {
    match seconds {
        1_000_000_000 => "old",
        1_234_567_890 => "set",
        _ => "now",
    }
}

/// Does operations of the text language.
struct Player<'a> {
    rig: &'a Rig,
    open: Option<OpenFile>,
    kept: Vec<OpenFile>,
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("a number: {word}"))
}

fn octal(word: &str) -> u32 {
    u32::from_str_radix(word, 8).expect("an octal number")
}

fn filled(len: &str, letter: &str) -> Vec<u8> {
    vec![letter.as_bytes()[0]; number(len)]
}

impl Player<'_> {
    fn must(&mut self, step: &str) {
        if let Some(rest) = step.strip_prefix("300 times ") {
            return (0..300).for_each(|n| self.must(&rest.replace("###", &format!("{n:03}"))));
        }
        let words: Vec<&str> = step.split(' ').collect();
        self.step(&words).unwrap_or_else(|error| panic!("`{step}`: {error}"));
    }

    fn step(&mut self, words: &[&str]) -> Outcome<()> {
        let rig = self.rig;
        match words {
            ["write", path, len, letter, rest @ ..] => self.write(path, &filled(len, letter), rest),
            ["append", path, len, letter, rest @ ..] => {
                let at = format!("at={}", rig.size(path)?);
                self.write(path, &filled(len, letter), &[&[at.as_str()], rest].concat())
            }
            ["map-write", path, offset, len, letter, rest @ ..] => {
                self.map_write(path, number(offset), &filled(len, letter), rest)
            }
            ["fallocate", path, mode, offset, len] => {
                rig.fallocate(path, number(mode), number(offset), number(len))
            }
            ["fsync", path] => rig.sync_path(path, Sync::Full),
            ["fdatasync", path] => rig.sync_path(path, Sync::Data),
            ["wait", _] => Ok(()), // The model's timers are those of a storage, not of these tests: none fires here.
            ["syncfs"] => {
                rig.sync_all();
                Ok(())
            }
            _ => self.name_step(words).unwrap_or_else(|| self.attribute_step(words)),
        }
    }

    fn name_step(&mut self, words: &[&str]) -> Option<Outcome<()>> {
        let rig = self.rig;
        Some(match words {
            ["mkdir", path] => rig.mkdir(path),
            ["rmdir", path] => rig.rmdir(path),
            ["rename", from, to] => rig.rename(from, to, 0),
            ["exchange", from, to] => rig.rename(from, to, libc::RENAME_EXCHANGE),
            ["link", from, to] => rig.link(from, to),
            ["unlink", path] => rig.unlink(path),
            ["symlink", target, path] => rig.symlink(target, path),
            _ => return None,
        })
    }

    fn attribute_step(&mut self, words: &[&str]) -> Outcome<()> {
        let rig = self.rig;
        match words {
            ["truncate", path, size] => rig.truncate(path, number(size)),
            ["chmod", path, mode] => rig.chmod(path, octal(mode)),
            ["chown", path, owner] => rig.chown(path, number(owner)),
            ["utimens", path, seconds] => rig.utimens(path, number(seconds)),
            ["setxattr", path, value] => rig.set_xattr(path, value),
            _ => self.open_step(words),
        }
    }

    fn open_step(&mut self, words: &[&str]) -> Outcome<()> {
        if let ["open", path] = words {
            self.open = Some(self.rig.open(path, libc::O_RDWR, 0)?);
            return Ok(());
        }
        let file = self.open.as_ref().expect("a file was opened before");
        match words {
            ["write-open", len, letter, offset] => self.rig.write(file, number(offset), &filled(len, letter)),
            ["fsync-open"] => self.rig.sync(file, Sync::Full),
            ["close-open"] => self.rig.close(self.open.take().expect("just seen")),
            other => panic!("unknown operation {other:?}"),
        }
    }

    fn write(&mut self, path: &str, data: &[u8], options: &[&str]) -> Outcome<()> {
        let (mut offset, mut mode, mut flags) = (0, 0o644, libc::O_WRONLY | libc::O_CREAT);
        for option in options {
            match option.split_once('=') {
                Some(("at", value)) => offset = number(value),
                Some(("mode", value)) => mode = octal(value),
                _ => flags |= open_flag(option),
            }
        }
        let file = self.rig.open(path, flags, mode)?;
        self.rig.write(&file, offset, data)?;
        self.end(file, options)
    }

    fn map_write(&mut self, path: &str, offset: u64, data: &[u8], options: &[&str]) -> Outcome<()> {
        let file = self.rig.open(path, libc::O_RDWR, 0)?;
        self.rig.write_mapped(&file, offset, data)?;
        self.end(file, &[options, &["keep"]].concat())
    }

    fn end(&mut self, file: OpenFile, options: &[&str]) -> Outcome<()> {
        if options.contains(&"fsync") {
            self.rig.sync(&file, Sync::Full)?;
        }
        if options.contains(&"fdatasync") || options.contains(&"ms-sync") {
            self.rig.sync(&file, Sync::Data)?;
        }
        if options.contains(&"keep") {
            self.kept.push(file);
            return Ok(());
        }
        self.rig.close(file)
    }
}

fn open_flag(option: &str) -> i32 {
    match option {
        "trunc" => libc::O_TRUNC,
        "o-sync" => libc::O_SYNC,
        "o-dsync" => libc::O_DSYNC,
        _ => 0,
    }
}
