use super::compare::{Asked, Source, compare};
use jiff::Timestamp;
use proptest::prelude::*;
use record::inventory::folder::FolderName;
use record::inventory::line::{FORMAT, Facts, Folder, Header, Line, Message, Unread, User, Users, VERSION};
use record::inventory::reader::Reader;
use record::inventory::writer::Writer;
use reports::kit::verdict::Verdict;
use reports::stores::{Kind, Stores};

/// A store as the lines of its inventory.
#[derive(Clone, Debug)]
struct Store {
    users: Users,
    lines: Vec<Line>,
}

fn store() -> Store {
    Store { users: Users::Found, lines: Vec::new() }
}

impl Store {
    fn user(mut self, name: &str) -> Store {
        self.lines.push(Line::User(User { user: name.into(), subscriptions: Some(Vec::new()) }));
        self
    }

    fn folder(mut self, name: &str) -> Store {
        let folder = FolderName::of(name, Some('/'));
        self.lines.push(Line::Folder(Folder { folder, uid_validity: Some(1) }));
        self
    }

    fn mail(mut self, uids: impl IntoIterator<Item = u32>) -> Store {
        self.lines.extend(uids.into_iter().map(|uid| Line::Message(message(uid, ""))));
        self
    }

    fn one(mut self, message: Message) -> Store {
        self.lines.push(Line::Message(message));
        self
    }

    fn unread(mut self, folder: Option<&str>, message: Option<&str>) -> Store {
        let folder = folder.map(|name| FolderName::of(name, Some('/')));
        let message = message.map(str::to_owned);
        self.lines.push(Line::Unread(Unread { folder, message, why: "NO".into() }));
        self
    }

    fn source(&self) -> Source<std::io::Cursor<Vec<u8>>> {
        let mut writer = Writer::new(Vec::new());
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            program: "0.1.0".into(),
            source: "x".into(),
            users: self.users,
            started: Timestamp::UNIX_EPOCH,
        };
        writer.line(&Line::Header(header)).expect("memory");
        self.lines.iter().for_each(|line| writer.line(line).expect("memory"));
        let text = writer.close(Timestamp::UNIX_EPOCH).expect("memory").1;
        Source { name: "x".into(), reader: Reader::open(std::io::Cursor::new(text)).expect("own") }
    }
}

fn message(n: u32, more: &str) -> Message {
    let raw = format!("Message-ID: <{n}@x>\nSubject: number {n}\n\nbody {n} {more}\n");
    Message {
        uid: Some(n),
        date: Timestamp::from_second(i64::from(n) * 60).ok(),
        flags: Some(vec!["\\Seen".into()]),
        keywords: Some(vec!["$label1".into()]),
        facts: Facts::of(raw.as_bytes()),
    }
}

fn compared(a: &Store, b: &Store, accepted: &[Kind]) -> Stores {
    let asked = Asked { accepted: accepted.to_vec(), most: 1_000, reproduce: String::new() };
    compare(&mut a.source(), &mut b.source(), &asked).expect("as written")
}

/// The kinds that there are, each as often as it is; and what was found, in words.
fn kinds(stores: &Stores) -> String {
    let there = stores.kinds.iter().filter(|one| one.count > 0);
    let there: Vec<String> = there.map(|one| format!("{} {}", one.count, one.kind.name())).collect();
    there.join(", ")
}

fn words(stores: &Stores) -> String {
    let line = |f: &reports::stores::Finding| {
        let folder = f.folder.as_deref().unwrap_or("-");
        let uid = f.uid.map_or("-".into(), |uid| uid.to_string());
        format!(
            "{} {} {folder} {uid} {}: {}\n",
            f.kind.name(),
            f.user,
            f.message_id.as_deref().unwrap_or("-"),
            f.what
        )
    };
    let found: String = stores.findings.iter().map(line).collect();
    format!("{} {}\n{found}", stores.verdict.word(), stores.sentence)
}

fn before() -> Store {
    store()
        .user("ann")
        .folder("INBOX")
        .mail(1..=500)
        .folder("Lavoro/Città")
        .mail(501..=510)
        .user("bob")
        .folder("INBOX")
        .mail([1])
}

