//! Sessions over real sockets: LMTP in, IMAP out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::defect::Defects;
use crate::files::Disk;
use crate::listen::{Protocol, speak};
use crate::store::Store;

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(store: &Arc<Store>, protocol: Protocol) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (served, _) = listener.accept().unwrap();
        let store = store.clone();
        std::thread::spawn(move || speak(served, protocol, &store, "secret"));
        let mut client = Client { stream: BufReader::new(stream) };
        client.line();
        client
    }

    fn imap(store: &Arc<Store>) -> Client {
        let mut client = Client::new(store, Protocol::Imap);
        client.ask("LOGIN user1 secret");
        client
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    /// Sends an IMAP command and returns everything up to its tagged answer.
    fn ask(&mut self, command: &str) -> String {
        self.send(&format!("a {command}\r\n"));
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut text = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the server hung up after {text:?}");
            text.push_str(&line);
            if line.starts_with("a ") {
                return text.replace('\r', "");
            }
        }
    }

    fn append(&mut self, arguments: &str, content: &str) -> String {
        self.send(&format!("a APPEND {arguments} {{{}}}\r\n", content.len()));
        assert_eq!(self.line(), "+ go on\r\n");
        self.send(&format!("{content}\r\n"));
        self.answer()
    }

    /// Sends everything and returns the codes of the first `count` final lines.
    fn codes(&mut self, text: &str, count: usize) -> Vec<String> {
        self.send(text);
        let mut codes = Vec::new();
        while codes.len() < count {
            let line = self.line();
            assert!(!line.is_empty(), "the server hung up after {codes:?}");
            if line.as_bytes()[3] == b' ' {
                codes.push(line[..3].to_owned());
            }
        }
        codes
    }
}

fn store() -> (tempfile::TempDir, Arc<Store>) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::new(root.path().to_path_buf(), Arc::new(Disk), Defects::default());
    (root, Arc::new(store))
}

const MAIL: &str = "Subject: hello\r\nX-Fold: a\r\n b\r\n\r\n.dot\r\nend\r\n";

