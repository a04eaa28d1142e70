//! What had not been made durable of a message when the power went: read from the trace and from what the cut says of each effect.

use fuse_fs::call::Op;
use fuse_fs::durability::cut::{EffectLine, Missing};
use fuse_fs::mount::trace::FsEvent;
use record::history::token::{RunToken, Token};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};

/// Of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsynced {
    /// What its file holds.
    pub content: bool,
    /// Its file's last name.
    pub name: bool,
}

impl Display for Unsynced {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.content, self.name) {
            (true, true) => "neither its file nor the directory of its name had been synced",
            (true, false) => "its file had not been synced",
            (false, true) => "the directory of its name had not been synced",
            (false, false) => "nothing of it waited for a sync",
        })
    }
}

/// A file that a message was written to.
#[derive(Debug, Default)]
struct File {
    messages: BTreeSet<u64>,
    /// Below the storage's root.
    last_name: Option<String>,
}

/// Of each message of which something was not durable when the power went, after that call: what.
pub fn unsynced<'a>(
    run: RunToken,
    trace: impl IntoIterator<Item = &'a FsEvent>,
    effects: &[EffectLine],
    last_call: u64,
) -> BTreeMap<u64, Unsynced> {
    let mut all: BTreeMap<u64, Unsynced> = BTreeMap::new();
    for (ino, file) in files(run, trace.into_iter().filter(|event| event.seq <= last_call)) {
        let own = || effects.iter().filter(|effect| effect.ino == ino);
        let found = Unsynced {
            content: own().any(is_content),
            name: own().any(|effect| is_name(effect, file.last_name.as_deref())),
        };
        for message in file.messages.iter().filter(|_| found != Unsynced::default()) {
            let of = all.entry(*message).or_default();
            *of = Unsynced { content: of.content || found.content, name: of.name || found.name };
        }
    }
    all
}

/// By inode.
fn files<'a>(run: RunToken, trace: impl Iterator<Item = &'a FsEvent>) -> BTreeMap<u64, File> {
    let mut files: BTreeMap<u64, File> = BTreeMap::new();
    for event in trace.filter(|event| event.errno == 0) {
        let file = files.entry(event.ino).or_default();
        let token = event.mark.as_deref().and_then(|mark| mark.parse::<Token>().ok());
        file.messages.extend(token.filter(|token| token.run == run).map(|token| token.attempt.message.0));
        match event.op {
            Op::Create => file.last_name = Some(event.path.clone()),
            Op::Rename | Op::Link => file.last_name = event.new_path.clone(),
            _ => {}
        }
    }
    files.retain(|_, file| !file.messages.is_empty());
    files
}

fn is_content(effect: &EffectLine) -> bool {
    matches!(effect.kind.as_str(), "write" | "truncate" | "allocate") && effect.missing != Missing::HonestSync
}

/// Of a rename, the half that takes the old name away may wait for another directory: that loses nothing.
fn is_name(effect: &EffectLine, last: Option<&str>) -> bool {
    let named = effect.new_path.as_deref().unwrap_or(&effect.path);
    let directory = named.rsplit_once('/').map_or("", |(directory, _)| directory);
    let waits = match &effect.missing {
        Missing::DirectorySync { directories } => directories.iter().any(|open| open == directory),
        Missing::FileSync | Missing::FailedSync | Missing::HonestSync => false,
    };
    matches!(effect.kind.as_str(), "create" | "link" | "rename") && Some(named) == last && waits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movers::testing::RUN;
    use fuse_fs::clock::Nanos;
    use fuse_fs::durability::cut::Fate;
    use serde_json::json;

    fn event(seq: u64, op: &str, path: &str, more: &serde_json::Value) -> FsEvent {
        let mut event = json!({ "at": 1, "seq": seq, "op": op, "ino": 9, "path": path, "pid": 1 });
        let fields = event.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        serde_json::from_value(event).expect("an event")
    }

    fn effect(kind: &str, path: &str, new_path: Option<&str>, missing: Missing) -> EffectLine {
        EffectLine {
            id: 1,
            call: 1,
            at: Nanos(1),
            kind: kind.to_owned(),
            ino: 9,
            path: path.to_owned(),
            new_path: new_path.map(str::to_owned),
            offset: 0,
            len: 0,
            fate: Fate::Dropped,
            missing,
        }
    }

    #[test]
    fn a_file_is_known_by_what_was_written_and_its_name_is_the_last_one() {
        let mark = json!({ "mark": "00000007-3-1" });
        let trace = [
            event(1, "create", "tmp/a", &json!({})),
            event(2, "write", "tmp/a", &mark),
            event(3, "rename", "tmp/a", &json!({ "new_path": "new/a" })),
            event(9, "rename", "new/a", &json!({ "new_path": "cur/a" })),
        ];
        let directories = |name: &str| Missing::DirectorySync { directories: vec![name.to_owned()] };
        let of = |effects: &[EffectLine]| unsynced(RUN, &trace, effects, 3).get(&3).map(ToString::to_string);
        let name = effect("rename", "tmp/a", Some("new/a"), directories("new"));
        let content = effect("write", "tmp/a", None, Missing::FileSync);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[effect("rename", "tmp/a", Some("new/a"), directories("tmp"))]), None);
        assert_eq!(of(&[effect("create", "tmp/a", None, directories("tmp"))]), None);
        assert_eq!(
            of(std::slice::from_ref(&name)).as_deref(),
            Some("the directory of its name had not been synced")
        );
        assert_eq!(of(std::slice::from_ref(&content)).as_deref(), Some("its file had not been synced"));
        assert_eq!(
            of(&[name, content]).as_deref(),
            Some("neither its file nor the directory of its name had been synced")
        );
    }
}
