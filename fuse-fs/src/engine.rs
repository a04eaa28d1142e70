//! Decides what happens to a call. Pure: no I/O, no clock of its own, no lock on the hot path.
//!
//! Armed rules are compiled into lists per operation; arming, disarming and adding build new lists and swap
//! them in. A call under way may still be struck by a rule that was disarmed a moment ago: whoever parks a frozen
//! call asks [`Engine::is_armed`] afterwards.

pub use crate::compiled::{Interval, RuleStats};
pub use crate::counters::CounterValues;
pub use crate::problems::Problem;

use crate::call::{Call, Op};
use crate::clock::Nanos;
use crate::compiled::Compiled;
use crate::counters::Counters;
use crate::lies::{Damage, Lies};
use crate::matcher::{Facts, PathGlobs};
use crate::nearest::nearest;
use crate::opset::OpSet;
use crate::rule::Rule;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use strum::VariantArray;

/// Index of a rule in the order its storage lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u32);

/// One rule struck one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Firing {
    /// The rule.
    pub rule: RuleId,
    /// This is its n-th firing (from 1).
    pub nth: u64,
    /// The call was the m-th its selector matched (from 1).
    pub matched: u64,
}

/// What happens to one call: first a delay, then perhaps a wait until a rule is healed, then an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Time to wait before anything else: latency and throttle of all rules that struck, added.
    pub delay: Duration,
    /// The call hangs until this rule is healed; on thaw it goes on to `action`, or fails with an errno.
    pub freeze: Option<RuleId>,
    /// When the freeze ends by itself, if the effect said so for this call.
    pub thaw_after: Option<Duration>,
    /// What then happens.
    pub action: Action,
    /// Which rules struck, in rule order.
    pub firings: SmallVec<[Firing; 2]>,
}

/// What happens to the call itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It does what it was asked.
    Proceed,
    /// It fails with this errno and does nothing.
    Fail(i32),
    /// A read or write moves at most this many bytes and says so.
    Short(u64),
    /// Only these byte ranges, relative to the call's data, reach the file.
    Torn {
        /// Kept ranges `from..to`, ascending, disjoint.
        kept: SmallVec<[(u64, u64); 4]>,
        /// What the caller is told.
        report: TornReport,
    },
    /// `statfs` reports this many free bytes and inodes instead of the backing's.
    Statfs {
        /// Free bytes.
        free_bytes: Option<u64>,
        /// Free inodes.
        free_inodes: Option<u64>,
    },
    /// The power goes; the call never completes. `after`: its effect on the storage still happens first.
    PowerCut {
        /// How survivors are chosen.
        mode: crate::volatile::cut::CutMode,
        /// The call is carried out first.
        after: bool,
    },
    /// A sync call answers 0 and makes nothing durable.
    LoseSync,
    /// A sync call meets a failed writeback.
    FailSync(crate::volatile::profile::FsyncModel),
    /// It fails with this errno if its freeze ended by itself; healed before that, it does what it was asked.
    Overdue(i32),
    /// A write goes to this offset of its file instead, and is reported as done. What falls beyond the end of the
    /// file that was asked for is lost.
    Misdirected {
        /// First byte.
        to: u64,
    },
    /// A read shows these bytes damaged; `at_rest`: the file itself is damaged before it is read.
    Corrupt {
        /// The damage.
        damage: Damage,
        /// It stays in the file until it is overwritten.
        at_rest: bool,
    },
    /// A read fails with `EIO`, and so does every other that touches these bytes of the file, until they are
    /// rewritten or the rule is disarmed.
    BadSector {
        /// Who spoiled it.
        rule: RuleId,
        /// First byte.
        from: u64,
        /// First byte after it.
        to: u64,
    },
    /// A read, or a question for the size, is answered as before the last change of the file.
    Stale,
    /// A directory is listed without these entries.
    Hide(Hidden),
    /// Regular files that did not change for this long are unlinked before the call is carried out: the one it is
    /// on, or all those in the directory that it reads.
    DeleteCold {
        /// Age.
        older_than: Duration,
    },
}

