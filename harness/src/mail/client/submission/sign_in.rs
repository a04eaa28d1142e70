//! Proves to a server who submits, where it asks for that (RFC 4954).

use super::session::Session;
use super::{expect, read_reply};
use crate::mail::client::credentials::{Credentials, Way};
use crate::mail::client::failure::Failure;
use record::history::{Outcome, Trouble};
use record::plan::server::sign_in::Mechanism;

/// Which ways to sign in are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Authentication {
    plain: bool,
    login: bool,
    xoauth2: bool,
}

impl Authentication {
    /// `AUTH PLAIN LOGIN`, of a hello's reply.
    pub(super) fn note(&mut self, keyword: &[u8]) {
        let mut words = keyword.split(|byte| *byte == b' ' || *byte == b'=').filter(|word| !word.is_empty());
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH")) {
            return;
        }
        for word in words {
            self.plain |= word.eq_ignore_ascii_case(b"PLAIN");
            self.login |= word.eq_ignore_ascii_case(b"LOGIN");
            self.xoauth2 |= word.eq_ignore_ascii_case(b"XOAUTH2");
        }
    }
}

impl Session {
    /// Where nothing is offered nothing is asked: the server says itself what it does not take from strangers.
    ///
    /// # Errors
    /// It was refused, or is not offered in the way that is wanted; then without what was to be kept secret.
    pub(super) async fn sign_in(&mut self, who: &Credentials, offers: Authentication) -> Result<(), Failure> {
        if offers == Authentication::default() {
            return Ok(());
        }
        let mechanism = match who.way {
            Way::AtOnce => Mechanism::Any,
            Way::Offered(mechanism) => mechanism,
        };
        let signed = match mechanism {
            Mechanism::Any | Mechanism::Plain if offers.plain => {
                self.ask(&format!("AUTH PLAIN {}\r\n", who.plain()), 2).await.map(drop)
            }
            Mechanism::Any | Mechanism::Login if offers.login && !who.needs_sasl() => {
                self.by_login(who).await
            }
            Mechanism::Xoauth2 if offers.xoauth2 => self.by_token(who).await,
            Mechanism::Any | Mechanism::Plain | Mechanism::Login | Mechanism::Xoauth2 => {
                let why = format!("the server offers no AUTH that was asked for ({mechanism})");
                Err(Failure { outcome: Outcome::Fail, trouble: Trouble::Insecure, reply: Some(why) })
            }
        };
        signed.map_err(|failure| {
            let reply = failure.reply.as_deref().map(|reply| who.taken_out_of(reply));
            Failure { reply, ..failure }
        })
    }

    async fn by_login(&mut self, who: &Credentials) -> Result<(), Failure> {
        self.ask("AUTH LOGIN\r\n", 3).await?;
        self.ask(&format!("{}\r\n", who.login_in_base64()), 3).await?;
        self.ask(&format!("{}\r\n", who.secret_in_base64()), 2).await.map(drop)
    }

    /// A server that refuses says why first, and waits for an empty line.
    async fn by_token(&mut self, who: &Credentials) -> Result<(), Failure> {
        self.say(&format!("AUTH XOAUTH2 {}\r\n", who.xoauth2())).await?;
        let first = read_reply(&mut self.wire, |_| {}).await?;
        if first.code / 100 == 3 {
            self.say("\r\n").await?;
            return expect(&mut self.wire, 2).await.map(drop);
        }
        super::of_class(first, 2).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Door, submit};
    use super::*;
    use crate::mail::client::script::{Act, serve};
    use crate::tls::endpoint::Endpoint;
    use record::history::Protocol;
    use std::time::Duration;

    async fn sent(mechanism: Mechanism, acts: &[Act]) -> Result<String, Failure> {
        let hello = [Act::Say("220 hi\r\n"), Act::Hear("EHLO fermoposta.invalid\r\n")];
        let mail = [
            Act::Hear("MAIL FROM:<s@x>\r\n"),
            Act::Say("250 ok\r\n"),
            Act::Hear("RCPT TO:<u@x>\r\n"),
            Act::Say("250 ok\r\n"),
            Act::Hear("DATA\r\n"),
            Act::Say("354 go\r\n"),
            Act::Hear("A: b\r\n.\r\n"),
            Act::Say("250 stored\r\n"),
        ];
        let server = serve([&hello, acts, &mail].concat()).await;
        let (endpoint, who) =
            (Endpoint::plain(&server.address), Credentials::offered("s", "hidden", None, mechanism));
        let door = Door { protocol: Protocol::Smtp, endpoint: &endpoint, who: Some(&who) };
        submit(door, ("s@x", "u@x"), b"A: b\r\n", Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn every_way_that_is_offered_works() {
        let plain = [
            Act::Say("250-x\r\n250 AUTH PLAIN LOGIN\r\n"),
            Act::Hear("AUTH PLAIN AHMAaGlkZGVu\r\n"),
            Act::Say("235 in\r\n"),
        ];
        assert_eq!(sent(Mechanism::Any, &plain).await, Ok("250 stored".to_owned()));
        let login = [
            Act::Say("250-x\r\n250 AUTH=LOGIN\r\n"),
            Act::Hear("AUTH LOGIN\r\n"),
            Act::Say("334 VXNlcm5hbWU6\r\n"),
            Act::Hear("cw==\r\n"),
            Act::Say("334 UGFzc3dvcmQ6\r\n"),
            Act::Hear("aGlkZGVu\r\n"),
            Act::Say("235 in\r\n"),
        ];
        assert_eq!(sent(Mechanism::Any, &login).await, Ok("250 stored".to_owned()));
        let token = [
            Act::Say("250-x\r\n250 AUTH XOAUTH2\r\n"),
            Act::Hear("AUTH XOAUTH2 dXNlcj1zAWF1dGg9QmVhcmVyIGhpZGRlbgEB\r\n"),
            Act::Say("235 in\r\n"),
        ];
        assert_eq!(sent(Mechanism::Xoauth2, &token).await, Ok("250 stored".to_owned()));
        assert_eq!(sent(Mechanism::Any, &[Act::Say("250 x\r\n")]).await, Ok("250 stored".to_owned()));
    }

    #[tokio::test]
    async fn a_refusal_is_certain_and_repeats_no_secret() {
        let refused = [
            Act::Say("250 AUTH XOAUTH2\r\n"),
            Act::Hear("AUTH XOAUTH2 dXNlcj1zAWF1dGg9QmVhcmVyIGhpZGRlbgEB\r\n"),
            Act::Say("334 eyJzdGF0dXMiOiI0MDAifQ==\r\n"),
            Act::Hear("\r\n"),
            Act::Say("535 no hidden here\r\n"),
            Act::Close,
        ];
        let said = Err(Failure::refused(Trouble::RefusedPermanent, b"535 no (password) here"));
        assert_eq!(sent(Mechanism::Xoauth2, &refused).await, said);
        let why = sent(Mechanism::Plain, &[Act::Say("250 AUTH LOGIN\r\n"), Act::Close])
            .await
            .expect_err("not offered");
        insta::assert_snapshot!(why.reply.unwrap_or_default(), @"the server offers no AUTH that was asked for (plain)");
    }
}
