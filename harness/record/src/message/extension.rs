//! Mail that goes only by an extension of the protocol, and only after one message of its kind came back.

use super::rng_for;
use crate::history::extension::Extension;
use crate::history::{Attempt, MessageId};
use rand::RngExt;

/// Of these many messages one needs it.
fn one_of(extension: Extension) -> u32 {
    match extension {
        Extension::Smtputf8 => 8,
        Extension::Binary => 2,
    }
}

/// Whether one attempt needs this extension: some do after the `trial`, a message of that kind that came back.
pub fn drawn((extension, trial): (Extension, MessageId), seed: u64, attempt: Attempt) -> Option<Extension> {
    let drawn = || rng_for("fermoposta header form", seed, attempt).random_range(0..one_of(extension)) == 0;
    (attempt.message > trial && drawn()).then_some(extension)
}

/// What stands in a header besides addresses and numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    pub author: &'static str,
    pub recipient: &'static str,
    pub subject: &'static str,
}

impl Wording {
    pub(super) fn of(needs: Option<Extension>) -> Wording {
        match needs {
            Some(Extension::Smtputf8) => {
                Wording {
                    author: "Zoë Ørsted ", recipient: "Ольга ", subject: "Geprüfte 検査 message"
                }
            }
            Some(Extension::Binary) | None => Wording { author: "", recipient: "", subject: "message" },
        }
    }
}
