//! What became of un-synced effects, by kind: to show that what a profile allows does happen.

use super::reference::{Judge, Survivors};
use super::tree::NodeContent;
use super::world::{Effect, Id, Key, State};
use std::collections::BTreeSet;

/// A kind of outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    CreateKept,
    CreateDropped,
    RenameKept,
    RenameDropped,
    /// A moved file under its old and its new name.
    BothNames,
    UnlinkKept,
    UnlinkDropped,
    AttributeKept,
    AttributeDropped,
    /// Un-synced data, all of it.
    NewData,
    /// None of it.
    OldData,
    /// Some pages new, some old.
    MixedPages,
    /// One page with sectors of different moments.
    TornPage,
    /// A file longer than when it was synced, with zeros where data was written.
    GrownWithZeros,
    /// A new file's name without anything that was written to it.
    EmptyFile,
    /// A file that never was without a name has none: link and unlink.
    LostByUnlink,
    /// A synced file is lost with its name.
    LostSynced,
    /// A synced file under the old path of a directory that was renamed.
    OldPath,
}

/// All kinds of outcome in a tree.
pub(crate) fn outcomes(judge: &Judge<'_>, found: &Survivors<'_>) -> BTreeSet<Outcome> {
    let mut seen: BTreeSet<Outcome> = BTreeSet::new();
    for (at, effect) in judge.effects() {
        seen.extend(of_effect(judge, found, at, effect));
        if at > judge.last_sync() {
            seen.extend(of_unsynced(judge, found, effect));
        }
    }
    for (id, node) in &found.nodes {
        if let NodeContent::File(data) = &node.kind {
            seen.extend(of_content(judge, *id, data));
        }
    }
    seen
}

fn present(found: &Survivors<'_>, id: Id) -> bool {
    found.nodes.contains_key(&id)
}

fn is_named(judge: &Judge<'_>, id: Id, since: usize) -> bool {
    judge.history.states[since..].iter().all(|state| state.places(id).next().is_some())
}

fn of_effect(judge: &Judge<'_>, found: &Survivors<'_>, at: usize, effect: &Effect) -> Option<Outcome> {
    let under = |key: &Key, id: &Id| found.names.get(key) == Some(id);
    match effect {
        Effect::Renamed { id, from, to } if under(from, id) && under(to, id) => {
            let had = |state: &State| state.names.get(from) == Some(id) && state.names.get(to) == Some(id);
            (!judge.history.states.iter().any(had)).then_some(Outcome::BothNames)
        }
        Effect::Unlinked { id, .. } if !present(found, *id) => {
            is_named(judge, *id, 0).then_some(Outcome::LostByUnlink)
        }
        Effect::Synced { id, .. } if !present(found, *id) => {
            let unlinked = |(n, effect): (usize, &Effect)| {
                n > at && matches!(effect, Effect::Unlinked { id: on, .. } if on == id)
            };
            (is_named(judge, *id, at) && !judge.effects().any(unlinked)).then_some(Outcome::LostSynced)
        }
        Effect::Synced { id, .. } => of_path(judge, found, *id),
        _ => None,
    }
}

/// A synced file whose directory is found elsewhere than it is.
fn of_path(judge: &Judge<'_>, found: &Survivors<'_>, id: Id) -> Option<Outcome> {
    let now = judge.history.now();
    let parent = now.places(id).map(|key| key.0).next()?;
    let is_there = found.names.iter().any(|(key, at)| *at == id && key.0 == parent);
    let moved = |key: &Key| now.names.get(key) == Some(&parent) && found.names.get(key) != Some(&parent);
    let elsewhere = now.places(parent).any(moved);
    (is_there && elsewhere && present(found, parent)).then_some(Outcome::OldPath)
}

fn of_unsynced(judge: &Judge<'_>, found: &Survivors<'_>, effect: &Effect) -> Option<Outcome> {
    let now = judge.history.now();
    let has = |key: &Key, id: &Id| now.names.get(key) == Some(id);
    let one = |is: bool, kept, dropped| Some(if is { kept } else { dropped });
    match effect {
        Effect::Created { id, at } if has(at, id) => {
            one(present(found, *id), Outcome::CreateKept, Outcome::CreateDropped)
        }
        Effect::Renamed { id, to, .. } if has(to, id) && present(found, *id) => {
            one(found.names.get(to) == Some(id), Outcome::RenameKept, Outcome::RenameDropped)
        }
        Effect::Unlinked { id, .. } if now.places(*id).next().is_none() => {
            one(!present(found, *id), Outcome::UnlinkKept, Outcome::UnlinkDropped)
        }
        Effect::Attribute { id } => {
            let (node, inode) = (found.nodes.get(id)?, now.inodes.get(id)?);
            let before = judge.history.states[judge.last_sync()].inodes.get(id)?;
            let is = |other: &super::world::Inode| (other.mode, &other.xattr) == (node.mode, &node.xattr);
            (before != inode && (is(inode) != is(before)))
                .then(|| if is(inode) { Outcome::AttributeKept } else { Outcome::AttributeDropped })
        }
        _ => None,
    }
}

const PAGE: usize = 4096;

fn of_content(judge: &Judge<'_>, id: Id, data: &[u8]) -> Option<Outcome> {
    let (synced, created) = judge.data_floor(id);
    let state = |at: usize| judge.history.states[at].data(id);
    let (old, new) = (state(synced), judge.history.now().data(id));
    if old == new {
        return None;
    }
    if data == new {
        return Some(Outcome::NewData);
    }
    if data == old {
        return Some(if created { Outcome::EmptyFile } else { Outcome::OldData });
    }
    let resized = |(at, effect): (usize, &Effect)| {
        at > synced && matches!(effect, Effect::Resized { id: on, .. } if *on == id)
    };
    if judge.effects().any(resized) {
        return None; // Which of the zeros are a truncation's is not told apart.
    }
    let zeros = |n: usize| data[n] == 0 && (synced..=judge.last()).all(|at| state(at).get(n) != Some(&0));
    if data.len() > old.len() && (old.len()..data.len()).any(zeros) {
        return Some(Outcome::GrownWithZeros);
    }
    let of_one = |n: usize| {
        let page = &data[n..data.len().min(n + PAGE)];
        (synced..=judge.last()).any(|at| state(at).get(n..n + page.len()) == Some(page))
    };
    if !(0..data.len()).step_by(PAGE).all(of_one) {
        return Some(Outcome::TornPage);
    }
    let whole = (synced..=judge.last()).any(|at| state(at) == data);
    (!whole).then_some(Outcome::MixedPages)
}
