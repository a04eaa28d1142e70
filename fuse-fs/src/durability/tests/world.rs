//! What a file system without power cuts does: names, inodes and content as plain values, every state kept.

use super::call::{Call, letter};
use super::rig::{OpenFile, Rig, Sync};
use super::tree::{Node, NodeContent, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An inode of the history; 0 is the root.
pub(crate) type Id = usize;
/// The place of a name: directory and name.
pub(crate) type Key = (Id, String);

pub(crate) const ROOT: Id = 0;

const PAGE: u64 = 4096;

/// An inode at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    pub(super) is_directory: bool,
    pub(super) data: Arc<Vec<u8>>,
    pub(super) mode: u32,
    pub(super) xattr: Option<String>,
}

/// Everything at one moment. Inodes that lost their last name stay in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(super) names: BTreeMap<Key, Id>,
    pub(super) inodes: BTreeMap<Id, Inode>,
}

/// What a call did, in terms of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Created { id: Id, at: Key },
    Linked { id: Id, at: Key },
    Renamed { id: Id, from: Key, to: Key },
    Unlinked { id: Id, at: Key },
    Attribute { id: Id },
    Resized { id: Id, to: u64 },
    Written { id: Id, from: u64, to: u64, size_before: u64 },
    Synced { id: Id, sync: Sync },
    SyncedAll,
}

/// A call with its effects.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) call: Call,
    pub(super) effects: Vec<Effect>,
}

/// States before the first call and after each, and what each did. State 0 is durable.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(super) states: Vec<State>,
    pub(super) steps: Vec<Step>,
    /// Inode numbers of the backing directory.
    pub(super) numbers: BTreeMap<u64, Id>,
    held: Option<Id>,
}

impl State {
    /// The inode at a path.
    pub(super) fn at(&self, path: &str) -> Option<Id> {
        let mut at = ROOT;
        for part in path.split('/').filter(|part| *part != ".") {
            at = *self.names.get(&(at, part.to_owned()))?;
        }
        Some(at)
    }

    fn key(&self, path: &str) -> Option<Key> {
        let (directory, name) = path.rsplit_once('/').unwrap_or((".", path));
        Some((self.at(directory)?, name.to_owned()))
    }

    /// Paths of all files, or of all directories with the root first.
    pub(super) fn paths(&self, directories: bool) -> Vec<String> {
        let mut found = Vec::new();
        self.collect(ROOT, "", directories, &mut found);
        found.sort();
        if directories {
            found.insert(0, ".".into());
        }
        found
    }

    fn collect(&self, directory: Id, below: &str, directories: bool, found: &mut Vec<String>) {
        for ((_, name), id) in self.names.range((directory, String::new())..(directory + 1, String::new())) {
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let is_directory = self.inodes[id].is_directory;
            if is_directory == directories {
                found.push(path.clone());
            }
            if is_directory {
                self.collect(*id, &path, directories, found);
            }
        }
    }

    /// All places where an inode has a name.
    pub(super) fn places(&self, id: Id) -> impl Iterator<Item = &Key> {
        self.names.iter().filter(move |(_, at)| **at == id).map(|(key, _)| key)
    }

    /// Content of a file; empty before it was made.
    pub(super) fn data(&self, id: Id) -> &[u8] {
        self.inodes.get(&id).map_or(&[], |inode| &inode.data)
    }
}

impl History {
    /// Nothing has happened yet; what is there is durable.
    pub(super) fn from_tree(tree: &Tree) -> History {
        let mut history = History {
            states: vec![State::default()],
            steps: Vec::new(),
            numbers: BTreeMap::new(),
            held: None,
        };
        let root = Inode { is_directory: true, data: Arc::default(), mode: 0o755, xattr: None };
        history.states[0].inodes.insert(ROOT, root);
        for (path, node) in &tree.0 {
            let id = history.id_of(node.ino);
            let state = &mut history.states[0];
            let key = state.key(path).expect("parents come before their children");
            state.inodes.insert(id, inode(node));
            state.names.insert(key, id);
        }
        history
    }

    fn id_of(&mut self, number: u64) -> Id {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(number).or_insert(next)
    }

    /// The newest state.
    pub(super) fn now(&self) -> &State {
        self.states.last().expect("state 0 is always there")
    }

    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Does a call on the rig; what it answers decides what happened.
    pub(super) fn perform(&mut self, rig: &Rig, held: &mut Option<OpenFile>, call: Call) {
        let n = self.steps.len();
        if call.perform(rig, held, n).is_err() {
            return self.push(self.now().clone(), call, Vec::new());
        }
        let mut state = self.now().clone();
        if let Call::Rewrite { path, .. } = &call {
            // Two requests: the power may go between them.
            let id = state.at(path).expect("the call found it");
            let effects = resize(&mut state, id, 0);
            self.push(state.clone(), call.clone(), effects);
        }
        let effects = self.apply(&mut state, &call, rig, letter(n));
        self.push(state, call, effects);
    }

    fn push(&mut self, state: State, call: Call, effects: Vec<Effect>) {
        self.states.push(state);
        self.steps.push(Step { call, effects });
    }

