//! What is wrong with the definition of a server that runs already.

use super::possible::Impossible;
use super::{Definition, Layout};

impl Definition {
    /// Nothing may be said of it that only a server has which is started here, and no password in a file that is copied.
    pub(super) fn possible_external(&self) -> Result<(), Impossible> {
        if self.accounts.is_none() {
            return Err(Impossible::NoAccounts);
        }
        if self.password != Definition::default_password() {
            return Err(Impossible::PasswordInFile);
        }
        let listen = &self.listen;
        if listen.imap.is_none() {
            return Err(Impossible::Unread);
        }
        let not_here = [
            ("layout", self.layout == Layout::Opaque {}),
            ("check", self.check.is_empty()),
            ("migrate", self.migrate.is_empty()),
            ("owner", self.owner.is_none()),
            ("login", self.login.is_none()),
        ];
        if let Some((name, _)) = not_here.iter().find(|(_, absent)| !absent) {
            return Err(Impossible::NotHere(name));
        }
        if self.names_a_store() {
            return Err(Impossible::NotHere("{store}"));
        }
        match self.rebuild.as_ref().is_some_and(|rebuild| !rebuild.running) {
            true => Err(Impossible::RebuildOfStopped),
            false => Ok(()),
        }
    }
}
