//! The messages that are moved: they follow from the seed, so whoever needs them makes them anew.

use record::history::token::RunToken;
use record::history::{Attempt, MessageId};
use record::message::{Addresses, Outgoing, generate};
use record::plan::seed::component_seed;

/// What a message is to be long; a few have no body and are shorter.
const SIZE: u64 = 4096;

pub(super) fn run(seed: u64) -> RunToken {
    // The lower half is as good as all of it.
    RunToken(component_seed(seed, "movers") as u32)
}

pub(super) fn messages(seed: u64, count: u32) -> Vec<Outgoing> {
    let to = Addresses { from: "anna@example.test", to: "user1@example.test", needs: None };
    let attempt = |number: u32| Attempt { message: MessageId(number.into()), n: 1 };
    (1..=count).map(|number| generate(run(seed), attempt(number), to, SIZE, seed)).collect()
}
