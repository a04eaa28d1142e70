//! Connections that carry one message after another, as a mail system with a queue keeps them.
//!
//! A kept connection may be closed by the server at any time, or say 421 to the next MAIL (RFC 5321, 4.3.2 and 3.8): as long
//! as the message was not handed over, another connection is made at once, and that one's outcome counts.

use super::session::{Begun, Session, is_parting};
use super::{Door, Envelope, Told};
use crate::mail::client::Failure;
use crate::tls::endpoint::Endpoint;
use parking_lot::Mutex;
use record::history::Protocol;
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
    endpoint: Endpoint,
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
    /// Submits a message that has CRLF line ends, over a kept connection if there is one, and tells of each recipient, by its
    /// place in the envelope, once.
    pub(crate) async fn submit(
        &self,
        door: Door<'_>,
        envelope: Envelope<'_>,
        message: &[u8],
        limit: Duration,
        stay: Stay,
        tell: &mut impl FnMut(usize, Told),
    ) {
        let (mut session, begun) = match self.begin(door, envelope, message, limit).await {
            Ok(begun) => begun,
            Err(failure) => return (0..envelope.to.len()).for_each(|one| tell(one, Err(failure.clone()))),
        };
        begun.refused.into_iter().for_each(|(recipient, failure)| tell(recipient, Err(failure)));
        if begun.taken.is_empty() {
            return session.leave();
        }
        let usable = session.finish(begun.taken, message, tell).await;
        match stay {
            _ if !usable => {}
            Stay::Leave => session.leave(),
            Stay::Wait | Stay::WaitForReset => self.waiting.lock().push(Waiting {
                protocol: door.protocol,
                endpoint: door.endpoint.clone(),
                session,
                since: Instant::now(),
                reset: stay == Stay::WaitForReset,
            }),
        }
    }

    /// A connection on which the server waits for the message, or took nobody: a kept one if there is one on which it still
    /// serves.
    async fn begin(
        &self,
        door: Door<'_>,
        envelope: Envelope<'_>,
        message: &[u8],
        limit: Duration,
    ) -> Result<(Session, Begun), Failure> {
        let started = Instant::now();
        if let Some((mut session, reset)) = self.take(door.protocol, door.endpoint) {
            session.extend(limit);
            match session.begin(envelope, message, reset).await {
                Err(failure) if is_parting(&failure) => {}
                begun => return begun.map(|begun| (session, begun)),
            }
        }
        let left = limit.saturating_sub(started.elapsed());
        let mut session = Session::open(door, left).await?;
        let begun = session.begin(envelope, message, false).await?;
        Ok((session, begun))
    }

    fn take(&self, protocol: Protocol, endpoint: &Endpoint) -> Option<(Session, bool)> {
        self.part();
        let mut waiting = self.waiting.lock();
        let at = waiting.iter().rposition(|one| one.protocol == protocol && one.endpoint == *endpoint)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::client::script::{Act, serve};
    use record::history::{Outcome, Trouble};

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
        let envelope = Envelope { from: "s@x", to: &["u@x".to_owned()], utf8: false };
        let mut told = Vec::new();
        let mut tell = |_, one: Told| told.push(one.map_err(|failure| (failure.outcome, failure.trouble)));
        let endpoint = Endpoint::plain(address);
        kept.submit(Door::unsigned(Protocol::Lmtp, &endpoint), envelope, MESSAGE, LIMIT, stay, &mut tell)
            .await;
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    async fn sent_in_utf8(server: crate::mail::client::script::Script) -> Vec<Told> {
        let envelope = Envelope { from: "s@x", to: &["u@x".to_owned()], utf8: true };
        let mut told = Vec::new();
        let endpoint = server.endpoint();
        let door = Door::unsigned(Protocol::Lmtp, &endpoint);
        let mut tell = |_, one: Told| told.push(one);
        Kept::default().submit(door, envelope, MESSAGE, LIMIT, Stay::Leave, &mut tell).await;
        server.finished().await;
        told
    }

    #[tokio::test]
    async fn a_message_that_needs_smtputf8_says_so_and_goes_nowhere_else() {
        let offers = Act::Say("250-x\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n");
        let begin = Act::Hear("MAIL FROM:<s@x> SMTPUTF8\r\nRCPT TO:<u@x>\r\nDATA\r\n");
        let offered = serve(acts(&[&HELLO[..2], &[offers, begin], &ONE[1..]])).await;
        assert_eq!(sent_in_utf8(offered).await, [Ok("250 stored".to_owned())]);
        let refused = sent_in_utf8(serve(acts(&[&HELLO])).await).await;
        assert_eq!(refused, [Err(Failure::refused(Trouble::RefusedPermanent, b"SMTPUTF8 is not offered"))]);
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
        kept.waiting.lock()[0].endpoint = Endpoint::plain(&address);
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
