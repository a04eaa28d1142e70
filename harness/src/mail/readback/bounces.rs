//! Reads the mailbox of the sender of all mail through IMAP: which attempts came back as bounces.
//!
//! A reading is complete only if every message that the mailbox holds was read: a bounce that is overlooked would make a
//! loss of a message that is accounted for.

use super::readback::{BATCH, Reader, TRIES, login_as, patience};
use crate::mail::client::Failure;
use crate::mail::message::bounce::bounce;
use crate::mail::workload::ended::words;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Bounce, Source};

/// Reads it and records one [`Event::Bounces`], named `reading`. Nothing is read where no bounce can come back.
pub(crate) async fn read_bounces(reader: &Reader, reading: &str) {
    let Some(user) = reader.setup().plan.bounce_user() else { return };
    let mut read = read_once(reader, user).await;
    for _ in 1..TRIES {
        if read.is_ok() {
            break;
        }
        read = read_once(reader, user).await;
    }
    let (bounces, error) = match read {
        Ok(bounces) => (bounces, None),
        Err(unread) => (Vec::new(), Some(unread.to_string())),
    };
    let (at, reading, source, complete) = (Nanos::now(), reading.to_owned(), Source::Imap, error.is_none());
    reader.setup().history.record(Event::Bounces { at, reading, source, complete, error, bounces });
}

/// Why the mailbox was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("{0}")]
    Failed(String),
    #[error("{wanted} messages are there, {got} could be read")]
    Short { wanted: u32, got: u32 },
}

async fn read_once(reader: &Reader, user: &str) -> Result<Vec<Bounce>, Unread> {
    let mut bounces = Vec::new();
    let read =
        read_inbox(reader, user, &mut bounces).await.map_err(|failure| Unread::Failed(words(&failure)))?;
    match read {
        (wanted, got) if wanted == got => Ok(bounces),
        (wanted, got) => Err(Unread::Short { wanted, got }),
    }
}

/// How many messages were there, and how many were read.
async fn read_inbox(reader: &Reader, user: &str, bounces: &mut Vec<Bounce>) -> Result<(u32, u32), Failure> {
    let mut session = login_as(reader, user).await?;
    let selected = session.select("INBOX", true).await?;
    let mut uids = session.search_all().await?;
    let found = uids.len();
    reader.ours(user, "INBOX", selected.validity, &mut uids);
    let (run, mut got) = (reader.setup().run, u32::try_from(found - uids.len()).unwrap_or(u32::MAX));
    for batch in uids.chunks(BATCH) {
        session.extend(patience(reader));
        let set: Vec<String> = batch.iter().map(u32::to_string).collect();
        let keep = |uid: u32, raw: &[u8]| {
            bounces.extend(bounce(raw, run, &format!("UID {uid} of {user}")));
        };
        got += session.bodies(&set.join(","), keep).await?;
    }
    session.leave();
    Ok((selected.exists, got))
}
