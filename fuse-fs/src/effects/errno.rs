//! `errno`: the call fails with an error of your choice and does nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The call fails and does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Errno {
    /// Name of the error, such as `EIO`, `ENOSPC`, `EDQUOT`, `EROFS`, `ESTALE`.
    pub code: String,
}
