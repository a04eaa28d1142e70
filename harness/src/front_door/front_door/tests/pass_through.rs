//! What the mail server says is what the client hears, and nothing else.

use super::*;
pub(crate) use crate::mail::client::script::{Act, serve};
use proptest::prelude::*;

const HELLO: [Act; 8] = [
    Act::Say("220-a\r\n220 b\r\n"),
    Act::Hear("LHLO fermoposta.invalid\r\n"),
    Act::Say("250-x\r\n250 8BITMIME\r\n"),
    Act::Hear("MAIL FROM:<s@x>\r\n"),
    Act::Say("250 ok\r\n"),
    Act::Hear("RCPT TO:<u@x>\r\n"),
    Act::Say("250 ok\r\n"),
    Act::Hear("DATA\r\n"),
];
const BODY: &[u8] = b"A: b\r\n\r\n.dot\r\n";

/// The outcome of a delivery to a server that does this, directly and through the door.
async fn both(acts: &[Act]) -> (Ended, Ended) {
    let envelope = ("s@x", "u@x");
    let (direct, behind) = (serve(acts.to_vec()).await, serve(acts.to_vec()).await);
    let under = Under::new(vec![("lmtp", behind.address.clone())]);
    let through = under.at("lmtp");
    let (near, far) = (direct.endpoint(), through.into());
    let (one, two) = tokio::join!(
        submit(Door::unsigned(Protocol::Lmtp, &near), envelope, BODY, SHORT),
        submit(Door::unsigned(Protocol::Lmtp, &far), envelope, BODY, SHORT),
    );
    direct.finished().await;
    behind.finished().await;
    (ended(one), ended(two))
}

fn after_dot(last: &[Act]) -> Vec<Act> {
    let mut acts = HELLO.to_vec();
    acts.extend([Act::Say("354 go\r\n"), Act::Hear("A: b\r\n\r\n..dot\r\n.\r\n")]);
    acts.extend_from_slice(last);
    acts
}

#[tokio::test]
async fn after_the_dot_only_the_mail_servers_words_count() {
    for (last, outcome) in [
        (&[Act::Say("250-a\r\n250 2.0.0 <u@x> Saved\r\n")][..], Outcome::Ok),
        (&[Act::Say("250 2.0"), Act::Say(".0 Saved\r\n")], Outcome::Ok),
        (&[Act::Say("451 4.3.0 disk\r\n")], Outcome::Fail),
        (&[Act::Say("552 full\r\n")], Outcome::Fail),
        (&[Act::Close], Outcome::Info),
        (&[Act::Stall], Outcome::Info),
        (&[Act::Say("250-half\r\n"), Act::Close], Outcome::Info),
        (&[Act::Say("250 no end"), Act::Close], Outcome::Info),
        (&[Act::Say("250 no end"), Act::Stall], Outcome::Info),
        (&[Act::Say("hello\r\n")], Outcome::Info),
        (&[Act::Say("354 again\r\n")], Outcome::Info),
    ] {
        let (direct, through) = both(&after_dot(last)).await;
        assert_eq!(direct, through, "{last:?}");
        assert_eq!(through.map_or_else(|(outcome, ..)| outcome, |_| Outcome::Ok), outcome, "{last:?}");
    }
}

#[tokio::test]
async fn before_the_dot_every_end_is_the_same_failure_as_without_the_door() {
    for last in [Act::Close, Act::Stall, Act::Say("421 going down\r\n"), Act::Say("554 no\r\n")] {
        for taken in [0, 2, 4, 6, 8] {
            let mut acts = HELLO[..taken].to_vec();
            acts.push(last.clone());
            let (direct, through) = both(&acts).await;
            assert_eq!(direct, through, "{last:?} after {taken}");
            assert!(matches!(through, Err((Outcome::Fail, ..))), "{last:?} after {taken}");
        }
    }
}

