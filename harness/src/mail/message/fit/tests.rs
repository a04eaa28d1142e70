use super::*;
use proptest::prelude::*;

const OWN_FIELDS: Own<'_> = Own {
    message_id: "Message-ID: <own@x>\r\n",
    keeps_its_id: false,
    from: "author@x.test",
    to: "user1@x.test",
};

fn fitted(original: &str) -> (String, Vec<(Change, String)>) {
    let mut notes = Vec::new();
    let bytes = fit(original.as_bytes(), OWN_FIELDS, |change, name| notes.push((change, name.to_owned())));
    (String::from_utf8_lossy(&bytes).into_owned(), notes)
}

/// What was sent, with line ends that can be read in a test.
fn sent(original: &str) -> String {
    fitted(original).0.replace("\r\n", "\n")
}

const WHOLE: &str = "From: a@x.test\r\nTo: b@x.test\r\nDate: d\r\n";

#[test]
fn mail_as_its_author_sent_it_gets_its_own_identifier_and_stays_as_it_is() {
    insta::assert_snapshot!(sent(&format!("{WHOLE}Subject: s\r\n more\r\nX-Any: y\r\n\r\n.body\r\n\r\n")), @"
    Message-ID: <own@x>
    From: a@x.test
    To: b@x.test
    Date: d
    Subject: s
     more
    X-Any: y

    .body
    ");
}

#[test]
fn what_was_written_on_its_way_is_taken_off_or_put_aside() {
    let before = "Return-Path: <a@x.test>\r\nRECEIVED: from y\r\n\tby z\r\nstatus: RO\r\nX-Keywords: \r\nBcc: c@x.test\r\n\
                  Message-Id: <old@x>\r\n>From a Thu Mar 4 10:00:00 2021\r\nX-Fermoposta-Attempt: 1a2b3c4d-1-1\r\n";
    let (sent, notes) =
        fitted(&format!("{before}{WHOLE}Resent-Bcc: d@x.test\r\nResent-To: e@x.test\r\n\r\nbody\r\n"));
    insta::assert_snapshot!(sent.replace("\r\n", "\n"), @"
    Message-ID: <own@x>
    X-Fermoposta-Original-RECEIVED: from y
    	by z
    X-Fermoposta-Original-Message-Id: <old@x>
    From: a@x.test
    To: b@x.test
    Date: d
    X-Fermoposta-Original-Resent-To: e@x.test

    body
    ");
    let of = |wanted| {
        let named = notes.iter().filter(|(change, _)| *change == wanted).map(|(_, name)| name.as_str());
        named.collect::<Vec<&str>>().join(" ")
    };
    assert_eq!(
        of(Change::TakenOff),
        "Return-Path status X-Keywords Bcc From  X-Fermoposta-Attempt Resent-Bcc"
    );
    assert_eq!(of(Change::PutAside), "RECEIVED Message-Id Resent-To");
    assert_eq!(of(Change::Completed), "Message-ID");
}

#[test]
fn an_identifier_is_kept_if_it_is_to_be_and_is_one() {
    let ids = |id: &str| {
        let original = format!("{WHOLE}Message-id: {id}\r\nMessage-ID: <second@x>\r\n\r\n");
        let sent = fit(original.as_bytes(), Own { keeps_its_id: true, ..OWN_FIELDS }, |_, _| {});
        let sent = String::from_utf8(sent).expect("text");
        sent.lines().filter(|line| line.contains("essage-")).collect::<Vec<_>>().join("|")
    };
    assert_eq!(ids("<a@x>"), "Message-id: <a@x>|X-Fermoposta-Original-Message-ID: <second@x>");
    assert_eq!(ids("a@x"), "X-Fermoposta-Original-Message-id: a@x|Message-ID: <second@x>");
    for wrong in ["<a>", "<a b@x>", "<a@x> (c)"] {
        let original = format!("{WHOLE}Message-ID: {wrong}\r\n\r\n");
        let sent = fit(original.as_bytes(), Own { keeps_its_id: true, ..OWN_FIELDS }, |_, _| {});
        assert!(sent.starts_with(b"Message-ID: <own@x>\r\n"), "{wrong}");
    }
}

#[test]
fn what_is_missing_is_completed() {
    let (sent, notes) = fitted("Subject: s\r\n");
    insta::assert_snapshot!(sent.replace("\r\n", "\n"), @"
    Message-ID: <own@x>
    Date: Sun, 22 Jan 2023 12:00:00 +0000
    From: <author@x.test>
    To: <user1@x.test>
    Subject: s
    ");
    assert_eq!(notes.len(), 4);
    assert!(!self::sent("Cc: b@x.test\r\n\r\n").contains("\nTo:"), "a recipient is named");
}

#[test]
fn addresses_that_a_server_may_rewrite_and_second_fields_are_put_aside() {
    insta::assert_snapshot!(sent("From: ann\r\nTo: undisclosed-recipients:;\r\nDate: d\r\nDate: e\r\nSubject: \u{e9}\r\nSubject: s\r\n\r\n"), @"
    Message-ID: <own@x>
    From: <author@x.test>
    To: <user1@x.test>
    X-Fermoposta-Original-From: ann
    X-Fermoposta-Original-To: undisclosed-recipients:;
    Date: d
    X-Fermoposta-Original-Date: e
    Subject: s
    ");
}

#[test]
fn a_line_that_is_no_field_begins_the_body() {
    assert!(
        sent(&format!("{WHOLE}hello world\r\nSubject: s\r\n\r\nbody\r\n"))
            .ends_with("d\n\nhello world\nSubject: s\n\nbody\n")
    );
}

#[test]
fn lines_of_white_space_alone_and_lines_that_became_too_long_are_not_sent() {
    assert!(sent(&format!("{WHOLE}X-A: b\r\n  \r\n c\r\n\r\n")).ends_with("X-A: b\n c\n\n"));
    let long = |n: usize| format!("{WHOLE}Received: {}\r\n\r\n", "x".repeat(n));
    assert!(sent(&long(LONGEST_LINE - 10 - ASIDE.len())).contains("Received: x"));
    assert!(!sent(&long(LONGEST_LINE - 10)).contains("Received: x"));
}

/// A header line of any name that matters, or of none.
fn line() -> impl Strategy<Value = String> {
    let names: Vec<&str> = [DELIVERY, STORE, BLIND, ACTED_UPON, ONCE, ADDRESSES].concat();
    let value = prop_oneof![Just("a@x.test".to_owned()), Just(String::new()), "[ -~]{0,30}", "\\PC{0,8}"];
    let field =
        (prop::sample::select(names), value.clone()).prop_map(|(name, value)| format!("{name}: {value}"));
    prop_oneof![4 => field, 1 => value.prop_map(|value| format!("X-Any: {value}")), 1 => Just(" folded".to_owned()), 1 => "[ -~]{1,20}"]
}

proptest! {
    /// What is sent has nothing left that a server may change, its body is as it was, and to make it fit again changes nothing.
    #[test]
    fn what_is_sent_is_fit_whatever_came(lines in prop::collection::vec(line(), 0..12), body in "[ -~\n]{0,40}") {
        let header = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
        let body = body.replace('\n', "\r\n") + "\r\n";
        let original = format!("X-First: 1\r\n{header}\r\n{body}");
        let (once, _) = fitted(&original);
        prop_assert!(once.ends_with(&body));
        let (fields, _) = split(once.as_bytes());
        for name in [DELIVERY, STORE, BLIND].concat() {
            prop_assert!(!fields.iter().any(|field| field.is(name)), "{}: {}", name, once);
        }
        for name in ["Message-ID", "Date", "From"] {
            prop_assert_eq!(fields.iter().filter(|field| field.is(name)).count(), 1, "{}: {}", name, once);
        }
        prop_assert!(fields.iter().all(|field| field.name().is_some() && field.raw.is_ascii()), "{}", once);
        let (twice, notes) = fitted(&once);
        let own: Vec<&(Change, String)> = notes.iter().filter(|(_, name)| !name.starts_with(ASIDE)).collect();
        let own: Vec<&str> = own.iter().map(|(_, name)| name.as_str()).collect();
        prop_assert_eq!(own, ["Message-ID"; 2], "{}", twice);
    }
}
