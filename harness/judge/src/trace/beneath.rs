//! What the disk beneath a storage did by itself, with no fault on the call: it was full, or took long. Neither is the
//! mail server's doing.

use fuse_fs::call::Op;
use fuse_fs::clock::Nanos;
use fuse_fs::mount::trace::FsEvent;
use std::collections::BTreeMap;
use std::time::Duration;

/// A call that no fault struck and that took longer was not answered in time by the disk, or by the machine.
const SLOW: Duration = Duration::from_secs(1);

/// Calls of one kind on one storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// When the first of them ended.
    pub first: Nanos,
    /// What it got.
    pub errno: i32,
}

/// A call that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// When it began.
    pub at: Nanos,
    /// When it ended.
    pub end: Nanos,
    /// In words: `fsync of user1/Maildir/tmp/1 on mail`.
    pub what: String,
}

/// What is known of the disks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beneath {
    /// Refusals for want of room or quota, by storage.
    pub full: BTreeMap<String, Refusals>,
    /// Calls that took long.
    pub slow: Vec<Slow>,
}

impl Beneath {
    /// Notes a call of a storage's trace.
    pub(super) fn take(&mut self, storage: &str, call: &FsEvent) {
        let Some(end) = call.end.filter(|_| call.fired.is_empty()) else { return };
        // An attribute that does not fit into its inode is answered likewise.
        if matches!(call.errno, libc::ENOSPC | libc::EDQUOT) && call.op != Op::Setxattr {
            let first = Refusals { count: 0, first: end, errno: call.errno };
            self.full.entry(storage.to_owned()).or_insert(first).count += 1;
        }
        if end.since(call.at) >= SLOW {
            let what = format!("{} of {} on {storage}", call.op, call.path);
            self.slow.push(Slow { at: call.at, end, what });
        }
    }

    /// The slowest call that was under way between the two instants.
    pub fn slowest(&self, from: Nanos, to: Nanos) -> Option<&Slow> {
        let within = self.slow.iter().filter(|call| call.at <= to && call.end >= from);
        within.max_by_key(|call| call.end.since(call.at))
    }

    /// A disk was full before this instant.
    pub fn was_full(&self, by: Nanos) -> bool {
        self.full.values().any(|refusals| refusals.first <= by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at: u64, end: u64, errno: i32, fired: bool) -> FsEvent {
        let fired = if fired { serde_json::json!([["no-room", 1]]) } else { serde_json::json!([]) };
        serde_json::from_value(serde_json::json!({
            "at": at * 1_000_000_000, "end": end * 1_000_000_000, "seq": at, "op": "write", "ino": 1, "path": "u/1", "errno": errno,
            "pid": 1, "fired": fired,
        }))
        .expect("a call")
    }

    #[test]
    fn only_what_no_fault_did_is_the_disks() {
        let mut beneath = Beneath::default();
        let calls = [call(1, 1, libc::ENOSPC, true), call(2, 9, 0, true), call(3, 3, libc::EIO, false)];
        calls.iter().for_each(|call| beneath.take("mail", call));
        assert_eq!(beneath, Beneath::default());
        beneath.take("mail", &call(4, 4, libc::EDQUOT, false));
        beneath.take("mail", &call(5, 7, libc::ENOSPC, false));
        let second = Nanos(1_000_000_000);
        let refusals = Refusals { count: 2, first: Nanos(4 * second.0), errno: libc::EDQUOT };
        assert_eq!(beneath.full["mail"], refusals);
        assert!(!beneath.was_full(Nanos(3 * second.0)) && beneath.was_full(Nanos(4 * second.0)));
        let slow = beneath.slowest(Nanos(6 * second.0), Nanos(6 * second.0)).expect("one is under way");
        assert_eq!(slow.what, "write of u/1 on mail");
        assert_eq!(beneath.slowest(Nanos(8 * second.0), Nanos(9 * second.0)), None);
    }
}
