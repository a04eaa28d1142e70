//! One mover on one storage: once whole, to see its calls, and then once for each cut.

use super::case::{AT_THE_END, Case, Draw};
use super::destination::counts;
use super::trial::{Came, Setup, Trial};
use anyhow::Result;
use fuse_fs::mount::trace::FsEvent;
use judge::movers::cut::{Cut, Seen, Sides};
use judge::movers::unsynced::unsynced;
use record::history::MessageId;
use serde::{Deserialize, Serialize};

/// A cut that the mover did not come to is aimed at again, this many times.
const MORE_TRIES: u32 = 2;

/// What was seen of one mover on one storage.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Calls at the destination that change something or make it durable.
    pub(crate) calls: u64,
    pub(crate) cuts: Vec<Cut>,
    /// Cuts that show nothing, and why; without a name where the mover moves nothing even undisturbed.
    pub(crate) open: Vec<(String, String)>,
}

/// Which cuts are made.
pub(super) struct Wanted {
    /// Random draws of each, beside the one that keeps the least.
    pub(super) draws: u32,
    /// This one alone.
    pub(super) case: Option<Case>,
}

/// Tries all of it.
///
/// # Errors
/// The machine does not allow it.
pub(super) fn measure(setup: &Setup<'_>, wanted: &Wanted, told: impl FnMut(u64, u64)) -> Result<Measured> {
    let mut measured = Measured::default();
    match whole(setup)? {
        Err(why) => measured.open.push((String::new(), why)),
        Ok(calls) => {
            measured.calls = calls.len() as u64;
            every_cut(setup, wanted, &calls, (&mut measured, told))?;
        }
    }
    Ok(measured)
}

fn numbers(setup: &Setup<'_>) -> impl Iterator<Item = MessageId> + Clone + use<> {
    (1..=setup.messages.len() as u64).map(MessageId)
}

/// Undisturbed: the calls that count, or why there is nothing to be cut.
fn whole(setup: &Setup<'_>) -> Result<Result<Vec<FsEvent>, String>> {
    let place = tempfile::tempdir()?;
    let mut trial = Trial::new(setup, place.path(), None)?;
    let (came, tree) = trial.move_mail()?;
    trial.ends(tree)?;
    let sides = trial.sides()?;
    let ended = match came {
        Came::ToItsEnd(status) if status.success() && sides.all_moved(numbers(setup)) => {
            return Ok(Ok(trial.destination.trace()?.into_iter().filter(|event| counts(event.op)).collect()));
        }
        Came::ToItsEnd(status) => format!("it ended ({status})"),
        Came::Nowhere | Came::ToTheCut => "it did not end and was killed".to_owned(),
    };
    Ok(Err(format!("{ended}; {}; {}", moved(setup, &sides), trial.last_words())))
}

fn moved(setup: &Setup<'_>, sides: &Sides) -> String {
    let of = |number: &MessageId| sides.all_moved([*number]);
    let (moved, all) = (numbers(setup).filter(of).count(), numbers(setup).count());
    format!("undisturbed it must move each message once, and moved {moved} of {all}")
}

fn every_cut(
    setup: &Setup<'_>,
    wanted: &Wanted,
    calls: &[FsEvent],
    (measured, mut told): (&mut Measured, impl FnMut(u64, u64)),
) -> Result<()> {
    if let Some(case) = wanted.case {
        return one_cut(setup, case, measured).map(drop);
    }
    // A call that failed changed nothing, but is counted by whoever counts calls.
    let struck = (1..).zip(calls).filter(|(_, call)| call.errno == 0).map(|(number, _)| Some(number));
    let moments: Vec<Option<u64>> = struck.chain([None]).collect();
    for (done, call) in (0..).zip(&moments) {
        told(done, moments.len() as u64);
        let open = one_cut(setup, Case { call: *call, draw: Draw::Least }, measured)?;
        // Where everything is durable there is nothing to be drawn.
        for number in (1..=wanted.draws).filter(|_| open) {
            one_cut(setup, Case { call: *call, draw: Draw::Random(number) }, measured)?;
        }
    }
    Ok(())
}

/// Whether something was left to chance.
fn one_cut(setup: &Setup<'_>, case: Case, measured: &mut Measured) -> Result<bool> {
    let mut seen = Err(String::new());
    for _ in 0..=MORE_TRIES {
        seen = one_trial(setup, case)?;
        if seen.is_ok() {
            break;
        }
    }
    match seen {
        Ok(cut) => {
            let open = cut.pending > 0;
            measured.cuts.push(cut);
            Ok(open)
        }
        Err(why) => {
            measured.open.push((case.to_string(), why));
            Ok(false)
        }
    }
}

fn one_trial(setup: &Setup<'_>, case: Case) -> Result<Result<Cut, String>> {
    let place = tempfile::tempdir()?;
    let mut trial = Trial::new(setup, place.path(), Some(case))?;
    let (came, tree) = trial.move_mail()?;
    let call = match (came, case.call) {
        (Came::ToTheCut, Some(_)) | (Came::ToItsEnd(_), None) => case.call,
        (Came::ToItsEnd(_), Some(number)) => {
            return Ok(Err(format!("the mover ended before its call {number}")));
        }
        (Came::ToTheCut | Came::Nowhere, _) => {
            return Ok(Err("the mover did not end and was killed".to_owned()));
        }
    };
    trial.power_goes(tree)?;
    let report = trial.destination.cut(case, setup.seed)?;
    let back = trial.sides()?;
    let next = trial.next_run()?;
    tracing::info!(%case, ?next, "the next run: {}", trial.last_words());
    let (after, trace) = (trial.sides()?, trial.destination.trace()?);
    let effects = trial.destination.effects()?;
    let seen = Seen {
        case: case.to_string(),
        call: call.map_or(Ok("the mover had ended".to_owned()), |_| struck(&trace))?,
        pending: report.pending,
        unsynced: unsynced(setup.run, &trace, &effects, report.last_call),
        back,
        after,
    };
    Ok(Ok(seen.judged(numbers(setup))))
}

/// The call after which the power went.
fn struck(trace: &[FsEvent]) -> Result<String> {
    let mut events = trace.iter().filter(|event| !event.fired.is_empty());
    let event =
        events.next().ok_or_else(|| anyhow::anyhow!("the trace does not show the call of the cut"))?;
    let to = event.new_path.as_ref().map_or(String::new(), |to| format!(" -> {to}"));
    let path = if event.path.is_empty() { "(its root)" } else { &event.path };
    Ok(format!("{} {path}{to}", event.op))
}

/// The cut of which a row says what was not synced at the end.
pub(super) fn end() -> String {
    AT_THE_END.to_string()
}
