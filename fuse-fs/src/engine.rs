//! Decides what happens to a call. Pure: no I/O, no clock of its own, no lock on the hot path.

use smallvec::SmallVec;
use std::time::Duration;

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
        Decision { delay: Duration::ZERO, freeze: None, action: Action::Proceed, firings: SmallVec::new() }
    }
}
