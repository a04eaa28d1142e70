//! One LMTP or SMTP connection: it passes commands and replies on, one after the other, and looks only at whose mail
//! it is.
//!
//! Every reply after a message's dot is the mail server's own, or there is none; the one exception is a message that the
//! spool took over ([`super::queueing`]). If the mail server's connection breaks, what it said is passed on and the
//! client's is closed; if it says nothing, nothing is said. A client that leaves takes the mail server's connection
//! with it, and what it had begun counts as under way until the mail server closes too, for one time limit.
//!
//! Limits: lines of 64 KiB, replies of 100 lines, 1,000 recipients, no BDAT, STARTTLS or AUTH.

use super::admission::{MailAnswer, SenderAnswer, user_name};
use super::control::{Closed, Pass, Stay};
use super::desk::{Desk, PATIENCE};
use super::dot::DotFinder;
use super::peer::{NoLine, Peer};
use super::policy::QueueLimit;
use super::words::{Verb, address, reply_code, verb};
use crate::client::submission::Protocol;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::timeout;

/// Lines of one reply, at most.
const REPLY_LINES: usize = 100;
/// Recipients of one message, at most.
const RECIPIENTS: usize = 1_000;

/// The connection is to be closed.
pub(super) struct Over;

impl From<Closed> for Over {
    fn from(_: Closed) -> Over {
        Over
    }
}

/// What one exchange comes to.
pub(super) type Step<T = ()> = Result<T, Over>;

/// Who will answer for the message.
pub(super) enum Route {
    /// No recipient was taken yet.
    Open,
    /// The mail server, for these recipients.
    Forward(VecDeque<Stay>),
    /// The spool, for this recipient's address.
    Queue(String, QueueLimit),
}

/// From MAIL FROM on.
pub(super) struct Transaction {
    /// The MAIL FROM line.
    pub(super) mail: Vec<u8>,
    /// The mail server has taken it.
    passed_on: bool,
    /// It was counted as an arrival.
    counted: bool,
    pub(super) route: Route,
}

/// One connection.
pub(super) struct MailSession {
    pub(super) client: Peer,
    pub(super) desk: Arc<Desk>,
    pub(super) pass: Pass,
    pub(super) protocol: Protocol,
    pub(super) transaction: Option<Transaction>,
    backend: Option<Peer>,
    address: String,
    hello: Option<Vec<u8>>,
}

impl MailSession {
    /// Serves a connection to its end.
    pub(super) async fn serve(
        client: Peer,
        desk: Arc<Desk>,
        pass: Pass,
        protocol: Protocol,
        address: String,
    ) {
        let limit = desk.timeout;
        let (transaction, backend, hello) = (None, None, None);
        let mut session = MailSession { client, desk, pass, protocol, transaction, backend, address, hello };
        // Over is how every connection ends.
        drop(session.converse().await);
        let MailSession { client, backend, transaction, .. } = session;
        drop(client);
        if let Some(backend) = backend {
            backend.part(limit).await;
        }
        drop(transaction);
    }

    async fn converse(&mut self) -> Step {
        self.pass.open().await?;
        let sender = self.pass.rules().for_sender();
        match sender {
            SenderAnswer::Forward => {
                self.connect().await?;
                self.relay_reply().await?;
            }
            SenderAnswer::Hear | SenderAnswer::Queue(_) | SenderAnswer::Say(_) | SenderAnswer::Nothing => {
                self.say_greeting().await?;
            }
        }
        loop {
            let line = self.hear_command().await?;
            self.pass.open().await?;
            self.command(line).await?;
        }
    }

    async fn command(&mut self, line: Vec<u8>) -> Step {
        match verb(&line) {
            Verb::Hello => self.hello(line).await,
            Verb::Mail => self.mail(line).await,
            Verb::Rcpt => self.rcpt(line).await,
            Verb::Data => self.data(line).await,
            Verb::Reset => {
                let code = self.pass_on_or(&line, "250 2.0.0 reset").await;
                self.transaction = None;
                code
            }
            Verb::Quit => {
                self.pass_on_or(&line, "221 2.0.0 bye").await?;
                Err(Over)
            }
            Verb::Nothing => self.pass_on_or(&line, "250 2.0.0 here").await,
            // What follows such a command is not ours to understand.
            Verb::Opaque => self.say("421 4.7.0 the front door does not let this command through").await,
            Verb::Other => self.pass_on_or(&line, "502 5.5.1 not now").await,
        }
    }

    async fn hello(&mut self, line: Vec<u8>) -> Step {
        self.transaction = None;
        self.hello = Some(line.clone());
        match self.backend {
            Some(_) => self.ask(&line).await.map(drop),
            None => self.say_hello().await,
        }
    }

