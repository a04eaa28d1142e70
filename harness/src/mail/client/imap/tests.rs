use super::*;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::script::{Act, Script, serve};
use record::history::token::RunToken;
use record::history::{Attempt, MessageId, Outcome};
use record::message::assemble;

const LIMIT: Duration = Duration::from_millis(400);

async fn session(acts: impl IntoIterator<Item = Act>) -> (Session, Script) {
    let mut all = vec![Act::Say("* OK hi\r\n"), Act::Command("LOGIN \"u\" \"p\""), Act::Tagged("OK in\r\n")];
    all.extend(acts);
    let server = serve(all).await;
    let session =
        Session::login(&server.endpoint(), &Credentials::at_once("u", "p"), LIMIT).await.expect("logged in");
    (session, server)
}

async fn append(acts: impl IntoIterator<Item = Act>) -> Result<Option<Uid>, (Outcome, Trouble)> {
    let (mut session, server) = session(acts).await;
    let got = session.append("INBOX", &["\\Seen".to_owned()], (Literal::Text, b"A: b\r\n")).await;
    server.finished().await;
    got.map(|(uid, _)| uid).map_err(|f| (f.outcome, f.trouble))
}

const APPEND: Act = Act::Command("APPEND \"INBOX\" (\\Seen) {6}");
const BODY: Act = Act::Hear("A: b\r\n\r\n");

#[tokio::test]
async fn append_is_ok_with_its_place() {
    let acts = [APPEND, Act::Say("* 5 EXISTS\r\n+ go\r\n"), BODY, Act::Tagged("OK [APPENDUID 9 12] x\r\n")];
    assert_eq!(append(acts).await, Ok(Some(Uid { validity: 9, uid: 12 })));
}

#[tokio::test]
async fn append_without_its_literal_is_fail() {
    for (act, trouble) in [
        (Act::Close, Trouble::Disconnected),
        (Act::Stall, Trouble::TimedOut),
        (Act::Say("* BYE later\r\n"), Trouble::Disconnected),
        (Act::Tagged("NO full\r\n"), Trouble::RefusedTransient),
        (Act::Tagged("BAD what\r\n"), Trouble::RefusedPermanent),
    ] {
        assert_eq!(append([APPEND, act]).await, Err((Outcome::Fail, trouble)));
    }
}

#[tokio::test]
async fn append_after_its_literal_needs_the_tagged_reply() {
    for (act, wanted) in [
        (Act::Close, (Outcome::Info, Trouble::Disconnected)),
        (Act::Stall, (Outcome::Info, Trouble::TimedOut)),
        (Act::Say("* BYE [UNAVAILABLE] x\r\n"), (Outcome::Info, Trouble::Disconnected)),
        (Act::Say("* OK still\r\n"), (Outcome::Info, Trouble::Disconnected)),
        (Act::Say("other OK done\r\n"), (Outcome::Info, Trouble::Garbled)),
        (Act::Tagged("MAYBE x\r\n"), (Outcome::Info, Trouble::Garbled)),
        (Act::Tagged("NO [OVERQUOTA] x\r\n"), (Outcome::Fail, Trouble::RefusedTransient)),
    ] {
        assert_eq!(append([APPEND, Act::Say("+ \r\n"), BODY, act.clone()]).await, Err(wanted), "{act:?}");
    }
}

#[tokio::test]
async fn a_large_append_that_stalls_in_the_literal_is_fail() {
    let (mut session, _server) =
        session([Act::Command("APPEND \"INBOX\" () {30000000}"), Act::Say("+ \r\n"), Act::Stall]).await;
    let got = session.append("INBOX", &[], (Literal::Text, &vec![b'x'; 30_000_000])).await;
    assert_eq!(got.map_err(|f| (f.outcome, f.trouble)), Err((Outcome::Fail, Trouble::TimedOut)));
}

#[tokio::test]
async fn select_takes_what_was_said_among_other_things() {
    let (mut session, _server) = session([
        Act::Command("EXAMINE \"Archive\""),
        Act::Say("* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n* OK [UIDNEXT 9] x\r\n* 4 EXISTS\r\n"),
        Act::Tagged("OK [READ-ONLY] x\r\n"),
    ])
    .await;
    let got = session.select("Archive", true).await;
    assert_eq!(got, Ok(Selected { validity: 77, uid_next: 9, exists: 4 }));
}

