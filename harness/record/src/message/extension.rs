//! Mail that goes only by an extension of the protocol, and only after one message of its kind came back.

use super::rng_for;
use crate::history::{Attempt, Ingress, MessageId};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The extension that a generated message needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extension {
    /// SMTPUTF8: names and subject are in UTF-8 (RFC 6532).
    #[default]
    Smtputf8,
    /// BINARY (RFC 3516): NUL and every other octet are in the body. Only APPEND brings it.
    Binary,
}

impl Extension {
    /// How many there are.
    pub const COUNT: usize = 2;

    /// That of mail that enters this way.
    pub fn by(entry: Ingress) -> Extension {
        match entry {
            Ingress::Lmtp | Ingress::Smtp => Extension::Smtputf8,
            Ingress::Append => Extension::Binary,
        }
    }

    /// Of these many messages one needs it.
    fn one_of(self) -> u32 {
        match self {
            Extension::Smtputf8 => 8,
            Extension::Binary => 4,
        }
    }

    /// Whether one attempt needs it: some do after the `trial`, a message of that kind that came back.
    pub fn drawn(self, seed: u64, attempt: Attempt, trial: Option<MessageId>) -> Option<Extension> {
        let may = trial.is_some_and(|trial| attempt.message > trial);
        let drawn = || rng_for("fermoposta header form", seed, attempt).random_range(0..self.one_of()) == 0;
        (may && drawn()).then_some(self)
    }
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
