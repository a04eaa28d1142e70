//! Arrows between rooms only run down. The table is the architecture; ARCHITECTURE.md shows the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A crate and its rooms from the top down: each may use those to its right, but not its neighbours beside a comma.
const ROOMS: [(&str, &str); 6] = [
    (
        "harness",
        "cli > campaign > run > front_door, scenario > device, mail, persistence, server > machine, exit, tls",
    ),
    (
        "harness/judge",
        "judge > statement, words, doubt, recorded, cuts > findings, summary > property > reason > case > trace, chance, corpus, movers, seal, stores",
    ),
    ("harness/record", "synthetic > ledger, plan, message, inventory, series > history > directory"),
    (
        "harness/reference",
        "offline, server > listen > imap, smtp > store > mailbox, careless > files, flags, lists, uidlist, wire, defect",
    ),
    (
        "reports",
        "rehearsal > agreement, campaign, comparison, cuts, history, movers, policies, stores, survey, sweep > run > kit",
    ),
    ("fuse-fs", "mount, rig > fs > rules > durability > call, inode, units, errno > clock, nearest"),
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

const PAGES: [&str; 4] = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"];
const FOLDERS: [&str; 7] = ["harness/", "reports/", "fuse-fs/", "docs/", "scenarios/", "benches/", ".ci/"];

#[test]
fn every_file_that_a_page_names_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs =
        std::fs::read_dir(top.join("docs")).expect("there").map(|entry| entry.expect("readable").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages: Vec<PathBuf> = PAGES.iter().map(|page| top.join(page)).chain(docs).collect();
    let absent: Vec<String> = pages.iter().flat_map(|page| named(&top, page)).collect();
    assert!(absent.is_empty(), "{}", absent.join("\n"));
}

/// Files that a page names and that are not there: targets of its links, and paths that begin with a folder of ours.
fn named(top: &Path, page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).expect("readable");
    let beside = page.parent().expect("a folder");
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let links =
        links.filter(|link| !link.is_empty() && !link.contains(':')).map(|link| (link, beside.join(link)));
    let words = text.split(|c: char| c.is_whitespace() || "`()[],;|\"'".contains(c));
    let words = words.map(|word| word.trim_end_matches(['.', ':']));
    let ours = words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
    let ours = ours.filter(|word| !word.contains(['*', '{', '<', '$']) && !word.contains("NAME"));
    let absent = links.chain(ours.map(|word| (word, top.join(word)))).filter(|(_, path)| !path.exists());
    absent.map(|(name, _)| format!("{} names {name}", page.display())).collect()
}
