//! Extensions of the protocols that generated mail may need.

use super::Ingress;
use serde::{Deserialize, Serialize};

/// The extension that a message needs.
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
}
