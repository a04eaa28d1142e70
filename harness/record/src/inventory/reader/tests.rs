use super::*;
use crate::inventory::line::{Facts, Folder, Unread, User};
use crate::inventory::writer::Writer;
use jiff::Timestamp;

pub(in crate::inventory) fn header() -> Line {
    Line::Header(Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: "0.1.0".to_owned(),
        source: "maildir:/var/vmail/%u".to_owned(),
        users: Users::Found,
        started: Timestamp::UNIX_EPOCH,
    })
}

pub(in crate::inventory) fn user(name: &str) -> Line {
    Line::User(User { user: name.to_owned(), subscriptions: Some(Vec::new()) })
}

pub(in crate::inventory) fn folder(name: &str) -> Line {
    Line::Folder(Folder { folder: FolderName::of(name, Some('/')), uid_validity: Some(7) })
}

pub(in crate::inventory) fn message(uid: u32) -> Line {
    let facts = Facts::of(format!("Message-ID: <{uid}@x>\n\nbody\n").as_bytes());
    let flags = Some(vec!["\\Seen".to_owned()]);
    Line::Message(Message { uid: Some(uid), date: None, flags, keywords: None, facts })
}

fn unread() -> Line {
    Line::Unread(Unread { folder: None, message: Some("UID 9".to_owned()), why: "it is torn".to_owned() })
}

fn written() -> String {
    let mut writer = Writer::new(Vec::new());
    let lines = [
        header(),
        user("ann"),
        folder("INBOX"),
        message(1),
        message(2),
        unread(),
        user("bob"),
        folder("a/b"),
    ];
    lines.iter().for_each(|line| writer.line(line).expect("memory"));
    String::from_utf8(writer.close(Timestamp::UNIX_EPOCH).expect("memory").1).expect("text")
}

fn read(text: &str) -> Result<Vec<UserMail>, BadInventory> {
    let mut reader = Reader::open(text.as_bytes())?;
    let mut all = Vec::new();
    while let Some(user) = reader.user()? {
        all.push(user);
    }
    assert!(reader.closing().is_some());
    Ok(all)
}

fn refused(text: &str) -> String {
    read(text).expect_err("it is taken").to_string()
}

#[test]
fn what_was_written_is_read_user_by_user() {
    let all = read(&written()).expect("as it was written");
    let shape: Vec<_> = all.iter().map(|u| (u.user.as_str(), u.folders.len(), u.unread.len())).collect();
    assert_eq!(shape, [("ann", 1, 1), ("bob", 1, 0)]);
    assert_eq!(all[0].folders[0].messages.len(), 2);
    insta::assert_snapshot!(written().lines().nth(3).expect("a message"), @r#"{"message":{"uid":1,"flags":["\\Seen"],"size":27,"digest":"e8d8e3b9d424de22c20fa43fe4f48b24","message_id":"<1@x>"}}"#);
    insta::assert_snapshot!(written().lines().last().expect("the closing"), @r#"{"closing":{"finished":"1970-01-01T00:00:00Z","counts":{"users":2,"folders":2,"messages":2,"bytes":54,"unread":1},"lines":8,"blake3":"412ba7fdb60caf70fe6ba91168e50691ac5891cc7bb224977d12b6fe2724e789"}}"#);
}

#[test]
fn one_that_was_cut_short_anywhere_is_refused() {
    let whole = written();
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    let last = whole.trim_end().rfind('\n').expect("lines") + 1;
    insta::assert_snapshot!(refused(&whole[..last]), @"was cut short after 8 lines: its closing line is missing; take the inventory anew, or go on with the same command if its name ends in `.partial`");
}

#[test]
fn one_that_was_edited_is_refused() {
    let whole = written();
    insta::assert_snapshot!(refused(&whole.replacen("<1@x>", "<3@x>", 1)), @"was changed after it was written: its lines are others than when it was closed; take the inventory anew");
    let without: Vec<&str> =
        whole.lines().enumerate().filter(|(n, _)| *n != 4).map(|(_, line)| line).collect();
    insta::assert_snapshot!(refused(&(without.join("\n") + "\n")), @"was changed after it was written: it has 7 lines before its last, and 8 when it was closed; take the inventory anew");
    insta::assert_snapshot!(refused(&whole.replacen("\"messages\":2", "\"messages\":3", 1)), @"was changed after it was written: its last line counts otherwise; take the inventory anew");
    insta::assert_snapshot!(refused(&format!("{whole}{whole}")), @"was changed after it was written: something stands behind its last line; take the inventory anew");
    insta::assert_snapshot!(refused(&whole.replacen("\"user\":\"bob\"", "\"user\":\"abe\"", 1)), @r#"was changed after it was written: user "abe" is out of order; take the inventory anew"#);
}

#[test]
fn another_form_is_said() {
    insta::assert_snapshot!(refused("hello\n"), @"is no inventory: its first line does not say `fermoposta-inventory`; `fermoposta inventory` writes one");
    insta::assert_snapshot!(refused(&written().replacen("\"version\":1", "\"version\":2", 1)), @"is an inventory of form 2, and this program, version 0.1.0, reads form 1; take a program that knows it");
}
