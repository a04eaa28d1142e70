//! A user's Maildir++: the inbox, and folders beside it whose names begin with a dot. It is only read.

use super::maildir_folder;
use super::modified_utf7::decoded;
use super::taking::{Stopped, Taking};
use record::inventory::folder::FolderName;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Largest list of subscriptions taken.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;

/// Reads all of it.
pub(super) fn read(root: Option<PathBuf>, taking: &mut Taking) -> Result<(), Stopped> {
    let listed = match &root {
        Some(root) => folders(root),
        None => Err(io::Error::other("the user's name does not fit into the path")),
    };
    let (root, folders) = match (root, listed) {
        (Some(root), Ok(folders)) => (root, folders),
        (root, listed) => {
            taking.subscriptions(None)?;
            let place = root.map_or(String::new(), |root| format!("{}: ", root.display()));
            let why = listed.err().map_or(String::new(), |error| error.to_string());
            return taking.unread(None, format!("{place}{why}"));
        }
    };
    taking.subscriptions(subscriptions(&root))?;
    taking.folders(folders.len());
    for (name, found) in folders {
        if !taking.wants(&name)? {
            continue;
        }
        match found {
            Found::Folder(path) => maildir_folder::read(&name, &path, taking)?,
            Found::Unreadable(why) => taking.unread(Some(&name), why)?,
        }
        taking.folder_done()?;
    }
    Ok(())
}

enum Found {
    Folder(PathBuf),
    Unreadable(&'static str),
}

fn folders(root: &Path) -> io::Result<BTreeMap<FolderName, Found>> {
    if !root.join("cur").is_dir() {
        let why = if root.is_dir() {
            "it is no Maildir: it holds no directory `cur`"
        } else {
            "there is no such directory"
        };
        return Err(io::Error::other(why));
    }
    let mut all = BTreeMap::from([(FolderName::inbox(), Found::Folder(root.to_owned()))]);
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        let Some((name, found)) = folder(&path) else { continue };
        let twice = all.contains_key(&name);
        all.insert(name, if twice { Found::Unreadable("two folders have this name") } else { found });
    }
    Ok(all)
}

fn folder(path: &Path) -> Option<(FolderName, Found)> {
    let file = path.file_name()?.to_string_lossy().into_owned();
    let holds = |name: &str| path.join(name).is_dir();
    if ["cur", "new", "tmp"].contains(&file.as_str()) || !["cur", "new", "tmp"].iter().any(|name| holds(name))
    {
        return None;
    }
    let Some(dotted) = file.strip_prefix('.') else {
        const OTHER: &str = "it is a folder of another layout (Dovecot's LAYOUT=fs), which is not read here; read it through the server";
        return Some((FolderName::of(&file, None), Found::Unreadable(OTHER)));
    };
    let mut name = FolderName::of(dotted, Some('.'));
    name.0.iter_mut().for_each(|part| *part = decoded(part));
    let whole = holds("cur") && holds("new");
    Some((
        name,
        if whole { Found::Folder(path.to_owned()) } else { Found::Unreadable("it lacks `cur` or `new`") },
    ))
}

/// As Dovecot keeps them, or Courier; none are known of a list that cannot be read. Without a list nobody subscribed.
fn subscriptions(root: &Path) -> Option<Vec<FolderName>> {
    let mut names = match list(&root.join("subscriptions")).ok()? {
        Some(text) => dovecot_names(&text),
        None => courier_names(&list(&root.join("courierimapsubscribed")).ok()?.unwrap_or_default()),
    };
    names.sort();
    names.dedup();
    Some(names)
}

/// None if there is none.
fn list(file: &Path) -> io::Result<Option<String>> {
    match std::fs::metadata(file) {
        Ok(about) if about.is_file() && about.len() <= LARGEST_LIST => {
            std::fs::read_to_string(file).map(Some)
        }
        Ok(_) => Err(io::Error::other("it is no list of subscriptions")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn courier_names(text: &str) -> Vec<FolderName> {
    text.lines().map(|line| name(line.strip_prefix("INBOX.").unwrap_or(line), '.')).collect()
}

/// The second form begins with a line of its own and parts names by tabs.
fn dovecot_names(text: &str) -> Vec<FolderName> {
    let (delimiter, lines) = match text.strip_prefix("V\t2\n") {
        Some(rest) => ('\t', rest),
        None => ('.', text),
    };
    lines.lines().filter(|line| !line.is_empty()).map(|line| name(line, delimiter)).collect()
}

fn name(line: &str, delimiter: char) -> FolderName {
    let mut name = FolderName::of(line, Some(delimiter));
    name.0.iter_mut().for_each(|part| *part = decoded(part));
    name
}
