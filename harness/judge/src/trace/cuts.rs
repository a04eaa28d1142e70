//! What the power cuts of a run took: the effects that did not survive, by the message whose file they were on.
//!
//! Each cut left `effects.jsonl`, a line for each effect that was not durable. They are streamed; kept are those that
//! did not survive whole, of inodes that held an attempt, and a few for each user of the other files that carry the
//! user's name in their path (directories, indexes, lists of UIDs).

use super::files::stream;
use super::holder::Holder;
use super::trace::Traces;
use fuse_fs::clock::Nanos;
use fuse_fs::durability::cut::{EffectLine, Fate, Missing};
use record::history::{Attempt, UserId};
use record::ledger::Ledger;
use record::ledger::entry::CutDone;
use reports::kit::figures::grouped;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// Lost effects kept for each user on files that held no message; the latest.
const OTHERS: usize = 100;

/// An effect that did not survive.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Which cut, by the history's order.
    pub cut: usize,
    pub effect: EffectLine,
}

/// What the cuts of a run took.
#[derive(Debug, Default)]
pub struct Cuts {
    by_attempt: HashMap<Attempt, Vec<Taken>>,
    others: HashMap<UserId, VecDeque<Taken>>,
    /// Attempts of which something was lost because the storage had answered a sync and done nothing, and a cut that
    /// showed it.
    pub lied_about: HashMap<Attempt, usize>,
    /// The same of users, for files that held no message.
    pub lied_below: HashMap<UserId, usize>,
    /// Cuts whose record could not be read to the end, and why.
    pub unread: Vec<(usize, String)>,
}

impl Cuts {
    /// Reads the record of each cut below the run directory.
    pub fn read(run: &Path, ledger: &Ledger, traces: &Traces) -> Cuts {
        let users: HashMap<&str, UserId> =
            ledger.users.iter().enumerate().map(|(i, name)| (name.as_str(), UserId(i as u32))).collect();
        let mut cuts = Cuts::default();
        for (index, cut) in ledger.cuts.iter().enumerate() {
            let path = run.join(&cut.record).join("effects.jsonl");
            let storage = traces.storage(&cut.storage);
            let read = stream(&path, |effect: EffectLine| {
                if effect.fate != Fate::Kept {
                    cuts.keep(traces, &users, storage, Taken { cut: index, effect });
                }
            });
            match read {
                Ok(0) => {}
                Ok(n) => cuts.unread.push((index, format!("{n} lines of {} make no sense", cut.record))),
                Err(error) => cuts.unread.push((index, format!("{}: {error}", cut.record))),
            }
        }
        cuts
    }

    fn keep(&mut self, traces: &Traces, users: &HashMap<&str, UserId>, storage: Option<u32>, taken: Taken) {
        let effect = &taken.effect;
        let lied = effect.missing == Missing::HonestSync;
        if let Some(attempts) = storage.and_then(|s| traces.held_at(s, effect.ino, effect.call)) {
            for attempt in attempts {
                if lied {
                    self.lied_about.insert(*attempt, taken.cut);
                }
                self.by_attempt.entry(*attempt).or_default().push(taken.clone());
            }
            return;
        }
        let Some(user) = effect.path.split('/').find_map(|name| users.get(name)) else { return };
        if lied {
            self.lied_below.insert(*user, taken.cut);
        }
        let list = self.others.entry(*user).or_default();
        if list.len() == OTHERS {
            list.pop_front();
        }
        list.push_back(taken);
    }

    /// Lost effects on files that held the attempt, in the order of the cuts and calls.
    pub fn of(&self, attempt: Attempt) -> &[Taken] {
        self.by_attempt.get(&attempt).map_or(&[], Vec::as_slice)
    }

    /// Lost effects on other files of a user.
    pub fn others(&self, user: UserId) -> impl DoubleEndedIterator<Item = &Taken> {
        self.others.get(&user).into_iter().flatten()
    }

    /// Every record was read to its end.
    pub fn complete(&self) -> bool {
        self.unread.is_empty()
    }
}

