use super::*;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::script::{Act, Script, serve};
use record::history::Outcome;

/// For what is expected to come.
const LIMIT: Duration = Duration::from_secs(10);
/// For what is expected not to come.
const SHORT: Duration = Duration::from_millis(100);
const IDLE: Act = Act::Command("IDLE");
const GO: Act = Act::Say("+ idling\r\n");

async fn session(acts: impl IntoIterator<Item = Act>) -> (Session, Script) {
    let mut all = vec![Act::Say("* OK hi\r\n"), Act::Command("LOGIN \"u\" \"p\""), Act::Tagged("OK in\r\n")];
    all.extend(acts);
    let server = serve(all).await;
    let session =
        Session::login(&server.endpoint(), &Credentials::at_once("u", "p"), LIMIT).await.expect("logged in");
    (session, server)
}

/// One IDLE as a client makes it: what woke it.
async fn idle(session: &mut Session, wait: Duration, limit: Duration) -> Result<Woken, (Outcome, Trouble)> {
    let (_go_on, mut stop) = watch::channel(false);
    let idled = async {
        let mut idling = session.idle().await?;
        let woken = idling.news(Instant::now() + wait, limit, &mut stop).await?;
        idling.done(limit).await?;
        Ok(woken)
    };
    idled.await.map_err(|f: Failure| (f.outcome, f.trouble))
}

#[tokio::test]
async fn news_end_an_idle_and_the_session_goes_on() {
    let (mut session, server) = session([
        IDLE,
        Act::Say(
            "* 1 FETCH (FLAGS (\\Seen))\r\n+ idling\r\n* OK still here\r\n* 1 EXPUNGE\r\n* 4 EXISTS\r\n",
        ),
        Act::Hear("DONE\r\n"),
        Act::Say("* 5 EXISTS\r\n"),
        Act::Tagged("OK idled\r\n"),
        Act::Command("NOOP"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    assert_eq!(idle(&mut session, LIMIT, LIMIT).await, Ok(Woken::Changed));
    assert_eq!(session.noop().await, Ok(()));
    server.finished().await;
}

#[tokio::test]
async fn an_idle_without_news_is_over_in_time() {
    let acts = [IDLE, GO, Act::Hear("DONE\r\n"), Act::Tagged("OK idled\r\n")];
    let (mut session, server) = session(acts).await;
    assert_eq!(idle(&mut session, SHORT, LIMIT).await, Ok(Woken::Over));
    server.finished().await;
}

#[tokio::test]
async fn a_stop_ends_an_idle_with_done_and_so_does_its_senders_end() {
    for told in [true, false] {
        let acts = [IDLE, GO, Act::Hear("DONE\r\n"), Act::Tagged("OK idled\r\n")];
        let (mut session, server) = session(acts).await;
        let (sender, mut stop) = watch::channel(false);
        let mut idling = session.idle().await.expect("it goes along");
        if told {
            sender.send_replace(true);
        } else {
            drop(sender);
        }
        let woken = idling.news(Instant::now() + LIMIT, LIMIT, &mut stop).await;
        assert_eq!(woken, Ok(Woken::Stopped));
        idling.done(LIMIT).await.expect("ended");
        server.finished().await;
    }
}

#[tokio::test]
async fn every_loss_of_an_idle_is_noticed() {
    let refused = |trouble| Err((Outcome::Fail, trouble));
    let unknown = |trouble| Err((Outcome::Info, trouble));
    let done = Act::Hear("DONE\r\n");
    for (acts, wanted) in [
        (vec![IDLE, Act::Tagged("NO not now\r\n")], refused(Trouble::RefusedTransient)),
        (vec![IDLE, Act::Tagged("BAD what\r\n")], refused(Trouble::RefusedPermanent)),
        (vec![IDLE, Act::Close], unknown(Trouble::Disconnected)),
        (vec![IDLE, GO, Act::Close], unknown(Trouble::Disconnected)),
        (vec![IDLE, GO, Act::Say("* BYE going down\r\n"), Act::Stall], unknown(Trouble::Disconnected)),
        (vec![IDLE, GO, Act::Tagged("NO storage\r\n")], refused(Trouble::RefusedTransient)),
        (vec![IDLE, GO, Act::Tagged("OK early\r\n")], unknown(Trouble::Garbled)),
        (vec![IDLE, GO, Act::Say("+ again\r\n")], unknown(Trouble::Garbled)),
        (vec![IDLE, GO, Act::Say("* 1 EXISTS\r\n"), done.clone(), Act::Tagged("NO x\r\n")], {
            refused(Trouble::RefusedTransient)
        }),
        (vec![IDLE, GO, Act::Say("* 1 EXISTS\r\n"), done, Act::Close], unknown(Trouble::Disconnected)),
    ] {
        let (mut session, _server) = session(acts.clone()).await;
        assert_eq!(idle(&mut session, LIMIT, LIMIT).await, wanted, "{acts:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_shows_when_done_is_not_answered() {
    let (mut session, _server) = session([IDLE, GO, Act::Stall]).await;
    let got = idle(&mut session, SHORT, SHORT).await;
    assert_eq!(got, Err((Outcome::Info, Trouble::TimedOut)));
}

#[tokio::test]
async fn what_comes_in_pieces_is_not_lost() {
    let acts =
        [IDLE, GO, Act::Say("* 4 EX"), Act::Say("ISTS\r\n"), Act::Hear("DONE\r\n"), Act::Tagged("OK x\r\n")];
    let (mut session, _server) = session(acts).await;
    assert_eq!(idle(&mut session, LIMIT, LIMIT).await, Ok(Woken::Changed));
}

#[tokio::test]
async fn capabilities_are_words() {
    let ask = Act::Command("CAPABILITY");
    let (mut session, _server) = session([
        ask.clone(),
        Act::Say("* CAPABILITY IMAP4rev1 IDLED\r\n"),
        Act::Tagged("OK x\r\n"),
        ask,
        Act::Say("* CAPABILITY IMAP4rev1 idle\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    assert_eq!(session.offers("IDLE").await, Ok(false));
    assert_eq!(session.offers("IDLE").await, Ok(true));
}

#[tokio::test]
async fn the_newest_are_found_by_number() {
    let (mut session, _server) = session([
        Act::Command("UID SEARCH 4:13"),
        Act::Say("* SEARCH 21 22\r\n"),
        Act::Tagged("OK x\r\n"),
        Act::Command("UID SEARCH 1:3"),
        Act::Say("* SEARCH 5\r\n"),
        Act::Tagged("OK x\r\n"),
    ])
    .await;
    assert_eq!(session.newest(13, 10).await, Ok(vec![21, 22]));
    assert_eq!(session.newest(3, 10).await, Ok(vec![5]));
    assert_eq!(session.newest(0, 10).await, Ok(vec![]));
}
