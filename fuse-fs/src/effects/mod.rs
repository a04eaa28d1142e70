//! What can happen to a call. One file per effect; this list and [`Effect`] are all that names them.

pub mod errno;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to a call that a rule strikes. Written `effect.errno = { code = "EIO" }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Effect {
    /// The call fails with an error of your choice and does nothing.
    Errno(errno::Errno),
}
