//! A session that is held open, and begun again when it is lost.
//!
//! The client is served when its session stands (the server goes along with IDLE) and at every keep-alive that is
//! answered. It is not when the session is lost: at once if the server hangs up or says so, at the keep-alive if the
//! server is silent; and at every try to begin it again that fails.

use super::pace;

use super::client::{Client, stopped_within};
use crate::mail::client::Failure;
use crate::mail::client::imap::Session;
use crate::mail::client::imap::idle::Woken;
use tokio::sync::watch;
use tokio::time::Instant;

/// Holds on until the stop.
pub(crate) async fn hold_on(client: Client, mut stop: watch::Receiver<bool>) {
    let mut delays = pace::Delays::new(client.seed(), client.number, client.plan.back_off);
    let mut wait = delays.spread();
    while !stopped_within(&mut stop, wait).await {
        match hold(&client, &mut delays, &mut stop).await {
            Ok(()) => return,
            Err(failure) => client.not_served(&failure),
        }
        wait = delays.next();
    }
}

/// One session, from its login to the stop.
async fn hold(
    client: &Client,
    delays: &mut pace::Delays,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut session = client.login().await?;
    let idles = session.offers("IDLE").await?;
    session.select("INBOX", true).await?;
    match idles {
        true => idle(client, &mut session, delays, stop).await?,
        false => poll(client, &mut session, delays, stop).await?,
    }
    session.leave();
    Ok(())
}

/// IDLE after IDLE. News end one too, but do not put off the keep-alive.
async fn idle(
    client: &Client,
    session: &mut Session,
    delays: &mut pace::Delays,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), Failure> {
    let limit = client.timeout();
    let mut due = None;
    loop {
        session.extend(limit);
        let mut idling = session.idle().await?;
        let until = due.unwrap_or_else(|| stands(client, delays));
        let woken = idling.news(until, limit, stop).await?;
        idling.done(limit).await?;
        due = match woken {
            Woken::Stopped => return Ok(()),
            Woken::Changed => Some(until),
            Woken::Over => None,
        };
    }
}

/// NOOP after NOOP, for a server without IDLE.
async fn poll(
    client: &Client,
    session: &mut Session,
    delays: &mut pace::Delays,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), Failure> {
    let limit = client.timeout();
    loop {
        session.extend(limit);
        session.noop().await?;
        let until = stands(client, delays);
        loop {
            match session.news(until, limit, stop).await? {
                Woken::Stopped => return Ok(()),
                Woken::Changed => {}
                Woken::Over => break,
            }
        }
    }
}

/// The session stands; when it is asked next.
fn stands(client: &Client, delays: &mut pace::Delays) -> Instant {
    client.served();
    delays.reset();
    Instant::now() + client.plan.keep_alive.0
}
