//! The whole tree at one instant, and back to it: what a failover to an asynchronous replica shows.

use super::manifest;

use super::durability::Volatile;
use super::effect::Ino;
use super::manifest::ManifestEntry;
use super::objects::Objects;
use super::places::Numbers;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

impl Volatile {
    /// Copies the whole tree as it is now, at one instant between two calls, into the new directory `to`.
    pub fn snapshot(&self, to: &Path) -> io::Result<()> {
        std::fs::create_dir(to)?;
        let _nothing_changes = self.power.write();
        let objects = Objects::at(&to.join("objects"))?;
        let tree = manifest::read(&self.backing, &Numbers::of(&self.backing)?, Some(&objects))?;
        manifest::write_lines(&to.join("tree.jsonl"), tree)
    }

    /// Brings the tree back to a snapshot, in place: what is there by the same path keeps its inode number. Nothing may be
    /// mounted on it. All of it is durable then, and the power on.
    pub fn roll_back(&self, snapshot: &Path) -> io::Result<()> {
        let mut power = self.power.write();
        let mut core = self.core.lock();
        let objects = Objects::at(&snapshot.join("objects"))?;
        let tree: Vec<ManifestEntry> = manifest::read_lines(&snapshot.join("tree.jsonl"))?;
        self.remove_strangers(&tree)?;
        self.bring_back(&tree, &objects)?;
        self.restart(&mut core, &mut power)
    }

    /// Removes every name that the snapshot does not have, or has for another inode.
    fn remove_strangers(&self, tree: &[ManifestEntry]) -> io::Result<()> {
        let numbers = Numbers::of(&self.backing)?;
        let wanted: HashMap<PathBuf, &ManifestEntry> =
            tree.iter().map(|entry| (entry.below(&self.backing), entry)).collect();
        let mut strangers: Vec<(PathBuf, bool)> = Vec::new();
        super::places::walk(&self.backing, &numbers, &mut |ino, path, directory| {
            let same = |entry: &&&ManifestEntry| {
                entry.is_directory() == directory && (directory || entry.ino == ino)
            };
            if wanted.get(path).filter(same).is_none() {
                strangers.push((path.to_owned(), directory));
            }
            Ok(())
        })?;
        // Names that moved wait in limbo by their inode.
        let kept: HashSet<Ino> = tree.iter().map(|entry| entry.ino).collect();
        for (path, directory) in strangers.into_iter().rev() {
            let ino = numbers.seen(std::fs::symlink_metadata(&path)?.ino());
            let waiting = self.limbo.path().join(ino.to_string());
            if !directory && kept.contains(&ino) && !waiting.exists() {
                std::fs::hard_link(&path, &waiting)?;
            }
            if directory { std::fs::remove_dir(&path)? } else { std::fs::remove_file(&path)? }
        }
        Ok(())
    }

    fn bring_back(&self, tree: &[ManifestEntry], objects: &Objects) -> io::Result<()> {
        let mut known: HashMap<Ino, PathBuf> = HashMap::new();
        for entry in tree {
            let path = entry.below(&self.backing);
            let waiting = self.limbo.path().join(entry.ino.to_string());
            let there = std::fs::symlink_metadata(&path).is_ok();
            match known.get(&entry.ino) {
                Some(other) if !there && !entry.is_directory() => std::fs::hard_link(other, &path)?,
                _ if !there && !entry.is_directory() && waiting.exists() => {
                    std::fs::hard_link(&waiting, &path)?;
                    manifest::make_again(entry, objects, &path)?;
                }
                _ if there => manifest::make_again(entry, objects, &path)?,
                _ => manifest::make(entry, objects, &path)?,
            }
            known.entry(entry.ino).or_insert(path);
        }
        tree.iter().rev().try_for_each(|entry| manifest::dress(entry, &entry.below(&self.backing)))
    }
}
