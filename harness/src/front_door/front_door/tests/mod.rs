//! The front door before the reference server and before servers that follow a script, over real sockets.

pub(super) mod hold;
pub(super) mod pass_through;
pub(super) mod policies;
pub(super) mod queue;

use super::*;
use crate::mail::client::Failure;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::imap::Session;
use crate::mail::client::submission::{Door, submit};
use record::history::event::{Event, SpoolEvent};
use record::history::token::RunToken;
use record::history::{Attempt, MessageId, Outcome, Trouble};
use record::message::assemble;
use record::plan::front_door::Change;
use std::path::Path;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// More than anything here takes.
const LONG: Duration = Duration::from_secs(30);
/// Less than a hanging server hangs.
const SHORT: Duration = Duration::from_millis(500);
const PASSWORD: &str = "secret";

/// How an attempt ended: the reply, or outcome, trouble and reply.
type Ended = Result<String, (Outcome, Trouble, Option<String>)>;

fn ended(done: Result<String, Failure>) -> Ended {
    done.map_err(|failure| (failure.outcome, failure.trouble, failure.reply))
}

fn fail<T>(trouble: Trouble, reply: &str) -> Result<T, (Outcome, Trouble, Option<String>)> {
    Err((Outcome::Fail, trouble, Some(reply.to_owned())))
}

/// A front door, its directory and its history.
struct Under {
    door: FrontDoor,
    folder: TempDir,
    history: Recorder,
}

fn setup(folder: &Path, backends: Vec<(&'static str, String)>) -> Setup {
    let users = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let number = std::fs::read_dir(folder).expect("there").count();
    let history = Recorder::create(&folder.join(format!("history-{number}"))).expect("created");
    Setup {
        backends,
        protocol: Protocol::Lmtp,
        cohorts: [("a".to_owned(), users(&["ann"])), ("b".to_owned(), users(&["bob"]))].into(),
        spool: folder.join("spool"),
        lifetime: None,
        retry_pause: Duration::from_millis(10),
        history,
        timeout: LONG,
    }
}

impl Under {
    fn new(backends: Vec<(&'static str, String)>) -> Under {
        Under::with(tempfile::tempdir().expect("temp dir"), backends, |_| {})
    }

    fn with(folder: TempDir, backends: Vec<(&'static str, String)>, more: impl FnOnce(&mut Setup)) -> Under {
        let mut setup = setup(folder.path(), backends);
        more(&mut setup);
        let history = setup.history.clone();
        Under { door: FrontDoor::open(setup).expect("opened"), folder, history }
    }

    /// Before the reference server.
    fn reference() -> Under {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = folder.path().join("store");
        std::fs::create_dir(&store).expect("created");
        let backends = reference::testing::serve_in_threads(store, PASSWORD);
        Under::with(folder, backends, |_| {})
    }

    fn at(&self, service: &str) -> String {
        let found = self.door.services().into_iter().find(|(name, _)| *name == service);
        found.expect("the service is there").1
    }

    async fn say(&self, change: &str) {
        let change: Change = toml::from_str(change).expect("a change");
        self.door.change(&change).await.expect("changed");
    }

    async fn send(&self, number: u64, user: &str) -> Ended {
        self.send_within(number, user, LONG).await
    }

    async fn send_within(&self, number: u64, user: &str, limit: Duration) -> Ended {
        let to = format!("{user}@fermoposta.invalid");
        let envelope = ("s@x", &*to);
        let door = self.at("lmtp").into();
        ended(submit(Door::unsigned(Protocol::Lmtp, &door), envelope, &message(number), limit).await)
    }

    async fn login(&self, user: &str, limit: Duration) -> Result<Session, Failure> {
        Session::login(&self.at("imap").into(), &Credentials::at_once(user, PASSWORD), limit).await
    }

    /// Message bodies in the user's INBOX, read through the door.
    async fn inbox(&self, user: &str) -> Vec<Vec<u8>> {
        let mut session = self.login(user, LONG).await.expect("logged in");
        session.select("INBOX", true).await.expect("selected");
        let mut found = Vec::new();
        session.bodies("1:*", |_, raw| found.push(raw.to_vec())).await.expect("read");
        session.logout().await;
        found
    }

    fn spooled(&self) -> Vec<u64> {
        let waiting = self.door.waiting().expect("readable");
        waiting.into_iter().filter_map(|head| head.attempt).map(|attempt| attempt.message.0).collect()
    }

    /// Waits until the spool is empty; how many messages are left after `limit`.
    async fn drained(&self, limit: Duration) -> Result<(), usize> {
        let left = || self.door.waiting().expect("readable").len();
        let mut changes = self.door.desk.spool.changes();
        let empty = timeout(limit, changes.wait_for(|()| left() == 0)).await.is_ok();
        if empty { Ok(()) } else { Err(left()) }
    }

    /// Drops the door; what its history says of the spool.
    fn close(self) -> Vec<(u64, SpoolEvent, Option<String>)> {
        drop(self.door);
        self.history.finish().expect("written");
        let mut events = Vec::new();
        for item in std::fs::read_dir(self.folder.path()).expect("there") {
            let path = item.expect("there").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("history")) {
                let text = std::fs::read_to_string(path).expect("readable");
                events.extend(record::synthetic::events(&text));
            }
        }
        events.into_iter().map(spool_event).collect()
    }
}

fn spool_event(event: Event) -> (u64, SpoolEvent, Option<String>) {
    match event {
        Event::Spool { attempt, what, detail, .. } => (attempt.message.0, what, detail),
        other => panic!("unexpected: {other:?}"),
    }
}

/// Message `number`: it has lines that begin with dots.
fn message(number: u64) -> Vec<u8> {
    let attempt = Attempt { message: MessageId(number), n: 1 };
    assemble(RunToken(7), attempt, b"Subject: x\r\n\r\n.\r\n..dots\r\n").bytes
}

/// A client that says what it likes.
struct Raw(BufReader<TcpStream>);

impl Raw {
    async fn connect(address: &str) -> Raw {
        Raw(BufReader::new(TcpStream::connect(address).await.expect("connected")))
    }

    /// The next line; empty at the end.
    async fn line(&mut self) -> String {
        let mut line = String::new();
        tokio::time::timeout(LONG, self.0.read_line(&mut line)).await.expect("in time").unwrap_or_default();
        line
    }

    async fn tell(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.expect("sent");
    }

    /// Says a command and returns the last line of its reply.
    async fn ask(&mut self, text: &str) -> String {
        self.tell(&format!("{text}\r\n")).await;
        self.reply().await
    }

    async fn reply(&mut self) -> String {
        loop {
            let line = self.line().await;
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    /// Everything up to the end.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // An end by a reset is an end.
        let _ = tokio::time::timeout(LONG, self.0.read_to_end(&mut rest)).await.expect("in time");
        rest
    }

    /// An LMTP transaction up to a recipient; returns the reply to it.
    async fn begin(address: &str, user: &str) -> (Raw, String) {
        let mut raw = Raw::connect(address).await;
        raw.reply().await;
        raw.ask("LHLO x").await;
        raw.ask("MAIL FROM:<s@x>").await;
        let reply = raw.ask(&format!("RCPT TO:<{user}@x>")).await;
        (raw, reply)
    }
}
