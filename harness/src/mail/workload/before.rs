//! What lay in the mailboxes of users who were there before the run. It is not ours: it is never read, changed or counted, and without leave
//! nothing is written beside it.

use super::context::Context;
use super::ended::words;
use crate::mail::client::Failure;
use crate::mail::client::imap::{Selected, Session};
use record::history::Trouble;
use reports::kit::figures::counted;
use std::collections::BTreeMap;
use std::time::Duration;

/// For each request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where ours begins, by user and mailbox.
#[derive(Debug, Default)]
pub(crate) struct Before(BTreeMap<(String, String), Mark>);

#[derive(Clone, Copy, Debug)]
struct Mark {
    validity: u32,
    /// The first UID that was not given.
    next: u32,
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOurs {
    #[error("{user}: {what} before anything was sent: {why}")]
    Closed { user: String, what: &'static str, why: String },
    #[error(
        "{user} has {} in {mailbox}, and nothing was written: choose test users whose {mailbox} is empty, another `second-mailbox`, or \
         write beside it with --beside-mail (it is neither read nor changed)", counted(*messages, "message", "messages")
    )]
    NotEmpty { user: String, mailbox: String, messages: u64 },
    #[error(
        "{user} has mail of an earlier run with this seed in {mailbox}, and nothing was written: choose another --seed"
    )]
    SameSeed { user: String, mailbox: String },
}

impl Before {
    /// Whether a message came after.
    pub(crate) fn is_past(&self, user: &str, mailbox: &str, validity: u32, uid: u32) -> bool {
        let mark = self.0.get(&(user.to_owned(), mailbox.to_owned()));
        mark.is_none_or(|mark| mark.validity != validity || uid >= mark.next)
    }
}

/// Signs in as everybody, looks and leaves. Nothing is changed.
///
/// # Errors
/// The first user who cannot be signed in, or whose mailbox is not to be written to.
pub(crate) async fn look(ctx: &Context) -> Result<Before, NotOurs> {
    let mut before = Before::default();
    let sender = ctx.setup.plan.bounce_user().map(str::to_owned);
    for user in ctx.setup.users.iter().cloned().chain(sender) {
        look_at(ctx, &user, &mut before).await?;
    }
    Ok(before)
}

async fn look_at(ctx: &Context, user: &str, before: &mut Before) -> Result<(), NotOurs> {
    let closed =
        |what, failure: &Failure| NotOurs::Closed { user: user.to_owned(), what, why: words(failure) };
    let no_imap = || Failure::unknown(Trouble::Disconnected, Some("the target has no IMAP".to_owned()));
    let imap = ctx.imap().ok_or_else(|| closed("mail cannot be read", &no_imap()))?;
    let session = Session::login(imap, &ctx.setup.in_traffic(user), PATIENCE).await;
    let mut session = session.map_err(|failure| closed("cannot be signed in", &failure))?;
    let names = session.list().await.map_err(|failure| closed("folders cannot be listed", &failure))?;
    for mailbox in names {
        session.extend(PATIENCE);
        // What cannot be opened cannot be read at the end either, which then says why.
        let Ok(selected) = session.select(&mailbox, true).await else { continue };
        let written = mailbox == "INBOX" || mailbox == ctx.setup.archive;
        if written && selected.exists > 0 {
            suits(ctx, user, &mailbox, selected, &mut session).await?;
        }
        let next = next(selected, &mut session)
            .await
            .map_err(|failure| closed("a folder cannot be read", &failure))?;
        before.0.insert((user.to_owned(), mailbox), Mark { validity: selected.validity, next });
    }
    session.leave();
    Ok(())
}

/// Tokens follow from the seed: those of an earlier run would pass for this one's.
async fn suits(
    ctx: &Context,
    user: &str,
    mailbox: &str,
    selected: Selected,
    session: &mut Session,
) -> Result<(), NotOurs> {
    let (user, mailbox) = (user.to_owned(), mailbox.to_owned());
    if !ctx.setup.plan.beside_mail {
        return Err(NotOurs::NotEmpty { user, mailbox, messages: selected.exists.into() });
    }
    match session.search(&format!("{}-", ctx.setup.run)).await {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(_) => Err(NotOurs::SameSeed { user, mailbox }),
        Err(failure) => {
            Err(NotOurs::Closed { user, what: "a folder cannot be searched", why: words(&failure) })
        }
    }
}

/// UIDNEXT, or what it must be where the server does not say it.
async fn next(selected: Selected, session: &mut Session) -> Result<u32, Failure> {
    match selected.uid_next {
        0 => Ok(session.search_all().await?.into_iter().max().map_or(1, |last| last.saturating_add(1))),
        next => Ok(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lay_there_is_never_ours() {
        let mark = Mark { validity: 7, next: 100 };
        let before = Before([(("anna".to_owned(), "INBOX".to_owned()), mark)].into());
        assert!(!before.is_past("anna", "INBOX", 7, 99));
        assert!(before.is_past("anna", "INBOX", 7, 100) && before.is_past("anna", "INBOX", 8, 1));
        assert!(before.is_past("anna", "New", 7, 1) && before.is_past("bob", "INBOX", 7, 1));
    }
}