#[test]
fn what_was_moved_right_is_the_same_also_under_new_uids() {
    let same = compared(&before(), &before(), &[]);
    assert_eq!((same.verdict, same.sums.same, kinds(&same).as_str()), (Verdict::Valid, 511, ""));
    insta::assert_snapshot!(same.notes.join("\n"), @r"
    UIDs and UIDVALIDITY are the same in 3 folders.
    `\Recent` belongs to a session, not to a message, and is not compared.
    ");
    let anew = |n: u32| Message { uid: Some(n + 7), ..message(n, "") };
    let a = store().user("ann").folder("INBOX").mail(1..=9);
    let b = (1..=9).fold(store().user("ann").folder("INBOX"), |store, n| store.one(anew(n)));
    let moved = compared(&a, &b, &[]);
    assert_eq!((moved.verdict, moved.sums.same), (Verdict::Valid, 9));
    insta::assert_snapshot!(moved.notes[0], @"UIDs or UIDVALIDITY are others in 1 folder, as a mover over IMAP leaves them, and the same in 0 folders: mail programs read the former anew.");
}

#[test]
fn one_lost_in_five_hundred_is_named() {
    let b = store()
        .user("ann")
        .folder("INBOX")
        .mail(1..=499)
        .folder("Lavoro/Città")
        .mail(501..=510)
        .user("bob")
        .folder("INBOX")
        .mail([1]);
    insta::assert_snapshot!(words(&compared(&before(), &b, &[])), @"
    INVALID B is not what A is (messages of A that are not in B: 1).
    missing ann INBOX 500 <500@x>: it is not in B
    ");
}

#[test]
fn a_double_a_move_a_flipped_byte_and_a_stranger_are_told_apart() {
    let a = store().user("ann").folder("INBOX").mail(1..=9).folder("Old").mail([20]);
    let b = store()
        .user("ann")
        .folder("INBOX")
        .mail([1, 2])
        .one(Message { uid: Some(30), ..message(2, "") })
        .one(message(3, "torn"))
        .mail([4, 5, 6, 7, 8])
        .mail([99])
        .folder("Old")
        .mail([9, 20]);
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @"
    INVALID B is not what A is (messages whose bytes are others in B: 1; messages that are in another folder in B: 1; further copies in B of messages of A: 1; messages of B that are not in A: 1).
    changed ann INBOX 3 <3@x>: 49 bytes became 53; in B it is UID 3
    moved ann INBOX 9 <9@x>: in B it is in Old UID 9
    doubled ann INBOX 30 <2@x>: B has more copies of it than A
    extra ann INBOX 99 <99@x>: it is not in A
    ");
}

#[test]
fn flags_keywords_and_dates_that_became_others_are_named_and_may_be_accepted() {
    let a = store().user("ann").folder("INBOX").mail(1..=4);
    let other = [
        Message { flags: Some(Vec::new()), ..message(1, "") },
        Message { keywords: Some(Vec::new()), ..message(2, "") },
        Message { date: Some(Timestamp::UNIX_EPOCH), ..message(3, "") },
        Message { flags: Some(vec!["\\SEEN".into()]), ..message(4, "") },
    ];
    let b = other.into_iter().fold(store().user("ann").folder("INBOX"), Store::one);
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @r"
    INVALID B is not what A is (messages with other flags: 1; messages with other keywords: 1; messages with another INTERNALDATE: 1).
    flags ann INBOX 1 <1@x>: `\Seen` became ``
    keywords ann INBOX 2 <2@x>: `$label1` became ``
    dates ann INBOX 3 <3@x>: 1970-01-01T00:03:00Z became 1970-01-01T00:00:00Z
    ");
    let accepted = compared(&a, &b, &[Kind::Flags, Kind::Keywords, Kind::Dates]);
    insta::assert_snapshot!(accepted.sentence, @"B holds what A holds, 4 messages, but for what was accepted.");
    assert_eq!(accepted.verdict, Verdict::Valid);
}

#[test]
fn of_two_copies_the_one_with_other_flags_accuses_nobody_while_its_twin_is_there() {
    let plain = message(1, "");
    let flagged = Message { uid: Some(2), flags: Some(vec!["\\Flagged".into()]), ..message(1, "") };
    let a = store().user("ann").folder("INBOX").one(plain.clone()).one(flagged.clone());
    let turned = store()
        .user("ann")
        .folder("INBOX")
        .one(Message { uid: Some(1), ..flagged })
        .one(Message { uid: Some(2), ..plain.clone() });
    assert_eq!(kinds(&compared(&a, &turned, &[])), "");
    let b = store().user("ann").folder("INBOX").one(plain);
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @"
    INVALID B is not what A is (messages of A that are not in B: 1).
    missing ann INBOX 2 <1@x>: B has fewer copies of it than A
    ");
}

#[test]
fn a_message_without_message_id_is_known_by_date_and_size() {
    let bare = |body: &str| Message {
        facts: Facts::of(format!("Subject: x\n\n{body}\n").as_bytes()),
        ..message(1, "")
    };
    let a = store().user("ann").folder("INBOX").one(bare("abc"));
    let b = store().user("ann").folder("INBOX").one(Message { uid: Some(8), ..bare("abC") });
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @"
    INVALID B is not what A is (messages whose bytes are others in B: 1).
    changed ann INBOX 1 -: other bytes, as many: 19; in B it is UID 8
    ");
}

#[test]
fn what_nobody_read_is_unknown_and_never_the_same() {
    let a = store().user("ann").folder("INBOX").mail(1..=3).folder("Other");
    for b in [
        store().user("ann").unread(None, None),
        store().user("ann").unread(Some("INBOX"), None).folder("Other"),
        store().user("ann").folder("INBOX").mail([1, 2]).unread(Some("INBOX"), Some("UID 3")).folder("Other"),
        store().user("ann").folder("INBOX").mail(1..=3).unread(Some("Other"), None),
    ] {
        let found = compared(&a, &b, &[]);
        assert_eq!(found.verdict, Verdict::Unknown, "{}", words(&found));
        let back = compared(&b, &a, &[]);
        assert_eq!(back.verdict, Verdict::Unknown, "{}", words(&back));
    }
    let b =
        store().user("ann").folder("INBOX").mail([1, 2]).unread(Some("INBOX"), Some("UID 3")).folder("Other");
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @"
    UNKNOWN Nothing different was found, but not all is known (mailboxes, folders and messages that could not be read: 1; messages of one side, and the other was not read where they may be: 1).
    unread ann INBOX - -: B: UID 3 could not be read: NO
    untold ann INBOX 3 <3@x>: B was not read where it may be
    ");
}

#[test]
fn what_is_gone_from_a_folder_that_was_read_is_missing_whatever_else_was_not() {
    let a = store().user("ann").folder("INBOX").mail(1..=3);
    let b = store().user("ann").folder("INBOX").mail([1, 2]).unread(Some("Other"), None);
    let found = compared(&a, &b, &[]);
    assert_eq!((found.verdict, found.sums.missing, found.sums.untold_a), (Verdict::Invalid, 1, 0));
}

#[test]
fn who_is_not_in_a_list_is_unknown_and_who_is_not_in_the_store_is_missing() {
    let a = before();
    let mut b = store().user("ann").folder("INBOX").mail(1..=500).folder("Lavoro/Città").mail(501..=510);
    let found = compared(&a, &b, &[]);
    assert_eq!((found.verdict, kinds(&found).as_str()), (Verdict::Invalid, "1 missing, 1 folders"));
    b.users = Users::Listed;
    insta::assert_snapshot!(words(&compared(&a, &b, &[])), @"
    UNKNOWN Nothing different was found, but not all is known (mailboxes, folders and messages that could not be read: 1).
    unread bob - - -: B was not asked for this user, who is not in its list
    ");
    let back = compared(&b, &a, &[]);
    assert_eq!((back.verdict, kinds(&back).as_str()), (Verdict::Unknown, "1 unread"));
}

#[test]
fn folders_subscriptions_and_users_are_compared() {
    let subscribed = |names: &[&str]| {
        let names = names.iter().map(|name| FolderName::of(name, Some('/'))).collect();
        Line::User(User { user: "ann".into(), subscriptions: Some(names) })
    };
    let mut a = store();
    a.lines.push(subscribed(&["INBOX", "Empty"]));
    let mut b = store();
    b.lines.push(subscribed(&["INBOX", "New"]));
    let found = compared(
        &a.folder("Empty").folder("INBOX").mail([1]),
        &b.folder("INBOX").mail([1]).folder("New").user("zoe"),
        &[],
    );
    insta::assert_snapshot!(words(&found), @"
    INVALID B is not what A is (folders of A that are not in B: 1; folders of B that are not in A: 1; users with other subscriptions: 1; users of B who are not in A: 1).
    folders ann Empty - -: the folder is not in B
    extra-folders ann New - -: the folder is not in A
    subscriptions ann - - -: no longer subscribed: Empty; newly subscribed: New
    extra-users zoe - - -: the user is not in A
    ");
}

#[test]
fn what_one_side_does_not_tell_is_not_the_same() {
    let untold = Message { date: None, keywords: None, ..message(1, "") };
    let a = store().user("ann").folder("INBOX").mail([1]);
    let b = store().user("ann").folder("INBOX").one(untold);
    let found = compared(&a, &b, &[]);
    insta::assert_snapshot!(words(&found), @"
    UNKNOWN Nothing different was found, but not all is known (messages or users of which one side does not tell flags, keywords, date or subscriptions: 1).
    partly ann INBOX 1 <1@x>: one side does not tell: keywords, date
    ");
    assert_eq!(found.sums.partly, 1);
    assert_eq!(compared(&a, &b, &[Kind::Partly]).verdict, Verdict::Valid);
}

#[test]
fn nothing_on_either_side_proves_nothing() {
    let found = compared(&store(), &store(), &[]);
    insta::assert_snapshot!(words(&found), @"UNKNOWN There is no message on either side, so nothing is proved.");
}

#[test]
fn of_more_than_are_named_the_count_is_exact() {
    let a = store().user("ann").folder("INBOX").mail(1..=50);
    let asked = Asked { accepted: Vec::new(), most: 5, reproduce: String::new() };
    let b = store().user("ann").folder("INBOX");
    let found = compare(&mut a.source(), &mut b.source(), &asked).expect("as written");
    assert_eq!((found.findings.len(), kinds(&found).as_str()), (5, "50 missing"));
}

/// Folders of messages; of few, so that there are doubles.
fn any_mail() -> impl Strategy<Value = Vec<Vec<(u32, bool)>>> {
    proptest::collection::vec(proptest::collection::vec((0u32..6, any::<bool>()), 0..6), 0..4)
}

fn of(mail: &[Vec<(u32, bool)>]) -> Store {
    let mut store = store().user("ann");
    for (number, messages) in mail.iter().enumerate() {
        store = store.folder(&format!("f{number}"));
        for (uid, (n, torn)) in (1..).zip(messages) {
            store = store.one(Message { uid: Some(uid), ..message(*n, if *torn { "torn" } else { "" }) });
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(18), ..ProptestConfig::default() })]

    /// `compare` itself proves that both sums add up; here, that it is green only for the same mail, in either direction.
    #[test]
    fn only_the_same_mail_is_valid(a in any_mail(), b in any_mail()) {
        let sorted = |mail: &[Vec<(u32, bool)>]| -> Vec<Vec<(u32, bool)>> {
            let sort = |folder: &Vec<(u32, bool)>| { let mut all = folder.clone(); all.sort_unstable(); all };
            mail.iter().map(sort).collect()
        };
        let (there, back) = (compared(&of(&a), &of(&b), &[]), compared(&of(&b), &of(&a), &[]));
        prop_assert_eq!(there.verdict == Verdict::Valid, sorted(&a) == sorted(&b) && a.iter().any(|f| !f.is_empty()));
        prop_assert_eq!(there.verdict, back.verdict);
        prop_assert_eq!(there.sums.missing, back.sums.doubled + back.sums.extra);
    }
}
