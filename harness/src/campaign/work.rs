//! Work that comes in many runs: several at once, each result in the journal before the next is counted.
//!
//! Invariant: what has no result in the journal is done again when the work goes on; nothing is done twice that has one. A run
//! that fails is said and has no result; a journal that cannot be written ends the work, the others at the run they are at.

use super::gate::Gate;
use super::journal::{Journal, Named};
use anyhow::Result;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender};

/// What is to be done many times.
pub(crate) trait Work: Sync {
    /// What one piece of it needs to know.
    type Piece: Send;
    /// What it comes to.
    type Outcome: Named + Send;

    /// How a piece is called where it has no result.
    fn title(&self, piece: &Self::Piece) -> String;

    /// Does one piece; `None` if a signal ended it.
    ///
    /// # Errors
    /// It came to no result.
    fn done(&self, piece: &Self::Piece) -> Result<Option<Self::Outcome>>;
}

/// What is to be done, in an order that may follow from what came of it so far.
pub(crate) trait Agenda<W: Work>: Send {
    /// Pieces that may be under way at once.
    fn at_most(&self) -> usize;
    /// The next piece, until nothing more is to be begun.
    fn next(&mut self) -> Option<W::Piece>;
    /// What a piece came to.
    fn heard(&mut self, outcome: &W::Outcome);
}

/// One after another.
impl<W: Work> Agenda<W> for VecDeque<W::Piece> {
    fn at_most(&self) -> usize {
        self.len()
    }

    fn next(&mut self) -> Option<W::Piece> {
        self.pop_front()
    }

    fn heard(&mut self, _: &W::Outcome) {}
}

/// Does what is `left`, as `gate` lets it, until a signal comes; how many came to a result. `note` hears of each.
///
/// # Errors
/// The journal cannot be written.
pub(crate) fn run_all<W: Work>(
    work: &W,
    left: impl Agenda<W>,
    gate: &Gate,
    journal: &mut Journal<W::Outcome>,
    mut note: impl FnMut(&W::Outcome),
) -> Result<usize> {
    let threads = gate.most().min(left.at_most());
    let agenda = Mutex::new(Some(left));
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (agenda, sender) = (&agenda, sender.clone());
            scope.spawn(move || take_pieces(work, agenda, gate, &sender));
        }
        drop(sender);
        let mut count = 0;
        for outcome in receiver {
            count += 1;
            note(&outcome);
            if let Some(agenda) = agenda.lock().as_mut() {
                agenda.heard(&outcome);
            }
            if let Err(error) = journal.add(outcome) {
                *agenda.lock() = None;
                return Err(error);
            }
        }
        Ok(count)
    })
}

/// Takes pieces until none is left, a signal came, or nobody listens any more.
fn take_pieces<W: Work>(
    work: &W,
    agenda: &Mutex<Option<impl Agenda<W>>>,
    gate: &Gate,
    outcomes: &Sender<W::Outcome>,
) {
    while let Some(_pass) = gate.enter() {
        let next = agenda.lock().as_mut().and_then(Agenda::next);
        let Some(piece) = next else { return };
        match work.done(&piece) {
            Ok(None) => return,
            Err(error) => crate::exit::tell!("no result: {}: {error:#}", work.title(&piece)),
            Ok(Some(outcome)) => {
                if outcomes.send(outcome).is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Numbers: odd ones fail.
    struct Halves;

    impl Work for Halves {
        type Piece = u32;
        type Outcome = (String, u32);

        fn title(&self, piece: &u32) -> String {
            format!("number {piece}")
        }

        fn done(&self, piece: &u32) -> Result<Option<(String, u32)>> {
            anyhow::ensure!(piece.is_multiple_of(2), "odd");
            Ok(Some((piece.to_string(), piece / 2)))
        }
    }

    #[test]
    fn each_result_is_in_the_journal_and_what_failed_has_none() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("journal.jsonl");
        let mut noted = BTreeSet::new();
        let mut journal = Journal::open(&path).expect("made");
        let count = run_all(&Halves, VecDeque::from_iter(0..20), &Gate::new(3), &mut journal, |(_, half)| {
            noted.insert(*half);
        });
        assert_eq!(count.expect("written"), 10);
        assert_eq!(noted, (0..10).collect());
        drop(journal);
        let kept = Journal::<(String, u32)>::open(&path).expect("opened").done;
        assert_eq!(kept.len(), 10);
        assert!(!kept.contains_key("3"));
    }
}