#[tokio::test]
async fn nobody_behind_the_door_is_a_closed_connection() {
    let gone = serve(vec![Act::Close]).await;
    let address = gone.address.clone();
    let _ = TcpStream::connect(&address).await.expect("connected");
    gone.finished().await;
    let under = Under::new(vec![("lmtp", address.clone()), ("imap", address)]);
    assert_eq!(under.send(1, "ann").await, Err((Outcome::Fail, Trouble::Disconnected, None)));
    let login = under.login("ann", LONG).await.map(drop);
    assert_eq!(login.map_err(|failure| failure.trouble), Err(Trouble::Disconnected));
}

#[tokio::test]
async fn mail_goes_through_to_the_last_byte_and_connections_are_used_again() {
    let under = Under::reference();
    assert_eq!(under.send(1, "ann").await, Ok("250 2.0.0 stored".to_owned()));
    assert_eq!(under.inbox("ann").await, [message(1)]);
    let (mut raw, reply) = Raw::begin(&under.at("lmtp"), "ann").await;
    assert_eq!(reply, "250 2.1.5 ok\r\n");
    assert_eq!(raw.ask("RCPT TO:<bob@x>").await, "250 2.1.5 ok\r\n");
    // All at once, as a client that pipelines does: two recipients have two replies.
    raw.tell("DATA\r\n").await;
    assert!(raw.reply().await.starts_with("354"));
    raw.tell("Subject: y\r\n\r\n..\r\n.\r\nMAIL FROM:<s@x>\r\nRCPT TO:<bob@x>\r\nRSET\r\nNOOP\r\nQUIT\r\n")
        .await;
    let said = String::from_utf8(raw.rest().await).expect("text");
    let codes: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "250", "250", "250", "250", "221"], "{said}");
    assert_eq!(under.inbox("bob").await, [b"Subject: y\r\n\r\n.\r\n"]);
    assert_eq!(under.inbox("ann").await.len(), 2);
}

#[tokio::test]
async fn a_message_cut_before_its_dot_is_not_stored() {
    let under = Under::reference();
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    raw.ask("DATA").await;
    raw.tell("Subject: x\r\n\r\nhalf\r\n").await;
    drop(raw);
    // Once nothing of hers is under way any more, what is stored is known.
    let ann = BTreeSet::from(["ann".to_owned()]);
    under.door.hold(&ann, LONG).await.expect("held");
    under.door.release(&ann);
    assert_eq!(under.inbox("ann").await, [b""; 0]);
}

#[tokio::test]
async fn what_would_hide_the_user_is_not_let_through() {
    let under = Under::reference();
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    assert_eq!(raw.ask("RCPT TO:bob").await, "501 5.1.3 this address is not understood\r\n");
    assert!(raw.ask("BDAT 5 LAST\r\nhello").await.starts_with("421 "));
    assert_eq!(raw.rest().await, b"");
    let mut imap = Raw::connect(&under.at("imap")).await;
    imap.line().await;
    assert!(imap.ask("a LOGIN ann wrong").await.starts_with("a NO "));
    imap.tell("b LOGIN {3+}\r\nann secret\r\n").await;
    assert!(String::from_utf8_lossy(&imap.rest().await).contains("b BAD "));
}

/// What a server may say after the dot.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("250 2.0.0 ok\r\n"),
        Just("250-2.0.0 more\r\n"),
        Just("451 4.3.0 no\r\n"),
        Just("552-no\r\n"),
        Just("2\r\n"),
        Just("hello\n"),
        Just("\r\n"),
        Just("250 cut"),
    ];
    proptest::collection::vec(line, 0..5).prop_map(|lines| lines.concat().into_bytes())
}

/// A server that takes everything up to the dot, says `words` and closes.
async fn server_that_says(words: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 x\r\n").await.expect("sent");
        for reply in ["250 x\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n", "", ""] {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("heard");
            stream.write_all(reply.as_bytes()).await.expect("sent");
        }
        stream.write_all(&words).await.expect("sent");
    });
    address
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn after_the_dot_the_client_hears_exactly_what_the_mail_server_said(words in words()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let heard = runtime.block_on(async {
            let under = Under::new(vec![("lmtp", server_that_says(words.clone()).await)]);
            let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
            raw.ask("DATA").await;
            raw.tell("body\r\n.\r\n").await;
            raw.rest().await
        });
        prop_assert_eq!(heard, words);
    }
}
