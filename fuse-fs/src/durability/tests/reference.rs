//! Which trees a profile allows after a power cut, as necessary conditions on a history and the tree that was found.
//!
//! Written from the rules of `docs/persistence.md`, not from the model: it keeps no effects and undoes nothing, but asks
//! of a given tree whether some allowed choice explains it. ext4, XFS and `ordered` commit in order, so there must be one
//! boundary between two calls whose names and attributes are exactly those of the tree (`prefix`). `strict-posix` and
//! btrfs are checked name by name: each must be as it was at some boundary after it was made durable (`keyed`). File
//! content is in `content`. A timer commit may have come at any boundary; it is never required.
//!
//! Laxer than the rules: btrfs' timer commits are not required to be of one moment for all names; which syncs are a full
//! commit is not modelled; time stamps are not compared.

use super::content;

use super::rig::Sync;
use super::tree::{Node, NodeContent, Tree};
use super::world::{Effect, History, Id, Key, ROOT, State};
use crate::durability::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};

/// A tree found after a cut, in terms of the history.
pub(crate) struct Survivors<'a> {
    pub(super) names: BTreeMap<Key, Id>,
    pub(super) nodes: BTreeMap<Id, &'a Node>,
}

/// Why a tree is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// An inode that the history does not know, or of another kind.
    Stranger(String),
    /// The link count is not the number of names.
    LinkCount(String),
    /// No boundary explains the names and attributes; the nearest one and what speaks against it.
    NoBoundary(String),
    /// A name that is not as it was at any boundary since it was durable.
    Name(String),
    /// An inode that must have kept a name has none.
    Lost(String),
    /// A rename inside a directory of which only a half is there.
    HalfRename(String),
    /// Mode or attribute of a moment before the last sync, or never there.
    Attribute(String),
    /// Content or size.
    Content(String),
}

/// The history with the profile to judge by.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(super) history: &'a History,
    pub(super) profile: Profile,
    /// Nothing that need not survive was to survive.
    pub(super) dropped: bool,
}

/// Whether a profile allows this tree after this history.
pub(crate) fn allowed(judge: Judge<'_>, tree: &Tree) -> Result<(), Why> {
    let found = judge.find(tree)?;
    found.link_counts()?;
    match judge.profile {
        Profile::Ext4Ordered | Profile::Xfs | Profile::Ordered => judge.prefix(&found),
        Profile::StrictPosix | Profile::Btrfs => judge.keyed(&found),
    }
}

