//! Visits without memory.

use super::pace;

use super::client::{Client, note, stopped_within};
use crate::mail::client::Failure;
use crate::mail::client::fetched::Reading;
use crate::mail::client::imap::Session;
use fuse_fs::clock::Nanos;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Visits of one client under way at once, at most: one that finds no room is not made.
const AT_ONCE: usize = 16;

/// Messages on the first page of a list.
const PAGE: u32 = 10;

/// Visits until the stop, and then ends as the last visit does.
pub(crate) async fn come_again(client: Client, origin: Nanos, mut stop: watch::Receiver<bool>) {
    let mut visits = pace::Visits::new(client.seed(), client.number, client.plan.every.0);
    let mut under_way = JoinSet::new();
    loop {
        let at = origin + visits.next();
        if stopped_within(&mut stop, at.since(Nanos::now())).await {
            break;
        }
        while let Some(done) = under_way.try_join_next() {
            note(&client.ctx, done);
        }
        if under_way.len() < AT_ONCE {
            under_way.spawn(visit(client.clone()));
        }
    }
    while let Some(done) = under_way.join_next().await {
        note(&client.ctx, done);
    }
}

/// One visit; all of it ends within the workload's timeout.
async fn visit(client: Client) {
    match look(&client).await {
        Ok(session) => {
            client.served();
            session.logout().await;
        }
        Err(failure) if elsewhere_expunged(&failure) => client.served(),
        Err(failure) => client.not_served(&failure),
    }
}

/// Reads the headers of the newest messages.
async fn look(client: &Client) -> Result<Session, Failure> {
    let mut session = client.login().await?;
    let selected = session.select("INBOX", true).await?;
    let mut uids = session.newest(selected.exists, PAGE).await?;
    uids.retain(|uid| client.may_read(selected.validity, *uid));
    if !uids.is_empty() {
        let set: Vec<String> = uids.iter().map(u32::to_string).collect();
        let reading = Reading { run: client.ctx.setup.run, validity: selected.validity, whole: false };
        session.fetch(&set.join(","), reading, |_, _| ()).await?;
    }
    Ok(session)
}

/// A server may say NO because other clients expunged a message meanwhile (RFC 5530); it serves all the same.
fn elsewhere_expunged(failure: &Failure) -> bool {
    failure.reply.as_ref().is_some_and(|reply| reply.starts_with("[EXPUNGEISSUED]"))
}
