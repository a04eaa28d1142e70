//! A run that begins with what an earlier run left: its store, copied, and the history of the mail in it.
//!
//! The earlier run's operations become the first lines of this run's history, so that a message it had acknowledged is
//! judged as any other. Their instants are moved so that the last of them is over now; their order stays.

use crate::machine::copy_tree::copy_tree;
use anyhow::{Context, Result, anyhow, ensure};
use fuse_fs::clock::Nanos;
use record::directory::{RunDirectory, read_json};
use record::history::event::Event;
use record::history::recorder::Recorder;
use record::history::token::RunToken;
use record::history::trial::Trial;
use record::history::{Action, MessageId, OpId};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Copies what the run in `from` left on `storage` to the new directory `to`.
pub(crate) fn copy(from: &Path, storage: &str, to: &Path) -> Result<()> {
    let places = RunDirectory::existing(from).places();
    let backings: Vec<(String, PathBuf)> = read_json(&places)?;
    let found = backings.into_iter().find(|(name, _)| name == storage).map(|(_, backing)| backing);
    let backing = found.ok_or_else(|| anyhow!("the run in {} has no storage {storage}", from.display()))?;
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    copy_tree(&backing, to)
        .with_context(|| format!("cannot copy the store {} to {}", backing.display(), to.display()))
}

/// Records the operations of the run in `from` and returns the first message number that it did not use.
pub(crate) fn carry_over(from: &Path, token: RunToken, history: &Recorder) -> Result<MessageId> {
    let events = operations(from, token)?;
    let by = Nanos::now().0.saturating_sub(events.last().map_or(0, |event| at(event).0));
    let mut numbers: HashMap<OpId, OpId> = HashMap::new();
    let mut next = 0;
    for event in events {
        if let Event::Invoke { action: Action::Store { attempt, .. }, .. } | Event::Trial { attempt, .. } =
            &event
        {
            next = next.max(attempt.message.0 + 1);
        }
        let number = |op| *numbers.entry(op).or_insert_with(|| history.next_op());
        history.record(later(event, by, number));
    }
    Ok(MessageId(next))
}

/// Beginnings and ends of the client operations of the run in `from`.
fn operations(from: &Path, token: RunToken) -> Result<Vec<Event>> {
    let path = RunDirectory::existing(from).history();
    let file = std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut events = Vec::new();
    for line in BufReader::new(file).lines() {
        let event: Event = serde_json::from_str(&line?)
            .with_context(|| format!("{} is damaged; make that store anew", path.display()))?;
        match event {
            Event::Start { run, .. } => ensure!(
                run == token.to_string(),
                "the store in {} was made with another seed, so its mail could not be told apart; use the same --seed",
                from.display()
            ),
            Event::Invoke { .. } | Event::Complete { .. } => events.push(event),
            Event::Trial { at, attempt, extension, .. } => {
                events.push(Event::Trial { at, attempt, extension, what: Trial::Earlier, detail: None });
            }
            _ => {}
        }
    }
    Ok(events)
}

fn at(event: &Event) -> Nanos {
    match event {
        Event::Invoke { at, .. } | Event::Complete { at, .. } | Event::Trial { at, .. } => *at,
        _ => Nanos(0),
    }
}

/// The same event, later, under another number.
fn later(mut event: Event, by: u64, mut number: impl FnMut(OpId) -> OpId) -> Event {
    match &mut event {
        Event::Invoke { at, intended, room, op, .. } => {
            (at.0, intended.0, *op) = (at.0 + by, intended.0 + by, number(*op));
            *room = room.map(|room| Nanos(room.0 + by));
        }
        Event::Complete { at, op, .. } => (at.0, *op) = (at.0 + by, number(*op)),
        Event::Trial { at, .. } => at.0 += by,
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::{Outcome, UserId};

    #[test]
    fn an_operation_comes_later_under_its_new_number() {
        let end = |at, op| Event::Complete {
            at: Nanos(at),
            op: OpId(op),
            outcome: Outcome::Ok,
            trouble: None,
            reply: None,
            uid: None,
            seen: Vec::new(),
        };
        assert_eq!(later(end(5, 3), 100, |op| OpId(op.0 + 40)), end(105, 43));
    }

    #[test]
    fn a_wait_for_room_comes_as_much_later_as_what_waited() {
        let begin = |at, room, op| Event::Invoke {
            at: Nanos(at),
            intended: Nanos(at - 3),
            room: Some(Nanos(room)),
            op: OpId(op),
            user: UserId(0),
            action: Action::Fetch { message: MessageId(1), mailbox: "INBOX".to_owned() },
        };
        assert_eq!(later(begin(5, 4, 3), 100, |op| OpId(op.0 + 40)), begin(105, 104, 43));
    }
}