/// Entries left out of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Everything but directories.
    Files,
    /// Everything.
    Everything,
}

/// What the caller of a torn write is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TornReport {
    /// All bytes were written.
    Success,
    /// As many bytes as the longest kept prefix.
    Short,
    /// The write failed with this errno.
    Error(i32),
}

/// What the file system asks of whoever decides: the engine, or [`NoFaults`].
///
/// All of it is called on the hot path by several threads at once, so an implementation takes no lock
/// that another call could hold for long.
pub trait Decide: Send + Sync + 'static {
    /// What happens to this call. Asked only when [`Decide::armed`] says so.
    fn decide(&self, call: &crate::call::Call<'_>, now: crate::clock::Nanos) -> Decision;
    /// Whether any rule could strike this operation. `false` skips everything, building the path included.
    fn armed(&self, op: crate::call::Op) -> bool;
    /// A call ended well and moved this many bytes.
    fn completed(&self, op: crate::call::Op, bytes: u64);
    /// The rule's name, for the trace.
    fn rule_name(&self, rule: RuleId) -> String;
    /// What the storage lied about so far. It outlives the mount, as a damaged disk does.
    fn lies(&self) -> Arc<Lies> {
        Arc::default()
    }
    /// When a rule's frozen calls thaw by themselves; `None` leaves it to the mount's own bound.
    fn thaw_after(&self, _rule: RuleId) -> Option<Duration> {
        None
    }
}

/// Decides that nothing ever happens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Decide for NoFaults {
    fn decide(&self, _: &crate::call::Call<'_>, _: crate::clock::Nanos) -> Decision {
        Decision::proceed()
    }
    fn armed(&self, _: crate::call::Op) -> bool {
        false
    }
    fn completed(&self, _: crate::call::Op, _: u64) {}
    fn rule_name(&self, rule: RuleId) -> String {
        format!("rule-{}", rule.0)
    }
}

impl Decision {
    /// The call goes on at once, untouched.
    pub fn proceed() -> Decision {
        Decision {
            delay: Duration::ZERO,
            freeze: None,
            thaw_after: None,
            action: Action::Proceed,
            firings: SmallVec::new(),
        }
    }
}

/// The fault engine of one storage.
pub struct Engine {
    seed: u64,
    /// Start of the traffic in nanoseconds; [`NOT_STARTED`] before.
    start: AtomicU64,
    counters: Counters,
    /// All rules, by id.
    rules: ArcSwap<Vec<Arc<Compiled>>>,
    lists: ArcSwap<Lists>,
    lies: Arc<Lies>,
    /// Operations that an armed rule could strike, as an [`OpSet`].
    armed: AtomicU64,
    /// Held by whoever changes rules or lists.
    changes: Mutex<()>,
}

const NOT_STARTED: u64 = u64::MAX;

/// For each operation, the armed rules that can strike it; operations with the same rules share a list.
type Lists = Vec<Option<Arc<List>>>;

/// Armed rules of an operation, in file order.
struct List {
    rules: Vec<Arc<Compiled>>,
    globs: PathGlobs,
    /// Whether the path alone can rule out all of them.
    by_path: bool,
}

/// No rule has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is called `{name}` ({help})")]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// The way out.
    pub help: String,
}

impl Engine {
    /// An engine with these rules, in file order. With `origin` the traffic started then; without, no rule fires
    /// before [`Engine::start`].
    pub fn new(rules: Vec<Rule>, seed: u64, origin: Option<Nanos>) -> Result<Engine, Vec<Problem>> {
        let engine = Engine {
            seed,
            start: AtomicU64::new(NOT_STARTED),
            counters: Counters::default(),
            rules: ArcSwap::default(),
            lists: ArcSwap::from_pointee(vec![None; Op::VARIANTS.len()]),
            lies: Arc::default(),
            armed: AtomicU64::new(0),
            changes: Mutex::new(()),
        };
        engine.add(rules, Nanos(0))?;
        if let Some(origin) = origin {
            engine.start(origin);
        }
        Ok(engine)
    }

