use super::decision::{Decision, RuleId};
use super::lies::Lies;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Whoever may answer in a storage's place from what it was told before.
pub trait Believer: Send + Sync + 'static {
    /// Takes back what it was told. Afterwards it believes nothing that [`Decide::asks`] says has to be asked for.
    fn take_back(&self);
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
    /// Whether a rule, armed or not, has to see every call of this operation, or shows something else by it than was there: then the
    /// kernel may not answer in its place from what it was told before.
    fn asks(&self, op: crate::call::Op) -> bool;
    /// Makes a believer known: it is told before a rule is armed that has to see more than was asked for until then.
    fn believed_by(&self, _believer: Weak<dyn Believer>) {}
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
    fn asks(&self, _: crate::call::Op) -> bool {
        false
    }
    fn completed(&self, _: crate::call::Op, _: u64) {}
    fn rule_name(&self, rule: RuleId) -> String {
        format!("rule-{}", rule.0)
    }
}
