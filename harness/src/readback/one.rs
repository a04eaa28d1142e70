//! Looks for one message of a user, as a reading of all mailboxes would find it.

use super::{Reader, login};
use crate::client::Failure;
use crate::client::fetched::Reading;
use crate::history::{Attempt, UserId};

/// Attempts that are looked for, at most, until one is found.
const MOST: usize = 3;

/// Whether the user is shown any of these attempts in its INBOX. Nothing is recorded.
///
/// # Errors
/// The reader lets the user not in, or not see the mailbox.
pub async fn shown(reader: &Reader, user: UserId, attempts: &[Attempt]) -> Result<bool, Failure> {
    let run = reader.setup().run;
    let mut session = login(reader, user).await?;
    let selected = session.select("INBOX", true).await?;
    for attempt in attempts.iter().take(MOST) {
        let found = session.search(&format!("{run}-{}-", attempt.message.0)).await?;
        let mut seen = false;
        if !found.is_empty() {
            let set: Vec<String> = found.iter().map(u32::to_string).collect();
            let reading = Reading { run, validity: selected.validity, whole: true };
            let is_it = |copy: crate::history::Copy, _| seen |= copy.attempt == Some(*attempt);
            session.fetch(&set.join(","), reading, is_it).await?;
        }
        if seen {
            session.leave();
            return Ok(true);
        }
    }
    session.leave();
    Ok(false)
}
