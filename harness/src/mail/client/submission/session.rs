//! One connection, past its hello.

use super::sign_in::Authentication;
use super::{Door, Envelope, NO_SMTPUTF8, Reply, Told, expect, of_class, read_reply, send_message};
use crate::mail::client::wire::Wire;
use crate::mail::client::{Failure, sanitise};
use record::history::{Protocol, Trouble};
use std::time::Duration;

/// What the server says it can do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offers {
    pipelining: bool,
    eight_bit: bool,
    utf8: bool,
    starttls: bool,
    pub(super) authentication: Authentication,
}

impl Offers {
    fn note(&mut self, line: &[u8]) {
        let keyword = line.get(4..).unwrap_or_default().trim_ascii_end();
        self.pipelining |= keyword.eq_ignore_ascii_case(b"PIPELINING");
        self.eight_bit |= keyword.eq_ignore_ascii_case(b"8BITMIME");
        self.utf8 |= keyword.eq_ignore_ascii_case(b"SMTPUTF8");
        self.starttls |= keyword.eq_ignore_ascii_case(b"STARTTLS");
        self.authentication.note(keyword);
    }
}

/// What a server said to the recipients of a message, by their places in the envelope.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// Those it took, in their order. If there are any, it waits for the message.
    pub(super) taken: Vec<usize>,
    pub(super) refused: Vec<(usize, Failure)>,
}

