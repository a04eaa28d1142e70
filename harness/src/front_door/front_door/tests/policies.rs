//! Each policy, as a client meets it.

use super::*;

#[tokio::test]
async fn each_mail_policy_has_its_outcome_and_the_address_stays() {
    let under = Under::reference();
    let address = under.at("lmtp");
    let hung = Err((Outcome::Fail, Trouble::TimedOut, None));
    let refused = Err((Outcome::Fail, Trouble::Disconnected, None));
    for round in 0..3 {
        under.say("mail = 'hang'").await;
        assert_eq!(under.send_within(1, "ann", SHORT).await, hung);
        under.say("mail = { tempfail = '451 4.3.2 later' }").await;
        assert_eq!(under.send(2, "ann").await, fail(Trouble::RefusedTransient, "451 4.3.2 later"));
        under.say("mail = { reject = '552 5.2.2 full' }").await;
        assert_eq!(under.send(3, "ann").await, fail(Trouble::RefusedPermanent, "552 5.2.2 full"));
        under.say("mail = 'closed'").await;
        assert_eq!(under.send(4, "ann").await, refused);
        under.say("mail = 'accept'").await;
        assert_eq!(under.send(5 + round, "ann").await, Ok("250 2.0.0 stored".to_owned()));
        assert_eq!(under.at("lmtp"), address);
    }
    assert_eq!(under.inbox("ann").await, [message(5), message(6), message(7)]);
}

#[tokio::test]
async fn refusals_need_no_mail_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let under = Under::new(vec![("lmtp", nobody.clone()), ("imap", nobody)]);
    under.say("mail = { reject = '552 5.2.2 full' }\naccess = { refuse = 'repair' }").await;
    assert_eq!(under.send(1, "ann").await, fail(Trouble::RefusedPermanent, "552 5.2.2 full"));
    let login = under.login("ann", LONG).await.map(|_| String::new());
    assert_eq!(ended(login), fail(Trouble::RefusedTransient, "[UNAVAILABLE] repair"));
}

/// Of a backlog that knocks at once, those who are sent away must not take the mail server's connections from the others.
#[tokio::test]
async fn who_is_not_admitted_costs_the_mail_server_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let under = Under::new(vec![("lmtp", nobody.clone()), ("imap", nobody)]);
    under.say("admit = { cohorts = [] }").await;
    let said = "451 4.2.1 this mailbox is not available yet";
    assert_eq!(under.send(1, "ann").await, fail(Trouble::RefusedTransient, said));
}

#[tokio::test]
async fn each_access_policy_has_its_outcome() {
    let under = Under::reference();
    let login = async |limit| ended(under.login("ann", limit).await.map(|_| "in".to_owned()));
    for _ in 0..2 {
        under.say("access = 'hang'").await;
        assert_eq!(login(SHORT).await.map_err(|e| e.1), Err(Trouble::TimedOut));
        under.say("access = { refuse = 'repair' }").await;
        assert_eq!(login(LONG).await, fail(Trouble::RefusedTransient, "[UNAVAILABLE] repair"));
        under.say("access = 'closed'").await;
        assert_eq!(login(LONG).await.map_err(|e| e.1), Err(Trouble::Disconnected));
        under.say("access = 'accept'").await;
        assert_eq!(login(LONG).await, Ok("in".to_owned()));
    }
}

#[tokio::test]
async fn open_connections_meet_a_policy_at_their_next_command() {
    let under = Under::reference();
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    under.say("mail = { tempfail = '451 4.3.2 later' }").await;
    assert_eq!(raw.ask("DATA").await, "451 4.3.2 later\r\n");
    assert_eq!(raw.ask("MAIL FROM:<s@x>").await, "451 4.3.2 later\r\n");
    under.say("mail = { reject = '552 5.2.2 full' }").await;
    raw.ask("MAIL FROM:<s@x>").await;
    assert_eq!(raw.ask("RCPT TO:<ann@x>").await, "552 5.2.2 full\r\n");
    // The mail server, which has not heard of this connection's sender, hears of it now.
    under.say("mail = 'accept'").await;
    assert_eq!(raw.ask("RCPT TO:<ann@x>").await, "250 2.1.5 ok\r\n");
    raw.ask("DATA").await;
    assert_eq!(raw.ask("Subject: z\r\n\r\n.").await, "250 2.0.0 stored\r\n");
    assert_eq!(under.inbox("ann").await, [b"Subject: z\r\n\r\n"]);
}

