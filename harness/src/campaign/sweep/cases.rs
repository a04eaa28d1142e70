//! The cases of a sweep: each call of each delivery with each fault that can strike it. Pure.

use super::calls::Call;
use fuse_fs::call::Op;
use fuse_fs::durability::cut::CutMode;
use fuse_fs::durability::profile::FsyncModel;
use record::history::Ingress;
use record::plan::keeper::Keeper;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// What kind of delivery is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// How the message enters.
    pub entry: Ingress,
    /// It is the first one to its user.
    pub first: bool,
}

impl Delivery {
    /// Number of the user who gets it: those up to [`WITH_MAIL`] have had mail before.
    pub(crate) fn user(self) -> u32 {
        if self.first { WITH_MAIL + 1 } else { 1 }
    }

    /// Numbers of the users who get the deliveries that follow it: the same one, one who has mail, and the same again.
    pub(crate) fn following(self) -> [u32; 3] {
        [self.user(), WITH_MAIL, self.user()]
    }

    /// Users that there must be for it.
    pub(crate) fn users(self) -> u32 {
        self.user().max(WITH_MAIL)
    }

    pub(crate) fn title(self) -> String {
        let whom = if self.first { "the first message of a new user" } else { "to a user who has mail" };
        format!("{}, {whom}", self.entry.to_string().to_uppercase())
    }
}

impl std::fmt::Display for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.entry, if self.first { "first" } else { "later" })
    }
}

/// Users of the store that every case begins with.
pub(crate) const WITH_MAIL: u32 = 2;

/// A delivery and its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub delivery: Delivery,
    /// Its calls, in order.
    pub calls: Vec<Call>,
}

/// Errors that a disk gives and that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray, strum::Display, Serialize, Deserialize)]
#[strum(serialize_all = "UPPERCASE")]
pub(crate) enum Errno {
    /// The device failed.
    Eio,
    /// The disk is full.
    Enospc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails.
    Errno(Errno),
    /// Writeback fails during the sync, and the cache is emptied after the answer.
    Fsync(FsyncModel),
    /// The power goes after the call was carried out and before its caller hears of it.
    Cut(Keeper, CutMode),
}

impl Fault {
    /// The last part of a case's name.
    pub(crate) fn name(self) -> String {
        match self {
            Fault::Errno(errno) => errno.to_string().to_lowercase(),
            Fault::Fsync(like) => format!("fsync-{like}"),
            Fault::Cut(profile, CutMode::DropUnsynced) => format!("cut-{profile}"),
            Fault::Cut(profile, mode) => format!("cut-{profile}-{mode}"),
        }
    }

    pub(crate) fn words(self) -> String {
        match self {
            Fault::Errno(errno) => format!("fails with {errno}"),
            Fault::Fsync(like) => format!("writeback fails as on {like}"),
            Fault::Cut(profile, mode) => format!("power cut after it ({profile}, {mode})"),
        }
    }

    fn can_strike(self, op: Op) -> bool {
        match self {
            Fault::Errno(_) => !matches!(op, Op::Chmod | Op::Chown | Op::Utimens),
            Fault::Fsync(_) => op == Op::Fsync,
            Fault::Cut(..) => op.changes() || op.makes_durable(),
        }
    }
}

/// Which faults are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub errno: bool,
    /// Failures of writeback.
    pub fsync: bool,
    /// Power cuts, on these kinds of storage.
    pub cuts: Vec<Keeper>,
}

impl Wanted {
    /// Every fault there is.
    pub(crate) fn everything() -> Wanted {
        Wanted { errno: true, fsync: true, cuts: Keeper::all().collect() }
    }

    /// The faults, in the order of the columns.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let errno = Errno::VARIANTS.iter().filter(|_| self.errno).map(|errno| Fault::Errno(*errno));
        let fsync = FsyncModel::VARIANTS.iter().filter(|_| self.fsync).map(|like| Fault::Fsync(*like));
        let cut =
            |keeper: &Keeper| [CutMode::DropUnsynced, CutMode::Random].map(|mode| Fault::Cut(*keeper, mode));
        errno.chain(fsync).chain(self.cuts.iter().flat_map(cut)).collect()
    }
}

/// One run: one delivery, one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub delivery: Delivery,
    /// The call that is struck; none: the power goes when the client has its answer.
    pub call: Option<Call>,
    /// What strikes it.
    pub fault: Fault,
}

impl Case {
    /// Its name, the same in every sweep of this target: `lmtp.later.fsync-2.eio`.
    pub(crate) fn id(&self) -> String {
        let call = self.call.as_ref().map_or(ANSWER.to_owned(), Call::name);
        format!("{}.{call}.{}", self.delivery, self.fault.name())
    }

    /// The struck call for people.
    pub(crate) fn place(&self) -> String {
        self.call.as_ref().map_or("(the client has its answer)".to_owned(), Call::to_string)
    }
}

/// In the place of a call: after all of them.
const ANSWER: &str = "answer";

/// Every case, delivery by delivery, call by call.
pub(crate) fn cases(counted: &[Counted], wanted: &Wanted) -> Vec<Case> {
    let faults = wanted.faults();
    let mut cases = Vec::new();
    for Counted { delivery, calls } in counted {
        let delivery = *delivery;
        for call in calls {
            let strikes = faults.iter().filter(|fault| fault.can_strike(call.op));
            cases.extend(strikes.map(|fault| Case { delivery, call: Some(call.clone()), fault: *fault }));
        }
        let cuts = faults.iter().filter(|fault| matches!(fault, Fault::Cut(..)));
        cases.extend(cuts.map(|fault| Case { delivery, call: None, fault: *fault }));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(ops: &[Op]) -> Vec<Counted> {
        let call = |(n, op): (usize, &Op)| {
            serde_json::json!({
                "op": op, "path": ["user1", "*"], "to": null, "occurrence": 1, "number": n + 1
            })
        };
        let calls =
            ops.iter().enumerate().map(|(n, op)| serde_json::from_value(call((n, op))).expect("a call"));
        vec![Counted { delivery: Delivery { entry: Ingress::Lmtp, first: false }, calls: calls.collect() }]
    }

    #[test]
    fn each_call_meets_the_faults_that_can_strike_it() {
        let wanted = Wanted {
            errno: true,
            fsync: true,
            cuts: vec![Keeper::Model(fuse_fs::durability::profile::Profile::Xfs)],
        };
        let cases = cases(&counted(&[Op::Fsync, Op::Flush, Op::Chmod]), &wanted);
        let ids: Vec<String> = cases.iter().map(Case::id).collect();
        insta::assert_snapshot!(ids.join("\n"), @r"
        lmtp.later.fsync-1.eio
        lmtp.later.fsync-1.enospc
        lmtp.later.fsync-1.fsync-ext4-ordered
        lmtp.later.fsync-1.fsync-ext4-data
        lmtp.later.fsync-1.fsync-xfs
        lmtp.later.fsync-1.fsync-btrfs
        lmtp.later.fsync-1.cut-xfs
        lmtp.later.fsync-1.cut-xfs-random
        lmtp.later.flush-2.eio
        lmtp.later.flush-2.enospc
        lmtp.later.chmod-3.cut-xfs
        lmtp.later.chmod-3.cut-xfs-random
        lmtp.later.answer.cut-xfs
        lmtp.later.answer.cut-xfs-random
        ");
    }
}
