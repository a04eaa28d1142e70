//! The way into a session: the connection secured where that is wanted, and the user proved in a way that the server offers.

use super::{Response, Session, quote, refusal};
use crate::mail::client::credentials::{Credentials, Way};
use crate::mail::client::failure::Failure;
use crate::mail::client::response::{Condition, Value};
use crate::mail::client::wire::Wire;
use crate::tls::endpoint::Endpoint;
use crate::tls::trust::Secure;
use record::history::{Outcome, Trouble};
use record::plan::server::sign_in::Mechanism;
use std::time::Duration;

/// How a user is to be proved.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    Login,
    Plain,
    Xoauth2,
}

/// No password may go over such a connection; nothing was said that could be overheard.
fn unsafe_to_go_on(why: impl Into<String>) -> Failure {
    Failure { outcome: Outcome::Fail, trouble: Trouble::Insecure, reply: Some(why.into()) }
}

impl Session {
    /// Connects and logs in; all requests until [`Session::extend`] end within `limit`.
    ///
    /// # Errors
    /// No greeting, no safe connection where one is wanted, or the login was refused; then without what was to be kept secret.
    pub(crate) async fn login(
        endpoint: &Endpoint,
        who: &Credentials,
        limit: Duration,
    ) -> Result<Session, Failure> {
        let wire = Wire::connect(endpoint, limit).await?;
        let mut session = Session { wire, next_tag: 1, bye: None, silence: None };
        let greeted = session.greeting().await?;
        if let Some(secure) = endpoint.once_agreed() {
            session = session.starttls(greeted, secure).await?;
        }
        if greeted == Condition::Ok {
            let without = |failure: Failure| {
                let reply = failure.reply.as_deref().map(|reply| who.taken_out_of(reply));
                Failure { reply, ..failure }
            };
            session.sign_in(who).await.map_err(without)?;
        }
        Ok(session)
    }

    async fn starttls(mut self, greeted: Condition, secure: &Secure) -> Result<Session, Failure> {
        if greeted == Condition::PreAuth {
            return Err(unsafe_to_go_on(
                "the server has let us in before STARTTLS, and cannot secure the connection any more",
            ));
        }
        let agreed = self.command("STARTTLS").await;
        agreed.map_err(|failure| match failure.outcome {
            Outcome::Fail => unsafe_to_go_on(format!(
                "the server refuses STARTTLS; nothing more was said on the open connection: {}",
                failure.reply.unwrap_or_default()
            )),
            Outcome::Ok | Outcome::Info => failure,
        })?;
        let wire = self.wire.secured(secure).await?;
        Ok(Session { wire, ..self })
    }

    async fn sign_in(&mut self, who: &Credentials) -> Result<(), Failure> {
        let Way::Offered(mechanism) = who.way else { return self.by_login(who).await };
        let offers = self.capabilities().await?;
        let at_once = offers.iter().any(|offer| offer == "SASL-IR");
        match chosen(mechanism, who.needs_sasl(), &offers).map_err(unsafe_to_go_on)? {
            Proof::Login => self.by_login(who).await,
            Proof::Plain => self.authenticate("PLAIN", &who.plain(), at_once).await,
            Proof::Xoauth2 => self.authenticate("XOAUTH2", &who.xoauth2(), at_once).await,
        }
    }

    async fn by_login(&mut self, who: &Credentials) -> Result<(), Failure> {
        let command = format!("LOGIN {} {}", quote(who.login()), quote(who.secret()));
        self.command(&command).await.map(drop)
    }

    /// All that CAPABILITY names, in capitals.
    async fn capabilities(&mut self) -> Result<Vec<String>, Failure> {
        let done = self.command("CAPABILITY").await?;
        let said = done.data.iter().filter(|data| data.first().is_some_and(|verb| verb.is("CAPABILITY")));
        Ok(said.flatten().filter_map(Value::text).map(|word| word.to_ascii_uppercase()).collect())
    }

    /// A server that refuses a token says why first, and waits for an empty line.
    async fn authenticate(&mut self, mechanism: &str, proof: &str, at_once: bool) -> Result<(), Failure> {
        let tag = self.tag();
        if at_once {
            self.send(format!("{tag} AUTHENTICATE {mechanism} {proof}\r\n").as_bytes()).await?;
        } else {
            self.send(format!("{tag} AUTHENTICATE {mechanism}\r\n").as_bytes()).await?;
            self.wait_for_go_ahead(&tag).await?;
            self.send(format!("{proof}\r\n").as_bytes()).await?;
        }
        loop {
            match self.read().await? {
                Response::Continue => self.send(b"\r\n").await?,
                Response::Status { tag: t, condition: Condition::Ok, .. } if t == tag => return Ok(()),
                Response::Status { tag: t, condition, text } if t == tag => {
                    return Err(refusal(condition, &text));
                }
                Response::Status { condition, text, .. } => self.note_bye(condition, &text),
                Response::Data(_) => {}
            }
        }
    }
}

