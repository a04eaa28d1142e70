//! Everything that should be there is looked for by the writer; what is wrong goes into the ledger.

use super::conductor::{Conductor, TICK};
use super::message::{FromLedger, FromWriter, MOST_CHECKED};
use super::session::{Heard, Peer};
use crate::machine::stop;
use anyhow::Result;
use record::series::damage::Damage;
use record::series::line::Line;
use record::series::stream::Stream;
use std::time::{Duration, Instant};
use strum::VariantArray;

/// An answer comes within this long, or the writer's disk is taken to hang.
const ANSWER_LIMIT: Duration = Duration::from_secs(600);

pub(super) enum Looked {
    Everywhere,
    Gone,
    CutIsDue,
    /// The writer cannot use its directory, for this reason.
    NotReady(String),
}

/// Why an answer did not come.
enum Without {
    Gone,
    CutIsDue,
}

impl From<Without> for Looked {
    fn from(without: Without) -> Looked {
        match without {
            Without::Gone => Looked::Gone,
            Without::CutIsDue => Looked::CutIsDue,
        }
    }
}

impl Conductor<'_> {
    pub(super) fn look(&mut self, peer: &mut Peer) -> Result<Looked> {
        let begun = Instant::now();
        let due = self.cut_while_looking.take().map(|after| begun + after);
        let series = &self.book.series;
        let fresh = self.book.standing.is_fresh();
        peer.tell(&FromLedger::Series { id: series.id.clone(), seed: series.seed, fresh });
        match answer(peer, due, |message| matches!(message, FromWriter::Ready | FromWriter::NotReady { .. }))
        {
            Err(without) => return Ok(without.into()),
            Ok(FromWriter::NotReady { why }) => {
                self.write(vec![Line::NotVerified { why: why.clone() }])?;
                return Ok(Looked::NotReady(why));
            }
            Ok(_) => {}
        }
        let mut checked = 0;
        for stream in Stream::VARIANTS {
            for items in self.book.standing.expected(*stream).chunks(MOST_CHECKED) {
                match self.ask(peer, due, *stream, items)? {
                    Ok(()) => checked += items.len() as u64,
                    Err(without) => return Ok(without.into()),
                }
            }
        }
        self.write(vec![Line::Verified { checked }])?;
        self.looking = begun.elapsed();
        Ok(Looked::Everywhere)
    }

    fn ask(
        &mut self,
        peer: &mut Peer,
        due: Option<Instant>,
        stream: Stream,
        items: &[u64],
    ) -> Result<Result<(), Without>> {
        peer.tell(&FromLedger::Check { stream, items: items.to_vec() });
        let about =
            |message: &FromWriter| matches!(message, FromWriter::Found { stream: of, .. } if *of == stream);
        let wrong = match answer(peer, due, about) {
            Err(without) => return Ok(Err(without)),
            Ok(FromWriter::Found { wrong, .. }) => wrong,
            Ok(_) => unreachable!("only what was found is taken"),
        };
        let asked = |(n, _): &(u64, Damage)| items.contains(n);
        let lost = wrong.into_iter().filter(asked).map(|(n, damage)| Line::Lost { stream, n, damage });
        let lost: Vec<Line> = lost.collect();
        if !lost.is_empty() {
            self.write(lost)?;
        }
        Ok(Ok(()))
    }
}

/// The next message that is one; others of a writer that looks are no news.
fn answer(
    peer: &mut Peer,
    due: Option<Instant>,
    is_one: impl Fn(&FromWriter) -> bool,
) -> Result<FromWriter, Without> {
    let deadline = Instant::now() + ANSWER_LIMIT;
    loop {
        match peer.hear(TICK) {
            Heard::Message(message) if is_one(&message) => return Ok(*message),
            Heard::Message(_) | Heard::Nothing => {}
            Heard::Gone => return Err(Without::Gone),
        }
        if due.is_some_and(|due| Instant::now() >= due) {
            return Err(Without::CutIsDue);
        }
        if Instant::now() >= deadline || stop::requested() {
            return Err(Without::Gone);
        }
    }
}
