//! IDLE (RFC 2177): tells of other sessions' changes as they come, until the client says DONE.
//!
//! The session looks for both in turns: a bounded wait for the client, then a glance at the mailbox that never waits
//! for its lock. So a mailbox that hangs in the storage keeps nobody from being heard; what then asks for the lock
//! (telling the news, and the end of the IDLE) hangs with it, as every other command does.

use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use super::session::{Answer, Handled, Session};
use crate::wire::SILENCE_LIMIT;

/// How long one wait for the client is: news are at most this late.
const TURN: Duration = Duration::from_millis(100);

/// What came of one wait for the client.
enum Heard {
    Nothing,
    Something,
    Farewell,
}

impl Session<'_> {
    pub(super) fn idle(&mut self) -> Handled {
        self.line("+ idling");
        self.flush()?;
        let until = Instant::now() + SILENCE_LIMIT;
        // A storage error is told at the end: before DONE the client expects no tagged answer.
        let mut told = Ok(());
        while Instant::now() < until {
            match self.listen()? {
                Heard::Something => return self.idled(told),
                Heard::Farewell => return Ok(Answer::Bye),
                Heard::Nothing if told.is_ok() => told = self.news(),
                Heard::Nothing => {}
            }
        }
        self.line("* BYE idle for too long");
        Ok(Answer::Bye)
    }

    /// Waits one turn for the client.
    fn listen(&mut self) -> io::Result<Heard> {
        self.wire.output.set_read_timeout(Some(TURN))?;
        let heard = match self.wire.input.fill_buf() {
            Ok([]) => Ok(Heard::Farewell),
            Ok(_) => Ok(Heard::Something),
            Err(error) if is_timeout(&error) => Ok(Heard::Nothing),
            Err(error) => Err(error),
        };
        self.wire.output.set_read_timeout(Some(SILENCE_LIMIT))?;
        heard
    }

    /// Tells what changed, if anything did.
    fn news(&mut self) -> io::Result<()> {
        let Some(selected) = &self.selected else { return Ok(()) };
        let known = (selected.messages.len(), selected.messages.last().map_or(0, |(uid, _)| *uid));
        if selected.mailbox.glance().is_none_or(|now| now == known) {
            return Ok(());
        }
        self.synchronise()?;
        self.flush()
    }

    fn idled(&mut self, told: io::Result<()>) -> Handled {
        let mut line = Vec::new();
        self.read_line(&mut line)?;
        told?;
        if !line.trim_ascii().eq_ignore_ascii_case(b"DONE") {
            return Ok(Answer::bad("expected DONE"));
        }
        self.synchronise().map(|()| Answer::ok("idled"))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
