//! What a series of power cuts comes to: a pure function of its ledger.

use super::fold::Fold;
use super::machine;
use super::phrases::{CONFIDENCE, NO_LIMIT, how, limits};
use crate::chance::binomial::{lower_limit, upper_limit};
use record::series::line::Line;
use record::series::stream::Stream;
use reports::cuts::{Cut, Cuts, Numbers, SCHEMA_VERSION, StreamSums, Trial};
use reports::kit::figures::{counted, grouped};
use reports::kit::verdict::Verdict;
use strum::VariantArray;

/// So many losses are named.
const MOST_LOSSES: usize = 1_000;

/// Slower than this is told.
const SLOW_MS: u64 = 5_000;

/// `blake3` is the ledger's, `reproduce` the command that judges it again.
#[must_use]
pub fn judge(lines: &[Line], blake3: String, reproduce: String) -> Cuts {
    let fold = Fold::of(lines);
    let mut numbers = numbers(&fold);
    let doubt = doubt(lines, &numbers);
    if doubt.is_some() {
        (numbers.at_least, numbers.at_most) = (0.0, 1.0);
    }
    let verdict = verdict(&numbers, doubt.is_some());
    Cuts {
        schema_version: SCHEMA_VERSION,
        verdict,
        sentence: doubt
            .clone()
            .filter(|_| verdict == Verdict::Unknown)
            .unwrap_or_else(|| sentence(verdict, &numbers)),
        limits: if doubt.is_some() { vec![NO_LIMIT.to_owned()] } else { limits(&numbers) },
        doubt,
        streams: Stream::VARIANTS.iter().map(|stream| sums(&fold, *stream)).collect(),
        machine: machine::facts(lines),
        notes: notes(&fold, lines),
        losses: fold.losses.iter().take(MOST_LOSSES).cloned().collect(),
        cuts: fold.cuts,
        numbers,
        ledger_blake3: blake3,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        reproduce,
    }
}

/// How far a series has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub counted: u32,
    pub bad: u32,
    /// Cuts at the end that are not counted, of those after the given one.
    pub in_vain: u32,
    pub last: Option<Cut>,
}

/// A series while it is written, whose lines are taken once.
#[derive(Debug, Default)]
pub struct Tally(Fold);

impl Tally {
    #[must_use]
    pub fn of(lines: &[Line]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.take(line));
        tally
    }

    pub fn take(&mut self, line: &Line) {
        self.0.take(line);
    }

    /// How far it has come once everything was looked for; `after` is the cut from which on it is looked at for cuts in vain.
    #[must_use]
    pub fn progress(&self, after: u32) -> Progress {
        let since = self.0.cuts.iter().rev().take_while(|cut| cut.number > after);
        let in_vain = since.take_while(|cut| cut.trial == Trial::NotCounted).count();
        Progress {
            counted: count(&self.0, |trial| trial != Trial::NotCounted),
            bad: count(&self.0, |trial| trial == Trial::Bad),
            in_vain: u32::try_from(in_vain).unwrap_or(u32::MAX),
            last: self.0.cuts.last().cloned(),
        }
    }
}

fn count(fold: &Fold, which: impl Fn(Trial) -> bool) -> u32 {
    u32::try_from(fold.cuts.iter().filter(|cut| which(cut.trial)).count()).unwrap_or(u32::MAX)
}

fn numbers(fold: &Fold) -> Numbers {
    let (counted, bad) =
        (count(fold, |trial| trial != Trial::NotCounted), count(fold, |trial| trial == Trial::Bad));
    let sum = |of: fn(&super::fold::Sums) -> u64| fold.sums.values().map(of).sum();
    Numbers {
        wanted: fold.wanted,
        begun: u32::try_from(fold.cuts.len()).unwrap_or(u32::MAX),
        counted,
        bad,
        at_least: lower_limit(bad.into(), counted.into(), CONFIDENCE),
        at_most: upper_limit(bad.into(), counted.into(), CONFIDENCE),
        confidence: CONFIDENCE,
        acknowledged: sum(|sums| sums.acknowledged),
        failed: sum(|sums| sums.failed),
        lost: sum(|sums| sums.lost),
        lost_elsewhere: fold.losses.iter().filter(|loss| loss.cut.is_none()).count() as u64,
    }
}