    /// The traffic starts: windows and uptime count from here. Only the first start counts.
    pub fn start(&self, now: Nanos) {
        let _changing = self.changes.lock();
        if self.start.compare_exchange(NOT_STARTED, now.0, Relaxed, Relaxed).is_err() {
            return;
        }
        self.rules.load().iter().filter(|r| r.armed.load(Relaxed)).for_each(|r| r.open_interval(now));
        self.relist().expect("the same rules made lists before");
    }

    /// Adds a rule after the others.
    pub fn add_rule(&self, rule: Rule, now: Nanos) -> Result<RuleId, Vec<Problem>> {
        let ids = self.add(vec![rule], now)?;
        Ok(*ids.first().expect("one rule has one id"))
    }

    fn add(&self, new: Vec<Rule>, now: Nanos) -> Result<Vec<RuleId>, Vec<Problem>> {
        let _changing = self.changes.lock();
        let old = self.rules.load_full();
        let mut rules = Vec::clone(&old);
        let mut problems = Vec::new();
        for rule in new {
            problems.extend(prefixed(&rule, &rules));
            let id = RuleId(u32::try_from(rules.len()).expect("fewer than 2^32 rules"));
            match Compiled::new(id, rule, self.seed) {
                Ok(compiled) => rules.push(Arc::new(compiled)),
                Err(error) => problems.push(too_large(&error)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let added = rules[old.len()..].to_vec();
        self.lies.keep_versions(rules.iter().any(|r| r.rule.effect.needs_versions()));
        self.rules.store(Arc::new(rules));
        if let Err(error) = self.relist() {
            self.rules.store(old);
            return Err(vec![too_large(&error)]);
        }
        if self.start.load(Relaxed) != NOT_STARTED {
            added.iter().filter(|r| r.armed.load(Relaxed)).for_each(|r| r.open_interval(now));
        }
        Ok(added.iter().map(|r| r.id).collect())
    }

    /// Arms a rule.
    pub fn arm(&self, name: &str, now: Nanos) -> Result<RuleId, UnknownRule> {
        self.set_armed(name, true, now)
    }

    /// Disarms a rule. Calls it froze stay frozen until the file system releases them.
    pub fn disarm(&self, name: &str, now: Nanos) -> Result<RuleId, UnknownRule> {
        self.set_armed(name, false, now)
    }

    /// Disarms the rule of this name, or all that are not for good, and returns those rules, whose frozen calls are to be
    /// released.
    pub fn heal(&self, name: Option<&str>, now: Nanos) -> Result<Vec<RuleId>, UnknownRule> {
        let names: Vec<String> = match name {
            Some(name) => vec![name.to_owned()],
            None => {
                let rules = self.rules.load();
                rules.iter().filter(|r| !r.rule.for_good).map(|r| r.rule.name.clone()).collect()
            }
        };
        names.iter().map(|name| self.disarm(name, now)).collect()
    }

    /// Whether a rule is armed. Asked after a call was parked: a rule healed meanwhile will not release it.
    pub fn is_armed(&self, id: RuleId) -> bool {
        self.rule(id).is_some_and(|r| r.armed.load(Relaxed))
    }

    /// What each rule did so far, in file order.
    pub fn stats(&self) -> Vec<RuleStats> {
        self.rules.load().iter().map(|rule| rule.stats()).collect()
    }

    /// The storage's counters.
    pub fn counters(&self) -> CounterValues {
        self.counters.values()
    }

    fn rule(&self, id: RuleId) -> Option<Arc<Compiled>> {
        self.rules.load().get(id.0 as usize).cloned()
    }

    fn set_armed(&self, name: &str, armed: bool, now: Nanos) -> Result<RuleId, UnknownRule> {
        let _changing = self.changes.lock();
        let rules = self.rules.load();
        let rule = rules.iter().find(|r| r.rule.name == name).ok_or_else(|| unknown(name, &rules))?;
        let started = self.start.load(Relaxed) != NOT_STARTED;
        if rule.armed.swap(armed, Relaxed) != armed && started {
            if armed { rule.open_interval(now) } else { rule.close_interval(now) }
        }
        if !armed {
            self.lies.mend(rule.id);
        }
        self.relist().expect("fewer or the same rules made lists before");
        Ok(rule.id)
    }

    /// Builds the lists anew from what is armed.
    fn relist(&self) -> Result<(), globset::Error> {
        let rules = self.rules.load();
        let started = self.start.load(Relaxed) != NOT_STARTED;
        let mut known: HashMap<Vec<RuleId>, Arc<List>> = HashMap::new();
        let (mut lists, mut armed) = (Lists::new(), Vec::new());
        for op in Op::VARIANTS {
            let striking: Vec<_> = rules.iter().filter(|r| r.may_strike(*op)).cloned().collect();
            if striking.is_empty() {
                lists.push(None);
                continue;
            }
            armed.push(*op);
            let ids = striking.iter().map(|r| r.id).collect();
            let list = match known.entry(ids) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(Arc::new(List::new(striking)?))
                }
            };
            lists.push(Some(Arc::clone(list)));
        }
        self.lists.store(Arc::new(lists));
        self.armed.store(if started { OpSet::of(&armed).0 } else { 0 }, Relaxed);
        Ok(())
    }
}

impl List {
    fn new(rules: Vec<Arc<Compiled>>) -> Result<List, globset::Error> {
        let globs = PathGlobs::new(rules.iter().map(|r| &r.rule.selector))?;
        let by_path = rules.iter().all(|r| r.conditions.begin_with_path());
        Ok(List { rules, globs, by_path })
    }
}

/// A rule's problems, its name in front of the field, and whether another has the name already.
fn prefixed(rule: &Rule, others: &[Arc<Compiled>]) -> Vec<Problem> {
    let mut problems = rule.problems();
    if others.iter().any(|other| other.rule.name == rule.name) {
        let help = "names are unique within a storage; rename one".to_owned();
        problems.push(Problem {
            field: "name".to_owned(),
            message: format!("`{}` is taken", rule.name),
            help,
        });
    }
    problems.iter_mut().for_each(|p| p.field = format!("fault `{}`: {}", rule.name, p.field));
    problems
}

fn too_large(error: &globset::Error) -> Problem {
    let help = "use fewer or simpler globs".to_owned();
    Problem { field: "where.path".to_owned(), message: error.to_string(), help }
}

fn unknown(name: &str, rules: &[Arc<Compiled>]) -> UnknownRule {
    let names = || rules.iter().map(|r| r.rule.name.as_str());
    let help = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
    };
    UnknownRule { name: name.to_owned(), help }
}

