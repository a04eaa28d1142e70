//! The ledger's side of a series: it lets the writer work, cuts the power, brings it back, has everything looked for, and begins again.
//!
//! Nothing follows from a line of the ledger before it is durable: the writer is told the next item only then. Whatever is stopped,
//! writer or ledger, the lines say what must be there.

use super::again::{Again, drawn};
use super::listener::{Session, listen};
use super::message::{FromLedger, FromWriter};
use super::power::Commands;
use super::session::{Heard, Peer};
use super::token::Token;
use super::verify::Looked;
use crate::exit::tell;
use crate::machine::stop;
use anyhow::Result;
use judge::cuts::judge::{Progress, Tally};
use record::series::book::Book;
use record::series::line::{Line, Phase};
use record::series::stream::Stream;
use reports::kit::inert::inert;
use std::sync::mpsc::{Receiver as Arrivals, RecvTimeoutError};
use std::time::{Duration, Instant};
use strum::VariantArray;

/// How long one look at the connection takes at most.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// An item is acknowledged within this long, or the series stops: a cut would prove nothing.
const FIRST_ITEM: Duration = Duration::from_secs(60);
/// So many cuts in a row that prove nothing stop the series.
const MOST_IN_VAIN: u32 = 5;
/// So many times in a row the writer may find its directory unusable: the file system may not be mounted yet.
const MOST_NOT_READY: u32 = 20;
/// A machine whose power went when the ledger was stopped may be back already.
const MAY_BE_BACK: Duration = Duration::from_secs(15);

pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) token: Token,
    pub(crate) commands: Commands,
    /// Counted cuts.
    pub(crate) cuts: u32,
    /// How long items are stored before a cut: at least, at most.
    pub(crate) work: (Duration, Duration),
    /// The machine is back within this long.
    pub(crate) return_within: Duration,
}

/// How a series ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// It cannot go on, for this reason.
    Stopped(String),
    Interrupted,
}

pub(super) struct Conductor<'a> {
    pub(super) options: &'a Options,
    pub(super) book: &'a mut Book,
    /// Of the book's lines.
    tally: Tally,
    pub(super) arrivals: Arrivals<Session>,
    /// When the power was last brought back.
    pub(super) restored: Option<Instant>,
    /// How long the machine took to come back, and looking took, the last time.
    pub(super) recovery: Duration,
    pub(super) looking: Duration,
    /// The power goes when looking has taken so long.
    pub(super) cut_while_looking: Option<Duration>,
    not_ready: u32,
    /// The last cut of the ledger before this one.
    before: u32,
}

/// Whether the writer is still there.
pub(super) enum There {
    Yes,
    No,
}

/// Conducts the series until its cuts are counted.
pub(crate) fn conduct(options: &Options, book: &mut Book) -> Result<End> {
    let (at, arrivals) = listen(&options.listen, options.token.clone())?;
    book.write(vec![Line::Opened { at: now(), cuts: options.cuts }])?;
    tell!("ledger of series {} at {at}; waiting for `fermoposta device writer`", book.series.id);
    let mut conductor = Conductor {
        before: book.standing.cut,
        tally: Tally::of(&book.lines),
        options,
        book,
        arrivals,
        restored: None,
        recovery: Duration::from_secs(2),
        looking: Duration::from_millis(500),
        cut_while_looking: None,
        not_ready: 0,
    };
    conductor.run()
}

pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Conductor<'_> {
    /// Makes lines durable.
    pub(super) fn write(&mut self, lines: Vec<Line>) -> Result<()> {
        let before = self.book.lines.len();
        self.book.write(lines)?;
        self.book.lines[before..].iter().for_each(|line| self.tally.take(line));
        Ok(())
    }

    fn run(&mut self) -> Result<End> {
        loop {
            let Some(mut peer) = self.await_writer()? else { return Ok(self.no_writer()) };
            match self.look(&mut peer)? {
                Looked::Everywhere => self.not_ready = 0,
                Looked::Gone => continue,
                Looked::CutIsDue => {
                    self.cut(self.book.standing.cut, Phase::Verifying, Some(peer))?;
                    continue;
                }
                Looked::NotReady(why) => match self.is_never_ready(&why) {
                    true => return Ok(End::Stopped(why)),
                    false => continue,
                },
            }
            if let Some(end) = self.ended(&mut peer) {
                return Ok(end);
            }
            match self.work(&mut peer)? {
                Worked::Gone => {}
                Worked::CutIsDue => self.cut_and_again(peer)?,
                Worked::Nothing(why) => return Ok(End::Stopped(why)),
            }
        }
    }

    fn no_writer(&self) -> End {
        if stop::requested() {
            return End::Interrupted;
        }
        let within = self.options.return_within.as_secs();
        let trouble = self.book.lines.iter().rev().find_map(|line| match line {
            Line::Restored { outcome, .. } => Some(outcome.trouble.clone()),
            _ => None,
        });
        End::Stopped(match trouble {
            None => format!("no writer came within {within} s"),
            Some(None) => format!("no writer was there for {within} s, though the power was brought back"),
            Some(Some(why)) => format!(
                "no writer was there for {within} s after the command that brings the power back: {why}; look at the machine"
            ),
        })
    }

    fn is_never_ready(&mut self, why: &str) -> bool {
        self.not_ready += 1;
        tell!("the writer cannot use its directory: {}", inert(why));
        self.not_ready >= MOST_NOT_READY
    }

    /// After everything was looked for.
    fn ended(&mut self, peer: &mut Peer) -> Option<End> {
        let Progress { counted, bad, in_vain, last } = self.tally.progress(self.before);
        if let Some(cut) = last {
            let what = inert(&cut.what);
            tell!("cut {}: {what} ({counted} of {} counted, {bad} bad)", cut.number, self.options.cuts);
            if in_vain >= MOST_IN_VAIN {
                return Some(End::Stopped(format!(
                    "{in_vain} cuts in a row prove nothing; the last: {what}"
                )));
            }
        }
        if counted >= self.options.cuts {
            peer.tell(&FromLedger::Over);
            return Some(End::Done);
        }
        stop::requested().then_some(End::Interrupted)
    }

    /// The next writer that has the token. Where it does not come, the power is brought back once more.
    fn await_writer(&mut self) -> Result<Option<Peer>> {
        let within = self.options.return_within;
        // Nobody knows whether the ledger that was stopped had still brought it back.
        let first = if self.book.standing.without_power { within.min(MAY_BE_BACK) } else { within };
        if let Some(peer) = self.arrival(first)? {
            return Ok(Some(peer));
        }
        if stop::requested() || self.book.standing.cut == 0 {
            return Ok(None);
        }
        self.restore()?;
        self.arrival(within)
    }

    fn arrival(&mut self, within: Duration) -> Result<Option<Peer>> {
        let deadline = Instant::now() + within;
        while !stop::requested() && Instant::now() < deadline {
            match self.arrivals.recv_timeout(TICK) {
                Ok(session) => return self.welcome(session).map(Some),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("nobody awaits writers any more"),
            }
        }
        Ok(None)
    }

    fn welcome(&mut self, session: Session) -> Result<Peer> {
        let peer = Peer::new(session);
        if let Some(restored) = self.restored.take() {
            self.recovery = restored.elapsed();
        }
        self.write(vec![Line::Hello { at: now(), host: Box::new(peer.host().clone()) }])?;
        Ok(peer)
    }

    /// Items are stored until the time of the next cut.
    fn work(&mut self, peer: &mut Peer) -> Result<Worked> {
        self.begin(peer)?;
        let drawn = drawn(self.book.series.seed, self.book.standing.cut + 1, self.options.work);
        let (begun, first_line) = (Instant::now(), self.book.lines.len());
        while !stop::requested() {
            if let There::No = self.serve(peer)? {
                return Ok(Worked::Gone);
            }
            let lines = &self.book.lines[first_line..];
            let stored = lines.iter().any(|line| matches!(line, Line::Done { .. }));
            if stored && begun.elapsed() >= drawn.work {
                return Ok(Worked::CutIsDue);
            }
            if !stored && begun.elapsed() >= drawn.work + FIRST_ITEM {
                return Ok(Worked::Nothing(nothing_stored(lines)));
            }
        }
        Ok(Worked::Gone)
    }

    fn begin(&mut self, peer: &mut Peer) -> Result<()> {
        let retired = self.book.standing.to_retire(self.book.series.keep);
        let retired = retired.into_iter().map(|(stream, below)| Line::Retired { stream, below });
        let standing = &self.book.standing;
        let began =
            Stream::VARIANTS.iter().map(|stream| Line::Began { stream: *stream, n: standing.next(*stream) });
        let lines: Vec<Line> = retired.chain(began).collect();
        self.write(lines.clone())?;
        for line in lines {
            if let Line::Began { stream, n } = line {
                let retire_below = self.book.standing.retired_below(stream);
                peer.tell(&FromLedger::Begin { stream, retire_below, n });
            }
        }
        Ok(())
    }

    /// Takes what the writer reports, makes it durable together, and then lets the writer go on.
    pub(super) fn serve(&mut self, peer: &mut Peer) -> Result<There> {
        let (mut lines, mut there) = (Vec::new(), There::Yes);
        loop {
            match peer.hear(TICK) {
                Heard::Message(message) => lines.extend(self.reported(*message)),
                Heard::Nothing => {}
                Heard::Gone => there = There::No,
            }
            if matches!(there, There::No) || !peer.has_more() {
                break;
            }
        }
        if !lines.is_empty() {
            self.write(lines.clone())?;
        }
        for line in &lines {
            if let Line::Done { stream, n } | Line::Failed { stream, n, .. } = line {
                peer.tell(&FromLedger::Next { stream: *stream, n: n + 1 });
            }
        }
        Ok(there)
    }

    /// Only of the item that was begun last a report is news.
    fn reported(&self, message: FromWriter) -> Option<Line> {
        let awaited = |stream, n| self.book.standing.awaits(stream, n);
        match message {
            FromWriter::Done { stream, n } if awaited(stream, n) => Some(Line::Done { stream, n }),
            FromWriter::Failed { stream, n, why } if awaited(stream, n) => {
                Some(Line::Failed { stream, n, why })
            }
            _ => None,
        }
    }

    /// The next cut, and perhaps another before everything was looked for.
    fn cut_and_again(&mut self, peer: Peer) -> Result<()> {
        let cut = self.book.standing.cut + 1;
        let again = drawn(self.book.series.seed, cut, self.options.work).again;
        self.cut_while_looking = None;
        if let There::Yes = self.cut(cut, Phase::Working, Some(peer))? {
            return Ok(());
        }
        match again {
            Again::No => {}
            Again::AtOnce => {
                self.cut(cut, Phase::AtOnce, None)?;
            }
            Again::Recovering(part) => {
                // An arrival is no news: its machine loses the power whatever it says.
                let wait = self.recovery.mul_f64(part);
                let _ = self.arrivals.recv_timeout(wait);
                self.cut(cut, Phase::Recovering, None)?;
            }
            Again::Verifying(part) => self.cut_while_looking = Some(self.looking.mul_f64(part)),
        }
        Ok(())
    }
}

enum Worked {
    CutIsDue,
    Gone,
    /// Not one item could be stored, for this reason.
    Nothing(String),
}

fn nothing_stored(lines: &[Line]) -> String {
    let why = lines.iter().rev().find_map(|line| match line {
        Line::Failed { why, .. } => Some(why.as_str()),
        _ => None,
    });
    let why = why.unwrap_or("none was reported");
    format!("no item could be stored within {} s ({why}), so a cut would prove nothing", FIRST_ITEM.as_secs())
}
