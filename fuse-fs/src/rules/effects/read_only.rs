//! `read-only`: everything that would change something fails with `EROFS`, as on a file system that the kernel
//! remounted read-only after an error. Reads go on. Opening for writing fails; what is open for writing already
//! fails at the write. A sync fails too: nothing more can be made durable (ext4 answers so after its journal was
//! aborted).

use super::definition::{Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::Op;
use crate::rules::decision::Action;
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that would change something fails with `EROFS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "read-only",
    about: "everything that would change something fails with EROFS; reads go on",
    contract: "honest",
    ops: OpSet::of(&[
        Op::Truncate,
        Op::Chmod,
        Op::Chown,
        Op::Utimens,
        Op::Mknod,
        Op::Mkdir,
        Op::Unlink,
        Op::Rmdir,
        Op::Symlink,
        Op::Rename,
        Op::Link,
        Op::Open,
        Op::Create,
        Op::Write,
        Op::Fsync,
        Op::Fsyncdir,
        Op::Setxattr,
        Op::Removexattr,
        Op::Fallocate,
        Op::CopyFileRange,
    ]),
};

impl Definition for ReadOnly {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn problems(&self, _: &mut Problems) {}

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for ReadOnly {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let flags = struck.call.open_flags;
        let only_reads = flags & libc::O_ACCMODE == libc::O_RDONLY && flags & libc::O_TRUNC == 0;
        let harmless = struck.call.op == Op::Open && only_reads;
        (!harmless).then(|| Outcome::act(Action::Fail(libc::EROFS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::effect::testing::{Known, strike_on};

    #[test]
    fn refuses_changes_and_opening_for_them() {
        let strike = |op, flags| strike_on(&ReadOnly {}, (op, flags), &Known::default(), Nanos(0));
        let refused = Some(Action::Fail(libc::EROFS));
        assert_eq!(strike(Op::Open, libc::O_RDONLY), None);
        for flags in [libc::O_WRONLY, libc::O_RDWR, libc::O_RDONLY | libc::O_TRUNC] {
            assert_eq!(strike(Op::Open, flags), refused);
        }
        assert_eq!(strike(Op::Fsync, libc::O_RDONLY), refused);
        assert_eq!(strike(Op::Unlink, 0), refused);
    }
}
