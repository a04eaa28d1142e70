//! A session that waits for news: IDLE (RFC 2177), and NOOP for servers without it.
//!
//! Waiting has an end of its own, given by the caller; each command and each response before and after it ends within
//! the session's limit. So a server that hangs shows at the latest when the waiting is over: DONE is not answered.

#[cfg(test)]
mod tests;

use super::{Session, refusal};
use crate::mail::client::failure::{Failure, sanitise};
use crate::mail::client::response::{Condition, Response, Value};
use record::history::Trouble;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What ended the waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The server says how many messages there are now.
    Changed,
    /// The time is over.
    Over,
    /// The caller was told to stop.
    Stopped,
}

/// An IDLE that the server goes along with.
pub(crate) struct Idling<'s> {
    session: &'s mut Session,
    tag: String,
}

/// Returns once `stop` says true, or nobody is left who could say so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Session {
    /// Whether CAPABILITY names it.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn offers(&mut self, capability: &str) -> Result<bool, Failure> {
        let done = self.command("CAPABILITY").await?;
        let mut said = done.data.iter().filter(|data| data.first().is_some_and(|v| v.is("CAPABILITY")));
        Ok(said.any(|data| data.iter().any(|value| value.is(capability))))
    }

    /// NOOP.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn noop(&mut self) -> Result<(), Failure> {
        self.command("NOOP").await.map(drop)
    }

    /// Sends IDLE and waits until the server goes along.
    ///
    /// # Errors
    /// It refused, or did not answer.
    pub(crate) async fn idle(&mut self) -> Result<Idling<'_>, Failure> {
        let tag = self.tag();
        self.send(format!("{tag} IDLE\r\n").as_bytes()).await?;
        self.wait_for_go_ahead(&tag).await?;
        Ok(Idling { session: self, tag })
    }

    /// Waits for news until `until`, or until `stop` says true. Each response ends within `limit` of its first byte.
    ///
    /// # Errors
    /// The server said BYE, hung up, or spoke out of turn.
    pub(crate) async fn news(
        &mut self,
        until: Instant,
        limit: Duration,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Woken, Failure> {
        loop {
            tokio::select! {
                biased;
                () = stopped(stop) => return Ok(Woken::Stopped),
                () = sleep_until(until) => return Ok(Woken::Over),
                () = self.wire.speaks() => {}
            }
            self.extend(limit);
            match self.read().await? {
                Response::Data(data) if data.get(1).is_some_and(|value: &Value| value.is("EXISTS")) => {
                    return Ok(Woken::Changed);
                }
                Response::Status { condition: Condition::Bye, text, .. } => {
                    return Err(Failure::unknown(Trouble::Disconnected, Some(sanitise(&text))));
                }
                Response::Status { tag, condition, text } if tag != "*" => {
                    return Err(refusal(condition, &text));
                }
                Response::Continue => return Err(self.failed(Trouble::Garbled)),
                Response::Data(_) | Response::Status { .. } => {}
            }
        }
    }
}

impl Idling<'_> {
    /// As [`Session::news`].
    ///
    /// # Errors
    /// As [`Session::news`]; the IDLE is over then.
    pub(crate) async fn news(
        &mut self,
        until: Instant,
        limit: Duration,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Woken, Failure> {
        self.session.news(until, limit, stop).await
    }

    /// Sends DONE and waits at most `limit` for the end of the IDLE.
    ///
    /// # Errors
    /// The server did not say OK.
    pub(crate) async fn done(self, limit: Duration) -> Result<(), Failure> {
        self.session.extend(limit);
        self.session.send(b"DONE\r\n").await?;
        self.session.until(&self.tag, |_| ()).await.map(drop)
    }
}
