//! Reads mail past the mail server: on the backing disks.

use super::disk::{DiskReading, read_bounces, read_user};
use super::placement::Placement;
use super::stage::Inspector;
use anyhow::Result;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::history::token::RunToken;
use record::history::{Source, UserId};
use record::plan::Plan;
use record::plan::server::Layout;

/// Name of the reading that counts.
pub(crate) const FINAL: &str = "final";

/// Reads every user's files on the backing disk, past the mail server and the mount.
pub(crate) fn inspector(
    plan: &Plan,
    token: RunToken,
    placement: Placement,
    history: Recorder,
    specimens: Specimens,
) -> Inspector {
    if plan.storages.is_empty() {
        // The mail is elsewhere: there is no disk to look at.
        return Box::new(|_| Ok(()));
    }
    let layout = plan.target.definition.layout.clone();
    let users: Vec<String> = plan.workload.user_names().collect();
    let sender = plan.workload.bounce_user().map(str::to_owned);
    Box::new(move |reading| {
        for (index, user) in users.iter().enumerate() {
            let at = Nanos::now();
            let root = placement.disk_root(user)?;
            let mut keep = |path: &str, attempt, raw: &[u8]| specimens.stored(reading, path, attempt, raw);
            let found = tokio::task::block_in_place(|| read_user(&root, &layout, user, token, &mut keep));
            let (reading, user) = (reading.to_owned(), UserId(u32::try_from(index)?));
            let DiskReading { complete, error, copies } = found;
            history.record(Event::Disk { at, reading, user, complete, error, copies });
        }
        if reading == FINAL {
            left_behind(&placement, &layout, &users, token, (&history, &specimens))?;
        }
        if let Some(sender) = &sender {
            let at = Nanos::now();
            let root = placement.disk_root(sender)?;
            let read = || read_bounces(&root, &layout, sender, token);
            let (bounces, error) = tokio::task::block_in_place(read);
            let (reading, source, complete) = (reading.to_owned(), Source::Disk, error.is_none());
            history.record(Event::Bounces { at, reading, source, complete, error, bounces });
        }
        Ok(())
    })
}

/// Reads the copies that a migration left where their users are not served any more.
fn left_behind(
    placement: &Placement,
    layout: &Layout,
    users: &[String],
    token: RunToken,
    (history, specimens): (&Recorder, &Specimens),
) -> Result<()> {
    for (index, user) in users.iter().enumerate() {
        for (storage, root) in placement.elsewhere(user)? {
            let at = Nanos::now();
            let reading = format!("{}{storage}", judge::findings::left_behind::READING);
            let mut keep = |path: &str, attempt, raw: &[u8]| specimens.stored(&reading, path, attempt, raw);
            let read = || read_user(&root, layout, user, token, &mut keep);
            let DiskReading { complete, error, copies } = tokio::task::block_in_place(read);
            let user = UserId(u32::try_from(index)?);
            history.record(Event::Disk { at, reading, user, complete, error, copies });
        }
    }
    Ok(())
}
