//! A session for one user that comes back when the server went away for a moment.

use super::taking::{Stopped, goes_on};
use crate::mail::client::Failure;
use crate::mail::client::credentials::Credentials;
use crate::mail::client::imap::{Selected, Session};
use crate::tls::endpoint::Endpoint;
use record::history::Trouble;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest silence of a server amid an answer.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a server may be away.
const AWAY: Duration = Duration::from_secs(30);
/// Between two tries to reach it.
const TRY: Duration = Duration::from_millis(250);

pub(super) struct Connection {
    endpoint: Endpoint,
    who: Credentials,
    pub(super) session: Session,
    /// Names are UTF-8, and so may be headers (RFC 6855).
    pub(super) utf8: bool,
}

/// Why there is no session.
pub(super) enum NoSession {
    /// The server answered: not this user, or not so.
    Refused(String),
    Stopped(Stopped),
}

impl Connection {
    pub(super) async fn of(endpoint: &Endpoint, who: Credentials) -> Result<Connection, NoSession> {
        let (session, utf8) = log_in(endpoint, &who).await?;
        Ok(Connection { endpoint: endpoint.clone(), who, session, utf8 })
    }

    /// Logs in anew and opens the folder.
    pub(super) async fn again(&mut self, mailbox: &str) -> Result<Result<Selected, String>, Stopped> {
        match log_in(&self.endpoint, &self.who).await {
            Ok((session, utf8)) => (self.session, self.utf8) = (session, utf8),
            Err(NoSession::Stopped(stopped)) => return Err(stopped),
            Err(NoSession::Refused(why)) => return Err(Stopped::Gone(why)),
        }
        Ok(self.session.select(mailbox, true).await.map_err(|failure| self.words(&failure)))
    }

    /// What a failure said, without the password, which a server may repeat.
    pub(super) fn words(&self, failure: &Failure) -> String {
        words(failure, &self.who)
    }
}

async fn log_in(endpoint: &Endpoint, who: &Credentials) -> Result<(Session, bool), NoSession> {
    let until = Instant::now() + AWAY;
    loop {
        goes_on().map_err(NoSession::Stopped)?;
        let failure = match opened(endpoint, who).await {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        if failure.trouble == Trouble::Insecure {
            let why = failure.reply.unwrap_or_default();
            return Err(NoSession::Stopped(Stopped::Insecure(why)));
        }
        if !is_away(&failure) {
            return Err(NoSession::Refused(format!("cannot log in: {}", words(&failure, who))));
        }
        if Instant::now() >= until {
            let (silent, address) = (AWAY.as_secs(), endpoint.address());
            let why = words(&failure, who);
            return Err(NoSession::Stopped(Stopped::Gone(format!(
                "{address} has been away for {silent} s: {why}"
            ))));
        }
        sleep(TRY).await;
    }
}

async fn opened(endpoint: &Endpoint, who: &Credentials) -> Result<(Session, bool), Failure> {
    let mut session = Session::login(endpoint, who, SILENCE).await?;
    session.be_patient(SILENCE);
    let utf8 = session.offers("UTF8=ACCEPT").await? || session.offers("UTF8=ONLY").await?;
    let utf8 = utf8 && session.enable_utf8().await;
    Ok((session, utf8))
}

/// Nobody answered, or no longer.
pub(super) fn is_away(failure: &Failure) -> bool {
    matches!(failure.trouble, Trouble::Disconnected | Trouble::TimedOut)
}

fn words(failure: &Failure, who: &Credentials) -> String {
    let trouble = match failure.trouble {
        Trouble::Disconnected => "the server closed the connection, or could not be reached",
        Trouble::TimedOut => "the server did not answer in time",
        Trouble::Garbled => "the server's answer cannot be read",
        Trouble::RefusedTransient => "the server answered NO",
        Trouble::RefusedPermanent => "the server answered BAD",
        Trouble::Saturated => "it was never asked",
        Trouble::Insecure => "nothing was said to it",
    };
    let reply = who.taken_out_of(failure.reply.as_deref().unwrap_or_default());
    if reply.is_empty() { trouble.to_owned() } else { format!("{trouble}: {reply}") }
}
