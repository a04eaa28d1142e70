//! How one LMTP or SMTP connection hears and is answered: every wait in it also ends when the door is closed or the
//! client leaves.

use super::desk::PATIENCE;
use super::mail::{MailSession, Over, Step};
use super::peer::{NoLine, Peer};
use super::words::reply_code;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Lines of one reply, at most.
const REPLY_LINES: usize = 100;

impl MailSession {
    /// Waits while the door hangs.
    pub(super) async fn gate(&mut self) -> Step {
        tokio::select! {
            biased;
            open = self.pass.open() => Ok(open?),
            () = self.client.inbox.gone() => Err(Over),
        }
    }

    /// A command of the client. If the mail server closes meanwhile, its last words are passed on.
    pub(super) async fn hear_command(&mut self) -> Step<Vec<u8>> {
        let MailSession { client, backend, pass, desk, .. } = self;
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

    async fn last_words<T>(&mut self) -> Step<T> {
        if let Some(words) = self.backend.as_mut().map(|backend| backend.inbox.take()) {
            self.say_bytes(&words).await?;
        }
        Err(Over)
    }

    /// Some bytes of the client.
    pub(super) async fn hear_piece(&mut self) -> Step<Vec<u8>> {
        let MailSession { client, pass, desk, .. } = self;
        let heard = client.inbox.take();
        if !heard.is_empty() {
            return Ok(heard);
        }
        let more = tokio::select! {
            biased;
            () = pass.closed() => false,
            more = timeout(desk.timeout, client.inbox.more()) => more.unwrap_or(false),
        };
        if more { Ok(client.inbox.take()) } else { Err(Over) }
    }

    /// Says this line of our own; with 421 it is the last.
    pub(super) async fn say(&mut self, text: &str) -> Step {
        self.say_bytes(format!("{text}\r\n").as_bytes()).await?;
        if text.starts_with("421") { Err(Over) } else { Ok(()) }
    }

    /// Says this to the client, unless the door hangs or is closed.
    pub(super) async fn say_bytes(&mut self, bytes: &[u8]) -> Step {
        self.gate().await?;
        let said = timeout(self.desk.timeout, self.client.outbox.write_all(bytes)).await;
        said.ok().and_then(Result::ok).ok_or(Over)
    }

    pub(super) async fn connect(&mut self) -> Step {
        let connecting = Peer::connect(&self.address);
        let connected = tokio::select! {
            biased;
            () = self.pass.closed() => None,
            connected = timeout(PATIENCE, connecting) => connected.ok().and_then(Result::ok),
            () = self.client.inbox.gone() => None,
        };
        self.backend = Some(connected.ok_or(Over)?);
        Ok(())
    }

    /// Connects to the mail server, unless it is done, and repeats the client's hello; otherwise its refusal.
    pub(super) async fn reach(&mut self) -> Step<Option<Vec<u8>>> {
        if self.backend.is_some() {
            return Ok(None);
        }
        self.connect().await?;
        let mut refusal = self.unheard_reply().await?;
        if let (None, Some(hello)) = (&refusal, self.hello.clone()) {
            refusal = self.ask_unheard(&hello).await?;
        }
        if refusal.is_some() {
            self.backend = None;
        }
        Ok(refusal)
    }

    /// Passes a line on, if there is anyone, and relays the reply; otherwise says this.
    pub(super) async fn pass_on_or(&mut self, line: &[u8], own: &str) -> Step {
        match self.backend {
            Some(_) => self.ask(line).await.map(drop),
            None => self.say(own).await,
        }
    }

    /// Passes a line on and relays the reply; returns its code.
    pub(super) async fn ask(&mut self, line: &[u8]) -> Step<u16> {
        self.tell_backend(line).await?;
        self.relay_reply().await
    }

    /// Tells the mail server something and keeps a positive reply to ourselves; a negative one is returned.
    pub(super) async fn ask_unheard(&mut self, line: &[u8]) -> Step<Option<Vec<u8>>> {
        self.tell_backend(line).await?;
        self.unheard_reply().await
    }

    pub(super) async fn tell_backend(&mut self, bytes: &[u8]) -> Step {
        let MailSession { client, backend: Some(backend), pass, .. } = self else { return Err(Over) };
        let telling = backend.outbox.write_all(bytes);
        tokio::select! {
            biased;
            () = pass.closed() => Err(Over),
            told = timeout(PATIENCE, telling) => told.ok().and_then(Result::ok).ok_or(Over),
            () = client.inbox.gone() => Err(Over),
        }
    }

    /// Relays one reply, line by line; returns its code.
    pub(super) async fn relay_reply(&mut self) -> Step<u16> {
        for _ in 0..REPLY_LINES {
            let line = self.reply_line().await?;
            self.say_bytes(&line).await?;
            if let (code, false) = reply_code(&line) {
                return Ok(code);
            }
        }
        Err(Over)
    }

    /// A reply that the client does not hear; returned if it is a refusal.
    async fn unheard_reply(&mut self) -> Step<Option<Vec<u8>>> {
        let mut reply = Vec::new();
        for _ in 0..REPLY_LINES {
            let line = self.reply_line().await?;
            reply.extend_from_slice(&line);
            match reply_code(&line) {
                (_, true) => {}
                (200..=299, false) => return Ok(None),
                (400..=599, false) => return Ok(Some(reply)),
                (_, false) => return Err(Over),
            }
        }
        Err(Over)
    }

    async fn reply_line(&mut self) -> Step<Vec<u8>> {
        let MailSession { client, backend: Some(backend), pass, .. } = self else { return Err(Over) };
        let line = tokio::select! {
            biased;
            () = pass.closed() => return Err(Over),
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
}
