//! A ledger's lines as cuts: which are counted, and after which of them something was lost.

use super::phrases::{in_words, not_counted};
use record::series::line::{Line, Outcome, Phase};
use record::series::stream::Stream;
use reports::cuts::{Cut, Loss, Trial};
use std::collections::BTreeMap;

/// What was made of the lines so far.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) cuts: Vec<Cut>,
    pub(super) losses: Vec<Loss>,
    pub(super) sums: BTreeMap<Stream, Sums>,
    pub(super) wanted: u32,
    /// Starts of the machine that no cut of ours came before.
    pub(super) own_starts: u32,
    /// Times that the ledger was started again.
    pub(super) ledger_starts: u32,
    pub(super) slowest_ms: u64,
    /// Why items could not be stored, and how often.
    pub(super) failures: BTreeMap<String, u64>,
    /// Why not everything could be looked for, and how often.
    pub(super) not_verified: BTreeMap<String, u64>,
    boot: Option<String>,
    /// Acknowledged since the machine started.
    acknowledged: u64,
    /// Found by the verification that is under way.
    found: Vec<Loss>,
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    pub(super) lost: u64,
}

/// A cut after which not everything was looked for yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) number: u32,
    pub(super) at: String,
    pub(super) phases: Vec<Phase>,
    pub(super) acknowledged: u64,
    pub(super) boot_before: Option<String>,
    pub(super) boot_after: Option<String>,
    /// Why the command that cuts the power did not do what it should.
    pub(super) trouble: Option<String>,
    /// The writer was heard after the cut.
    pub(super) heard: bool,
}

impl Pending {
    /// The machine was off: it started again since.
    pub(super) fn was_off(&self) -> bool {
        self.boot_before.is_some() && self.boot_after.is_some() && self.boot_before != self.boot_after
    }

    pub(super) fn counts(&self) -> bool {
        self.was_off() && self.acknowledged > 0
    }
}

impl Fold {
    pub(super) fn of(lines: &[Line]) -> Fold {
        let mut fold = Fold::default();
        lines.iter().for_each(|line| fold.take(line));
        fold.found.drain(..).for_each(|loss| fold.losses.push(loss));
        if let Some(pending) = fold.pending.take() {
            let why = match (
                &pending.boot_after,
                lines.iter().rev().find(|line| !matches!(line, Line::Hello { .. } | Line::Opened { .. })),
            ) {
                (Some(_), Some(Line::NotVerified { why })) => {
                    format!("it could not be looked for after it: {why}")
                }
                _ => "not everything was looked for after it".to_owned(),
            };
            fold.cuts.push(row(&pending, 0, 0, Trial::NotCounted, why));
        }
        fold
    }

    pub(super) fn take(&mut self, line: &Line) {
        match line {
            Line::Opened { cuts, .. } => {
                self.wanted = *cuts;
                self.ledger_starts += 1;
            }
            Line::Hello { host, .. } => self.hello(&host.boot_id),
            Line::Done { stream, .. } => {
                self.sums(*stream).acknowledged += 1;
                self.acknowledged += 1;
            }
            Line::Failed { stream, why, .. } => {
                self.sums(*stream).failed += 1;
                *self.failures.entry(why.clone()).or_default() += 1;
            }
            Line::CutBegun { cut, phase, at, slowest_ms } => {
                self.slowest_ms = self.slowest_ms.max(*slowest_ms);
                self.cut(*cut, *phase, at);
            }
            Line::CutEnded { outcome: Outcome { trouble, .. }, .. } => {
                if let Some(pending) = &mut self.pending {
                    pending.trouble.clone_from(trouble);
                }
            }
            Line::Silent { silent, .. } => {
                if let Some(pending) = &mut self.pending {
                    pending.heard |= !silent;
                }
            }
            Line::Lost { stream, n, damage } => {
                self.sums(*stream).lost += 1;
                self.found.push(Loss {
                    cut: None,
                    stream: stream.to_string(),
                    item: *n,
                    what: damage.to_string(),
                });
            }
            Line::Verified { checked } => self.verified(*checked),
            Line::NotVerified { why } => *self.not_verified.entry(why.clone()).or_default() += 1,
            Line::Series(_) | Line::Began { .. } | Line::Restored { .. } | Line::Retired { .. } => {}
        }
    }

    fn sums(&mut self, stream: Stream) -> &mut Sums {
        self.sums.entry(stream).or_default()
    }

    fn hello(&mut self, boot: &str) {
        let another = self.boot.as_deref().is_some_and(|before| before != boot);
        match &mut self.pending {
            Some(pending) => pending.boot_after = Some(boot.to_owned()),
            None if another => self.own_starts += 1,
            None => {}
        }
        if another {
            self.acknowledged = 0;
        }
        self.boot = Some(boot.to_owned());
    }

    /// A second power cut before everything was looked for belongs to the first.
    fn cut(&mut self, number: u32, phase: Phase, at: &str) {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.number == number) {
            pending.phases.push(phase);
            return;
        }
        // Only the ledger that was stopped before it could look begins another one first.
        if let Some(before) = self.pending.take() {
            let why = "not everything was looked for after it".to_owned();
            self.cuts.push(row(&before, 0, 0, Trial::NotCounted, why));
        }
        self.pending = Some(Pending {
            number,
            at: at.to_owned(),
            phases: vec![phase],
            acknowledged: self.acknowledged,
            boot_before: self.boot.clone(),
            boot_after: None,
            trouble: None,
            heard: false,
        });
    }

    fn verified(&mut self, checked: u64) {
        let found = std::mem::take(&mut self.found);
        let Some(pending) = self.pending.take() else {
            self.losses.extend(found);
            return;
        };
        let lost = found.len() as u64;
        let counts = pending.counts();
        let cut = match (counts, lost) {
            (true, 0) => row(&pending, checked, 0, Trial::Sound, "everything is there".to_owned()),
            (true, _) => row(&pending, checked, lost, Trial::Bad, in_words(&found)),
            (false, _) => row(&pending, checked, lost, Trial::NotCounted, not_counted(&pending)),
        };
        self.losses.extend(found.into_iter().map(|loss| Loss { cut: counts.then_some(cut.number), ..loss }));
        self.cuts.push(cut);
    }
}

fn row(pending: &Pending, checked: u64, lost: u64, trial: Trial, what: String) -> Cut {
    Cut {
        number: pending.number,
        at: pending.at.clone(),
        phases: super::phrases::phases(&pending.phases),
        acknowledged: pending.acknowledged,
        checked,
        lost,
        trial,
        what,
    }
}
