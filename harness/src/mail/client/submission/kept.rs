//! Connections that carry one message after another, as a mail system with a queue keeps them.
//!
//! A kept connection may be closed by the server at any time, or say 421 to the next MAIL (RFC 5321, 4.3.2 and 3.8): as long
//! as the message was not handed over, another connection is made at once, and that one's outcome counts.

use super::{Envelope, Session};
use crate::mail::client::Failure;
use parking_lot::Mutex;
use record::history::{Outcome, Protocol, Trouble};
use std::time::{Duration, Instant};

/// A connection is kept for so long without a message.
const IDLE: Duration = Duration::from_secs(1);

/// What becomes of a connection once it has carried its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// It is closed.
    Leave,
    /// It waits for another message.
    Wait,
    /// It does, and that one begins with RSET.
    WaitForReset,
}

/// A connection that waits; the longest first among others.
struct Waiting {
    protocol: Protocol,
    address: String,
    session: Session,
    since: Instant,
    reset: bool,
}

/// The connections that wait for a message.
#[derive(Default)]
pub(crate) struct Kept {
    waiting: Mutex<Vec<Waiting>>,
}

impl Kept {
    /// Submits a message that has CRLF line ends, over a kept connection if there is one. Returns the final reply, sanitised.
    ///
    /// # Errors
    /// How it ended otherwise; see [the module above](super).
    pub(crate) async fn submit(
        &self,
        (protocol, address): (Protocol, &str),
        envelope: Envelope<'_>,
        message: &[u8],
        limit: Duration,
        stay: Stay,
    ) -> Result<String, Failure> {
        let begun = Instant::now();
        let kept = self.begun(protocol, address, envelope, message, limit).await?;
        let mut session = match kept {
            Some(session) => session,
            None => {
                let left = limit.saturating_sub(begun.elapsed());
                let mut session = Session::open(protocol, address, left).await?;
                session.begin(envelope, message, false).await?;
                session
            }
        };
        let reply = session.finish(message).await?;
        if stay == Stay::Leave {
            session.leave();
        } else {
            self.waiting.lock().push(Waiting {
                protocol,
                address: address.to_owned(),
                session,
                since: Instant::now(),
                reset: stay == Stay::WaitForReset,
            });
        }
        Ok(reply)
    }

