//! Looks for a message of one user, with the commands of a reading of all mailboxes.

use super::readback::{BATCH, Reader, login};
use crate::mail::client::Failure;
use crate::mail::client::fetched::Reading;
use record::history::{Attempt, Copy, UserId};

/// Whether the user is shown any of these attempts among the newest messages of its INBOX. Nothing is recorded.
///
/// # Errors
/// The reader lets the user not in, or not see the mailbox.
pub(crate) async fn shown(reader: &Reader, user: UserId, attempts: &[Attempt]) -> Result<bool, Failure> {
    let mut seen = false;
    let one = |copy: Copy, _| seen |= copy.attempt.is_some_and(|attempt| attempts.contains(&attempt));
    newest(reader, user, false, one).await?;
    Ok(seen)
}

/// The attempt as the user is shown it, read whole, among the newest messages of its INBOX, and its bytes if they are not what was sent.
/// Nothing is recorded.
///
/// # Errors
/// Those of [`shown`].
pub(crate) async fn whole(
    reader: &Reader,
    user: UserId,
    attempt: Attempt,
) -> Result<Option<(Copy, Option<Vec<u8>>)>, Failure> {
    let mut found = None;
    newest(reader, user, true, |copy: Copy, damaged| {
        if copy.attempt == Some(attempt) {
            found = Some((copy, damaged));
        }
    })
    .await?;
    Ok(found)
}

async fn newest(
    reader: &Reader,
    user: UserId,
    whole: bool,
    each: impl FnMut(Copy, Option<Vec<u8>>),
) -> Result<(), Failure> {
    let mut session = login(reader, user).await?;
    let selected = session.select("INBOX", true).await?;
    let mut uids = session.search_all().await?;
    uids.sort_unstable();
    let newest: Vec<String> = uids.iter().rev().take(BATCH).map(u32::to_string).collect();
    if !newest.is_empty() {
        let reading = Reading { run: reader.setup().run, validity: selected.validity, whole };
        session.fetch(&newest.join(","), reading, each).await?;
    }
    session.leave();
    Ok(())
}
