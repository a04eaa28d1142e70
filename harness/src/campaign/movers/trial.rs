//! One run of a mover from a source to a destination, whole or up to a cut.

use super::case::Case;
use super::destination::Destination;
use super::source::Source;
use crate::machine::process::ProcessTree;
use crate::server::movers::{Ground, Prepared, prepare};
use anyhow::{Context, Result, ensure};
use fuse_fs::durability::profile::Profile;
use judge::movers::cut::Sides;
use record::history::token::RunToken;
use record::message::Outgoing;
use record::plan::mover::{Mover, Source as Kind};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// A mover that takes longer for a few messages hangs.
const LONGEST: Duration = Duration::from_secs(60);
/// How long it may take until nothing of a killed mover runs any more, and until it is gone when its disk is.
const DOOM: Duration = Duration::from_secs(2);
const GONE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// What all runs of one mover on one storage share.
pub(super) struct Setup<'a> {
    pub(super) mover: &'a Mover,
    pub(super) profile: Profile,
    pub(super) run: RunToken,
    pub(super) messages: &'a [Outgoing],
    pub(super) seed: u64,
    /// What the mover may not write to.
    pub(super) sealed: &'a [PathBuf],
}

/// Source, destination and mover, all fresh.
pub(super) struct Trial<'a> {
    setup: &'a Setup<'a>,
    pub(super) source: Source,
    pub(super) destination: Destination,
    mover: Prepared,
}

/// How far the mover came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Came {
    /// To the call after which the power went.
    ToTheCut,
    ToItsEnd(ExitStatus),
    /// It was killed.
    Nowhere,
}

impl<'a> Trial<'a> {
    /// In the empty directory `place`.
    ///
    /// # Errors
    /// Something cannot be made, mounted or started.
    pub(super) fn new(setup: &'a Setup<'a>, place: &Path, case: Option<Case>) -> Result<Trial<'a>> {
        let (work, store) = (place.join("work"), place.join("source"));
        let places = (work.join("source"), store);
        std::fs::create_dir_all(&work)?;
        let (password, owner) = (setup.mover.definition().password, setup.mover.owner);
        let source = Source::new(setup.mover.source, (&places.0, &places.1), &password, setup.messages)?;
        let destination = Destination::new(place, owner, setup.profile, (case, setup.seed))?;
        if setup.mover.source == Kind::Maildir {
            super::place::give(owner, &places.0)?;
        }
        let ground = Ground {
            store: destination.mountpoint(),
            work: &work,
            port: source.port(),
            sealed: setup.sealed,
        };
        let mover = prepare(setup.mover, ground)?;
        Ok(Trial { setup, source, destination, mover })
    }

    /// Runs the mover until it ends, or the power goes.
    pub(super) fn move_mail(&mut self) -> Result<(Came, ProcessTree)> {
        let mut tree = self.mover.start()?;
        let until = Instant::now() + LONGEST;
        loop {
            if self.destination.is_cut() {
                return Ok((Came::ToTheCut, tree));
            }
            if let Some(status) = tree.ended()? {
                let cut = self.destination.is_cut();
                return Ok((if cut { Came::ToTheCut } else { Came::ToItsEnd(status) }, tree));
            }
            if Instant::now() >= until {
                tree.kill()?;
                return Ok((Came::Nowhere, tree));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Mover and destination are one machine: both are gone.
    pub(super) fn power_goes(&mut self, mut tree: ProcessTree) -> Result<()> {
        self.destination.power_off();
        tree.kill()?;
        let doomed = tree.wait_until_doomed(DOOM)?;
        self.destination.take_away()?;
        let gone = doomed && tree.wait(GONE)?.is_some();
        ensure!(gone, "the mover was still there {GONE:?} after it was killed");
        Ok(())
    }

    /// One more run, as the next one of a timer; how it ended.
    pub(super) fn next_run(&mut self) -> Result<Came> {
        self.destination.mount_again()?;
        let (came, tree) = self.move_mail()?;
        self.ends(tree)?;
        Ok(came)
    }

    /// Nothing of the mover is left, and the destination is unmounted.
    pub(super) fn ends(&mut self, mut tree: ProcessTree) -> Result<()> {
        let gone = tree.wait(GONE)?.is_some();
        ensure!(gone, "the mover was still there {GONE:?} after its end");
        self.destination.unmount()
    }

    /// Who has what.
    pub(super) fn sides(&self) -> Result<Sides> {
        let run = self.setup.run;
        let source = self.source.held(run).context("the source")?;
        Ok(Sides { source, destination: self.destination.held(run).context("the destination")? })
    }

    /// What the mover said last.
    pub(super) fn last_words(&self) -> String {
        self.mover.last_words()
    }
}