/// What is wanted, as far as the server offers it.
fn chosen(mechanism: Mechanism, needs_sasl: bool, offers: &[String]) -> Result<Proof, &'static str> {
    let offered = |name: &str| offers.iter().any(|offer| offer == name);
    let plain = offered("AUTH=PLAIN").then_some(Proof::Plain);
    let login = (!offered("LOGINDISABLED") && !needs_sasl).then_some(Proof::Login);
    let proof = match mechanism {
        Mechanism::Any => plain.or(login),
        Mechanism::Plain => plain,
        Mechanism::Login => login,
        Mechanism::Xoauth2 => offered("AUTH=XOAUTH2").then_some(Proof::Xoauth2),
    };
    proof.ok_or_else(|| {
        if offered("LOGINDISABLED") {
            "the server takes no password on this connection (LOGINDISABLED): it wants TLS first, as imaps or by STARTTLS"
        } else if needs_sasl {
            "to sign in for another user needs AUTH=PLAIN, which the server does not offer here"
        } else {
            "the server does not offer this way to sign in here; it may want TLS first, or another `sign-in`"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::client::script::{Act, serve};

    const LIMIT: Duration = Duration::from_secs(5);

    async fn signed_in(who: &Credentials, acts: Vec<Act>) -> Result<(), Failure> {
        let mut all = vec![Act::Say("* OK hi\r\n"), Act::Command("CAPABILITY")];
        all.extend(acts);
        let server = serve(all).await;
        let signed = Session::login(&Endpoint::plain(&server.address), who, LIMIT).await.map(drop);
        server.finished().await;
        signed
    }

    fn anna(mechanism: Mechanism) -> Credentials {
        Credentials::offered("anna", "hidden", None, mechanism)
    }

    #[tokio::test]
    async fn plain_is_taken_where_it_is_offered_with_or_without_a_round_trip() {
        let offers = |more| vec![Act::Say(more), Act::Tagged("OK\r\n")];
        let mut at_once = offers("* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n");
        at_once.extend([Act::Command("AUTHENTICATE PLAIN AGFubmEAaGlkZGVu"), Act::Tagged("OK in\r\n")]);
        signed_in(&anna(Mechanism::Any), at_once).await.expect("signed in");
        let mut in_turn = offers("* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED\r\n");
        in_turn.extend([Act::Command("AUTHENTICATE PLAIN"), Act::Say("+ \r\n")]);
        in_turn.extend([
            Act::Hear("YW5uYUB4AG1hc3RlcgBoaWRkZW4=\r\n"),
            Act::Say("* CAPABILITY X\r\n"),
            Act::Tagged("OK in\r\n"),
        ]);
        let master = Credentials::offered("master", "hidden", Some("anna@x"), Mechanism::Any);
        signed_in(&master, in_turn).await.expect("signed in");
        let mut login = offers("* CAPABILITY IMAP4rev1\r\n");
        login.extend([Act::Command("LOGIN \"anna\" \"hidden\""), Act::Tagged("OK in\r\n")]);
        signed_in(&anna(Mechanism::Any), login).await.expect("signed in");
    }

    #[tokio::test]
    async fn a_refused_token_is_answered_and_no_refusal_repeats_the_secret() {
        let acts = vec![
            Act::Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n"),
            Act::Tagged("OK\r\n"),
            Act::Command("AUTHENTICATE XOAUTH2 dXNlcj1hbm5hAWF1dGg9QmVhcmVyIGhpZGRlbgEB"),
            Act::Say("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"),
            Act::Hear("\r\n"),
            Act::Tagged("NO hidden is not valid\r\n"),
        ];
        let refused = signed_in(&anna(Mechanism::Xoauth2), acts).await.expect_err("refused");
        assert_eq!(refused, Failure::refused(Trouble::RefusedTransient, b"(password) is not valid"));
    }

    #[tokio::test]
    async fn no_password_goes_where_the_server_wants_tls_first() {
        let said = |offers: &'static str, who: Credentials| async move {
            let acts = vec![Act::Say(offers), Act::Tagged("OK\r\n")];
            let refused = signed_in(&who, acts).await.expect_err("refused");
            assert_eq!(refused.trouble, Trouble::Insecure);
            refused.reply.unwrap_or_default()
        };
        let disabled = "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n";
        insta::assert_snapshot!(said(disabled, anna(Mechanism::Any)).await, @"the server takes no password on this connection (LOGINDISABLED): it wants TLS first, as imaps or by STARTTLS");
        let master = Credentials::offered("master", "hidden", Some("anna@x"), Mechanism::Any);
        insta::assert_snapshot!(said("* CAPABILITY IMAP4rev1\r\n", master).await, @"to sign in for another user needs AUTH=PLAIN, which the server does not offer here");
        insta::assert_snapshot!(said("* CAPABILITY IMAP4rev1\r\n", anna(Mechanism::Xoauth2)).await, @"the server does not offer this way to sign in here; it may want TLS first, or another `sign-in`");
    }
}