fn sums(fold: &Fold, stream: Stream) -> StreamSums {
    let sums = fold.sums.get(&stream).copied().unwrap_or_default();
    StreamSums {
        stream: stream.to_string(),
        how: how(stream).to_owned(),
        acknowledged: sums.acknowledged,
        failed: sums.failed,
        lost: sums.lost,
    }
}

/// Why cuts that look sound prove nothing.
fn doubt(lines: &[Line], numbers: &Numbers) -> Option<String> {
    let cuts = counted(numbers.counted.into(), "counted power cut", "counted power cuts");
    if machine::devices(lines).len() > 1 {
        return Some(format!("The device was changed during the series: its {cuts} speak of no single one."));
    }
    let never =
        numbers.counted > 0 && machine::unsafe_shutdowns(lines).is_ok_and(|(first, last)| first == last);
    never.then(|| {
        format!("The machine was off in {cuts}, but the device counted no unsafe shutdown: its own power did not go.")
    })
}

/// An acknowledged item that is gone is gone, after whatever it was found.
fn verdict(numbers: &Numbers, in_doubt: bool) -> Verdict {
    match (numbers.lost, numbers.counted) {
        (1.., _) => Verdict::Invalid,
        (0, counted) if counted > 0 && counted >= numbers.wanted && !in_doubt => Verdict::Valid,
        (0, _) => Verdict::Unknown,
    }
}

fn sentence(verdict: Verdict, numbers: &Numbers) -> String {
    let cuts = counted(numbers.counted.into(), "counted power cut", "counted power cuts");
    let acknowledged = counted(numbers.acknowledged, "acknowledged item", "acknowledged items");
    match verdict {
        Verdict::Valid => format!("None of {cuts} lost or damaged one of {acknowledged}."),
        Verdict::Unknown => format!(
            "Only {} of {} power cuts that were asked for are counted; none of them lost or damaged one of {acknowledged}.",
            grouped(numbers.counted.into()),
            grouped(numbers.wanted.into())
        ),
        Verdict::Invalid if numbers.bad == 0 => {
            format!(
                "{} of {acknowledged} lost or damaged, found after no counted power cut.",
                grouped(numbers.lost)
            )
        }
        Verdict::Invalid => {
            let bad = grouped(numbers.bad.into());
            format!(
                "{bad} of {cuts} lost or damaged what was acknowledged: {} of {acknowledged}.",
                grouped(numbers.lost)
            )
        }
    }
}

fn notes(fold: &Fold, lines: &[Line]) -> Vec<String> {
    let mut notes: Vec<String> = fold
        .failures
        .iter()
        .map(|(why, times)| {
            format!(
                "{} could not be stored ({why}); none of them is counted as acknowledged.",
                counted(*times, "item", "items")
            )
        })
        .collect();
    if fold.slowest_ms > SLOW_MS {
        let slow = reports::kit::figures::duration(fold.slowest_ms as f64 / 1e3);
        notes.push(format!("The slowest item took {slow}; it counts only once it was reported."));
    }
    if fold.own_starts > 0 {
        let starts = counted(fold.own_starts.into(), "time", "times");
        notes.push(format!("The machine started again {starts} without a cut: that counts as no cut."));
    }
    if fold.ledger_starts > 1 {
        let times = counted(u64::from(fold.ledger_starts) - 1, "time", "times");
        notes.push(format!("The ledger was started again {times} and went on from what was durable."));
    }
    notes.extend(fold.not_verified.iter().map(|(why, times)| {
        format!("{} nothing could be looked for: {why}.", counted(*times, "time", "times"))
    }));
    notes.extend(machine::notes(lines));
    notes.push(
        "Items that were begun and not acknowledged may be there or not; nothing is concluded from them."
            .to_owned(),
    );
    notes
}
