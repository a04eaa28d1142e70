//! Reads all mail through IMAP: the mail server's own, or that of a companion which is started for it.

use super::supervise;

use super::stage::Stage;
use crate::mail::readback::bounces::read_bounces;
use crate::mail::readback::{Reader, read_all};
use crate::mail::workload::Context as Traffic;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use std::sync::Arc;
use std::time::Duration;

/// Reads every mailbox and the bounces, as `reading`; no mailbox is begun again after `limit`.
pub(crate) async fn read(stage: &Stage, traffic: &Arc<Traffic>, reading: &str, limit: Duration) {
    supervise::start_reading(stage).await;
    let services = stage.target.lock().await.reading_services();
    match services.into_iter().find(|(service, _)| *service == "imap") {
        Some((_, imap)) => {
            let reader = Reader::new(traffic.clone(), imap);
            read_all(&reader, reading, limit).await;
            read_bounces(&reader, reading).await;
        }
        None => {
            let problem = format!("nothing serves IMAP for the reading `{reading}`");
            stage.history.record(Event::Harness { at: Nanos::now(), problem });
        }
    }
}