#[test]
fn lmtp_pipelines_and_answers_for_each_recipient() {
    let (_root, store) = store();
    let mut lmtp = Client::new(&store, Protocol::Lmtp);
    let codes = lmtp.codes(
        "LHLO c\r\nMAIL FROM:<a@b> BODY=8BITMIME SIZE=50\r\nRCPT TO:<user1@x>\r\nRCPT TO:<user2@x>\r\n\
         RCPT TO:<../etc@x>\r\nDATA\r\nSubject: s\r\n\r\n..dot\r\n.\r\nNOOP\r\nQUIT\r\n",
        10,
    );
    assert_eq!(codes, ["250", "250", "250", "250", "553", "354", "250", "250", "250", "221"]);
    let mut imap = Client::imap(&store);
    imap.ask("SELECT INBOX");
    insta::assert_snapshot!(imap.ask("FETCH 1 (UID RFC822.SIZE BODY.PEEK[])"), @"
    * 1 FETCH (UID 1 RFC822.SIZE 20 BODY[] {20}
    Subject: s

    .dot
    )
    a OK fetched
    ");
}

#[test]
fn smtp_and_lmtp_refuse_what_is_out_of_order() {
    let (_root, store) = store();
    let mut lmtp = Client::new(&store, Protocol::Lmtp);
    let text = "MAIL FROM:<>\r\nEHLO c\r\nLHLO\r\nLHLO c\r\nDATA\r\nRCPT TO:<u>\r\nMAIL FROM:<> SIZE=99999999\r\n\
                MAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nRCPT TO:u\r\nRSET\r\nDATA\r\n";
    let codes = lmtp.codes(text, 13);
    assert_eq!(
        codes,
        ["503", "500", "501", "250", "503", "503", "552", "250", "503", "503", "501", "250", "503"]
    );
    let mut smtp = Client::new(&store, Protocol::Smtp);
    let text = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<user1>\r\nRCPT TO:<user2>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n";
    assert_eq!(smtp.codes(text, 7), ["250", "250", "250", "250", "354", "250", "221"]);
}

#[test]
fn an_imap_session_from_append_to_expunge() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    let validity = {
        let status = imap.ask("STATUS INBOX (UIDVALIDITY)");
        status.split("UIDVALIDITY ").nth(1).unwrap().split(')').next().unwrap().to_owned()
    };
    let appended = imap.append("INBOX (\\Flagged) \"02-Jan-2020 03:04:05 +0000\"", MAIL);
    assert_eq!(appended, format!("a OK [APPENDUID {validity} 1] stored\n"));
    imap.append("INBOX", MAIL);
    let selected = imap.ask("SELECT INBOX").replace(&validity, "VALIDITY");
    insta::assert_snapshot!(selected, @r"
    * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
    * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft)] no keywords
    * 2 EXISTS
    * 0 RECENT
    * OK [UNSEEN 1] first unseen
    * OK [UIDVALIDITY VALIDITY] valid
    * OK [UIDNEXT 3] next
    a OK [READ-WRITE] opened
    ");
    insta::assert_snapshot!(imap.ask("UID FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (X-Fold)] BODY.PEEK[]<5.4>)"), @r#"
    * 1 FETCH (UID 1 FLAGS (\Flagged) INTERNALDATE "02-Jan-2020 03:04:05 +0000" BODY[HEADER.FIELDS (X-Fold)] {17}
    X-Fold: a
     b

     BODY[]<5> {4}
    ct: )
    a OK fetched
    "#);
    insta::assert_snapshot!(imap.ask("STORE 2 +FLAGS (\\Deleted)"), @r"
    * 2 FETCH (FLAGS (\Deleted))
    a OK stored
    ");
    insta::assert_snapshot!(imap.ask("UID SEARCH OR DELETED HEADER Subject HELL UID 1:*"), @"
    * SEARCH 1 2
    a OK done
    ");
    insta::assert_snapshot!(imap.ask("SEARCH NOT DELETED SINCE 1-Jan-2020 BEFORE 3-Jan-2020"), @"
    * SEARCH 1
    a OK done
    ");
    insta::assert_snapshot!(imap.ask("UID EXPUNGE 1"), @"a OK expunged");
    insta::assert_snapshot!(imap.ask("UID EXPUNGE 2"), @"
    * 2 EXPUNGE
    a OK expunged
    ");
}

#[test]
fn move_and_copy_report_uids_and_other_sessions_hear_of_it() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    let mut other = Client::imap(&store);
    imap.append("INBOX", MAIL);
    imap.append("INBOX (\\Seen)", MAIL);
    insta::assert_snapshot!(imap.ask("COPY 1 Archive"), @"a BAD unknown here, or select a mailbox first");
    imap.ask("SELECT INBOX");
    other.ask("SELECT INBOX");
    insta::assert_snapshot!(imap.ask("MOVE 1 Archive"), @"a NO [TRYCREATE] no such mailbox");
    insta::assert_snapshot!(imap.ask("CREATE Archive"), @"a OK created");
    let copied = imap.ask("COPY 1:2 Archive");
    assert!(copied.starts_with("a OK [COPYUID ") && copied.ends_with(" 1,2 1,2] copied\n"), "{copied}");
    let moved = imap.ask("UID MOVE 2 Archive");
    assert!(
        moved.starts_with("* OK [COPYUID ") && moved.ends_with("2 3] moved\n* 2 EXPUNGE\na OK moved\n"),
        "{moved}"
    );
    insta::assert_snapshot!(other.ask("NOOP"), @"
    * 2 EXPUNGE
    a OK done
    ");
    other.ask("SELECT Archive");
    insta::assert_snapshot!(other.ask("FETCH 1:* (UID FLAGS)"), @r"
    * 1 FETCH (UID 1 FLAGS ())
    * 2 FETCH (UID 2 FLAGS (\Seen))
    * 3 FETCH (UID 3 FLAGS (\Seen))
    a OK fetched
    ");
}

#[test]
fn mailboxes_are_listed_subscribed_and_deleted() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    imap.ask("CREATE Archive");
    imap.ask("SUBSCRIBE Archive");
    insta::assert_snapshot!(imap.ask("LIST \"\" *"), @r#"
    * LIST () "." "INBOX"
    * LIST () "." "Archive"
    a OK done
    "#);
    insta::assert_snapshot!(imap.ask("LSUB \"\" A%"), @r#"
    * LSUB () "." "Archive"
    a OK done
    "#);
    insta::assert_snapshot!(imap.ask("DELETE Archive"), @"a OK deleted");
    insta::assert_snapshot!(imap.ask("SELECT Archive"), @"a NO [TRYCREATE] no such mailbox");
    insta::assert_snapshot!(imap.ask("SELECT ../../etc"), @"a NO [CANNOT] no mailbox can have this name");
}

#[test]
fn bad_input_is_answered_and_the_session_goes_on() {
    let (_root, store) = store();
    let mut imap = Client::new(&store, Protocol::Imap);
    insta::assert_snapshot!(imap.ask("SELECT INBOX"), @"a BAD log in first");
    insta::assert_snapshot!(imap.ask("UID EXPUNGE 1"), @"a BAD select a mailbox first");
    insta::assert_snapshot!(imap.ask("LOGIN user1 wrong"), @"a NO [AUTHENTICATIONFAILED] wrong user or password");
    insta::assert_snapshot!(imap.ask("FROBNICATE"), @"a BAD cannot parse this command");
    imap.send("a AUTHENTICATE PLAIN\r\n");
    assert_eq!(imap.line(), "+ \r\n");
    imap.send("AHVzZXIxAHNlY3JldA==\r\n");
    assert!(imap.answer().starts_with("a OK"));
    insta::assert_snapshot!(imap.ask("APPEND INBOX {999999999}"), @"a NO [TOOBIG] literal too big");
    imap.ask("SELECT INBOX");
    insta::assert_snapshot!(imap.ask("FETCH 1 FLAGS"), @"a BAD no such message number");
    imap.send("a LOGOUT\r\n");
    let mut rest = String::new();
    imap.stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "* BYE\r\na OK bye\r\n");
}

#[test]
fn an_unreadable_message_is_refused_and_never_answered_short() {
    let (root, store) = store();
    let mut imap = Client::imap(&store);
    imap.append("INBOX", MAIL);
    imap.ask("SELECT INBOX");
    let cur = root.path().join("user1/Maildir/cur");
    let file = std::fs::read_dir(cur).unwrap().next().unwrap().unwrap().path();
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(3).unwrap();
    insta::assert_snapshot!(imap.ask("FETCH 1 BODY[]"), @"a NO [UNAVAILABLE] storage error");
}

#[test]
fn octets_are_appended_and_shown_as_they_are() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    assert!(imap.ask("CAPABILITY").contains(" BINARY "));
    imap.send("a APPEND INBOX (\\Seen) ~{11}\r\n");
    assert_eq!(imap.line(), "+ go on\r\n");
    imap.send("A: 1\r\n\r\n\0b\0\r\n");
    assert!(imap.answer().starts_with("a OK [APPENDUID "));
    imap.ask("SELECT INBOX");
    assert!(imap.ask("FETCH 1 (FLAGS BODY.PEEK[])").contains("FLAGS (\\Seen) BODY[] ~{11}\nA: 1\n\n\0b\0)"));
    insta::assert_snapshot!(imap.ask("NOOP ~{1}"), @"a BAD cannot parse this command");
    let mut stranger = Client::new(&store, Protocol::Imap);
    stranger.send("a APPEND INBOX ~{3}\r\n");
    stranger.line();
    stranger.send("a\0b\r\n");
    insta::assert_snapshot!(stranger.answer(), @"a BAD log in first");
}

#[test]
fn idle_tells_of_mail_as_it_arrives_and_ends_at_done() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    let mut other = Client::imap(&store);
    assert!(imap.ask("CAPABILITY").contains(" IDLE "));
    imap.ask("EXAMINE INBOX");
    imap.send("a IDLE\r\n");
    assert_eq!(imap.line(), "+ idling\r\n");
    other.append("INBOX (\\Flagged)", MAIL);
    assert_eq!(imap.line(), "* 1 EXISTS\r\n");
    let mut lmtp = Client::new(&store, Protocol::Lmtp);
    lmtp.codes("LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<user1@x>\r\nDATA\r\nx\r\n.\r\n", 5);
    assert_eq!(imap.line(), "* 2 EXISTS\r\n");
    other.ask("SELECT INBOX");
    other.ask("UID STORE 1 +FLAGS (\\Deleted)");
    other.ask("UID EXPUNGE 1");
    assert_eq!(imap.line(), "* 1 EXPUNGE\r\n");
    imap.send("DONE\r\n");
    assert_eq!(imap.answer(), "a OK idled\n");
    insta::assert_snapshot!(imap.ask("UID FETCH 1:* FLAGS"), @r"
    * 1 FETCH (UID 2 FLAGS ())
    a OK fetched
    ");
}

#[test]
fn idle_needs_a_login_and_done_and_tells_at_its_end_what_was_not_told() {
    let (_root, store) = store();
    let mut imap = Client::new(&store, Protocol::Imap);
    insta::assert_snapshot!(imap.ask("IDLE"), @"a BAD log in first");
    imap.ask("LOGIN user1 secret");
    let mut other = Client::imap(&store);
    other.append("INBOX", MAIL);
    imap.ask("SELECT INBOX");
    other.ask("SELECT INBOX");
    for (said, answer) in [("done\r\n", "a OK idled\n"), ("a NOOP\r\n", "a BAD expected DONE\n")] {
        imap.send("a IDLE\r\n");
        assert_eq!(imap.line(), "+ idling\r\n");
        imap.send(said);
        assert_eq!(imap.answer(), answer);
    }
    imap.send("a IDLE\r\n");
    assert_eq!(imap.line(), "+ idling\r\n");
    other.ask("STORE 1 +FLAGS (\\Seen)");
    imap.send("DONE\r\n");
    assert_eq!(imap.answer(), "* 1 FETCH (UID 1 FLAGS (\\Seen))\na OK idled\n");
}

#[test]
fn a_mailbox_that_is_busy_keeps_no_idle_from_being_heard() {
    let (_root, store) = store();
    let mut imap = Client::imap(&store);
    imap.ask("SELECT INBOX");
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (held, holds) = std::sync::mpsc::channel();
    let mailbox = store.mailbox("user1", "INBOX");
    let holder = std::thread::spawn(move || {
        let busy = || {
            held.send(()).unwrap();
            wait.recv().map_err(std::io::Error::other)
        };
        mailbox.alone(busy).unwrap();
    });
    holds.recv().unwrap();
    imap.send("a IDLE\r\n");
    assert_eq!(imap.line(), "+ idling\r\n");
    imap.send("nonsense\r\n");
    assert_eq!(imap.answer(), "a BAD expected DONE\n");
    go.send(()).unwrap();
    holder.join().unwrap();
}
