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
use super::desk::Desk;
use super::dot::DotFinder;
use super::peer::Peer;
use super::transaction::{Route, Transaction};
use super::words::{Verb, address, verb};
use record::history::Protocol;
use record::plan::front_door::QueueLimit;
use std::sync::Arc;

/// The connection is to be closed.
pub(crate) struct Over;

impl From<Closed> for Over {
    fn from(_: Closed) -> Over {
        Over
    }
}

/// What one exchange comes to.
pub(crate) type Step<T = ()> = Result<T, Over>;

pub(crate) struct MailSession {
    pub(super) client: Peer,
    pub(super) desk: Arc<Desk>,
    pub(super) pass: Pass,
    pub(super) protocol: Protocol,
    pub(super) transaction: Option<Transaction>,
    /// The mail server, once it was needed.
    pub(super) backend: Option<Peer>,
    /// Where the mail server is.
    pub(super) address: String,
    /// What the client said it is.
    pub(super) hello: Option<Vec<u8>>,
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
        self.gate().await?;
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
            self.gate().await?;
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
                SenderAnswer::Nothing => self.gate().await?,
                SenderAnswer::Say(text) => return self.say(&text).await,
                SenderAnswer::Queue(limit) if self.desk.spool.room(0, limit).is_none() => {
                    return self.say(super::words::FULL).await;
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
        self.transaction = Some(Transaction::new(mail, passed_on));
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
            match self.desk.control.recipient(&user_name(&to)) {
                Err(MailAnswer::Nothing | MailAnswer::Forward) => self.gate().await?,
                Err(MailAnswer::Say(text)) => return self.say(&text).await,
                Err(MailAnswer::Queue(limit)) => return self.queue_recipient(to, limit).await,
                Ok(stay) => return self.forward_recipient(&line, stay).await,
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

    async fn forward_recipient(&mut self, line: &[u8], stay: Stay) -> Step {
        let Some(transaction) = self.transaction.as_mut() else { return Err(Over) };
        match &transaction.route {
            Route::Queue(..) => return self.say("452 4.5.3 one recipient at a time").await,
            Route::Forward(_) if transaction.is_full() => {
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
        // It is under way from now on; if it is taken, until the final reply, and if somebody leaves, until that is over.
        self.transaction.as_mut().ok_or(Over)?.hold(stay);
        if self.ask(line).await? / 100 != 2 {
            self.transaction.as_mut().ok_or(Over)?.let_go();
        }
        Ok(())
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
                MailAnswer::Nothing => self.gate().await?,
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
        let recipients = self.transaction.as_ref().map_or(0, Transaction::recipients);
        let replies = if self.protocol == Protocol::Lmtp { recipients } else { 1 };
        for _ in 0..replies {
            self.relay_reply().await?;
            self.transaction.as_mut().ok_or(Over)?.answered();
        }
        self.transaction = None;
        Ok(())
    }

    /// Up to the dot and with it.
    async fn relay_message(&mut self) -> Step {
        let mut finder = DotFinder::new();
        loop {
            let piece = self.hear_piece().await?;
            self.gate().await?;
            let end = finder.end_in(&piece);
            let (message, rest) = piece.split_at(end.unwrap_or(piece.len()));
            self.tell_backend(message).await?;
            if end.is_some() {
                self.client.inbox.put_back(rest);
                return Ok(());
            }
        }
    }
}
