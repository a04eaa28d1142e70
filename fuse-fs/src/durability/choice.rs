//! What a power cut leaves: chosen by the seed, within what the profile allows. Pure.
//!
//! Names, attributes and sizes of the profiles that commit them in order survive up to a *horizon*: an effect between
//! the last forced commit and the cut, anywhere, because a timer may have committed there. `strict-posix` chooses for
//! each effect. Content is chosen by file: all old, all new, or each page for itself, some torn in sectors.

use super::content::Content;
use super::cut::{CutMode, Fate};
use super::effect::{Ino, Key, Mutation, NodeKind, Op, OpId, Time};
use super::file::{Data, PAGE, What};
use super::model::Model;
use super::node::Node;
use super::page::{Page, PageFate};
use super::profile::Profile;
use super::track::Track;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The state after a cut, as differences from the state before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Survival {
    /// Entries that changed since they were durable: what they hold after the cut.
    pub(crate) names: BTreeMap<Key, Option<Ino>>,
    pub(crate) nodes: BTreeMap<Ino, NodeAfter>,
    /// What became of each effect that was not durable.
    pub(crate) fates: BTreeMap<OpId, Fate>,
}

/// An extended attribute with its value after the cut, if it has one.
pub(crate) type XattrAfter = (Box<[u8]>, Option<Vec<u8>>);

/// What an inode is after the cut, where that may differ from now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeAfter {
    pub(crate) mode: Option<u32>,
    pub(crate) owner: Option<(u32, u32)>,
    /// `Some(None)`: what it is now, which bringing back the rest must not change.
    pub(crate) mtime: Option<Option<Time>>,
    pub(crate) xattrs: Vec<XattrAfter>,
    pub(crate) content: Option<Content>,
}

/// How the survivors are drawn.
pub(super) struct Choice<'m> {
    pub(super) model: &'m Model,
    pub(super) mode: CutMode,
    pub(super) rng: ChaCha8Rng,
    /// Names, attributes and sizes up to here survive in any case.
    horizon: OpId,
    /// The one effect that does not survive.
    pub(super) victim: OpId,
    /// `strict-posix`: effects on names whose halves survive, by entry.
    halves: HashSet<(OpId, Key)>,
}

impl Model {
    /// Decides what survives.
    pub(crate) fn decide(&self, mode: CutMode, seed: u64) -> Survival {
        let key = blake3::derive_key("fermoposta 2026 power cut", &seed.to_le_bytes());
        let mut choice = Choice {
            model: self,
            mode,
            rng: ChaCha8Rng::from_seed(key),
            horizon: self.committed,
            victim: 0,
            halves: HashSet::new(),
        };
        choice.draw();
        let mut survival = Survival::default();
        choice.names(&mut survival);
        choice.nodes(&mut survival);
        choice.fates(&mut survival);
        survival
    }
}