#[tokio::test]
async fn closing_closes_what_is_open_and_a_hang_ends_with_an_answer() {
    let under = Under::reference();
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    let mut session = under.login("ann", LONG).await.expect("logged in");
    under.say("mail = 'hang'\naccess = 'hang'").await;
    raw.tell("NOOP\r\n").await;
    session.extend(SHORT);
    let hung = session.list().await.map_err(|failure| failure.trouble);
    assert_eq!(hung, Err(Trouble::TimedOut));
    under.say("mail = 'accept'\naccess = 'accept'").await;
    assert_eq!(raw.reply().await, "250 2.0.0 ok\r\n");
    under.say("mail = 'closed'\naccess = 'closed'").await;
    assert_eq!(raw.rest().await, b"");
    session.extend(LONG);
    // The reply that was late comes first; then there is no more.
    while session.select("INBOX", true).await.is_ok() {}
    under.say("access = 'accept'").await;
    assert!(under.login("ann", LONG).await.is_ok());
}

#[tokio::test]
async fn a_reopening_goes_cohort_by_cohort() {
    let under = Under::reference();
    let mut bobs = under.login("bob", LONG).await.expect("logged in");
    let mut anns = under.login("Ann", LONG).await.expect("logged in");
    under.say("admit = { cohorts = ['a'] }").await;
    let not_yet = "451 4.2.1 this mailbox is not available yet";
    assert_eq!(under.send(1, "ann").await, Ok("250 2.0.0 stored".to_owned()));
    assert_eq!(under.send(2, "bob").await, fail(Trouble::RefusedTransient, not_yet));
    let refused = ended(under.login("bob", LONG).await.map(|_| String::new()));
    assert_eq!(refused, fail(Trouble::RefusedTransient, "[UNAVAILABLE] this mailbox is not available yet"));
    assert_eq!(bobs.list().await.map_err(|failure| failure.trouble), Err(Trouble::Disconnected));
    assert!(anns.list().await.is_ok());
    under.say("admit = { cohorts = ['a', 'b'] }").await;
    assert_eq!(under.send(3, "bob").await, Ok("250 2.0.0 stored".to_owned()));
    assert!(under.login("bob", LONG).await.is_ok());
}

#[tokio::test]
async fn beyond_the_rate_mail_is_put_off() {
    let under = Under::reference();
    under.say("mail-rate = '0.001/s'").await;
    assert_eq!(under.send(1, "ann").await, Ok("250 2.0.0 stored".to_owned()));
    let late = "451 4.7.1 too much mail at once, try again later";
    assert_eq!(under.send(2, "ann").await, fail(Trouble::RefusedTransient, late));
    under.say("mail-rate = 'unlimited'").await;
    assert_eq!(under.send(3, "ann").await, Ok("250 2.0.0 stored".to_owned()));
}

#[tokio::test]
async fn a_senseless_change_changes_nothing() {
    let under = Under::reference();
    let change: Change = toml::from_str("mail = { tempfail = '250 ok' }").expect("a change");
    assert!(under.door.change(&change).await.is_err());
    assert_eq!(under.send(1, "ann").await, Ok("250 2.0.0 stored".to_owned()));
}

#[tokio::test]
async fn who_leaves_a_hanging_door_makes_room_for_others() {
    let under = Under::reference();
    under.say("mail = 'hang'\naccess = 'hang'").await;
    for service in ["lmtp", "imap"] {
        // More than there is room for, one after the other; whoever found none would be sent away.
        for _ in 0..1_100 {
            drop(Raw::connect(&under.at(service)).await);
        }
        let mut last = Raw::connect(&under.at(service)).await;
        let mut heard = [0];
        let hung = tokio::time::timeout(SHORT, last.0.read(&mut heard)).await;
        assert!(hung.is_err(), "{service}: {hung:?}");
    }
}
