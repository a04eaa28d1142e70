//! Compiled selectors: whether a call is one that a rule is about.
//!
//! All conditions of a rule must hold. What is free to know is asked first; the path is built, and the caller's name asked for, only
//! if a rule still standing needs it, and then all such globs of all rules of the operation are matched in one pass.

use super::draw;

#[cfg(test)]
mod tests;

use super::opset::OpSet;
use super::rule::{Rule, Selector, Share};
use super::sectors::Sectors;
use crate::call::{Call, Op};
use arc_swap::ArcSwap;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Flags of `open(2)` a selector may name.
pub(crate) const OPEN_FLAGS: [(&str, i32); 15] = [
    ("O_RDONLY", libc::O_RDONLY),
    ("O_WRONLY", libc::O_WRONLY),
    ("O_RDWR", libc::O_RDWR),
    ("O_APPEND", libc::O_APPEND),
    ("O_SYNC", libc::O_SYNC),
    ("O_DSYNC", libc::O_DSYNC),
    ("O_DIRECT", libc::O_DIRECT),
    ("O_TRUNC", libc::O_TRUNC),
    ("O_CREAT", libc::O_CREAT),
    ("O_EXCL", libc::O_EXCL),
    ("O_NOATIME", libc::O_NOATIME),
    ("O_NOFOLLOW", libc::O_NOFOLLOW),
    ("O_NONBLOCK", libc::O_NONBLOCK),
    ("O_DIRECTORY", libc::O_DIRECTORY),
    ("O_CLOEXEC", libc::O_CLOEXEC),
];

/// Operations whose calls carry the flags of an open file.
const ON_OPEN_FILES: OpSet = OpSet::of(&[
    Op::Open,
    Op::Create,
    Op::Read,
    Op::Write,
    Op::Flush,
    Op::Release,
    Op::Fsync,
    Op::Opendir,
    Op::Readdir,
    Op::Releasedir,
    Op::Fsyncdir,
    Op::Fallocate,
    Op::Lseek,
    Op::CopyFileRange,
]);

/// A glob on a path: `*` stays within a component, `**` does not.
pub(crate) fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build()
}

impl Selector {
    /// The operations it selects.
    pub fn ops(&self) -> OpSet {
        match self.op.as_slice() {
            [] => OpSet::ALL,
            some => some.iter().fold(OpSet::default(), |all, op| all.or(op.ops())),
        }
    }
}

/// The conditions of one selector but for operation and path globs.
pub(crate) struct Conditions {
    selector: Selector,
    open_flags: i32,
    access: Option<i32>,
    /// Whether it has globs on paths.
    globs: bool,
    share: Option<(Share, u64)>,
    /// Where what it names lies: asked for only if it names anything.
    sectors: ArcSwap<Sectors>,
    /// Whether any condition but globs was given, so that a plain path rule skips them all.
    cheap: bool,
    costly: bool,
}

impl Conditions {
    /// Compiles the selector of a rule without problems.
    pub(crate) fn new(rule: &Rule, seed: u64) -> Conditions {
        let selector = rule.selector.clone();
        let flags = selector.open_flags.iter().filter_map(|name| OPEN_FLAGS.iter().find(|f| f.0 == name));
        let (access, others): (Vec<i32>, Vec<i32>) =
            flags.map(|f| f.1).partition(|flag| *flag & !libc::O_ACCMODE == 0);
        Conditions {
            open_flags: others.into_iter().fold(0, |all, flag| all | flag),
            access: access.first().copied(),
            globs: !selector.path.is_empty() || !selector.not_path.is_empty(),
            share: selector.share.map(|share| (share, seed)),
            cheap: selector.range.is_some()
                || !selector.holds.is_empty()
                || selector.length.is_some()
                || !(selector.pid.is_empty() && selector.uid.is_empty() && selector.open_flags.is_empty()),
            sectors: ArcSwap::from_pointee(selector.sectors.clone()),
            costly: selector.size.is_some() || !selector.kind.is_empty(),
            selector,
        }
    }