impl Choice<'_> {
    pub(super) fn strict(&self) -> bool {
        self.model.profile() == Profile::StrictPosix
    }

    fn draw(&mut self) {
        let last = self.model.last;
        match self.mode {
            CutMode::DropUnsynced => {}
            CutMode::Random if !self.model.background_writeback => {}
            CutMode::Random => {
                let span = last - self.model.committed.min(last);
                self.horizon += match self.rng.random_range(0..4u8) {
                    0 => 0,
                    1 => span,
                    _ => self.rng.random_range(0..=span),
                };
            }
            CutMode::KeepAllButOne => {
                let n = self.model.ops.len();
                if n > 0 {
                    let at = self.rng.random_range(0..n);
                    self.victim = self.model.ops.keys().nth(at).unwrap_or(0);
                }
                let content = |op: &Op| matches!(op.kind, Mutation::Write { .. });
                let ordered = self.model.profile() == Profile::Ordered;
                let by_order = self.model.ops.get(self.victim).is_some_and(|op| ordered || !content(op));
                self.horizon = if by_order && !self.strict() { self.victim - 1 } else { last };
            }
        }
        if self.strict() {
            self.horizon = 0;
            self.draw_halves();
        }
    }

    /// Each effect on names survives or not; on one entry in order, the two halves of a rename as far as they may part.
    fn draw_halves(&mut self) {
        let mut broken: HashSet<Key> = HashSet::new();
        // Directories move in order, or a tree could become a ring.
        let mut stopped = false;
        // Directories that will not be there: nothing leaves its old name for a new one in them.
        let mut absent: HashSet<Ino> = HashSet::new();
        let lean = self.rng.random_range(0.2..0.8);
        let model = self.model;
        for (id, op) in model.ops.iter() {
            let names = op.kind.names();
            if names.is_empty() {
                continue;
            }
            let pending = |key: &Key| {
                model.names.get(key).is_some_and(|track| track.pending.iter().any(|change| change.0 == id))
            };
            let open: Vec<Key> =
                names.iter().map(|(place, _)| place.key.clone()).filter(|key| pending(key)).collect();
            let wanted = match self.mode {
                CutMode::DropUnsynced => false,
                CutMode::KeepAllButOne => id != self.victim,
                CutMode::Random => self.rng.random_bool(lean),
            };
            let moves = op.kind.moves_directory();
            let possible = open.iter().all(|key| !broken.contains(key)) && !(moves && stopped);
            let full = op.kind.removes_directory().is_some_and(|dir| broken.iter().any(|key| key.dir == dir));
            let possible = possible && !full && !op.kind.arrivals().any(|dir| absent.contains(&dir));
            let parts = self.mode == CutMode::Random && self.may_part(op) && self.rng.random_bool(0.3);
            let kept: Vec<Key> = match (wanted && possible, parts) {
                (true, _) => open.clone(),
                (false, true) => self.one_half(op, &open, &broken),
                (false, false) => Vec::new(),
            };
            if let Mutation::Create { place, ino, kind: NodeKind::Directory } = &op.kind
                && (kept.is_empty() && !open.is_empty() || absent.contains(&place.key.dir))
            {
                absent.insert(*ino);
            }
            stopped |= moves && kept.len() < open.len();
            broken.extend(open.into_iter().filter(|key| !kept.contains(key)));
            self.halves.extend(kept.into_iter().map(|key| (id, key)));
        }
    }

    /// Whether the two halves of a rename can survive apart: a file's, from one directory to another.
    fn may_part(&self, op: &Op) -> bool {
        matches!(&op.kind, Mutation::Rename { from, to, directory: false, .. } if from.key.dir != to.key.dir)
    }

    /// The arrival alone, or, if renames may part, the departure alone.
    fn one_half(&mut self, op: &Op, open: &[Key], broken: &HashSet<Key>) -> Vec<Key> {
        let Mutation::Rename { from, to, .. } = &op.kind else { return Vec::new() };
        let departs = self.model.persistence.rename_may_part && self.rng.random_bool(0.5);
        let half = if departs { &from.key } else { &to.key };
        open.iter().filter(|key| *key == half && !broken.contains(*key)).cloned().collect()
    }

    /// Whether the change that the effect `op` made to an entry survives.
    fn entry_survives(&self, op: OpId, key: &Key) -> bool {
        if self.strict() { self.halves.contains(&(op, key.clone())) } else { op <= self.horizon }
    }

    fn names(&self, survival: &mut Survival) {
        for (key, track) in self.model.names.iter() {
            let surviving = track.pending.iter().take_while(|change| self.entry_survives(change.0, key));
            let value = surviving.last().map_or(track.durable, |change| change.1);
            survival.names.insert(key.clone(), value);
        }
    }

    fn nodes(&mut self, survival: &mut Survival) {
        let model = self.model;
        for (&ino, node) in &model.nodes {
            // An inode's attributes survive together up to one point.
            let upto = if self.strict() { self.strict_horizon(node) } else { self.horizon };
            let mut after = attributes(node, upto);
            note_attributes(model, node, upto, survival);
            after.content = node.data.as_ref().and_then(|data| self.content(data, upto, survival));
            survival.nodes.insert(ino, after);
        }
    }

    /// `strict-posix`: up to where the attributes and sizes of one inode survive.
    fn strict_horizon(&mut self, node: &Node) -> OpId {
        match self.mode {
            CutMode::DropUnsynced => 0,
            CutMode::KeepAllButOne => {
                let own = own_effects(node);
                if own.contains(&self.victim) { self.victim - 1 } else { OpId::MAX }
            }
            CutMode::Random => {
                let mut own = own_effects(node);
                own.push(0);
                own[self.rng.random_range(0..own.len())]
            }
        }
    }

    fn content(&mut self, data: &Data, upto: OpId, survival: &mut Survival) -> Option<Content> {
        if self.model.undoes() {
            data.undo.iter().for_each(|undo| note(survival, undo.op, undo.op <= upto));
            let torn = self.torn_at_page(data, upto);
            survival.fates.extend(torn.map(|torn| (torn.0, Fate::Partial)));
            return (!data.undo.is_empty()).then(|| data.undone(upto, torn));
        }
        if data.steps.is_empty() && data.pages.is_empty() {
            return None;
        }
        let floor = data.floor(upto);
        let grown = self.known_growth(data, upto, floor);
        let size = self.size(data, upto, grown);
        let mut fates: HashMap<u64, PageFate> = HashMap::new();
        let mood = self.mood();
        let whole = matches!(self.model.profile(), Profile::Btrfs);
        let early = self.zeroed_early(data, upto);
        let content = data.after(
            size,
            |op| op <= upto,
            early,
            |index, page| {
                let beyond = size > floor && (index + 1) * PAGE > floor;
                let drawn = self.page(data, (index, page), grown, mood, (whole, beyond));
                let fate = if page.has_landed(upto) { PageFate::New } else { drawn };
                fates.insert(index, fate);
                fate
            },
        );
        note_content(data, upto, grown, size, &fates, survival);
        Some(content)
    }

    /// `ext4-ordered`: the kernel writes a block of which a change of size or a hole zeroed a part before it commits that change, so
    /// the zeros may be on the disk although the change does not survive. `xfs`: so does its writeback, of a change of size.
    fn zeroed_early(&mut self, data: &Data, upto: OpId) -> Vec<(OpId, u64, u64)> {
        if self.mode != CutMode::Random || !self.model.background_writeback {
            return Vec::new();
        }
        let zeroed = match self.model.profile() {
            Profile::Xfs => data.cut_in_blocks(upto),
            _ => data.zeroed_in_blocks(upto),
        };
        if zeroed.is_empty() || self.rng.random_bool(0.5) { Vec::new() } else { zeroed }
    }

    /// `ordered`: the next write after the horizon may end at a page: the write and where.
    fn torn_at_page(&mut self, data: &Data, upto: OpId) -> Option<(OpId, u64)> {
        let coin = self.rng.random_bool(0.5);
        let next = data.undo.iter().map(|undo| undo.op).find(|op| *op == upto + 1);
        let next = next.filter(|_| coin && self.mode == CutMode::Random)?;
        let Mutation::Write { offset, len, .. } = self.model.ops.get(next)?.kind else { return None };
        let pages = (offset + len).div_ceil(PAGE) - offset / PAGE;
        (pages > 1).then(|| (next, (offset / PAGE + self.rng.random_range(1..pages)) * PAGE))
    }

    /// How the pages of one file fare: 0 all old, 1 all new, 2 as writeback that was started had them, 3 each for itself.
    fn mood(&mut self) -> u8 {
        self.rng.random_range(0..4)
    }

    fn page(
        &mut self,
        data: &Data,
        (index, page): (u64, &Page),
        grown: OpId,
        mood: u8,
        (whole, beyond): (bool, bool),
    ) -> PageFate {
        let torn = self.rng.random_bool(0.2).then(|| self.rng.random_range(1..255u8));
        let coin = self.rng.random_bool(0.5);
        match (self.mode, self.model.profile()) {
            (CutMode::DropUnsynced, _) => PageFate::Old,
            _ if self.is_held_off(data, page) => PageFate::Old,
            // A size never covers what is not on the disk.
            (_, Profile::Xfs) if beyond && page.written > grown && page.mid.is_some() => PageFate::Mid,
            (_, Profile::Xfs) if beyond => PageFate::New,
            (CutMode::KeepAllButOne, _) if page.written == self.victim && page.mid.is_some() => PageFate::Mid,
            (CutMode::KeepAllButOne, _) if page.written == self.victim => PageFate::Old,
            (CutMode::KeepAllButOne, _) if whole && page.written > grown => PageFate::Old,
            (CutMode::KeepAllButOne, _) => PageFate::New,
            (CutMode::Random, _) if whole => match &page.mid {
                _ if grown > 0 && page.written <= grown => PageFate::New,
                Some(mid) if mid.written <= grown => PageFate::Mid,
                _ => PageFate::Old,
            },
            (CutMode::Random, Profile::StrictPosix)
                if self.model.persistence.growth_may_be_garbage
                    && (index + 1) * PAGE > data.base_size
                    && coin =>
            {
                PageFate::Garbage(self.rng.random())
            }
            (CutMode::Random, _) => match (mood, torn) {
                (0, _) => PageFate::Old,
                (1, _) => PageFate::New,
                (2, _) if page.written <= data.started => PageFate::New,
                (2, _) if page.mid.is_some() => PageFate::Mid,
                (2, _) => PageFate::Old,
                (_, Some(sectors)) if self.model.tears => PageFate::Torn(sectors),
                _ if coin => PageFate::New,
                _ => PageFate::Old,
            },
        }
    }

    /// Whether nothing can have written a page.
    fn is_held_off(&self, data: &Data, page: &Page) -> bool {
        !self.model.background_writeback && !page.is_known(data.started)
    }

    fn fates(&self, survival: &mut Survival) {
        for (id, op) in self.model.ops.iter() {
            let names = op.kind.names();
            if names.is_empty() {
                continue;
            }
            let kept = names.iter().filter(|(place, _)| self.half_kept(id, &place.key)).count();
            let fate = match kept {
                0 => Fate::Dropped,
                n if n == names.len() => Fate::Kept,
                _ => Fate::Partial,
            };
            survival.fates.insert(id, fate);
        }
    }

    fn half_kept(&self, id: OpId, key: &Key) -> bool {
        let pending =
            self.model.names.get(key).is_some_and(|track| track.pending.iter().any(|change| change.0 == id));
        !pending || self.entry_survives(id, key)
    }
}