impl<'a> Judge<'a> {
    /// The tree in terms of the history.
    pub(super) fn find(&self, tree: &'a Tree) -> Result<Survivors<'a>, Why> {
        let mut found = Survivors { names: BTreeMap::new(), nodes: BTreeMap::new() };
        let mut directories = BTreeMap::from([(String::new(), ROOT)]);
        for (path, node) in &tree.0 {
            let id = self.known(path, node)?;
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            found.names.insert((directories[parent], name.to_owned()), id);
            found.nodes.insert(id, node);
            directories.insert(path.clone(), id);
        }
        Ok(found)
    }

    fn known(&self, path: &str, node: &Node) -> Result<Id, Why> {
        let stranger = || Why::Stranger(format!("{path} is {node:?}"));
        let id = *self.history.numbers.get(&node.ino).ok_or_else(stranger)?;
        let inode = self.history.now().inodes.get(&id).ok_or_else(stranger)?;
        if inode.is_directory == (node.kind == NodeContent::Directory) { Ok(id) } else { Err(stranger()) }
    }

    pub(super) fn last(&self) -> usize {
        self.history.steps.len()
    }

    /// Effects with the boundary after them: the effect of the first call is at 1.
    pub(super) fn effects(&self) -> impl Iterator<Item = (usize, &'a Effect)> {
        let steps = self.history.steps.iter().enumerate();
        steps.flat_map(|(n, step)| step.effects.iter().map(move |effect| (n + 1, effect)))
    }

    /// Effects up to a boundary, the newest first.
    fn back_from(&self, boundary: usize) -> impl Iterator<Item = (usize, &'a Effect)> {
        let steps = self.history.steps[..boundary].iter().enumerate().rev();
        steps.flat_map(|(n, step)| step.effects.iter().map(move |effect| (n + 1, effect)))
    }

    /// The last boundary at which anything was synced; 0 if nothing was.
    pub(super) fn last_sync(&self) -> usize {
        let is_sync = |effect: &Effect| matches!(effect, Effect::Synced { .. } | Effect::SyncedAll);
        self.back_from(self.last()).find(|(_, effect)| is_sync(effect)).map_or(0, |(at, _)| at)
    }

    /// Boundary of the last sync of a file's data, or of its making if it was never synced, and whether it was that.
    pub(super) fn data_floor(&self, id: Id) -> (usize, bool) {
        let floor = |effect: &Effect| match effect {
            Effect::SyncedAll => Some(false),
            Effect::Synced { id: on, .. } if *on == id => Some(false),
            Effect::Created { id: on, .. } if *on == id => Some(true),
            _ => None,
        };
        self.back_from(self.last()).find_map(|(at, e)| Some((at, floor(e)?))).unwrap_or((0, false))
    }

    /// The last boundary at which everything was made durable; 0 if it never was.
    fn last_sync_of_all(&self) -> usize {
        let all = self.back_from(self.last()).find(|(_, effect)| **effect == Effect::SyncedAll);
        all.map_or(0, |(at, _)| at)
    }

    /// Last boundary from which something of the tree may be.
    pub(super) fn ceiling(&self) -> usize {
        if self.dropped { self.last_sync() } else { self.last() }
    }
}

impl Survivors<'_> {
    fn link_counts(&self) -> Result<(), Why> {
        for (id, node) in &self.nodes {
            let names = self.names.values().filter(|at| *at == id).count() as u64;
            if node.kind != NodeContent::Directory && node.nlink != names {
                return Err(Why::LinkCount(format!("inode {id} has {names} names and is {node:?}")));
            }
        }
        Ok(())
    }
}

// ext4, XFS, ordered: one boundary for all names and attributes.
impl Judge<'_> {
    fn prefix(&self, found: &Survivors<'_>) -> Result<(), Why> {
        let mut nearest = Why::NoBoundary("no boundary is left to try".into());
        let mut content = None;
        for cut in (self.floor()..=self.ceiling()).rev() {
            match self.as_at(cut, found).and_then(|()| self.contents(Some(cut), found)) {
                Ok(()) => return Ok(()),
                Err(why @ Why::NoBoundary(_)) => nearest = why,
                Err(why) => content = content.or(Some(why)),
            }
        }
        Err(content.unwrap_or(nearest))
    }

    /// Whether names and attributes are those of a boundary.
    fn as_at(&self, cut: usize, found: &Survivors<'_>) -> Result<(), Why> {
        let state = &self.history.states[cut];
        let against = |what: String| Err(Why::NoBoundary(format!("not as after call {cut}: {what}")));
        if let Some(key) = differing_name(&state.names, &found.names) {
            let (then, now) = (state.names.get(key), found.names.get(key));
            return against(format!("{key:?} was {then:?} and is {now:?}"));
        }
        for (id, node) in &found.nodes {
            let inode = &state.inodes[id];
            if (inode.mode, &inode.xattr) != (node.mode, &node.xattr) {
                return against(format!("inode {id} was {:o} {:?} and is {node:?}", inode.mode, inode.xattr));
            }
        }
        Ok(())
    }

    fn contents(&self, cut: Option<usize>, found: &Survivors<'_>) -> Result<(), Why> {
        for (id, node) in &found.nodes {
            if let NodeContent::File(data) = &node.kind {
                content::allowed(self, *id, cut, data)?;
            }
        }
        Ok(())
    }

    /// The boundary up to which everything is durable at least.
    fn floor(&self) -> usize {
        self.effects().fold(0, |floor, (at, effect)| match effect {
            Effect::SyncedAll => at,
            Effect::Synced { id, sync } => floor.max(self.committed_by(*id, *sync, at)),
            _ => floor,
        })
    }

    /// Up to where a sync of this inode at a boundary commits everybody's metadata. A timer may have committed what the
    /// inode had pending just before: then the sync itself commits nothing, and only that is certain.
    fn committed_by(&self, id: Id, sync: Sync, at: usize) -> usize {
        let is_directory = self.history.states[at].inodes[&id].is_directory;
        if is_directory && self.profile != Profile::Xfs {
            return at;
        }
        if !is_directory && self.profile != Profile::Ordered && content::has_growth(self, id, at) {
            return at;
        }
        let with_data = self.profile == Profile::Ordered;
        let carried = |effect: &Effect| match effect {
            Effect::Written { id: on, .. } => *on == id && (with_data || grows(effect)),
            Effect::Created { id: on, at } => *on == id || (is_directory && at.0 == id),
            Effect::Resized { id: on, .. } => *on == id,
            _ if sync == Sync::Data && self.profile != Profile::Xfs => false,
            Effect::Attribute { id: on } => *on == id,
            Effect::Linked { id: on, at } | Effect::Unlinked { id: on, at } => {
                *on == id || (is_directory && at.0 == id)
            }
            Effect::Renamed { id: on, from, to } => {
                *on == id || (is_directory && (from.0 == id || to.0 == id))
            }
            Effect::Synced { .. } | Effect::SyncedAll => false,
        };
        self.back_from(at).find(|(_, effect)| carried(effect)).map_or(0, |(at, _)| at)
    }
}