    /// Tells it where what it names lies, besides what has a place of its own.
    pub(crate) fn place(&self, found: Sectors) {
        let mut all = self.selector.sectors.clone();
        all.extend(found.ranges().iter().cloned());
        self.sectors.store(Arc::new(all));
    }

    /// Whether nothing can be asked before the path, and the path has to match.
    pub(crate) fn begin_with_path(&self) -> bool {
        !self.cheap && !self.selector.path.is_empty()
    }

    /// Whether the call is one the rule is about. `slot` is the rule's place among those of the operation.
    pub(crate) fn hold(&self, slot: usize, facts: &mut Facts<'_, '_>) -> bool {
        (!self.cheap || self.cheap(facts.call))
            && (!self.globs || facts.globs_hold(slot))
            && (!self.costly || self.costly(facts.call))
            && (self.selector.command.is_empty() || facts.command_holds(slot))
            && self.share.is_none_or(|(share, seed)| facts.in_share(share, seed))
    }

    fn cheap(&self, call: &Call<'_>) -> bool {
        let s = &self.selector;
        any_of(&s.uid, &call.uid)
            && any_of(&s.pid, &call.pid)
            && self.flags_hold(call)
            && s.length.is_none_or(|r| call.len >= r.min.0 && r.max.is_none_or(|max| call.len <= max.0))
            && s.range.is_none_or(|r| touches(call, r.from.0..r.to.map_or(u64::MAX, |to| to.0)))
            && (s.holds.is_empty() || self.sectors.load().touch(&bytes(call)))
    }

    fn flags_hold(&self, call: &Call<'_>) -> bool {
        self.selector.open_flags.is_empty()
            || ON_OPEN_FILES.has(call.op)
                && call.open_flags & self.open_flags == self.open_flags
                && self.access.is_none_or(|access| call.open_flags & libc::O_ACCMODE == access)
    }

    fn costly(&self, call: &Call<'_>) -> bool {
        let s = &self.selector;
        (s.kind.is_empty() || call.subject.kind().is_some_and(|kind| s.kind.contains(&kind)))
            && s.size.is_none_or(|r| {
                call.subject.size().is_some_and(|n| n >= r.min.0 && r.max.is_none_or(|max| n <= max.0))
            })
    }
}

fn bytes(call: &Call<'_>) -> Range<u64> {
    call.offset..call.offset.saturating_add(call.len)
}

fn touches(call: &Call<'_>, range: Range<u64>) -> bool {
    let own = bytes(call);
    !own.is_empty() && own.end > range.start && own.start < range.end
}

fn any_of<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

/// The globs of all rules of one operation, whose places are the slots.
pub(crate) struct Globs {
    paths: GlobList,
    commands: GlobList,
}

impl Globs {
    /// Compiles the globs of the given selectors.
    pub(crate) fn new<'a>(
        selectors: impl Iterator<Item = &'a Selector> + Clone,
    ) -> Result<Globs, globset::Error> {
        Ok(Globs {
            paths: GlobList::new(selectors.clone().map(|s| (s.path.as_slice(), s.not_path.as_slice())))?,
            commands: GlobList::new(selectors.map(|s| (s.command.as_slice(), [].as_slice())))?,
        })
    }
}

/// What each slot's globs take and leave out.
pub(crate) struct GlobList {
    globs: GlobSet,
    /// For each glob: the slot of its rule, and whether it leaves out.
    owners: Vec<(usize, bool)>,
    /// For each slot: whether the rule takes what no glob of its own names.
    open: Vec<bool>,
    any_open: bool,
}