    fn apply(&mut self, state: &mut State, call: &Call, rig: &Rig, letter: u8) -> Vec<Effect> {
        let at = |path: &String| state.at(path).expect("the call found it");
        match call {
            Call::Mkdir(path) => self.make(state, path, true, rig),
            Call::Create(path) => self.make(state, path, false, rig),
            Call::Hold(path) => {
                self.held = Some(at(path));
                Vec::new()
            }
            Call::CloseHeld => {
                self.held = None;
                Vec::new()
            }
            Call::WriteHeld { offset, len } => write(state, self.held(), *offset, *len, letter),
            Call::Write { path, offset, len } => write(state, at(path), *offset, *len, letter),
            Call::WriteMapped { path, offset, len } => {
                let id = at(path);
                let size = state.data(id).len() as u64;
                let end = (offset + len).min(size);
                if *offset >= end {
                    return Vec::new();
                }
                write(state, id, *offset, end - offset, letter);
                // Whole pages were written.
                let (from, to) = (offset / PAGE * PAGE, end.next_multiple_of(PAGE).min(size));
                vec![Effect::Written { id, from, to, size_before: size }]
            }
            Call::Rewrite { path, len } => write(state, at(path), 0, *len, letter),
            Call::SyncHeld => vec![Effect::Synced { id: self.held(), sync: Sync::Full }],
            Call::Sync { path, sync } => vec![Effect::Synced { id: at(path), sync: *sync }],
            Call::SyncAll => vec![Effect::SyncedAll],
            Call::Truncate { path, size } => resize(state, at(path), *size),
            _ => apply_to_names(state, call),
        }
    }

    fn held(&self) -> Id {
        self.held.expect("resolved only while a file is held")
    }

    fn make(&mut self, state: &mut State, path: &str, is_directory: bool, rig: &Rig) -> Vec<Effect> {
        let id = self.id_of(rig.number(path).expect("it was just made"));
        let mode = if is_directory { 0o755 } else { 0o644 };
        state.inodes.insert(id, Inode { is_directory, data: Arc::default(), mode, xattr: None });
        let at = state.key(path).expect("its directory is there");
        state.names.insert(at.clone(), id);
        vec![Effect::Created { id, at }]
    }
}

/// An inode as it is found in a tree.
pub(crate) fn inode(node: &Node) -> Inode {
    let data = if let NodeContent::File(data) = &node.kind { data.clone() } else { Vec::new() };
    Inode {
        is_directory: node.kind == NodeContent::Directory,
        data: Arc::new(data),
        mode: node.mode,
        xattr: node.xattr.clone(),
    }
}

fn write(state: &mut State, id: Id, offset: u64, len: u64, letter: u8) -> Vec<Effect> {
    let file = state.inodes.get_mut(&id).expect("a known file");
    let data = Arc::make_mut(&mut file.data);
    let (size_before, to) = (data.len() as u64, offset + len);
    data.resize(data.len().max(to as usize), 0);
    data[offset as usize..to as usize].fill(letter);
    vec![Effect::Written { id, from: offset, to, size_before }]
}

fn resize(state: &mut State, id: Id, to: u64) -> Vec<Effect> {
    let file = state.inodes.get_mut(&id).expect("a known file");
    if file.data.len() as u64 == to {
        return Vec::new();
    }
    Arc::make_mut(&mut file.data).resize(to as usize, 0);
    vec![Effect::Resized { id, to }]
}

fn apply_to_names(state: &mut State, call: &Call) -> Vec<Effect> {
    match call {
        Call::Rename { from, to } => rename(state, from, to),
        Call::Exchange { from, to } => exchange(state, from, to),
        Call::Link { from, to } => {
            let (id, at) = (state.at(from).expect("it was linked"), state.key(to).expect("a directory"));
            state.names.insert(at.clone(), id);
            vec![Effect::Linked { id, at }]
        }
        Call::Unlink(path) | Call::Rmdir(path) => {
            let at = state.key(path).expect("it was removed");
            let id = state.names.remove(&at).expect("it was removed");
            vec![Effect::Unlinked { id, at }]
        }
        Call::Chmod { path, mode } => attribute(state, path, |inode| inode.mode = *mode),
        Call::SetXattr { path, value } => attribute(state, path, |inode| inode.xattr = Some(value.clone())),
        other => panic!("not about names: {other:?}"),
    }
}

fn attribute(state: &mut State, path: &str, change: impl FnOnce(&mut Inode)) -> Vec<Effect> {
    let id = state.at(path).expect("it was changed");
    let inode = state.inodes.get_mut(&id).expect("a known inode");
    let before = inode.clone();
    change(inode);
    if *inode == before { Vec::new() } else { vec![Effect::Attribute { id }] }
}

fn rename(state: &mut State, from: &str, to: &str) -> Vec<Effect> {
    let (from, to) = (state.key(from).expect("it was renamed"), state.key(to).expect("a directory"));
    let id = state.names[&from];
    if state.names.get(&to) == Some(&id) {
        return Vec::new();
    }
    state.names.remove(&from);
    let replaced = state.names.insert(to.clone(), id);
    let gone = replaced.map(|id| Effect::Unlinked { id, at: to.clone() });
    gone.into_iter().chain([Effect::Renamed { id, from, to }]).collect()
}

fn exchange(state: &mut State, from: &str, to: &str) -> Vec<Effect> {
    let (from, to) = (state.key(from).expect("it was renamed"), state.key(to).expect("it was renamed"));
    let (one, other) = (state.names[&from], state.names[&to]);
    if one == other {
        return Vec::new();
    }
    state.names.insert(from.clone(), other);
    state.names.insert(to.clone(), one);
    let there = Effect::Renamed { id: one, from: from.clone(), to: to.clone() };
    vec![there, Effect::Renamed { id: other, from: to, to: from }]
}
