//! Arrows between rooms only run down. The table is the architecture; ARCHITECTURE.md shows the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A crate and its rooms from the top down: each may use those to its right, but not its neighbours beside a comma.
const ROOMS: [(&str, &str); 6] = [
    ("harness", "cli > campaign > run > front_door, scenario > mail, server > machine, exit"),
    (
        "harness/judge",
        "judge > statement, words, doubt, recorded > findings, summary > property > reason > case > trace, corpus, seal",
    ),
    ("harness/record", "synthetic > ledger, plan, message > history > directory"),
    (
        "harness/reference",
        "offline, server > listen > imap, smtp > store > mailbox, careless > files, flags, uidlist, wire, defect",
    ),
    ("reports", "rehearsal > comparison, policies, survey, sweep > run > kit"),
    ("fuse-fs", "mount > fs > rules > durability > call, inode, units, errno > clock, nearest"),
];
const BESIDE: [&str; 5] = ["lib", "main", "testing", "tests", "documents"];

#[test]
fn arrows_between_rooms_run_down_only() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shown = std::fs::read_to_string(top.join("ARCHITECTURE.md")).unwrap();
    for (home, row) in ROOMS {
        assert!(shown.contains(row), "ARCHITECTURE.md does not show: {row}");
        let rooms = row.split(" > ").enumerate();
        let rooms = rooms.flat_map(|(floor, rooms)| rooms.split(", ").map(move |room| (room, floor)));
        let floors: BTreeMap<&str, usize> = rooms.collect();
        let source = top.join(home).join("src");
        for file in files(&source) {
            let from = file.strip_prefix(&source).expect("below").components().next().expect("a name");
            let from = from.as_os_str().to_string_lossy().replace(".rs", "");
            let text = std::fs::read_to_string(&file).expect("readable");
            let product = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().lines();
            let product: String = product.filter(|line| !line.trim_start().starts_with("//")).collect();
            let used = product.split("crate::").skip(1).map(|rest| {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
            });
            for to in used.filter(|to| *to != from && !BESIDE.contains(&from.as_str())) {
                let down =
                    floors.get(to).is_none_or(|to| floors.get(from.as_str()).is_some_and(|from| from < to));
                assert!(down, "{}: `{from}` may not use `{to}`: {row}", file.display());
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let (folders, plain): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let rust = plain
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs"));
    rust.chain(folders.iter().filter(|path| !path.ends_with("tests")).flat_map(|folder| files(folder)))
        .collect()
}