impl GlobList {
    pub(crate) fn new<'a>(
        slots: impl Iterator<Item = (&'a [String], &'a [String])>,
    ) -> Result<GlobList, globset::Error> {
        let (mut builder, mut owners, mut open) = (GlobSetBuilder::new(), Vec::new(), Vec::new());
        for (slot, (takes, leaves)) in slots.enumerate() {
            open.push(takes.is_empty());
            for (list, leaves_out) in [(takes, false), (leaves, true)] {
                for pattern in list {
                    builder.add(glob(pattern)?);
                    owners.push((slot, leaves_out));
                }
            }
        }
        Ok(GlobList { globs: builder.build()?, owners, any_open: open.contains(&true), open })
    }

    /// Whether the globs of any slot take `path`.
    pub(crate) fn takes(&self, path: &Path) -> bool {
        let mut taken = self.none_taken();
        self.take(path, &mut taken);
        taken.contains(&true)
    }

    fn none_taken(&self) -> Taken {
        Taken::from_elem(false, self.open.len())
    }

    /// Adds the slots whose globs take `path`, or a name.
    fn take(&self, path: &Path, taken: &mut Taken) {
        thread_local! {
            static SCRATCH: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
        }
        SCRATCH.with_borrow_mut(|hits| {
            self.globs.matches_into(path, hits);
            if hits.is_empty() && !self.any_open {
                return;
            }
            let mut own: Taken = SmallVec::from_slice(&self.open);
            let hit =
                |leaves_out| hits.iter().map(|glob| self.owners[*glob]).filter(move |o| o.1 == leaves_out);
            hit(false).for_each(|(slot, _)| own[slot] = true);
            hit(true).for_each(|(slot, _)| own[slot] = false);
            taken.iter_mut().zip(own).for_each(|(all, one)| *all |= one);
        });
    }
}

/// For each slot, whether its globs take what was asked.
type Taken = SmallVec<[bool; 128]>;

/// What is known about one call, found out when first asked.
pub(crate) struct Facts<'f, 'c> {
    call: &'f Call<'c>,
    globs: &'f Globs,
    paths: Option<[Option<Cow<'c, Path>>; 2]>,
    taken: Option<Taken>,
    command_taken: Option<Taken>,
}

impl<'f, 'c> Facts<'f, 'c> {
    /// Nothing is known yet.
    pub(crate) fn new(call: &'f Call<'c>, globs: &'f Globs) -> Facts<'f, 'c> {
        Facts { call, globs, paths: None, taken: None, command_taken: None }
    }

    fn paths(&mut self) -> impl Iterator<Item = &Path> {
        let subject = self.call.subject;
        let paths = self.paths.get_or_insert_with(|| [Some(subject.path()), subject.new_path()]);
        paths.iter().flatten().map(|path| path.as_ref())
    }

    /// Whether the globs of any rule take the call's path.
    pub(crate) fn any_taken(&mut self) -> bool {
        self.taken().contains(&true)
    }

    fn globs_hold(&mut self, slot: usize) -> bool {
        self.taken()[slot]
    }

    fn taken(&mut self) -> &Taken {
        if self.taken.is_none() {
            let globs = &self.globs.paths;
            let mut taken = globs.none_taken();
            self.paths().for_each(|path| globs.take(path, &mut taken));
            self.taken = Some(taken);
        }
        self.taken.get_or_insert_default()
    }

    /// Whether the globs of a rule take the caller's name; none takes that of one that is gone.
    fn command_holds(&mut self, slot: usize) -> bool {
        let (call, globs) = (self.call, &self.globs.commands);
        let taken = self.command_taken.get_or_insert_with(|| {
            let mut taken = globs.none_taken();
            if let Some(name) = call.subject.command() {
                globs.take(Path::new(name.as_ref()), &mut taken);
            }
            taken
        });
        taken[slot]
    }

    fn in_share(&mut self, share: Share, seed: u64) -> bool {
        self.paths().any(|path| share.takes(path, seed))
    }
}

impl Share {
    /// Whether the mailbox that `path` lies in belongs to the share; a path above mailboxes does not.
    fn takes(self, path: &Path, seed: u64) -> bool {
        let mut parts = path.components();
        let mailbox: std::path::PathBuf = parts.by_ref().take(self.depth).collect();
        let named = path.components().take(self.depth).count() == self.depth;
        let place = || draw::place(seed, mailbox.as_os_str().as_encoded_bytes());
        named && (self.fraction >= 1.0 || place() < draw::threshold(self.fraction))
    }
}
