//! The last word of every client, while they run.

use fuse_fs::clock::Nanos;
use parking_lot::Mutex;
use record::plan::workload::ClientsPlan;
use std::collections::BTreeMap;

/// When each client was last served or not.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<BTreeMap<(Class, u32), (Nanos, bool)>>);

impl Standing {
    /// Takes a client's word.
    pub(super) fn note(&self, class: Class, number: u32, at: Nanos, up: bool) {
        self.0.lock().insert((class, number), (at, up));
    }

    /// A client's last word.
    pub(super) fn last(&self, class: Class, number: u32) -> Option<(Nanos, bool)> {
        self.0.lock().get(&(class, number)).copied()
    }

    /// The last word of each client of the plan is from `since` or later, and good.
    pub(super) fn served_since(&self, plan: &ClientsPlan, since: Nanos) -> bool {
        let clients = [(Class::Webmail, plan.webmail), (Class::Held, plan.held)];
        let good = |class, number| self.last(class, number).is_some_and(|(at, up)| up && at >= since);
        clients.into_iter().all(|(class, count)| (0..count).all(|number| good(class, number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_served_only_once_each_of_them_said_so_afterwards() {
        let plan = ClientsPlan { webmail: 1, held: 2, ..ClientsPlan::default() };
        let standing = Standing::default();
        let served = |since| standing.served_since(&plan, Nanos(since));
        standing.note(Class::Webmail, 0, Nanos(5), true);
        standing.note(Class::Held, 0, Nanos(6), true);
        assert!(!served(1), "one has not said anything yet");
        standing.note(Class::Held, 1, Nanos(7), true);
        assert!(served(5) && !served(6));
        standing.note(Class::Held, 1, Nanos(8), false);
        assert!(!served(1));
        standing.note(Class::Held, 1, Nanos(9), true);
        assert!(served(5));
        assert!(Standing::default().served_since(&ClientsPlan::default(), Nanos(1)), "nobody is missing");
    }
}

/// A class of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Class {
    /// A new connection for each visit.
    Webmail,
    /// A session that is held open.
    Held,
}
