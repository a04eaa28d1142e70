use super::*;
use crate::mail::client::script::{Act, serve};
use proptest::prelude::*;
use record::history::Outcome;

const LIMIT: Duration = Duration::from_millis(400);
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

async fn outcome(acts: Vec<Act>) -> Result<String, (Outcome, Trouble)> {
    let server = serve(acts).await;
    let envelope = ("s@x", "u@x");
    let got =
        submit(Door::unsigned(Protocol::Lmtp, &server.endpoint()), envelope, b"A: b\r\n\r\n.dot\r\n", LIMIT)
            .await;
    server.finished().await;
    got.map_err(|f| (f.outcome, f.trouble))
}

async fn after_dot(last: Act) -> Result<String, (Outcome, Trouble)> {
    let mut acts = HELLO.to_vec();
    acts.extend([Act::Say("354 go\r\n"), Act::Hear("A: b\r\n\r\n..dot\r\n.\r\n"), last]);
    outcome(acts).await
}

#[tokio::test]
async fn only_a_final_2xx_is_ok() {
    assert_eq!(
        after_dot(Act::Say("250-a\r\n250 2.0.0 <u@x> Saved\r\n")).await,
        Ok("250 2.0.0 <u@x> Saved".into())
    );
}

#[tokio::test]
async fn a_refusal_after_the_dot_is_fail() {
    let transient = after_dot(Act::Say("451 4.3.0 disk\r\n")).await;
    assert_eq!(transient, Err((Outcome::Fail, Trouble::RefusedTransient)));
    let permanent = after_dot(Act::Say("552 full\r\n")).await;
    assert_eq!(permanent, Err((Outcome::Fail, Trouble::RefusedPermanent)));
}

#[tokio::test]
async fn silence_or_close_after_the_dot_is_info() {
    assert_eq!(after_dot(Act::Close).await, Err((Outcome::Info, Trouble::Disconnected)));
    assert_eq!(after_dot(Act::Stall).await, Err((Outcome::Info, Trouble::TimedOut)));
    assert_eq!(after_dot(Act::Say("250-half\r\n")).await, Err((Outcome::Info, Trouble::Disconnected)));
    assert_eq!(after_dot(Act::Say("250 no end")).await, Err((Outcome::Info, Trouble::Disconnected)));
}

#[tokio::test]
async fn nonsense_after_the_dot_is_info() {
    for nonsense in ["hello\r\n", "99 x\r\n", "2500\r\n", "250-a\r\n451 b\r\n", "354 again\r\n", "\r\n"] {
        assert_eq!(
            after_dot(Act::Say(nonsense)).await,
            Err((Outcome::Info, Trouble::Garbled)),
            "{nonsense:?}"
        );
    }
}

