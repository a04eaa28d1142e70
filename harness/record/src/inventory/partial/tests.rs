use super::*;
use crate::inventory::reader::Reader;
use crate::inventory::reader::tests::{folder, header, message, user};
use jiff::Timestamp;
use std::io::Write;

fn lines() -> Vec<Line> {
    let mut all = vec![header()];
    for name in ["ann", "bob"] {
        all.extend([user(name), folder("INBOX"), message(1), message(2), folder("a/b"), message(1)]);
    }
    all
}

/// Continues what was cut after `end` bytes with all that is not there, and gives the text of the whole.
fn continued(text: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text).expect("written");
    let again = file.reopen().expect("a file");
    let (_, reached, mut writer) = go_on(again).expect("a header is there");
    let mut owner = String::new();
    let mut skipped = true;
    for line in lines().into_iter().skip(1) {
        skipped = match &line {
            Line::User(user) => {
                owner.clone_from(&user.user);
                reached.is_past(&owner) || reached.is_amid(&owner)
            }
            Line::Folder(folder) => {
                reached.is_past(&owner) || reached.is_amid(&owner) && reached.folders.contains(&folder.folder)
            }
            _ => skipped,
        };
        if !skipped {
            writer.line(&line).expect("written");
        }
    }
    writer.close(Timestamp::UNIX_EPOCH).expect("written");
    std::fs::read_to_string(file.path()).expect("text")
}

#[test]
fn wherever_it_was_interrupted_it_ends_the_same() {
    let mut writer = crate::inventory::writer::Writer::new(Vec::new());
    lines().iter().for_each(|line| writer.line(line).expect("memory"));
    let whole = writer.close(Timestamp::UNIX_EPOCH).expect("memory").1;
    let header = whole.iter().position(|b| *b == b'\n').expect("a line") + 1;
    for end in header..whole.len() {
        let text = continued(&whole[..end]);
        assert_eq!(text.as_bytes(), whole, "cut at {end}");
        let mut reader = Reader::open(text.as_bytes()).expect("an inventory");
        while reader.user().expect("whole").is_some() {}
    }
}

#[test]
fn who_or_what_came_to_be_meanwhile_is_too_late() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut writer = crate::inventory::writer::Writer::new(Vec::new());
    let lines =
        [header(), user("ann"), folder("INBOX"), user("bob"), folder("INBOX"), folder("b"), folder("c")];
    lines.iter().for_each(|line| writer.line(line).expect("memory"));
    file.write_all(&writer.close(Timestamp::UNIX_EPOCH).expect("memory").1).expect("written");
    let (_, reached, _) = go_on(file.reopen().expect("a file")).expect("a header is there");
    let late = ["aaa", "ann", "ant", "bob", "zoe"].map(|name| reached.is_too_late_for(name));
    assert_eq!(late, [true, false, true, false, false]);
    let late = ["INBOX", "a", "b", "c", "d"]
        .map(|name| reached.is_too_late_for_folder(&crate::inventory::folder::FolderName::of(name, None)));
    assert_eq!(late, [false, true, false, false, false]);
}
