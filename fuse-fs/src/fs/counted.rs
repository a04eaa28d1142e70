//! Which requests a storage on a real disk, and the disk beneath one, count.

use super::fs::Fs;
use super::request::{Answer, Caller, Outcome, Request};
use crate::call::Op;
use crate::durability::plug::Plug;
use crate::durability::unflushed::{Beneath, Unflushed};
use crate::rules::decision::Action;
use std::sync::Arc;

/// What of a storage is counted.
#[derive(Debug)]
pub(crate) enum Counted {
    Nothing,
    Changes(Arc<Unflushed>),
    Flushes(Beneath),
}

impl Counted {
    pub(crate) fn of(plug: Option<&Plug>, beneath: Option<Beneath>) -> Counted {
        match (beneath, plug) {
            (Some(beneath), _) => Counted::Flushes(beneath),
            (None, Some(plug)) => Counted::Changes(plug.unflushed().clone()),
            (None, None) => Counted::Nothing,
        }
    }
}

impl Fs {
    /// Does one request, or what `action` makes of it. Failing is the caller's business.
    pub(crate) fn perform(&self, request: &Request<'_>, caller: &Caller, action: &Action) -> Outcome<Answer> {
        let work = || self.carry_out_or_lie(request, caller, action);
        match &self.counted {
            // What a fault does instead is counted by nobody: it may be nothing.
            Counted::Changes(unflushed) if request.op().changes() && matches!(action, Action::Proceed) => {
                unflushed.change(work)
            }
            Counted::Flushes(beneath) if keeps(beneath, request.op()) => beneath.unflushed.flush(work),
            Counted::Nothing | Counted::Changes(_) | Counted::Flushes(_) => work(),
        }
    }
}

/// After this call the disk keeps what it was given before it, or may: less is counted then, never too much.
fn keeps(beneath: &Beneath, op: Op) -> bool {
    op.makes_durable() || (beneath.writes_through && op.changes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inode::ROOT;
    use std::ffi::OsStr;
    use std::fs::File;

    #[test]
    fn what_a_fault_does_instead_of_a_change_is_not_counted() {
        let place = tempfile::tempdir().expect("a directory");
        let (plug, root) = (Plug::default(), File::open(place.path()).expect("it is there"));
        let counted = Counted::of(Some(&plug), None);
        let fs = Fs::new(root.into(), 100, (None, None), counted, Arc::default()).expect("it can be served");
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let caller = Caller { uid, gid, pid: 1, seq: 0 };
        let make = |name, action: &Action| {
            let mkdir = Request::Mkdir { parent: ROOT, name: OsStr::new(name).into(), mode: 0o700 };
            fs.perform(&mkdir, &caller, action).map(drop)
        };
        assert_eq!(make("a", &Action::Proceed), Ok(()));
        assert!(make("a", &Action::Proceed).is_err());
        assert_eq!(plug.unflushed().count(), 1);
        let _ = make("b", &Action::LoseSync);
        assert_eq!(plug.unflushed().count(), 1);
    }
}