fn grows(effect: &Effect) -> bool {
    matches!(effect, Effect::Written { to, size_before, .. } if to > size_before)
}

fn differing_name<'k>(one: &'k BTreeMap<Key, Id>, other: &'k BTreeMap<Key, Id>) -> Option<&'k Key> {
    one.keys().chain(other.keys()).find(|key| one.get(*key) != other.get(*key))
}

// strict-posix, btrfs: each name by itself.
impl Judge<'_> {
    fn keyed(&self, found: &Survivors<'_>) -> Result<(), Why> {
        let present = |id: Id| id == ROOT || found.nodes.contains_key(&id);
        let keys = self.history.states.iter().flat_map(|state| state.names.keys());
        let keys: BTreeSet<&Key> = keys.filter(|key| present(key.0)).chain(found.names.keys()).collect();
        for key in keys {
            self.name(key, found.names.get(key).copied())?;
        }
        self.halves(found)?;
        self.nothing_lost(found)?;
        for (id, node) in &found.nodes {
            self.attributes(*id, node)?;
        }
        self.contents(None, found)
    }

    fn states(&self, from: usize) -> &[State] {
        &self.history.states[from..=self.ceiling().max(from)]
    }

    fn name(&self, key: &Key, is: Option<Id>) -> Result<(), Why> {
        let floor = self.name_floor(key);
        if self.states(floor).iter().any(|state| state.names.get(key).copied() == is) {
            return Ok(());
        }
        Err(Why::Name(format!("{key:?} is {is:?}, which it never was since call {floor} made it durable")))
    }

    /// The boundary at which a name, or its absence, was last made durable.
    fn name_floor(&self, key: &Key) -> usize {
        self.effects().fold(0, |floor, (at, effect)| match effect {
            Effect::SyncedAll => at,
            Effect::Synced { id, .. } if *id == key.0 => at,
            Effect::Synced { id, .. } if self.profile == Profile::Btrfs => {
                floor.max(self.carried_by(*id, key, at))
            }
            _ => floor,
        })
    }

    /// btrfs: a sync of an inode carries its names, and their removal where the name was nobody's since.
    fn carried_by(&self, id: Id, key: &Key, at: usize) -> usize {
        let holder = |n: usize| self.history.states[n].names.get(key).copied();
        if holder(at) == Some(id) {
            return at;
        }
        let last = (self.last_sync_before(at)..at).rev().find(|n| holder(*n) == Some(id));
        match last {
            Some(last) if (last + 1..=at).all(|n| holder(n).is_none()) => at,
            Some(last) => last + 1,
            None => 0,
        }
    }

    fn last_sync_before(&self, at: usize) -> usize {
        self.back_from(at).find(|(_, effect)| **effect == Effect::SyncedAll).map_or(0, |(n, _)| n)
    }

    /// A rename inside one directory is whole: not both names, unless another call explains one of them. (Neither name
    /// is a lost inode.)
    fn halves(&self, found: &Survivors<'_>) -> Result<(), Why> {
        for (at, effect) in self.effects() {
            let Effect::Renamed { id, from, to } = effect else { continue };
            let is_both = found.names.get(from) == Some(id) && found.names.get(to) == Some(id);
            if is_both && from.0 == to.0 && !self.explained(at, *id, from, to) {
                return Err(Why::HalfRename(format!("call {at}: inode {id} has both {from:?} and {to:?}")));
            }
        }
        Ok(())
    }

    fn explained(&self, at: usize, id: Id, from: &Key, to: &Key) -> bool {
        let has = |key: &Key, state: &State| state.names.get(key) == Some(&id);
        let (before, after) = (&self.history.states[..at], &self.history.states[at..]);
        after.iter().any(|state| has(from, state)) || before.iter().any(|state| has(to, state))
    }

    /// What was durable, or synced (but under `strict-posix`, where that gives no name), and never lost its last name
    /// since, has one.
    fn nothing_lost(&self, found: &Survivors<'_>) -> Result<(), Why> {
        for &id in self.history.now().inodes.keys().filter(|id| **id != ROOT) {
            let Some(since) = self.kept_since(id) else { continue };
            let named = |state: &State| state.places(id).next().is_some();
            if !found.nodes.contains_key(&id)
                && self.history.states[since..].iter().all(named)
                && !self.may_be_lost(id, since, found)
            {
                return Err(Why::Lost(format!("inode {id}, durable since call {since}")));
            }
        }
        Ok(())
    }

    /// Since when an inode is durable with a name; `None` if it is not.
    fn kept_since(&self, id: Id) -> Option<usize> {
        let all = self.last_sync_of_all();
        let synced = |(at, effect): (usize, &Effect)| {
            matches!(effect, Effect::Synced { id: on, .. } if *on == id).then_some(at)
        };
        let own = self.back_from(self.last()).find_map(synced).filter(|_| self.profile == Profile::Btrfs);
        let was = self.history.states[all].inodes.contains_key(&id).then_some(all);
        own.max(was)
    }

    /// A name given by link and another taken by unlink may both be missing in different directories; and what is in a
    /// directory that is lost, is lost with it.
    fn may_be_lost(&self, id: Id, since: usize, found: &Survivors<'_>) -> bool {
        let unlinked = |(at, effect): (usize, &Effect)| {
            at > self.last_sync_of_all() && matches!(effect, Effect::Unlinked { id: on, .. } if *on == id)
        };
        self.effects().any(unlinked)
            || (self.profile == Profile::StrictPosix && self.was_in_a_lost_directory(id, since, found))
    }

    /// Whether a name is durable in a directory that is lost: it was there before, or the directory was synced.
    fn was_in_a_lost_directory(&self, id: Id, since: usize, found: &Survivors<'_>) -> bool {
        let parents = |state: &State| state.places(id).map(|key| key.0).collect::<BTreeSet<Id>>();
        let synced = |directory: Id| {
            let is_sync =
                |effect: &Effect| matches!(effect, Effect::Synced { id: on, .. } if *on == directory);
            self.effects().any(|(at, effect)| at > since && is_sync(effect))
        };
        let before = parents(&self.history.states[since]);
        let all: BTreeSet<Id> = self.history.states[since..].iter().flat_map(parents).collect();
        let lost = all.into_iter().filter(|id| *id != ROOT && !found.nodes.contains_key(id));
        lost.into_iter().any(|directory| {
            synced(directory) || (before.contains(&directory) && self.may_be_lost(directory, since, found))
        })
    }

    fn attributes(&self, id: Id, node: &Node) -> Result<(), Why> {
        let floor = self.attribute_floor(id);
        let inodes = || self.states(floor).iter().filter_map(|state| state.inodes.get(&id));
        let mode = inodes().any(|inode| inode.mode == node.mode);
        let xattr = inodes().any(|inode| inode.xattr == node.xattr);
        if mode && xattr {
            return Ok(());
        }
        Err(Why::Attribute(format!("inode {id} is {node:?}, which it never was since call {floor}")))
    }

    fn attribute_floor(&self, id: Id) -> usize {
        self.effects().fold(0, |floor, (at, effect)| match effect {
            Effect::SyncedAll => at,
            Effect::Synced { id: on, sync }
                if *on == id && (*sync == Sync::Full || self.profile == Profile::Btrfs) =>
            {
                at
            }
            _ => floor,
        })
    }
}