#[tokio::test]
async fn whatever_happens_before_the_dot_is_fail() {
    for (last, trouble) in [
        (Act::Close, Trouble::Disconnected),
        (Act::Stall, Trouble::TimedOut),
        (Act::Say("421 going down\r\n"), Trouble::RefusedTransient),
        (Act::Say("554 no\r\n"), Trouble::RefusedPermanent),
        (Act::Say("250 data?\r\n"), Trouble::Garbled),
    ] {
        for taken in [0, 2, 4, 6, 8] {
            // In the first four places 2xx is what is wanted.
            if taken < 8 && trouble == Trouble::Garbled {
                continue;
            }
            let mut acts = HELLO[..taken].to_vec();
            acts.push(last.clone());
            assert_eq!(outcome(acts).await, Err((Outcome::Fail, trouble)), "{last:?} after {taken}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_reading_the_body_is_fail() {
    let mut acts = HELLO.to_vec();
    acts.extend([Act::Say("354 go\r\n"), Act::Stall]);
    let server = serve(acts).await;
    let message = [b'x'; 998].into_iter().chain(*b"\r\n").cycle().take(30_000_000).collect::<Vec<u8>>();
    let envelope = ("s@x", "u@x");
    let got = submit(Door::unsigned(Protocol::Lmtp, &server.endpoint()), envelope, &message, LIMIT).await;
    assert_eq!(got.map_err(|f| (f.outcome, f.trouble)), Err((Outcome::Fail, Trouble::TimedOut)));
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let got =
        submit(Door::unsigned(Protocol::Smtp, &address.into()), ("a@x", "b@x"), b"A: b\r\n", LIMIT).await;
    assert_eq!(got.map_err(|f| (f.outcome, f.trouble)), Err((Outcome::Fail, Trouble::Disconnected)));
}

#[tokio::test]
async fn a_body_of_eight_bits_is_announced_only_where_that_is_offered() {
    let message = "A: b\r\n\r\n\u{e9}\r\n";
    for (offer, mail) in [
        ("250-x\r\n250 8BITMIME\r\n", "MAIL FROM:<s@x> BODY=8BITMIME\r\n"),
        ("250-8BITMIME.example\r\n250 SIZE\r\n", "MAIL FROM:<s@x>\r\n"),
    ] {
        let mut acts = HELLO.to_vec();
        (acts[2], acts[3]) = (Act::Say(offer), Act::Hear(mail));
        acts.extend([
            Act::Say("354 go\r\n"),
            Act::Hear("A: b\r\n\r\n\u{e9}\r\n.\r\n"),
            Act::Say("250 ok\r\n"),
        ]);
        let server = serve(acts).await;
        let envelope = ("s@x", "u@x");
        let got =
            submit(Door::unsigned(Protocol::Lmtp, &server.endpoint()), envelope, message.as_bytes(), LIMIT)
                .await;
        assert_eq!(got, Ok("250 ok".to_owned()));
        server.finished().await;
    }
}

/// What a server does, byte by byte.
fn unstuff(wire: &[u8]) -> Vec<u8> {
    let at_line_start = |i: usize| i == 0 || wire[i - 1] == b'\n';
    (0..wire.len()).filter(|i| !(wire[*i] == b'.' && at_line_start(*i))).map(|i| wire[i]).collect()
}

proptest! {
    #[test]
    fn stuffing_is_undone_and_hides_no_end(lines in proptest::collection::vec("[.ab]{0,4}", 1..12)) {
        let message: Vec<u8> = lines.iter().flat_map(|l| format!("{l}\r\n").into_bytes()).collect();
        let stuffed = stuff(&message);
        prop_assert_eq!(unstuff(&stuffed), message);
        prop_assert!(!stuffed.split_inclusive(|b| *b == b'\n').any(|l| l == b".\r\n"));
    }
}

mod several {
    use super::*;

    /// What became of each of three recipients, and in which order that was known.
    async fn outcomes(
        protocol: Protocol,
        acts: Vec<Act>,
    ) -> Vec<(usize, Result<String, (Outcome, Trouble)>)> {
        let server = serve(acts).await;
        let to = ["a@x", "b@x", "c@x"].map(str::to_owned);
        let mut told = Vec::new();
        let mut tell = |recipient, one: Told| told.push((recipient, one.map_err(|f| (f.outcome, f.trouble))));
        let (envelope, message) = (Envelope { from: "s@x", to: &to, utf8: false }, b"A: b\r\n\r\nc\r\n");
        let endpoint = server.endpoint();
        let door = Door::unsigned(protocol, &endpoint);
        Kept::default().submit(door, envelope, message, LIMIT, Stay::Leave, &mut tell).await;
        server.finished().await;
        told
    }

    fn opened(hello: &'static str, replies: [&'static str; 3]) -> Vec<Act> {
        let mut acts = vec![
            Act::Say("220 hello\r\n"),
            Act::Hear(hello),
            Act::Say("250 x\r\n"),
            Act::Hear("MAIL FROM:<s@x>\r\n"),
            Act::Say("250 ok\r\n"),
        ];
        for (heard, said) in
            ["RCPT TO:<a@x>\r\n", "RCPT TO:<b@x>\r\n", "RCPT TO:<c@x>\r\n"].into_iter().zip(replies)
        {
            acts.extend([Act::Hear(heard), Act::Say(said)]);
        }
        acts
    }

    fn sent(mut acts: Vec<Act>, last: impl IntoIterator<Item = Act>) -> Vec<Act> {
        acts.extend([Act::Hear("DATA\r\n"), Act::Say("354 go\r\n"), Act::Hear("A: b\r\n\r\nc\r\n.\r\n")]);
        acts.extend(last);
        acts
    }

    fn lmtp(replies: [&'static str; 3], last: impl IntoIterator<Item = Act>) -> Vec<Act> {
        sent(opened("LHLO fermoposta.invalid\r\n", replies), last)
    }

    const OK: &str = "250 ok\r\n";

    fn ok(recipient: usize, reply: &str) -> (usize, Result<String, (Outcome, Trouble)>) {
        (recipient, Ok(reply.to_owned()))
    }

    #[tokio::test]
    async fn lmtp_answers_for_each_in_the_order_of_those_it_took() {
        let replies = Act::Say("250 2.0.0 first\r\n451 4.3.0 second\r\n250 2.0.0 third\r\n");
        let told = outcomes(Protocol::Lmtp, lmtp([OK; 3], [replies])).await;
        let refused = (1, Err((Outcome::Fail, Trouble::RefusedTransient)));
        assert_eq!(told, [ok(0, "250 2.0.0 first"), refused, ok(2, "250 2.0.0 third")]);
    }

    #[tokio::test]
    async fn a_recipient_that_is_refused_gets_no_reply_after_the_dot() {
        let replies = Act::Say("250 2.0.0 first\r\n250 2.0.0 third\r\n");
        let told = outcomes(Protocol::Lmtp, lmtp([OK, "550 unknown\r\n", OK], [replies])).await;
        let refused = (1, Err((Outcome::Fail, Trouble::RefusedPermanent)));
        assert_eq!(told, [refused, ok(0, "250 2.0.0 first"), ok(2, "250 2.0.0 third")]);
    }

    #[tokio::test]
    async fn nobody_is_sent_anything_if_all_are_refused() {
        let acts = opened("LHLO fermoposta.invalid\r\n", ["450 later\r\n"; 3]);
        let told = outcomes(Protocol::Lmtp, acts).await;
        let refused = |recipient| (recipient, Err((Outcome::Fail, Trouble::RefusedTransient)));
        assert_eq!(told, [0, 1, 2].map(refused));
    }

    #[tokio::test]
    async fn what_was_answered_stays_and_what_was_not_may_have_happened() {
        let unknown = |trouble| move |recipient| (recipient, Err((Outcome::Info, trouble)));
        for (end, trouble) in [
            (Act::Close, Trouble::Disconnected),
            (Act::Stall, Trouble::TimedOut),
            (Act::Say("nonsense\r\n250 whose is it?\r\n"), Trouble::Garbled),
        ] {
            let acts = lmtp([OK; 3], [Act::Say("250 2.0.0 first\r\n"), end]);
            let told = outcomes(Protocol::Lmtp, acts).await;
            assert_eq!(told[0], ok(0, "250 2.0.0 first"));
            assert_eq!(told[1..], [1, 2].map(unknown(trouble)));
        }
    }

    #[tokio::test]
    async fn before_the_dot_nobody_has_got_anything() {
        let mut acts = opened("LHLO fermoposta.invalid\r\n", [OK; 3]);
        acts.truncate(8);
        acts.push(Act::Close);
        let told = outcomes(Protocol::Lmtp, acts).await;
        assert_eq!(told, [0, 1, 2].map(|n| (n, Err((Outcome::Fail, Trouble::Disconnected)))));
    }

    #[tokio::test]
    async fn smtp_answers_once_for_all_it_took() {
        let acts =
            |last| sent(opened("EHLO fermoposta.invalid\r\n", [OK, "452 full\r\n", OK]), [Act::Say(last)]);
        let told = outcomes(Protocol::Smtp, acts("250 2.0.0 queued\r\n")).await;
        let refused = (1, Err((Outcome::Fail, Trouble::RefusedTransient)));
        assert_eq!(told, [refused.clone(), ok(0, "250 2.0.0 queued"), ok(2, "250 2.0.0 queued")]);
        let told = outcomes(Protocol::Smtp, acts("554 no\r\n")).await;
        let never = |recipient| (recipient, Err((Outcome::Fail, Trouble::RefusedPermanent)));
        assert_eq!(told, [refused, never(0), never(2)]);
    }
}
