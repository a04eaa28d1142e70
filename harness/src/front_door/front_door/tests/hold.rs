//! The cut-over of a migration: nothing of a held user reaches the mail server.

use super::*;

fn users(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_hold_waits_for_the_delivery_under_way_and_lets_no_new_one_in() {
    let under = Under::reference();
    let (mut raw, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    let ann = users(&["ann@fermoposta.invalid"]);
    let early = under.door.hold(&ann, Duration::from_millis(50)).await;
    assert_eq!(
        early.map_err(|inside| inside.to_string()),
        Err("still waiting for 1 deliveries and 0 IMAP connections, one of them of ann".to_owned())
    );
    let moved = fail(Trouble::RefusedTransient, "451 4.2.1 this mailbox is being moved");
    assert_eq!(under.send(1, "ann").await, moved);
    assert_eq!(under.send(2, "bob").await, Ok("250 2.0.0 stored".to_owned()));
    let delivery = async {
        raw.ask("DATA").await;
        raw.ask("Subject: last\r\n\r\n.").await
    };
    let (held, reply) = tokio::join!(under.door.hold(&ann, LONG), delivery);
    assert_eq!((held, reply), (Ok(()), "250 2.0.0 stored\r\n".to_owned()));
    under.door.release(&ann);
    assert_eq!(under.inbox("ann").await, [b"Subject: last\r\n\r\n"]);
    assert_eq!(under.send(3, "ann").await, Ok("250 2.0.0 stored".to_owned()));
}

#[tokio::test]
async fn a_transaction_given_up_does_not_hold_a_hold_up() {
    let under = Under::reference();
    let (mut reset, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    let (gone, _) = Raw::begin(&under.at("lmtp"), "ann").await;
    reset.ask("RSET").await;
    drop(gone);
    assert_eq!(under.door.hold(&users(&["ann"]), LONG).await, Ok(()));
}

#[tokio::test]
async fn a_hold_closes_the_users_sessions_and_only_those() {
    let under = Under::reference();
    let mut anns = under.login("ann", LONG).await.expect("logged in");
    let mut bobs = under.login("bob", LONG).await.expect("logged in");
    let ann = users(&["ann"]);
    assert_eq!(under.door.hold(&ann, LONG).await, Ok(()));
    assert_eq!(anns.list().await.map_err(|failure| failure.trouble), Err(Trouble::Disconnected));
    assert!(bobs.list().await.is_ok());
    let refused = ended(under.login("ann", LONG).await.map(|_| String::new()));
    assert!(matches!(refused, Err((Outcome::Fail, Trouble::RefusedTransient, _))), "{refused:?}");
    under.door.release(&ann);
    assert!(under.login("ann", LONG).await.is_ok());
}

/// An IMAP server that logs one user in and closes only when it is told to.
async fn slow_to_close(close: tokio::sync::oneshot::Receiver<()>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK x\r\n").await.expect("sent");
        let mut login = String::new();
        stream.read_line(&mut login).await.expect("heard");
        let tag = login.split(' ').next().expect("a tag");
        stream.write_all(format!("{tag} OK in\r\n").as_bytes()).await.expect("sent");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the door shuts its side");
        close.await.expect("told");
    });
    address
}

#[tokio::test]
async fn a_hold_waits_until_the_mail_server_has_closed_the_session() {
    let (close, told) = tokio::sync::oneshot::channel();
    let nobody = "127.0.0.1:1".to_owned();
    let under = Under::new(vec![("imap", slow_to_close(told).await), ("lmtp", nobody)]);
    let _session = under.login("ann", LONG).await.expect("logged in");
    let early = under.door.hold(&users(&["ann"]), Duration::from_millis(100)).await;
    assert!(early.is_err_and(|inside| inside.to_string().contains("1 IMAP connections")));
    close.send(()).expect("the server waits");
    assert_eq!(under.door.hold(&users(&["ann"]), LONG).await, Ok(()));
}

#[tokio::test]
async fn a_held_users_mail_stays_in_the_spool() {
    let under = Under::reference();
    under.say("mail = { queue = { limit = '1 MB' } }").await;
    assert!(under.send(1, "ann").await.is_ok() && under.send(2, "bob").await.is_ok());
    let ann = users(&["ann"]);
    under.door.hold(&ann, LONG).await.expect("held");
    under.say("mail = 'accept'").await;
    let mut left = under.spooled();
    let deadline = tokio::time::Instant::now() + LONG;
    let mut changes = under.door.desk.spool.changes();
    while left != [1] {
        tokio::time::timeout_at(deadline, changes.changed())
            .await
            .expect("bob's is delivered")
            .expect("there");
        left = under.spooled();
    }
    under.door.release(&ann);
    under.drained(LONG).await.expect("drained");
    assert_eq!(under.inbox("ann").await, [message(1)]);
}
