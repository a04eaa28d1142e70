//! `vanish`: files are not to be found, without an error, as on a storage that came back with an empty copy. Directories
//! that are read show only directories (or only the dots); looking a file up says that there is none. When the rule
//! is healed everything is there again.
//!
//! Which: those that the selector names; `where.share` takes a share of mailboxes. Files that are open can be read on.
//! A name that is hidden is not free: making it anew fails with `EEXIST`.

use super::definition::{Contract, Definition, EffectListing, Outcome, Strike, Struck};
use crate::call::{Call, FileKind, Op};
use crate::rules::decision::{Action, Hidden};
use crate::rules::opset::OpSet;
use crate::rules::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Files are not to be found and come back when the rule is healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Vanish {
    /// What is hidden: `"files"` (default), so that a mailbox is there and empty, or `"everything"` in it.
    pub hide: Hide,
    /// With `"everything"`: how many leading path components name the directory that stays. Default 1, as in
    /// `where.share`.
    pub depth: usize,
}

/// What vanishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hide {
    /// Everything but directories.
    #[default]
    Files,
    /// Directories too.
    Everything,
}

pub(crate) const ENTRY: EffectListing = EffectListing {
    name: "vanish",
    about: "files are not to be found, without an error, until the rule is healed",
    contract: "lying",
    ops: OpSet::of(&[Op::Lookup, Op::Open, Op::Opendir, Op::Readdir, Op::Create]),
};

impl Default for Vanish {
    fn default() -> Vanish {
        Vanish { hide: Hide::Files, depth: 1 }
    }
}

impl Definition for Vanish {
    fn entry(&self) -> &'static EffectListing {
        &ENTRY
    }

    fn contract(&self) -> Contract {
        Contract::Lying
    }

    fn problems(&self, found: &mut Problems) {
        if self.depth == 0 {
            found.add("effect.vanish.depth", "0 components name no directory", "write 1 or more");
        }
    }

    fn build(&self) -> Box<dyn Strike> {
        Box::new(*self)
    }
}

impl Strike for Vanish {
    fn strike(&self, struck: &Struck<'_>) -> Option<Outcome> {
        let call = struck.call;
        let action = match call.op {
            Op::Readdir => {
                let mut wanted = |kind, _| self.takes(kind);
                call.subject.holds(&mut wanted).then_some(Action::Hide(self.hidden()))
            }
            Op::Create => self.hides(call).then_some(Action::Fail(libc::EEXIST)),
            _ => self.hides(call).then_some(Action::Fail(libc::ENOENT)),
        };
        action.map(Outcome::act)
    }
}

impl Vanish {
    fn takes(&self, kind: FileKind) -> bool {
        self.hide == Hide::Everything || kind != FileKind::Directory
    }

    fn hidden(&self) -> Hidden {
        match self.hide {
            Hide::Files => Hidden::Files,
            Hide::Everything => Hidden::Everything,
        }
    }

    /// The call is on something that is there and hidden.
    fn hides(&self, call: &Call<'_>) -> bool {
        let Some(kind) = call.subject.kind() else { return false };
        match self.hide {
            Hide::Files => self.takes(kind),
            Hide::Everything => call.subject.path().components().count() > self.depth,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::effects::effect::testing;

    use super::*;
    use crate::clock::Nanos;
    use crate::rules::effects::effect::testing::{Known, strike_on};
    use std::time::Duration;

    fn strike(hide: Hide, op: Op, kind: FileKind, components: usize) -> Option<Action> {
        let entry = Some((kind, Duration::ZERO));
        let subject = Known { kind: Some(kind), components, entry, ..Known::default() };
        strike_on(&Vanish { hide, depth: 1 }, (op, 0), &subject, Nanos(0))
    }

    #[test]
    fn hides_files_and_leaves_directories() {
        use crate::call::FileKind::{Directory, File};
        assert_eq!(strike(Hide::Files, Op::Lookup, File, 2), Some(Action::Fail(libc::ENOENT)));
        assert_eq!(strike(Hide::Files, Op::Lookup, Directory, 2), None);
        assert_eq!(strike(Hide::Files, Op::Create, File, 2), Some(Action::Fail(libc::EEXIST)));
        assert_eq!(strike(Hide::Files, Op::Readdir, File, 2), Some(Action::Hide(Hidden::Files)));
        assert_eq!(strike(Hide::Files, Op::Readdir, Directory, 2), None, "nothing to hide is no firing");
    }

    #[test]
    fn hides_everything_below_the_directory_that_stays() {
        use crate::call::FileKind::Directory;
        let gone = Some(Action::Fail(libc::ENOENT));
        assert_eq!(strike(Hide::Everything, Op::Lookup, Directory, 2), gone);
        assert_eq!(strike(Hide::Everything, Op::Lookup, Directory, 1), None);
        let listed = Some(Action::Hide(Hidden::Everything));
        assert_eq!(strike(Hide::Everything, Op::Readdir, Directory, 1), listed);
    }

    #[test]
    fn refuses_no_depth() {
        insta::assert_snapshot!(testing::problems(&Vanish { depth: 0, ..Vanish::default() }), @"effect.vanish.depth: 0 components name no directory (write 1 or more)");
    }
}