impl Decide for Engine {
    fn decide(&self, call: &Call<'_>, now: Nanos) -> Decision {
        let mut decision = Decision::proceed();
        let start = Nanos(self.start.load(Relaxed));
        if now < start || !self.armed(call.op) {
            return decision;
        }
        let lists = self.lists.load();
        let Some(list) = &lists[call.op as usize] else { return decision };
        let mut facts = Facts::new(call, &list.globs);
        if list.by_path && !facts.any_taken() {
            return decision;
        }
        for (slot, rule) in list.rules.iter().enumerate() {
            if rule.conditions.hold(slot, &mut facts) {
                rule.strike(call, now, start, &self.counters, &mut decision);
            }
        }
        decision
    }

    fn armed(&self, op: Op) -> bool {
        OpSet(self.armed.load(Relaxed)).has(op)
    }

    fn completed(&self, op: Op, bytes: u64) {
        self.counters.count(op, bytes);
    }

    fn rule_name(&self, rule: RuleId) -> String {
        self.rule(rule).map_or_else(|| format!("rule-{}", rule.0), |r| r.rule.name.clone())
    }

    fn lies(&self) -> Arc<Lies> {
        self.lies.clone()
    }

    fn thaw_after(&self, rule: RuleId) -> Option<Duration> {
        self.rule(rule)?.effect.thaw_after()
    }
}

#[cfg(test)]
mod tests;