/// Changes of attributes but for times.
fn own_attributes(node: &Node) -> impl Iterator<Item = OpId> {
    let mode = node.mode.iter().flat_map(|track| &track.pending).map(|change| change.0);
    let owner = node.owner.iter().flat_map(|track| &track.pending).map(|change| change.0);
    let xattrs = node.xattrs.values().flat_map(|track| &track.pending).map(|change| change.0);
    mode.chain(owner).chain(xattrs)
}

fn times(node: &Node) -> impl Iterator<Item = OpId> {
    node.mtime.iter().flat_map(|track| &track.pending).map(|change| change.0)
}

/// Everything that happened to an inode itself, in order.
fn own_effects(node: &Node) -> Vec<OpId> {
    let steps = node.data.iter().flat_map(|data| data.steps.keys());
    let mut own: Vec<OpId> = own_attributes(node).chain(times(node)).chain(steps).collect();
    own.sort_unstable();
    own.dedup();
    own
}

/// The value at `upto`, unless that is the newest.
fn value<T: Clone>(track: Option<&Track<T>>, upto: OpId) -> Option<T> {
    let track = track?;
    track.pending.last().filter(|last| last.0 > upto).map(|_| track.at(upto).clone())
}

fn attributes(node: &Node, upto: OpId) -> NodeAfter {
    NodeAfter {
        mode: value(node.mode.as_ref(), upto),
        owner: value(node.owner.as_ref(), upto),
        mtime: node.mtime.as_ref().map(|_| value(node.mtime.as_ref(), upto)),
        xattrs: node
            .xattrs
            .iter()
            .filter_map(|(name, track)| Some((name.clone(), value(Some(track), upto)?)))
            .collect(),
        content: None,
    }
}

