//! A sequence of calls, with what is there and durable before it.

use super::call::{Call, Step};
use std::fmt;

/// Directories that there are before every sequence.
pub(super) const DIRECTORIES: [&str; 6] = ["a", "b", "u", "tmp", "new", "cur"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Durable before the others.
    pub(super) before: Vec<Call>,
    pub(super) calls: Vec<Call>,
}

impl Sequence {
    /// What is done before, with the directories.
    pub(super) fn first_steps(&self) -> Vec<Step> {
        let made = DIRECTORIES.map(|path| Step::Whole(Call::Mkdir(path)));
        made.into_iter().chain(self.before.iter().flat_map(Call::steps)).collect()
    }

    /// The calls, and at the end all of it is written, as a kernel does in its own time: every state on the way there is one that a
    /// power cut can leave.
    pub(super) fn steps(&self) -> Vec<Step> {
        let calls = self.calls.iter().flat_map(Call::steps);
        calls.chain([Step::Whole(Call::Syncfs)]).collect()
    }

    /// How many calls are done, and in which one the power goes, after so many steps.
    pub(super) fn moment(&self, steps: usize) -> String {
        let mut left = steps;
        for (done, call) in self.calls.iter().enumerate() {
            let own = call.steps().len();
            if left < own {
                return match left {
                    0 => format!("after {done} of {} calls", self.calls.len()),
                    _ => format!("in call {}, `{call}`", done + 1),
                };
            }
            left -= own;
        }
        "after the last call".to_owned()
    }
}

/// Calls as the lists of measured sequences have them.
pub(super) fn joined(calls: &[Call]) -> String {
    calls.iter().map(Call::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.before.is_empty() {
            writeln!(f, "set {}", joined(&self.before))?;
        }
        write!(f, "do  {}", joined(&self.calls))
    }
}
