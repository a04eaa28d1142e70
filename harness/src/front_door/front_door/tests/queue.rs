//! Accept-and-queue: a promise, and how it is kept.

use super::*;
pub(crate) use crate::mail::workload::fake::{Answer, Fake};
use std::time::Instant;

const QUEUE: &str = "mail = { queue = { limit = '1 MB' } }";

fn kinds(events: &[(u64, SpoolEvent, Option<String>)]) -> Vec<(u64, SpoolEvent)> {
    events.iter().map(|(message, what, _)| (*message, *what)).collect()
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk_outlives_the_door_and_arrives_whole() {
    let under = Under::reference();
    under.say(QUEUE).await;
    assert_eq!(under.send(1, "ann").await, Ok("250 2.0.0 queued as 000000000000".to_owned()));
    assert_eq!(
        (under.spooled(), waiting(&under.folder.path().join("spool")).map(|w| w.len()).ok()),
        (vec![1], Some(1))
    );
    assert_eq!(under.inbox("ann").await, [b""; 0]);
    // Dropped, as when the harness dies.
    let Under { door, folder, history } = under;
    drop(door);
    history.finish().expect("written");
    let store = folder.path().join("store");
    let again = Under::with(folder, reference::testing::serve_in_threads(store, PASSWORD), |_| {});
    again.drained(LONG).await.expect("drained");
    assert_eq!(again.spooled(), [0; 0]);
    assert_eq!(again.inbox("ann").await, [message(1)]);
    let events = again.close();
    assert_eq!(events.iter().filter(|e| e.1 == SpoolEvent::Taken).count(), 1);
    let delivered: Vec<_> = events.iter().filter(|e| e.1 == SpoolEvent::Delivered).collect();
    assert_eq!(delivered, [&(1, SpoolEvent::Delivered, Some("250 2.0.0 stored".to_owned()))]);
}

#[tokio::test]
async fn a_full_spool_says_so_before_or_after_the_message() {
    let under = Under::reference();
    let size = message(1).len();
    under.say(&format!("mail = {{ queue = {{ limit = {} }} }}", size * 2 - 1)).await;
    let full = fail(Trouble::RefusedTransient, "452 4.3.1 insufficient system storage");
    assert!(under.send(1, "ann").await.is_ok());
    assert_eq!(under.send(2, "ann").await, full, "after the dot");
    under.say("mail = { queue = { limit = '1 MB', messages = 1 } }").await;
    let mut raw = Raw::connect(&under.at("lmtp")).await;
    raw.reply().await;
    raw.ask("LHLO x").await;
    assert_eq!(raw.ask("MAIL FROM:<s@x>").await, "452 4.3.1 insufficient system storage\r\n");
    assert_eq!(under.spooled(), [1]);
    assert_eq!(kinds(&under.close()), [(1, SpoolEvent::Taken)]);
}

#[tokio::test]
async fn a_queued_message_has_one_recipient_and_the_sender_may_be_empty() {
    let under = Under::reference();
    under.say(QUEUE).await;
    let mut raw = Raw::connect(&under.at("lmtp")).await;
    assert!(raw.reply().await.starts_with("220 "));
    assert!(raw.ask("LHLO x").await.starts_with("250 "));
    assert!(raw.ask("DATA").await.starts_with("503 "));
    assert!(raw.ask("MAIL FROM:<>").await.starts_with("250 "));
    assert!(raw.ask("RCPT TO:<ann@x>").await.starts_with("250 "));
    assert_eq!(raw.ask("RCPT TO:<bob@x>").await, "452 4.5.3 one recipient at a time\r\n");
    assert!(raw.ask("DATA").await.starts_with("354 "));
    assert!(raw.ask("a\r\n.").await.starts_with("250 2.0.0 queued"));
    assert!(raw.ask("QUIT").await.starts_with("221 "));
    let waiting = under.door.waiting().expect("readable");
    assert_eq!((waiting[0].from.as_str(), waiting[0].to.as_str(), waiting[0].attempt), ("", "ann@x", None));
    under.say("mail = 'accept'").await;
    under.drained(LONG).await.expect("drained");
    assert_eq!(under.inbox("ann").await, [b"a\r\n"]);
}

#[tokio::test]
async fn a_message_cut_before_its_dot_is_not_taken() {
    let under = Under::reference();
    under.say(QUEUE).await;
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    raw.ask("DATA").await;
    raw.tell("Subject: x\r\n\r\nhalf").await;
    drop(raw);
    assert!(under.send(1, "ann").await.is_ok());
    assert_eq!(under.spooled(), [1]);
}

#[tokio::test]
async fn mail_for_who_is_not_admitted_waits_for_admission() {
    let under = Under::reference();
    under.say("admit = { cohorts = ['a'] }\nnot-admitted-mail = { queue = { limit = '1 MB' } }").await;
    assert!(under.send(1, "bob").await.is_ok_and(|reply| reply.contains("queued")));
    assert_eq!(under.send(2, "ann").await, Ok("250 2.0.0 stored".to_owned()));
    // One connection, first for the mail server, then for the spool, then for the mail server again.
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    assert_eq!(raw.ask("RCPT TO:<bob@x>").await, "452 4.5.3 one recipient at a time\r\n");
    raw.ask("RSET").await;
    raw.ask("MAIL FROM:<s@x>").await;
    assert_eq!(raw.ask("RCPT TO:<bob@x>").await, "250 2.1.5 recipient heard\r\n");
    raw.ask("DATA").await;
    assert!(raw.ask("b\r\n.").await.contains("queued"));
    raw.ask("MAIL FROM:<s@x>").await;
    assert_eq!(raw.ask("RCPT TO:<ann@x>").await, "250 2.1.5 ok\r\n");
    assert_eq!(under.door.waiting().expect("readable").len(), 2);
    assert!(under.drained(Duration::from_millis(100)).await.is_err_and(|left| left == 2));
    under.say("admit = 'everyone'").await;
    under.drained(LONG).await.expect("drained");
    assert_eq!(under.inbox("bob").await.len(), 2);
}

#[tokio::test]
async fn the_spool_drains_at_its_rate() {
    let under = Under::reference();
    under.say(&format!("{QUEUE}\ndrain-rate = '20/s'")).await;
    for number in 0..5 {
        assert!(under.send(number, "ann").await.is_ok());
    }
    let begin = Instant::now();
    under.say("mail = 'accept'").await;
    under.drained(LONG).await.expect("drained");
    assert!(begin.elapsed() >= Duration::from_millis(199), "{:?}", begin.elapsed());
    assert_eq!(under.inbox("ann").await.len(), 5);
}

#[tokio::test]
async fn each_end_of_a_delivery_from_the_spool_is_recorded_as_what_it_is() {
    let backend = Fake::start(|n| match n {
        0 => Answer::Refuse("451 4.3.0 not yet\r\n"),
        1 => Answer::Silence,
        2 => Answer::Ok,
        _ => Answer::Refuse("552 5.2.2 full\r\n"),
    })
    .await;
    let folder = tempfile::tempdir().expect("temp dir");
    let backends = vec![("lmtp", backend.lmtp.clone()), ("imap", backend.imap.clone())];
    let under = Under::with(folder, backends, |setup| setup.timeout = Duration::from_secs(2));
    under.say(QUEUE).await;
    assert!(under.send(1, "ann").await.is_ok());
    under.say("mail = 'accept'").await;
    under.drained(LONG).await.expect("drained");
    under.say(QUEUE).await;
    assert!(under.send(2, "ann").await.is_ok());
    under.say("mail = 'accept'").await;
    under.drained(LONG).await.expect("drained");
    let bounced = waiting(&under.folder.path().join("spool/bounced")).expect("readable");
    assert_eq!(bounced.iter().map(|head| head.to.as_str()).collect::<Vec<_>>(), ["ann@fermoposta.invalid"]);
    let events = under.close();
    assert_eq!(
        events,
        [
            (1, SpoolEvent::Taken, None),
            (1, SpoolEvent::Uncertain, Some("TimedOut".to_owned())),
            (1, SpoolEvent::Delivered, Some("250 saved".to_owned())),
            (2, SpoolEvent::Taken, None),
            (2, SpoolEvent::Bounced, Some("552 5.2.2 full".to_owned())),
        ]
    );
}

#[tokio::test]
async fn what_is_too_old_is_bounced_whatever_the_policy() {
    let folder = tempfile::tempdir().expect("temp dir");
    let backend = Fake::start(|_| Answer::Ok).await;
    let under = Under::with(folder, vec![("lmtp", backend.lmtp.clone())], |setup| {
        setup.lifetime = Some(Duration::from_millis(50));
    });
    under.say(QUEUE).await;
    assert!(under.send(1, "ann").await.is_ok());
    under.drained(LONG).await.expect("bounced");
    let events = under.close();
    assert_eq!(kinds(&events), [(1, SpoolEvent::Taken), (1, SpoolEvent::Bounced)]);
    assert_eq!(events[1].2.as_deref(), Some("its time in the spool is over"));
}
