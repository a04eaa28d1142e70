//! Makes again what was sent, for the messages that came back with other bytes, and puts it beside them. Done after the run,
//! so that it costs the measurement nothing, and again whenever it is missing: a killed run has none.
//!
//! Written only if it has the digest that was recorded before the message was sent. What cannot be made (the corpus is
//! gone, the directory cannot be written to) is said by the report, which misses it.

use crate::mail::workload::maker::Maker;
use record::directory::{RunDirectory, read_json};
use record::history::Attempt;
use record::history::token::Token;
use record::ledger::Ledger;
use record::ledger::messages::Messages;
use record::message::drawn;
use record::plan::Plan;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Makes what is missing in the run directory.
pub(crate) fn make_again(directory: &Path) {
    let run = RunDirectory::existing(directory);
    let missing = missing(&run);
    if !missing.is_empty() {
        // What follows from an error here is said by the report.
        let _ = make(&run, &missing);
    }
}

/// Attempts that came back damaged and of which it is not known yet what was sent.
fn missing(run: &RunDirectory) -> Vec<Token> {
    let entries = std::fs::read_dir(run.damaged()).into_iter().flatten().flatten();
    let tokens = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    tokens.filter(|token: &Token| !sent(run, token).exists()).collect()
}

fn sent(run: &RunDirectory, token: &Token) -> PathBuf {
    run.path().join(RunDirectory::sent_name(&token.to_string()))
}

fn make(run: &RunDirectory, missing: &[Token]) -> anyhow::Result<()> {
    let plan: Plan = read_json(&run.plan())?;
    let ledger = Ledger::read(BufReader::new(File::open(run.history())?))?;
    let (maker, messages) = (Maker::of(&plan)?, Messages::of(&ledger));
    for token in missing {
        if let Some(bytes) = made(&maker, &ledger, &messages, token.attempt) {
            let path = sent(run, token);
            let unfinished = path.with_extension("new");
            std::fs::write(&unfinished, bytes)?;
            std::fs::rename(unfinished, path)?;
        }
    }
    Ok(())
}

fn made(maker: &Maker, ledger: &Ledger, messages: &Messages, attempt: Attempt) -> Option<Vec<u8>> {
    let op = messages.store(ledger, attempt)?;
    let user = ledger.user_name(ledger.user_of(op.place));
    let needs = ledger.may_need(op).and_then(|after| drawn(after, maker.seed, attempt));
    let made = maker.make(attempt, &user, needs).ok()?;
    (Some(made.digest) == op.digest).then_some(made.bytes)
}

#[cfg(test)]
mod tests {
    use record::synthetic;

    use super::*;
    use record::history::MessageId;
    use record::synthetic::{OK, World};

    /// A run in which messages 1 and 2 were sent and came back damaged; the second has another digest than its plan's.
    fn damaged() -> (tempfile::TempDir, Vec<u8>) {
        let place = tempfile::tempdir().expect("a directory");
        let (plan, mut world) = (synthetic::plan(), World::new(Vec::new(), 1));
        let attempt = |message| Attempt { message: MessageId(message), n: 1 };
        let sent = Maker::of(&plan).expect("no corpus").make(attempt(1), "user1", None).expect("made");
        world.digests.insert(attempt(1), sent.digest);
        for message in 1..=2 {
            world.deliver(0, message, 1, OK);
            let damaged = place.path().join(format!("damaged/{}-{message}-1", synthetic::RUN));
            std::fs::create_dir_all(damaged).expect("made");
        }
        std::fs::write(place.path().join("history.jsonl"), world.finish()).expect("written");
        let plan = serde_json::to_vec(&plan).expect("a plan is JSON");
        std::fs::write(place.path().join("plan.json"), plan).expect("written");
        (place, sent.bytes)
    }

    #[test]
    fn only_what_has_the_recorded_digest_is_put_beside_what_came_back() {
        let (place, sent) = damaged();
        let files = [1, 2].map(|n| place.path().join(format!("damaged/{}-{n}-1/sent.eml", synthetic::RUN)));
        make_again(place.path());
        assert_eq!(std::fs::read(&files[0]).expect("made"), sent);
        assert!(!files[1].exists());
        std::fs::write(&files[0], "what is there stays").expect("written");
        make_again(place.path());
        assert_eq!(std::fs::read(&files[0]).expect("there"), b"what is there stays");
    }

    #[test]
    fn a_directory_without_damage_is_left_alone() {
        let place = tempfile::tempdir().expect("a directory");
        make_again(place.path());
        assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 0);
    }
}
