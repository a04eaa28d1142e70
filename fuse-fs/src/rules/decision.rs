use super::damage::Damage;
use smallvec::SmallVec;
use std::time::Duration;

/// Index of a rule in the order its storage lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub u32);

/// One rule struck one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Firing {
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
        mode: crate::durability::cut::CutMode,
        /// The call is carried out first.
        after: bool,
    },
    /// A sync call answers 0 and makes nothing durable.
    LoseSync,
    /// A sync call meets a failed writeback.
    FailSync(crate::durability::profile::FsyncModel),
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
    DeleteCold { older_than: Duration },
}

/// Entries left out of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Everything but directories.
    Files,
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