    async fn mail(&mut self, line: Vec<u8>) -> Step {
        if self.transaction.is_some() {
            return self.say("503 5.5.1 one sender at a time").await;
        }
        loop {
            let answer = self.pass.rules().for_sender();
            match answer {
                SenderAnswer::Nothing => self.pass.open().await?,
                SenderAnswer::Say(text) => return self.say(&text).await,
                SenderAnswer::Queue(limit) if self.desk.spool.room(0, limit).is_none() => {
                    return self.say(super::queueing::FULL).await;
                }
                SenderAnswer::Queue(_) | SenderAnswer::Hear => {
                    self.backend = None;
                    self.begin(line, false);
                    return self.say("250 2.1.0 sender heard").await;
                }
                SenderAnswer::Forward => {
                    if self.pass_mail_on(&line).await? {
                        self.begin(line, true);
                    }
                    return Ok(());
                }
            }
        }
    }

    fn begin(&mut self, mail: Vec<u8>, passed_on: bool) {
        self.transaction = Some(Transaction { mail, passed_on, counted: false, route: Route::Open });
    }

    /// Passes MAIL FROM and its reply on; whether it was taken. A connection to the mail server is made if there is none.
    async fn pass_mail_on(&mut self, line: &[u8]) -> Step<bool> {
        if let Some(refusal) = self.reach().await? {
            self.say_bytes(&refusal).await?;
            return Ok(false);
        }
        Ok(self.ask(line).await? / 100 == 2)
    }

    async fn rcpt(&mut self, line: Vec<u8>) -> Step {
        if self.transaction.is_none() {
            return self.say("503 5.5.1 the sender first").await;
        }
        let Some(to) = address(&line) else {
            return self.say("501 5.1.3 this address is not understood").await;
        };
        loop {
            let (answer, stay) = self.desk.control.recipient(&user_name(&to));
            match (answer, stay) {
                (MailAnswer::Nothing, _) => self.pass.open().await?,
                (MailAnswer::Say(text), _) => return self.say(&text).await,
                (MailAnswer::Queue(limit), _) => return self.queue_recipient(to, limit).await,
                (MailAnswer::Forward, stay) => return self.forward_recipient(&line, stay).await,
            }
        }
    }

    async fn queue_recipient(&mut self, to: String, limit: QueueLimit) -> Step {
        let Some(transaction) = self.transaction.as_mut() else { return Err(Over) };
        if !matches!(transaction.route, Route::Open) {
            return self.say("452 4.5.3 one recipient at a time").await;
        }
        transaction.route = Route::Queue(to, limit);
        // It took no recipient, and the next sender must find it without one.
        transaction.passed_on = false;
        self.backend = None;
        self.say("250 2.1.5 recipient heard").await
    }

    async fn forward_recipient(&mut self, line: &[u8], stay: Option<Stay>) -> Step {
        let Some(transaction) = self.transaction.as_mut() else { return Err(Over) };
        match &transaction.route {
            Route::Queue(..) => return self.say("452 4.5.3 one recipient at a time").await,
            Route::Forward(stays) if stays.len() >= RECIPIENTS => {
                return self.say("452 4.5.3 too many recipients").await;
            }
            Route::Forward(_) | Route::Open => {}
        }
        if !transaction.counted && !self.desk.control.arrival_token() {
            return self.say("451 4.7.1 too much mail at once, try again later").await;
        }
        transaction.counted = true;
        if let Some(refusal) = self.mail_reached().await? {
            return self.say_bytes(&refusal).await;
        }
        let taken = self.ask_holding(line, stay).await?;
        let Some(transaction) = self.transaction.as_mut() else { return Err(Over) };
        if let Some(stay) = taken {
            match &mut transaction.route {
                Route::Forward(stays) => stays.push_back(stay),
                Route::Open | Route::Queue(..) => transaction.route = Route::Forward(VecDeque::from([stay])),
            }
        }
        Ok(())
    }

    /// Passes a recipient on. Until the reply it is under way, whoever leaves; after it, if it was taken.
    async fn ask_holding(&mut self, line: &[u8], stay: Option<Stay>) -> Step<Option<Stay>> {
        let asked = self.ask(line).await;
        match asked {
            Ok(code) if code / 100 == 2 => Ok(stay),
            Ok(_) => Ok(None),
            Err(over) => {
                if let (Some(stay), Some(transaction)) = (stay, self.transaction.as_mut()) {
                    transaction.route = match std::mem::replace(&mut transaction.route, Route::Open) {
                        Route::Forward(stays) => Route::Forward(stays.into_iter().chain([stay]).collect()),
                        Route::Open | Route::Queue(..) => Route::Forward(VecDeque::from([stay])),
                    };
                }
                Err(over)
            }
        }
    }

