//! One IMAP connection: passed on in both directions once somebody is logged in, line by line before.
//!
//! A connection belongs to the user of its LOGIN. If that user is not let in any more, the client's connection is closed,
//! and the mail server's counts as open until the mail server closes it too, for one time limit.
//!
//! Limits: lines of 64 KiB and replies of 1,000 lines before the login; only LOGIN, its user as an atom or quoted.

use super::admission::AccessAnswer;
use super::control::{Pass, Stay};
use super::desk::{Desk, PATIENCE};
use super::mail::{Over, Step};
use super::peer::{Inbox, NoLine, Peer};
use super::words::{Imap, imap};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

/// Lines of one reply before the login, at most.
const REPLY_LINES: usize = 1_000;

pub(crate) struct AccessSession {
    client: Peer,
    backend: Option<Peer>,
    desk: Arc<Desk>,
    pass: Pass,
    address: String,
    /// Who is logged in, or just asks to be.
    inside: Option<(String, Stay)>,
}

impl AccessSession {
    /// Serves a connection to its end.
    pub(super) async fn serve(client: Peer, desk: Arc<Desk>, pass: Pass, address: String) {
        let limit = desk.timeout;
        let mut session = AccessSession { client, backend: None, desk, pass, address, inside: None };
        if session.login().await.is_ok() {
            session.relay().await;
        }
        let AccessSession { client, backend, inside, .. } = session;
        drop(client);
        if let Some(backend) = backend {
            backend.part(limit).await;
        }
        drop(inside);
    }

    /// Returns once somebody is logged in.
    async fn login(&mut self) -> Step {
        self.gate().await?;
        let own = self.pass.rules().refuses_logins();
        match own {
            true => self.say("* OK [CAPABILITY IMAP4rev1] the front door is ready\r\n").await?,
            false => self.relay_greeting().await?,
        }
        loop {
            let line = self.hear_command().await?;
            self.gate().await?;
            if self.command(&line).await? {
                return Ok(());
            }
        }
    }

    /// Answers one command; whether somebody is logged in now.
    async fn command(&mut self, line: &[u8]) -> Step<bool> {
        let Some((tag, command)) = imap(line) else {
            return self.say("* BAD this is no command\r\n").await.map(|()| false);
        };
        match command {
            Imap::Login(user) => return self.ask_login(&tag, user, line).await,
            Imap::Opaque => {
                let words = format!(
                    "* BYE only LOGIN without literals\r\n{tag} BAD the front door cannot read this\r\n"
                );
                self.say(&words).await?;
                return Err(Over);
            }
            Imap::Logout => {
                self.pass_on_or(line, &tag, "* BYE\r\n").await?;
                return Err(Over);
            }
            Imap::Capability => self.pass_on_or(line, &tag, "* CAPABILITY IMAP4rev1\r\n").await?,
            Imap::Nothing => self.pass_on_or(line, &tag, "").await?,
            Imap::Other if self.backend.is_none() => self.say(&format!("{tag} BAD login first\r\n")).await?,
            Imap::Other => self.ask(line, &tag).await.map(drop)?,
        }
        Ok(false)
    }

    async fn ask_login(&mut self, tag: &str, user: String, line: &[u8]) -> Step<bool> {
        loop {
            match self.desk.control.login(&user) {
                Err(AccessAnswer::Nothing | AccessAnswer::Forward) => self.gate().await?,
                Err(AccessAnswer::Say(text)) => {
                    return self.say(&format!("{tag} {text}\r\n")).await.map(|()| false);
                }
                Ok(stay) => {
                    self.inside = Some((user, stay));
                    break;
                }
            }
        }
        self.reach().await?;
        let taken = self.ask(line, tag).await?;
        if !taken {
            self.inside = None;
        }
        Ok(taken)
    }

    /// Passes a command on, if there is anyone; otherwise says this and OK.
    async fn pass_on_or(&mut self, line: &[u8], tag: &str, own: &str) -> Step {
        match self.backend {
            Some(_) => self.ask(line, tag).await.map(drop),
            None => self.say(&format!("{own}{tag} OK done\r\n")).await,
        }
    }

    async fn connect(&mut self) -> Step {
        let AccessSession { client, pass, inside, address, .. } = self;
        let connected = tokio::select! {
            biased;
            () = ousted(pass, inside.as_ref()) => None,
            connected = timeout(PATIENCE, Peer::connect(address)) => connected.ok().and_then(Result::ok),
            () = client.inbox.gone() => None,
        };
        self.backend = Some(connected.ok_or(Over)?);
        Ok(())
    }

    async fn relay_greeting(&mut self) -> Step {
        self.connect().await?;
        let line = self.reply_line().await?;
        self.say_bytes(&line).await?;
        // Whoever is logged in without a LOGIN is nobody we know.
        if is_welcome(&line) { Ok(()) } else { Err(Over) }
    }