impl Begun {
    /// # Errors
    /// The server neither took nor refused it.
    fn note(&mut self, recipient: usize, reply: Result<Reply, Failure>) -> Result<(), Failure> {
        match reply {
            Ok(_) => self.taken.push(recipient),
            Err(failure) if is_refusal(&failure) && !is_parting(&failure) => {
                self.refused.push((recipient, failure.before()));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// A connection past its hello. After an error it is of no more use.
pub(super) struct Session {
    pub(super) wire: Wire,
    protocol: Protocol,
    offers: Offers,
}

impl Session {
    /// Connects, greets and signs in. All that is done on it ends within `limit`, unless that is extended.
    pub(super) async fn open(door: Door<'_>, limit: Duration) -> Result<Session, Failure> {
        Session::ready(door, limit).await.map_err(Failure::before)
    }

    async fn ready(door: Door<'_>, limit: Duration) -> Result<Session, Failure> {
        let protocol = door.protocol;
        let mut wire = Wire::connect(door.endpoint, limit).await?;
        expect(&mut wire, 2).await?;
        let mut offers = greet(&mut wire, protocol).await?;
        if let Some(secure) = door.endpoint.once_agreed() {
            if !offers.starttls {
                let why = "STARTTLS is not offered; nothing more was said on the open connection";
                return Err(Failure::unknown(Trouble::Insecure, Some(why.to_owned())));
            }
            wire.send(b"STARTTLS\r\n").await.map_err(|t| Failure::unknown(t, None))?;
            expect(&mut wire, 2).await?;
            wire = wire.secured(secure).await?;
            offers = greet(&mut wire, protocol).await?;
        }
        let mut session = Session { wire, protocol, offers };
        match door.who {
            Some(who) => session.sign_in(who, offers.authentication).await.map(|()| session),
            None => Ok(session),
        }
    }

    pub(super) fn extend(&mut self, limit: Duration) {
        self.wire.extend(limit);
    }

    /// Everything up to the server's 354. With `reset`, RSET goes before it.
    pub(super) async fn begin(
        &mut self,
        envelope: Envelope<'_>,
        message: &[u8],
        reset: bool,
    ) -> Result<Begun, Failure> {
        let body = if self.offers.eight_bit && !message.is_ascii() { " BODY=8BITMIME" } else { "" };
        if envelope.utf8 && !self.offers.utf8 {
            return Err(Failure::refused(Trouble::RefusedPermanent, NO_SMTPUTF8.as_bytes()));
        }
        let utf8 = if envelope.utf8 { " SMTPUTF8" } else { "" };
        let mail = format!("MAIL FROM:<{}>{body}{utf8}\r\n", envelope.from);
        let begun = match self.offers.pipelining {
            true => self.begin_at_once(&mail, envelope.to, reset).await,
            false => self.begin_in_turn(&mail, envelope.to, reset).await,
        };
        begun.map_err(Failure::before)
    }

    async fn begin_in_turn(&mut self, mail: &str, to: &[String], reset: bool) -> Result<Begun, Failure> {
        if reset {
            self.ask("RSET\r\n", 2).await?;
        }
        self.ask(mail, 2).await?;
        let mut begun = Begun::default();
        for (recipient, address) in to.iter().enumerate() {
            begun.note(recipient, self.ask(&rcpt(address), 2).await)?;
        }
        if !begun.taken.is_empty() {
            self.ask("DATA\r\n", 3).await?;
        }
        Ok(begun)
    }

    /// What a refused sender, or refused recipients, make of the commands after them is no answer of its own.
    async fn begin_at_once(&mut self, mail: &str, to: &[String], reset: bool) -> Result<Begun, Failure> {
        let rcpts: String = to.iter().map(|address| rcpt(address)).collect();
        let reset_first = if reset { "RSET\r\n" } else { "" };
        self.say(&format!("{reset_first}{mail}{rcpts}DATA\r\n")).await?;
        if reset {
            expect(&mut self.wire, 2).await?;
        }
        expect(&mut self.wire, 2).await?;
        let mut begun = Begun::default();
        for recipient in 0..to.len() {
            begun.note(recipient, expect(&mut self.wire, 2).await)?;
        }
        if !begun.taken.is_empty() {
            expect(&mut self.wire, 3).await?;
        }
        Ok(begun)
    }

    /// The message, and what becomes of whom the server `took`; whether the connection may be used again.
    pub(super) async fn finish(
        &mut self,
        taken: Vec<usize>,
        message: &[u8],
        tell: &mut impl FnMut(usize, Told),
    ) -> bool {
        let mut open = taken.into_iter();
        let ended = self.deliver(&mut open, message, tell).await;
        let failure = ended.as_ref().err();
        open.for_each(|recipient| tell(recipient, Err(failure.cloned().unwrap_or_else(nothing_said))));
        failure.is_none()
    }

    /// Those whose outcome is not told stay in `open`; an error is that of all of them.
    async fn deliver(
        &mut self,
        open: &mut std::vec::IntoIter<usize>,
        message: &[u8],
        tell: &mut impl FnMut(usize, Told),
    ) -> Result<(), Failure> {
        send_message(&mut self.wire, message).await?;
        if self.protocol == Protocol::Smtp {
            let reply = expect(&mut self.wire, 2).await?;
            open.for_each(|recipient| tell(recipient, Ok(sanitise(&reply.text))));
            return Ok(());
        }
        while let Some(recipient) = open.as_slice().first() {
            let told = match expect(&mut self.wire, 2).await {
                Err(failure) if !is_refusal(&failure) => return Err(failure),
                told => told.map(|reply| sanitise(&reply.text)),
            };
            tell(*recipient, told);
            open.next();
        }
        Ok(())
    }

    /// Whether the farewell is heard does not count.
    pub(super) fn leave(self) {
        self.wire.farewell(b"QUIT\r\n");
    }

    pub(super) async fn say(&mut self, words: &str) -> Result<(), Failure> {
        self.wire.send(words.as_bytes()).await.map_err(|trouble| Failure::unknown(trouble, None))
    }

    pub(super) async fn ask(&mut self, command: &str, class: u16) -> Result<Reply, Failure> {
        self.say(command).await?;
        expect(&mut self.wire, class).await
    }
}

fn rcpt(address: &str) -> String {
    format!("RCPT TO:<{address}>\r\n")
}

fn nothing_said() -> Failure {
    Failure::unknown(Trouble::Disconnected, None)
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.trouble, Trouble::RefusedTransient | Trouble::RefusedPermanent)
}

/// The server is done with the connection.
pub(super) fn is_parting(failure: &Failure) -> bool {
    failure.trouble == Trouble::Disconnected
        || failure.reply.as_ref().is_some_and(|reply| reply.starts_with("421"))
}

/// What is said before it is encrypted does not count afterwards: hello is said again.
async fn greet(wire: &mut Wire, protocol: Protocol) -> Result<Offers, Failure> {
    let hello = match protocol {
        Protocol::Lmtp => "LHLO fermoposta.invalid\r\n",
        Protocol::Smtp => "EHLO fermoposta.invalid\r\n",
    };
    wire.send(hello.as_bytes()).await.map_err(|t| Failure::unknown(t, None))?;
    let mut offers = Offers::default();
    let reply = read_reply(wire, |line| offers.note(line)).await?;
    of_class(reply, 2).map(|_| offers)
}