#[tokio::test]
async fn fetch_keeps_only_what_was_asked_for() {
    let (mut session, _server) = session([
        Act::Command("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"),
        Act::Say("* 1 FETCH (FLAGS (\\Seen))\r\n* 2 EXPUNGE\r\n"),
        Act::Say("* 2 FETCH (UID 8 FLAGS (\\Seen \\Recent $b) INTERNALDATE \"01-Jan-2023\" RFC822.SIZE 7 BODY[] {46}\r\n"),
        Act::Say("R: x\nX-Fermoposta-Attempt: 00000007-3-1\n\nhello)\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    let (mut seen, mut bytes) = (Vec::new(), None);
    let read = Reading { run: RunToken(7), validity: 5, whole: true };
    let each = |copy, damaged| {
        seen.push(copy);
        bytes = damaged;
    };
    let got = session.fetch("1:*", read, each).await;
    assert_eq!(got, Ok(1), "{seen:?}");
    assert!(bytes.is_some_and(|bytes: Vec<u8>| bytes.len() == 46 && bytes.ends_with(b"hello")));
    assert_eq!(seen[0].uid, Uid { validity: 5, uid: 8 });
    assert_eq!(seen[0].attempt.map(|a| (a.message.0, a.n)), Some((3, 1)));
    assert_eq!((seen[0].flags.join(" "), seen[0].size), ("$b \\Seen".to_owned(), 46 - 5 + 2));
    assert_eq!(seen[0].internal_date.as_deref(), Some("01-Jan-2023"));
}

#[tokio::test]
async fn a_body_that_is_nil_is_no_empty_message() {
    let (mut session, _server) = session([
        Act::Command("UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"),
        Act::Say("* 1 FETCH (UID 1 BODY[] NIL)\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    let read = Reading { run: RunToken(7), validity: 5, whole: true };
    let got = session.fetch("1", read, |_, _| ()).await;
    assert_eq!(got.map_err(|f| f.trouble), Err(Trouble::Garbled));
}

#[tokio::test]
async fn copyuid_may_be_untagged_or_tagged() {
    let (mut session, _server) = session([
        Act::Command("UID MOVE 4 \"Archive\""),
        Act::Say("* OK [COPYUID 6 4 21] moved\r\n* 1 EXPUNGE\r\n"),
        Act::Tagged("OK done\r\n"),
        Act::Command("UID COPY 5 \"Archive\""),
        Act::Tagged("OK [COPYUID 6 5 22] done\r\n"),
    ])
    .await;
    assert_eq!(session.mv(4, "Archive").await.map(|m| m.0), Ok(Some(Uid { validity: 6, uid: 21 })));
    assert_eq!(session.copy(5, "Archive").await.map(|m| m.0), Ok(Some(Uid { validity: 6, uid: 22 })));
}

#[tokio::test]
async fn an_expunge_refused_after_deleted_was_set_is_info() {
    let store = Act::Command("UID STORE 4 +FLAGS (\\Deleted)");
    let (mut one, _s) = session([store.clone(), Act::Tagged("NO x\r\n")]).await;
    assert_eq!(one.expunge(4).await.map_err(|f| f.outcome), Err(Outcome::Fail));
    let (mut two, _s) =
        session([store, Act::Tagged("OK x\r\n"), Act::Command("UID EXPUNGE 4"), Act::Tagged("NO x\r\n")])
            .await;
    assert_eq!(two.expunge(4).await.map_err(|f| f.outcome), Err(Outcome::Info));
}

#[tokio::test]
async fn lists_leave_out_what_cannot_be_selected() {
    let (mut session, _server) = session([
        Act::Command("LIST \"\" \"*\""),
        Act::Say("* LIST (\\Noselect) \".\" Top\r\n* LIST () \".\" inbox\r\n* LIST () NIL {3}\r\na b\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    assert_eq!(session.list().await, Ok(vec!["INBOX".to_owned(), "a b".to_owned()]));
}

#[tokio::test]
async fn utf8_is_on_only_if_the_server_says_so() {
    let enable = Act::Command("ENABLE UTF8=ACCEPT");
    let (mut session, _server) = session([
        enable.clone(),
        Act::Tagged("OK nothing enabled\r\n"),
        enable.clone(),
        Act::Tagged("BAD what\r\n"),
        enable,
        Act::Say("* ENABLED UTF8=ACCEPT\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    assert!(!session.enable_utf8().await);
    assert!(!session.enable_utf8().await);
    assert!(session.enable_utf8().await);
}

#[tokio::test]
async fn only_a_namespace_beneath_the_inbox_is_a_prefix() {
    for (said, wanted) in [
        ("* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"shared.\" \".\"))\r\n", Some("INBOX.")),
        ("* NAMESPACE ((\"\" \"/\")(\"Archive/\" \"/\")) NIL NIL\r\n", None),
        ("* NAMESPACE NIL NIL NIL\r\n", None),
    ] {
        let (mut session, _server) = session([
            Act::Command("CAPABILITY"),
            Act::Say("* CAPABILITY IMAP4rev1 NAMESPACE\r\n"),
            Act::Tagged("OK x\r\n"),
            Act::Command("NAMESPACE"),
            Act::Say(said),
            Act::Tagged("OK x\r\n"),
        ])
        .await;
        assert_eq!(session.inbox_prefix().await.as_deref(), wanted, "{said}");
    }
}

#[tokio::test]
async fn a_patient_session_gives_each_answer_its_time() {
    let (mut session, _server) = session([
        Act::Command("FETCH 1:* (UID)"),
        Act::Say("* 1 FETCH (UID 9)\r\n"),
        Act::Stall,
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    session.be_patient(Duration::from_secs(10));
    assert_eq!(session.uids(1).await, Ok(vec![9]));
}

#[tokio::test]
async fn octets_are_announced_as_such() {
    let acts = [
        Act::Command("APPEND \"INBOX\" () ~{3}"),
        Act::Say("+ \r\n"),
        Act::Hear("a\0b\r\n"),
        Act::Tagged("OK x\r\n"),
    ];
    let (mut session, server) = session(acts).await;
    let got = session.append("INBOX", &[], (Literal::Octets, b"a\0b")).await;
    server.finished().await;
    assert_eq!(got.map(|(uid, _)| uid), Ok(None));
}

/// What BODY[] and then, where that is not what was sent, BINARY[] shows of a message; whether what was read is what was sent.
async fn octets(then: Vec<Act>, body: &'static str) -> Result<Vec<bool>, (Outcome, Trouble)> {
    let acts = [Act::Command("UID FETCH 8 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"), Act::Say(body)];
    let (mut session, server) = session(acts.into_iter().chain([Act::Tagged("OK x\r\n")]).chain(then)).await;
    let mut whole = Vec::new();
    let read = Reading { run: RunToken(7), validity: 5, whole: true };
    let got = session.fetch("8", read, |_, damaged| whole.push(damaged.is_none())).await;
    server.finished().await;
    got.map_err(|f| (f.outcome, f.trouble)).map(|_| whole)
}

/// A FETCH response that shows the message with NUL octets, or one with others in their place.
fn shown(label: &str, nul: &str) -> &'static str {
    let attempt = Attempt { message: MessageId(3), n: 1 };
    let rest = b"Content-Type: application/octet-stream\r\n\r\na\0b\r\n";
    let text =
        String::from_utf8(assemble(RunToken(7), attempt, rest).bytes).expect("it is text").replace('\0', nul);
    format!("* 1 FETCH (UID 8 {label} ~{{{}}}\r\n{text})\r\n", text.len()).leak()
}

/// Dovecot shows 0x80 for NUL in BODY[], and NUL in BINARY[].
#[tokio::test]
async fn what_body_cannot_show_is_asked_for_as_octets() {
    const OCTETS: Act = Act::Command("UID FETCH 8 (UID FLAGS INTERNALDATE RFC822.SIZE BINARY.PEEK[])");
    let (as_sent, spoilt) = (shown("BODY[]", "\0"), shown("BODY[]", "?"));
    let answered = |said, end| vec![OCTETS, Act::Say(said), Act::Tagged(end)];
    assert_eq!(octets(Vec::new(), as_sent).await, Ok(vec![true]));
    assert_eq!(octets(answered(shown("BINARY[]", "\0"), "OK x\r\n"), spoilt).await, Ok(vec![true]));
    assert_eq!(octets(answered(shown("BINARY[]", "?"), "OK x\r\n"), spoilt).await, Ok(vec![false]));
    let unable = octets(answered("", "NO [SERVERBUG] x\r\n"), spoilt).await;
    assert_eq!(unable, Err((Outcome::Fail, Trouble::RefusedTransient)), "then nothing is known");
    let again =
        [Act::Command("UID FETCH 8 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"), Act::Say(spoilt)];
    let unknown = [answered("", "BAD x\r\n"), again.to_vec(), vec![Act::Tagged("OK x\r\n")]].concat();
    assert_eq!(octets(unknown, spoilt).await, Ok(vec![false]));
}
