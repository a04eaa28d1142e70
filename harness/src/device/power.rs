//! The power goes and comes back: commands of the user's, and whether the writer was heard meanwhile.

use super::command::{self, Running};
use super::conductor::{Conductor, TICK, There, now};
use super::session::Peer;
use crate::exit::tell;
use crate::machine::stop;
use anyhow::{Context, Result};
use record::series::line::{Line, Outcome, Phase};
use reports::kit::inert::inert;
use std::time::{Duration, Instant};

const RESTORE_TRIES: usize = 3;

pub(crate) struct Commands {
    pub(crate) cut: String,
    pub(crate) restore: String,
    pub(crate) limit: Duration,
    /// After the command that cuts has ended the machine is off within this long, or the power did not go.
    pub(crate) gone_within: Duration,
}

impl Conductor<'_> {
    /// Cuts the power and brings it back. Whether the writer, if one was there, was heard on: then the power did not go.
    pub(super) fn cut(&mut self, cut: u32, phase: Phase, peer: Option<Peer>) -> Result<There> {
        self.cut_while_looking = None;
        let slowest = peer.as_ref().map_or(Duration::ZERO, |peer| peer.slowest);
        let slowest_ms = u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX);
        self.write(vec![Line::CutBegun { cut, phase, at: now(), slowest_ms }])?;
        let commands = &self.options.commands;
        let running = command::start(&commands.cut, cut, commands.limit).context("--cut: no shell")?;
        let (outcome, there) = self.until_gone(running, peer)?;
        if let Some(trouble) = &outcome.trouble {
            tell!("cut {cut}: the command that cuts: {}", inert(trouble));
        }
        let silent = matches!(there, There::No);
        self.write(vec![Line::CutEnded { cut, outcome }, Line::Silent { cut, silent }])?;
        // Whoever arrived before the power went is gone.
        while self.arrivals.try_recv().is_ok() {}
        if silent {
            self.restore()?;
        }
        Ok(there)
    }

    /// Until the command has ended and the writer is heard no more. What it reports until then was stored before the power went.
    fn until_gone(&mut self, mut running: Running, mut peer: Option<Peer>) -> Result<(Outcome, There)> {
        let mut ended: Option<(Outcome, Instant)> = None;
        loop {
            match &mut peer {
                Some(there) => {
                    if let There::No = self.serve(there)? {
                        peer = None;
                    }
                }
                None => std::thread::park_timeout(TICK),
            }
            if ended.is_none() {
                ended = running.ended()?.map(|outcome| (outcome, Instant::now()));
            }
            let Some((outcome, at)) = &ended else { continue };
            if peer.is_none() {
                return Ok((outcome.clone(), There::No));
            }
            if at.elapsed() >= self.options.commands.gone_within || stop::requested() {
                return Ok((outcome.clone(), There::Yes));
            }
        }
    }

    pub(super) fn restore(&mut self) -> Result<()> {
        let cut = self.book.standing.cut;
        for _ in 0..RESTORE_TRIES {
            let commands = &self.options.commands;
            let mut running =
                command::start(&commands.restore, cut, commands.limit).context("--restore: no shell")?;
            let outcome = loop {
                match running.ended()? {
                    Some(outcome) => break outcome,
                    None => std::thread::park_timeout(TICK),
                }
            };
            let trouble = outcome.trouble.clone();
            self.write(vec![Line::Restored { cut, outcome }])?;
            let Some(trouble) = trouble else { break };
            tell!("cut {cut}: the command that brings the power back: {}", inert(&trouble));
        }
        self.restored = Some(Instant::now());
        Ok(())
    }
}