impl Traces {
    /// Takes over what the cuts show of lies: a storage that answered a sync and did nothing. `rule` names the fault of
    /// a storage that may have done it.
    pub fn believe(&mut self, cuts: &Cuts, ledger: &Ledger, rule: impl Fn(&str) -> String) {
        let liar = |cut: usize| rule(&ledger.cuts[cut].storage);
        for (attempt, cut) in &cuts.lied_about {
            self.lied_about.entry(*attempt).or_insert_with(|| liar(*cut));
        }
        for (user, cut) in &cuts.lied_below {
            self.lied_below.entry(ledger.user_name(*user)).or_insert_with(|| liar(*cut));
        }
    }
}

impl Taken {
    /// "rename of A to B was never made durable: no fsync of D between call 5,402 and the cut at 6.210 s (storage `mail`,
    /// profile ext4-ordered)".
    pub fn sentence(&self, ledger: &Ledger) -> String {
        let cut = &ledger.cuts[self.cut];
        let (what, storage) = (self.what(), &cut.storage);
        let durable = match self.effect.fate {
            Fate::Kept | Fate::Dropped => "never made durable",
            Fate::Partial => "made durable only in part",
        };
        let (was, why) = (self.was(), self.why(ledger, cut));
        format!("{what} {was} {durable}: {why} (storage `{storage}`, profile {})", cut.profile())
    }

    /// The same, as a line of evidence at the instant of the cut.
    pub fn moment(&self, ledger: &Ledger) -> String {
        let takes = if self.effect.fate == Fate::Partial { "leaves only part of" } else { "takes" };
        format!("{takes} {}: {}", self.what(), self.why(ledger, &ledger.cuts[self.cut]))
    }

    fn was(&self) -> &'static str {
        if self.effect.kind == "write" { "were" } else { "was" }
    }

    /// The effect in words.
    pub fn what(&self) -> String {
        let EffectLine { kind, path, offset, len, .. } = &self.effect;
        let to = self.effect.new_path.as_deref().unwrap_or("an unknown name");
        let bytes = || format!("bytes {} to {}", grouped(*offset), grouped(offset + len));
        match kind.as_str() {
            "create" => format!("creation of {path}"),
            "link" if self.effect.new_path.is_none() => format!("link under the name {path}"),
            "link" => format!("link of {path} to {to}"),
            "exchange" => format!("exchange of {path} with {to}"),
            "rename" => format!("rename of {path} to {to}"),
            "unlink" => format!("removal of {path}"),
            "mkdir" => format!("creation of directory {path}"),
            "rmdir" => format!("removal of directory {path}"),
            "symlink" => format!("creation of symbolic link {path}"),
            "write" => format!("{} of {path}", bytes()),
            "truncate" => format!("truncation of {path} to {} bytes", grouped(*offset)),
            "allocate" => format!("allocation of {} of {path}", bytes()),
            "chmod" => format!("change of the permissions of {path}"),
            "chown" => format!("change of the owner of {path}"),
            "utimens" => format!("change of the times of {path}"),
            "xattr" => format!("change of an extended attribute of {path}"),
            other => format!("{other} of {path}"),
        }
    }

    fn why(&self, ledger: &Ledger, cut: &CutDone) -> String {
        let op = format!("call {}", grouped(self.effect.call));
        let at = format!("the cut at {}", ledger.moment(cut.at));
        match &self.effect.missing {
            Missing::FileSync => format!("no fsync of the file between {op} and {at}"),
            Missing::DirectorySync { directories } => {
                format!("no fsync of {} between {op} and {at}", named(directories))
            }
            Missing::FailedSync => {
                format!("an fsync between {op} and {at} failed, as the storage said, and nothing was written")
            }
            Missing::HonestSync => {
                format!("the storage answered an fsync between {op} and {at} and did nothing: it lied")
            }
        }
    }
}

fn named(directories: &[String]) -> String {
    let root = |d: &String| if d.is_empty() { "the storage's root".to_owned() } else { d.clone() };
    let names: Vec<String> = directories.iter().map(root).collect();
    if names.is_empty() { "its directory".to_owned() } else { names.join(" and of ") }
}

/// The effect took the entry of a directory above the file.
pub(crate) fn above(taken: &Taken, holder: &Holder) -> bool {
    let made = taken.effect.new_path.as_ref().unwrap_or(&taken.effect.path);
    let named = matches!(taken.effect.kind.as_str(), "mkdir" | "rename" | "symlink");
    named && holder.path.strip_prefix(made.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// A cut that came after an instant.
pub(crate) fn after(ledger: &Ledger, taken: &Taken, at: Nanos) -> bool {
    ledger.cuts[taken.cut].at > at
}
