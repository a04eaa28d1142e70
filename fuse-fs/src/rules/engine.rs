//! Decides what happens to a call. Pure: no I/O, no clock of its own, no lock on the hot path.
//!
//! Armed rules are compiled into lists per operation; arming, disarming and adding build new lists and swap
//! them in. A call under way may still be struck by a rule that was disarmed a moment ago: whoever parks a frozen
//! call asks [`Engine::is_armed`] afterwards.

#[cfg(test)]
mod tests;

use super::compiled::{Compiled, RuleStats};
use super::counters::{CounterValues, Counters};
use super::decide::{Believer, Decide};
use super::decision::{Decision, RuleId};
use super::lies::Lies;
use super::matcher::{Facts, Globs};
use super::opset::OpSet;
use super::problem::Problem;
use super::rule::Rule;
use super::sectors::Sectors;
use crate::call::{Call, Op};
use crate::clock::Nanos;
use crate::nearest::nearest;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Weak};
use std::time::Duration;
use strum::VariantArray;

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
    /// Operations that a rule, armed or not, has to see, as an [`OpSet`].
    asked: AtomicU64,
    /// Those who may answer in the storage's place.
    believers: Mutex<Vec<Weak<dyn Believer>>>,
    /// Held by whoever changes rules or lists.
    changes: Mutex<()>,
}

const NOT_STARTED: u64 = u64::MAX;

/// For each operation, the armed rules that can strike it; operations with the same rules share a list.
type Lists = Vec<Option<Arc<List>>>;

/// Armed rules of an operation, in file order.
struct List {
    rules: Vec<Arc<Compiled>>,
    globs: Globs,
    /// Whether the path alone can rule out all of them.
    by_path: bool,
}

/// No rule has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is called `{name}` ({help})")]
pub struct UnknownRule {
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
            asked: AtomicU64::new(0),
            believers: Mutex::default(),
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
            rules.push(Arc::new(Compiled::new(id, rule, self.seed)));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        // All together, armed or not: so that lists can be made whichever are armed later.
        Globs::new(rules.iter().map(|r| &r.rule.selector)).map_err(|error| vec![too_large(&error)])?;
        let added = rules[old.len()..].to_vec();
        self.ask_for(&added);
        self.lies.keep_versions(rules.iter().any(|r| r.rule.effect.needs_versions()));
        self.rules.store(Arc::new(rules));
        self.relist().expect("all rules together made a list");
        if self.start.load(Relaxed) != NOT_STARTED {
            added.iter().filter(|r| r.armed.load(Relaxed)).for_each(|r| r.open_interval(now));
        }
        Ok(added.iter().map(|r| r.id).collect())
    }

    /// From now on everything is asked for that these rules have to see, and nothing of it is believed, before any is armed.
    fn ask_for(&self, rules: &[Arc<Compiled>]) {
        let asked: Vec<Op> =
            Op::VARIANTS.iter().copied().filter(|op| rules.iter().any(|r| r.asks(*op))).collect();
        let asked = OpSet::of(&asked);
        let before = OpSet(self.asked.fetch_or(asked.0, SeqCst));
        if !asked.without(before).is_empty() {
            let believers: Vec<_> = self.believers.lock().iter().filter_map(Weak::upgrade).collect();
            believers.iter().for_each(|believer| believer.take_back());
        }
    }

    /// Arms a rule.
    pub fn arm(&self, name: &str, now: Nanos) -> Result<RuleId, UnknownRule> {
        self.set_armed(name, true, now)
    }

    /// Tells a rule where on the device lies what it names, besides what has a place of its own. Said before it is armed: an armed
    /// one strikes there from now on.
    pub fn place(&self, name: &str, sectors: Sectors) -> Result<RuleId, UnknownRule> {
        let rules = self.rules.load();
        let rule = rules.iter().find(|r| r.rule.name == name).ok_or_else(|| unknown(name, &rules))?;
        rule.conditions.place(sectors);
        Ok(rule.id)
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
        let globs = Globs::new(rules.iter().map(|r| &r.rule.selector))?;
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

    fn asks(&self, op: Op) -> bool {
        OpSet(self.asked.load(Relaxed)).has(op)
    }

    fn believed_by(&self, believer: Weak<dyn Believer>) {
        let mut believers = self.believers.lock();
        believers.retain(|known| known.strong_count() > 0);
        believers.push(believer);
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
