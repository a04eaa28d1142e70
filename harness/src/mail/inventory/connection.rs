//! A session for one user that comes back when the server went away for a moment.

use super::taking::{Stopped, goes_on};
use crate::mail::client::Failure;
use crate::mail::client::imap::{Selected, Session};
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
    address: String,
    login: String,
    password: String,
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
    pub(super) async fn of(address: &str, login: &str, password: String) -> Result<Connection, NoSession> {
        let (session, utf8) = log_in(address, login, &password).await?;
        let (address, login) = (address.to_owned(), login.to_owned());
        Ok(Connection { address, login, password, session, utf8 })
    }

    /// Logs in anew and opens the folder.
    pub(super) async fn again(&mut self, mailbox: &str) -> Result<Result<Selected, String>, Stopped> {
        match log_in(&self.address, &self.login, &self.password).await {
            Ok((session, utf8)) => (self.session, self.utf8) = (session, utf8),
            Err(NoSession::Stopped(stopped)) => return Err(stopped),
            Err(NoSession::Refused(why)) => return Err(Stopped::Gone(why)),
        }
        Ok(self.session.select(mailbox, true).await.map_err(|failure| self.words(&failure)))
    }

    /// What a failure said, without the password, which a server may repeat.
    pub(super) fn words(&self, failure: &Failure) -> String {
        words(failure, &self.password)
    }
}

async fn log_in(address: &str, login: &str, password: &str) -> Result<(Session, bool), NoSession> {
    let until = Instant::now() + AWAY;
    loop {
        goes_on().map_err(NoSession::Stopped)?;
        let failure = match opened(address, login, password).await {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        if !is_away(&failure) {
            return Err(NoSession::Refused(format!("cannot log in: {}", words(&failure, password))));
        }
        if Instant::now() >= until {
            let silent = AWAY.as_secs();
            let why = words(&failure, password);
            return Err(NoSession::Stopped(Stopped::Gone(format!(
                "{address} has been away for {silent} s: {why}"
            ))));
        }
        sleep(TRY).await;
    }
}

async fn opened(address: &str, login: &str, password: &str) -> Result<(Session, bool), Failure> {
    let mut session = Session::login(address, login, password, SILENCE).await?;
    session.be_patient(SILENCE);
    let utf8 = session.offers("UTF8=ACCEPT").await? || session.offers("UTF8=ONLY").await?;
    let utf8 = utf8 && session.enable_utf8().await;
    Ok((session, utf8))
}

/// Nobody answered, or no longer.
pub(super) fn is_away(failure: &Failure) -> bool {
    matches!(failure.trouble, Trouble::Disconnected | Trouble::TimedOut)
}

fn words(failure: &Failure, password: &str) -> String {
    let trouble = match failure.trouble {
        Trouble::Disconnected => "the server closed the connection, or could not be reached",
        Trouble::TimedOut => "the server did not answer in time",
        Trouble::Garbled => "the server's answer cannot be read",
        Trouble::RefusedTransient => "the server answered NO",
        Trouble::RefusedPermanent => "the server answered BAD",
        Trouble::Saturated => "it was never asked",
    };
    let reply = failure.reply.clone().unwrap_or_default();
    let reply = if password.is_empty() { reply } else { reply.replace(password, "(password)") };
    if reply.is_empty() { trouble.to_owned() } else { format!("{trouble}: {reply}") }
}