    /// A kept connection on which the server waits for the message; none if there is none on which it still serves.
    async fn begun(
        &self,
        protocol: Protocol,
        address: &str,
        envelope: Envelope<'_>,
        message: &[u8],
        limit: Duration,
    ) -> Result<Option<Session>, Failure> {
        let Some((mut session, reset)) = self.take(protocol, address) else { return Ok(None) };
        session.wire.extend(limit);
        match session.begin(envelope, message, reset).await {
            Ok(()) => Ok(Some(session)),
            Err(failure) if is_parting(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn take(&self, protocol: Protocol, address: &str) -> Option<(Session, bool)> {
        self.part();
        let mut waiting = self.waiting.lock();
        let at = waiting.iter().rposition(|one| one.protocol == protocol && one.address == address)?;
        let Waiting { session, reset, .. } = waiting.remove(at);
        Some((session, reset))
    }

    /// Closes those that have waited long enough.
    pub(crate) fn part(&self) {
        let mut waiting = self.waiting.lock();
        let old = waiting.iter().take_while(|one| one.since.elapsed() > IDLE).count();
        waiting.drain(..old).for_each(|one| one.session.leave());
    }

    /// Closes all.
    pub(crate) fn part_all(&self) {
        self.waiting.lock().drain(..).for_each(|one| one.session.leave());
    }
}

/// The server is done with the connection, not with the message.
fn is_parting(failure: &Failure) -> bool {
    let said_so = failure.reply.as_ref().is_some_and(|reply| reply.starts_with("421"));
    failure.outcome == Outcome::Fail && (failure.trouble == Trouble::Disconnected || said_so)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::client::script::{Act, serve};

    const LIMIT: Duration = Duration::from_secs(10);
    const MESSAGE: &[u8] = b"A: b\r\n\r\nc\r\n";

    const HELLO: [Act; 3] = [
        Act::Say("220 a\r\n"),
        Act::Hear("LHLO fermoposta.invalid\r\n"),
        Act::Say("250-x\r\n250-8bitmime\r\n250 PIPELINING\r\n"),
    ];

    const ONE: [Act; 4] = [
        Act::Hear("MAIL FROM:<s@x>\r\nRCPT TO:<u@x>\r\nDATA\r\n"),
        Act::Say("250 ok\r\n250 ok\r\n354 go\r\n"),
        Act::Hear("A: b\r\n\r\nc\r\n.\r\n"),
        Act::Say("250 stored\r\n"),
    ];

    const AFTER_RESET: [Act; 4] = [
        Act::Hear("RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@x>\r\nDATA\r\n"),
        Act::Say("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
        Act::Hear("A: b\r\n\r\nc\r\n.\r\n"),
        Act::Say("250 again\r\n"),
    ];

    async fn sent(kept: &Kept, address: &str, stay: Stay) -> Result<String, (Outcome, Trouble)> {
        let envelope = Envelope { from: "s@x", to: "u@x" };
        let sent = kept.submit((Protocol::Lmtp, address), envelope, MESSAGE, LIMIT, stay).await;
        sent.map_err(|failure| (failure.outcome, failure.trouble))
    }

    fn acts(parts: &[&[Act]]) -> Vec<Act> {
        parts.concat()
    }

    #[tokio::test]
    async fn a_kept_connection_carries_the_next_message_after_a_reset_if_it_is_to() {
        let server = serve(acts(&[&HELLO, &ONE, &AFTER_RESET, &ONE, &[Act::Hear("QUIT\r\n")]])).await;
        let kept = Kept::default();
        let said = [
            sent(&kept, &server.address, Stay::WaitForReset).await,
            sent(&kept, &server.address, Stay::Wait).await,
            sent(&kept, &server.address, Stay::Leave).await,
        ];
        assert_eq!(said, ["250 stored", "250 again", "250 stored"].map(|reply| Ok(reply.to_owned())));
        server.finished().await;
    }

    /// The first connection is kept, and ends as `last`; the server takes another.
    async fn after(last: &[Act]) -> Result<String, (Outcome, Trouble)> {
        let kept = Kept::default();
        let old = serve(acts(&[&HELLO, &ONE, last])).await;
        sent(&kept, &old.address, Stay::Wait).await.expect("stored");
        let new = serve(acts(&[&HELLO, &ONE])).await;
        let address = new.address.clone();
        kept.waiting.lock()[0].address.clone_from(&address);
        let said = sent(&kept, &address, Stay::Leave).await;
        old.finished().await;
        said
    }

    #[tokio::test]
    async fn a_server_that_is_done_with_a_connection_gets_the_message_over_another() {
        let begin = ONE[0].clone();
        assert_eq!(after(&[]).await, Ok("250 stored".to_owned()));
        assert_eq!(after(&[begin.clone(), Act::Say("421 closing\r\n")]).await, Ok("250 stored".to_owned()));
        assert_eq!(after(&[begin, Act::Say("250 ok\r\n")]).await, Ok("250 stored".to_owned()));
    }

    #[tokio::test]
    async fn what_a_server_says_to_the_message_itself_counts() {
        let refused = after(&[ONE[0].clone(), Act::Say("250 ok\r\n452 full\r\n503 no\r\n")]).await;
        assert_eq!(refused, Err((Outcome::Fail, Trouble::RefusedTransient)));
        let closed = after(&[ONE[0].clone(), ONE[1].clone(), ONE[2].clone()]).await;
        assert_eq!(closed, Err((Outcome::Info, Trouble::Disconnected)));
        let parting = after(&[ONE[0].clone(), ONE[1].clone(), ONE[2].clone(), Act::Say("421 no\r\n")]).await;
        assert_eq!(parting, Err((Outcome::Fail, Trouble::RefusedTransient)));
    }

    #[tokio::test]
    async fn nothing_waits_for_ever() {
        let server = serve(acts(&[&HELLO, &ONE, &[Act::Hear("QUIT\r\n")]])).await;
        let kept = Kept::default();
        sent(&kept, &server.address, Stay::Wait).await.expect("stored");
        kept.part();
        assert_eq!(kept.waiting.lock().len(), 1);
        kept.waiting.lock()[0].since =
            Instant::now().checked_sub(IDLE * 2).expect("a clock that has run so long");
        kept.part();
        server.finished().await;
    }
}