    /// Connects to the mail server, unless it is done. If it does not greet, its words are the client's last.
    async fn reach(&mut self) -> Step {
        if self.backend.is_some() {
            return Ok(());
        }
        self.connect().await?;
        let line = self.reply_line().await?;
        if is_welcome(&line) {
            return Ok(());
        }
        self.say_bytes(&line).await?;
        Err(Over)
    }

    /// Passes a command on and relays all up to its tagged reply; whether that is OK.
    async fn ask(&mut self, line: &[u8], tag: &str) -> Step<bool> {
        self.tell_backend(line).await?;
        let end = format!("{tag} ");
        for _ in 0..REPLY_LINES {
            let line = self.reply_line().await?;
            self.say_bytes(&line).await?;
            if let Some(condition) = line.strip_prefix(end.as_bytes()) {
                return Ok(condition.get(..2).is_some_and(|word| word.eq_ignore_ascii_case(b"OK")));
            }
        }
        Err(Over)
    }

    async fn tell_backend(&mut self, bytes: &[u8]) -> Step {
        let AccessSession { client, backend: Some(backend), pass, inside, .. } = self else {
            return Err(Over);
        };
        tokio::select! {
            biased;
            () = ousted(pass, inside.as_ref()) => Err(Over),
            told = timeout(PATIENCE, backend.outbox.write_all(bytes)) => told.ok().and_then(Result::ok).ok_or(Over),
            () = client.inbox.gone() => Err(Over),
        }
    }

    async fn reply_line(&mut self) -> Step<Vec<u8>> {
        let AccessSession { client, backend: Some(backend), pass, inside, .. } = self else {
            return Err(Over);
        };
        let line = tokio::select! {
            biased;
            () = ousted(pass, inside.as_ref()) => return Err(Over),
            line = timeout(PATIENCE, backend.inbox.line()) => line.map_err(|_| Over)?,
            () = client.inbox.gone() => return Err(Over),
        };
        match line {
            Ok(line) => Ok(line),
            Err(NoLine::TooLong) => Err(Over),
            // The part of a line that it said is passed on, but never completed.
            Err(NoLine::Gone) => self.last_words().await,
        }
    }

    async fn last_words<T>(&mut self) -> Step<T> {
        if let Some(words) = self.backend.as_mut().map(|backend| backend.inbox.take()) {
            self.say_bytes(&words).await?;
        }
        Err(Over)
    }

    /// A command of the client. If the mail server closes meanwhile, its last words are passed on.
    async fn hear_command(&mut self) -> Step<Vec<u8>> {
        let AccessSession { client, backend, pass, desk, .. } = self;
        let left = async {
            match backend {
                Some(backend) => backend.inbox.gone().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = pass.closed() => Err(Over),
            line = timeout(desk.timeout, client.inbox.line()) => line.ok().and_then(Result::ok).ok_or(Over),
            () = left => self.last_words().await,
        }
    }

    async fn say(&mut self, text: &str) -> Step {
        self.say_bytes(text.as_bytes()).await
    }

    /// Says this to the client, unless the door hangs or the client is to be gone.
    async fn say_bytes(&mut self, bytes: &[u8]) -> Step {
        self.gate().await?;
        let said = timeout(self.desk.timeout, self.client.outbox.write_all(bytes)).await;
        said.ok().and_then(Result::ok).ok_or(Over)
    }

    /// Waits while the door hangs.
    async fn gate(&mut self) -> Step {
        let AccessSession { client, pass, inside, .. } = self;
        let mut door = pass.clone();
        tokio::select! {
            biased;
            () = ousted(pass, inside.as_ref()) => Err(Over),
            open = door.open() => Ok(open?),
            () = client.inbox.gone() => Err(Over),
        }
    }

    /// Passes everything on, both ways, until one side ends or the user is not let in any more.
    async fn relay(&mut self) {
        let AccessSession { client, backend: Some(backend), pass, inside, .. } = self else { return };
        let (up, down) = (pass.clone(), pass.clone());
        tokio::select! {
            biased;
            () = ousted(pass, inside.as_ref()) => {}
            () = pump(&mut client.inbox, &mut backend.outbox, up) => {}
            () = pump(&mut backend.inbox, &mut client.outbox, down) => {}
        }
    }
}

fn is_welcome(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"* OK"))
}

/// Returns once the connection must be closed: the door is, or the user is not let in any more.
async fn ousted(pass: &mut Pass, inside: Option<&(String, Stay)>) {
    match inside {
        Some((user, _)) => pass.revoked(user).await,
        None => pass.closed().await,
    }
}

/// Passes on what one side says until it ends; nothing while the door hangs.
async fn pump(from: &mut Inbox, to: &mut OwnedWriteHalf, mut pass: Pass) {
    loop {
        let bytes = from.take();
        if bytes.is_empty() {
            match timeout(PATIENCE, from.more()).await {
                Ok(true) => continue,
                Ok(false) | Err(_) => return,
            }
        }
        let open = tokio::select! {
            biased;
            open = pass.open() => open.is_ok(),
            () = from.gone() => false,
        };
        if !open || !matches!(timeout(PATIENCE, to.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}