fn note(survival: &mut Survival, op: OpId, kept: bool) {
    survival.fates.insert(op, if kept { Fate::Kept } else { Fate::Dropped });
}

fn note_attributes(model: &Model, node: &Node, upto: OpId, survival: &mut Survival) {
    let own = own_attributes(node).chain(model.times(times(node)));
    own.for_each(|op| note(survival, op, op <= upto));
}

fn note_content(
    data: &Data,
    upto: OpId,
    grown: OpId,
    size: u64,
    fates: &HashMap<u64, PageFate>,
    survival: &mut Survival,
) {
    for (op, what) in data.steps.iter() {
        let fate = match *what {
            What::Size { .. } | What::Zero { .. } if op <= upto => Fate::Kept,
            What::Size { .. } | What::Zero { .. } => Fate::Dropped,
            What::Write { from, to, .. } => written(from, to, size, op <= grown, fates),
        };
        survival.fates.insert(op, fate);
    }
}

/// What became of bytes `from..to` of a file that now has `size` bytes.
fn written(from: u64, to: u64, size: u64, grown: bool, fates: &HashMap<u64, PageFate>) -> Fate {
    if from >= to {
        return Fate::Dropped;
    }
    let pages = from / PAGE..=(to - 1) / PAGE;
    let all = pages.clone().count();
    let new = |page: &u64| page * PAGE < size && fates.get(page) == Some(&PageFate::New);
    let some = |page: &u64| page * PAGE < size && matches!(fates.get(page), Some(PageFate::Torn(_)));
    let kept = pages.clone().filter(new).count();
    match (kept, pages.clone().any(|page| some(&page))) {
        (n, _) if n == all && to <= size => Fate::Kept,
        (0, false) if !grown || from >= size => Fate::Dropped,
        _ => Fate::Partial,
    }
}