    /// The mail server has the sender, who may have been heard by the door alone; otherwise its refusal.
    async fn mail_reached(&mut self) -> Step<Option<Vec<u8>>> {
        let Some(Transaction { passed_on: false, mail, .. }) = &self.transaction else { return Ok(None) };
        let mail = mail.clone();
        if let Some(refusal) = self.reach().await? {
            return Ok(Some(refusal));
        }
        let refusal = self.ask_unheard(&mail).await?;
        if let (None, Some(transaction)) = (&refusal, self.transaction.as_mut()) {
            transaction.passed_on = true;
        }
        Ok(refusal)
    }

    async fn data(&mut self, line: Vec<u8>) -> Step {
        match self.transaction.as_ref().map(|transaction| &transaction.route) {
            None | Some(Route::Open) => self.say("503 5.5.1 no recipient was taken").await,
            Some(Route::Queue(..)) => self.take_over().await,
            Some(Route::Forward(_)) => self.forward_data(&line).await,
        }
    }

    async fn forward_data(&mut self, line: &[u8]) -> Step {
        loop {
            let answer = self.pass.rules().for_data();
            match answer {
                MailAnswer::Nothing => self.pass.open().await?,
                MailAnswer::Forward | MailAnswer::Queue(_) => break,
                MailAnswer::Say(text) => {
                    // The mail server never hears of the message.
                    self.backend = None;
                    self.transaction = None;
                    return self.say(&text).await;
                }
            }
        }
        if self.ask(line).await? != 354 {
            return Ok(());
        }
        self.relay_message().await?;
        self.relay_final_replies().await
    }

    /// One reply for each recipient in LMTP, one for all in SMTP; with it the transaction of whom it is for is over.
    async fn relay_final_replies(&mut self) -> Step {
        let recipients = match &self.transaction {
            Some(Transaction { route: Route::Forward(stays), .. }) => stays.len(),
            Some(_) | None => 0,
        };
        let replies = if self.protocol == Protocol::Lmtp { recipients } else { 1 };
        for _ in 0..replies {
            self.relay_reply().await?;
            if let Some(Transaction { route: Route::Forward(stays), .. }) = &mut self.transaction {
                stays.pop_front();
            }
        }
        self.transaction = None;
        Ok(())
    }

    /// Up to the dot and with it.
    async fn relay_message(&mut self) -> Step {
        let mut finder = DotFinder::new();
        loop {
            let piece = self.hear_piece().await?;
            self.pass.open().await?;
            let end = finder.end_in(&piece);
            let (message, rest) = piece.split_at(end.unwrap_or(piece.len()));
            self.tell_backend(message).await?;
            if end.is_some() {
                self.client.inbox.put_back(rest);
                return Ok(());
            }
        }
    }

    /// A command of the client. If the mail server closes meanwhile, its last words are passed on.
    async fn hear_command(&mut self) -> Step<Vec<u8>> {
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
        let MailSession { client: Peer { inbox, outbox }, pass, desk, .. } = self;
        tokio::select! {
            biased;
            open = pass.open() => open?,
            () = inbox.gone() => return Err(Over),
        }
        let said = timeout(desk.timeout, tokio::io::AsyncWriteExt::write_all(outbox, bytes)).await;
        said.ok().and_then(Result::ok).ok_or(Over)
    }

    async fn connect(&mut self) -> Step {
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
    async fn reach(&mut self) -> Step<Option<Vec<u8>>> {
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
    async fn pass_on_or(&mut self, line: &[u8], own: &str) -> Step {
        match self.backend {
            Some(_) => self.ask(line).await.map(drop),
            None => self.say(own).await,
        }
    }

    /// Passes a line on and relays the reply; returns its code.
    async fn ask(&mut self, line: &[u8]) -> Step<u16> {
        self.tell_backend(line).await?;
        self.relay_reply().await
    }

    /// Tells the mail server something and keeps a positive reply to ourselves; a negative one is returned.
    async fn ask_unheard(&mut self, line: &[u8]) -> Step<Option<Vec<u8>>> {
        self.tell_backend(line).await?;
        self.unheard_reply().await
    }

    async fn tell_backend(&mut self, bytes: &[u8]) -> Step {
        let MailSession { client, backend: Some(backend), pass, .. } = self else { return Err(Over) };
        let telling = tokio::io::AsyncWriteExt::write_all(&mut backend.outbox, bytes);
        tokio::select! {
            biased;
            () = pass.closed() => Err(Over),
            told = timeout(PATIENCE, telling) => told.ok().and_then(Result::ok).ok_or(Over),
            () = client.inbox.gone() => Err(Over),
        }
    }

    /// Relays one reply, line by line; returns its code.
    async fn relay_reply(&mut self) -> Step<u16> {
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
