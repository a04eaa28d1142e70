//! Users who are there already, each with a login and a password of its own.

use super::sign_in::Mechanism;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Users of an `external` server. Passwords stay in the file: they come into no plan, history or report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accounts {
    /// CSV with the columns `address`, `login`, `password`, `password_command` and `on_behalf_of`, of which only the first is needed, or
    /// TOML with `[[user]]`; beside the target file if it is no absolute path.
    pub file: PathBuf,
    /// Addresses of the file whose mailboxes may be written to. Default: all but `sender`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The address of the file that mail is sent from by SMTP: bounces come back into its mailbox, and it signs in where the server
    /// offers AUTH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// How the password is brought. Default `any`.
    #[serde(default)]
    pub sign_in: Mechanism,
}

impl Accounts {
    /// Files beside the target file, found from anywhere.
    pub fn beside(&mut self, home: &Path) {
        self.file = home.join(&self.file);
    }

    /// Whether the mailbox of this address may be written to by the traffic.
    pub fn takes_part(&self, address: &str) -> bool {
        let chosen = self.only.is_empty() || self.only.iter().any(|one| one == address);
        chosen && self.sender.as_deref() != Some(address)
    }
}
