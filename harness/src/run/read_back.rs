//! Before the traffic, and before any fault is armed: can mail be read at all?
//!
//! One message of each user is looked for through the server that the final reading goes through. If none is shown to
//! anybody, or a companion does not show what lies on the disk, the set-up is wrong (whom the files belong to, what users
//! log in as, where mail is looked for), and a run would call all mail invisible. Where a mail server shows mail to some and
//! not to others, that is its own doing and the run goes on.

use super::stage::Stage;
use crate::mail::readback::Reader;
use crate::mail::readback::one::{shown, whole};
use crate::mail::workload::ended::words;
use crate::mail::workload::trial::{self, Tried};
use crate::mail::workload::{Context as Traffic, Sent};
use crate::tls::endpoint::Endpoint;
use anyhow::{Context, Result, bail};
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Attempt, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Of more users only so many are looked at, spread over all of them.
const MOST_USERS: usize = 100;

/// Users looked at at once.
const AT_ONCE: usize = 4;

/// The message that was tried is waited for no longer: where it does not come back, no more of its form are sent.
const TRIAL_LIMIT: Duration = Duration::from_secs(5);

/// Time between two looks.
const PACE: Duration = Duration::from_millis(200);

/// Mail that was accepted for each user.
type Mail = BTreeMap<UserId, Vec<Attempt>>;

/// Reads back what was `sent`, at most for `limit`, because a server may deliver later than it accepts.
///
/// # Errors
/// It cannot be read, for a reason that is not the mail server's.
pub(crate) async fn check(
    stage: &Stage,
    traffic: &Arc<Traffic>,
    (sent, tried): (&[Sent], &[Tried]),
    limit: Duration,
) -> Result<()> {
    let all = by_user(sent);
    let mail = sample(&all);
    if mail.is_empty() {
        return Ok(());
    }
    let Some((imap, by_companion)) = reader(stage).await? else { return Ok(()) };
    let reader = Reader::new(traffic.clone(), imap);
    let looked = look(&reader, &mail, limit).await;
    let on_disk = stage.store.readable().then(|| block_in_place(|| stage.store.arrived(sent)));
    let unseen = Unseen { all: mail.len(), by_companion, users: unseen(&mail, looked, on_disk.as_ref()) };
    if let Some(why) = unseen.set_up() {
        let names: Vec<&str> = unseen.users.iter().map(|one| traffic.user(one.user)).collect();
        let log = stage.target.lock().await.reader_words();
        bail!("{}", unseen.told(why, &names, &log));
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (users, of) = (count(mail.len()), count(all.len()));
    let unseen = unseen.users.into_iter().map(|one| (one.user, one.why)).collect();
    stage.history.record(Event::ReadBack { at: Nanos::now(), users, of, unseen });
    for one in tried {
        wait_for(&reader, traffic, one).await;
    }
    end(stage, by_companion).await
}

/// Whatever happens to the message that was tried, the run goes on.
async fn wait_for(reader: &Reader, traffic: &Traffic, tried: &Tried) {
    let deadline = Instant::now() + TRIAL_LIMIT;
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < deadline {
        tick.tick().await;
        if let Ok(Some((copy, damaged))) = whole(reader, tried.user, tried.attempt).await {
            return trial::came_back(traffic, tried, &copy, damaged.as_deref());
        }
    }
}

fn by_user(sent: &[Sent]) -> Mail {
    let mut mail = Mail::new();
    sent.iter().for_each(|one| mail.entry(one.user).or_default().push(one.attempt));
    mail
}

fn sample(all: &Mail) -> Mail {
    let step = all.len().div_ceil(MOST_USERS).max(1);
    all.iter().step_by(step).map(|(user, attempts)| (*user, attempts.clone())).collect()
}

/// Where mail is read, and whether by a companion that was started for it; none if nothing serves IMAP.
async fn reader(stage: &Stage) -> Result<Option<(Endpoint, bool)>> {
    let mut target = stage.target.lock().await;
    let by_companion = target.is_read_by_companion();
    let services =
        target.start_reading().await.context("mail cannot be read back, before any fault was armed")?;
    let imap = services.into_iter().find(|(service, _)| *service == "imap");
    Ok(imap.map(|(_, imap)| (imap, by_companion)))
}

/// A companion goes until the final reading, and what it wrote is no more at risk than what was there before it came.
async fn end(stage: &Stage, by_companion: bool) -> Result<()> {
    if by_companion {
        let mut target = stage.target.lock().await;
        target.stop_reading().await?;
        tokio::task::block_in_place(|| {
            stage.storages.iter().try_for_each(super::storage::Storage::make_durable)
        })?;
    }
    Ok(())
}

/// Why a user was shown none of its mail.
#[derive(Debug, thiserror::Error)]
enum Unshown {
    #[error("its INBOX is shown without them")]
    Without,
    #[error("{0}")]
    Failed(String),
}

/// Of each user whether a message was shown, or why none was.
async fn look(reader: &Reader, mail: &Mail, limit: Duration) -> BTreeMap<UserId, Result<(), Unshown>> {
    let (mut tasks, mut looked) = (JoinSet::new(), BTreeMap::new());
    let deadline = Instant::now() + limit;
    for (user, attempts) in mail.clone() {
        if tasks.len() >= AT_ONCE {
            looked.extend(tasks.join_next().await.and_then(Result::ok));
        }
        let reader = reader.clone();
        tasks.spawn(async move { (user, look_for(&reader, user, &attempts, deadline).await) });
    }
    while let Some(done) = tasks.join_next().await {
        looked.extend(done);
    }
    looked
}

/// At least once.
async fn look_for(
    reader: &Reader,
    user: UserId,
    attempts: &[Attempt],
    deadline: Instant,
) -> Result<(), Unshown> {
    let mut tick = interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let why = match shown(reader, user, attempts).await {
            Ok(true) => return Ok(()),
            Ok(false) => Unshown::Without,
            Err(failure) => Unshown::Failed(words(&failure)),
        };
        if Instant::now() >= deadline {
            return Err(why);
        }
    }
}

/// A user who was shown none of its mail.
#[derive(Clone, Debug, PartialEq, Eq)]
struct One {
    user: UserId,
    why: String,
    /// Some of it lies on the disk; not known if the layout is not.
    on_disk: Option<bool>,
}

fn unseen(
    mail: &Mail,
    looked: BTreeMap<UserId, Result<(), Unshown>>,
    on_disk: Option<&BTreeSet<Attempt>>,
) -> Vec<One> {
    let lies = |user: &UserId| on_disk.map(|there| mail[user].iter().any(|attempt| there.contains(attempt)));
    let failed = looked.into_iter().filter_map(|(user, seen)| Some((user, seen.err()?)));
    failed.map(|(user, why)| One { on_disk: lies(&user), user, why: why.to_string() }).collect()
}

/// All users who were shown none of their mail.
struct Unseen {
    /// Users who were looked at.
    all: usize,
    by_companion: bool,
    users: Vec<One>,
}

impl Unseen {
    /// Whom of them the set-up keeps from their mail, the first.
    fn set_up(&self) -> Option<&One> {
        match self.users.len() {
            0 => None,
            n if n == self.all => self.users.first(),
            _ => self.users.iter().find(|one| self.by_companion && one.on_disk != Some(false)),
        }
    }

    fn told(&self, first: &One, names: &[&str], log: &str) -> String {
        let (n, all) = (self.users.len(), self.all);
        let at = self.users.iter().position(|one| one == first).unwrap_or_default();
        let name = names.get(at).copied().unwrap_or_default();
        let disk = match first.on_disk {
            Some(true) => "; it lies on the disk",
            Some(false) => "; it is not on the disk where `layout` says either",
            None => "",
        };
        format!(
            "mail cannot be read back, before any fault was armed: {n} of {all} users are shown none of the mail that was \
             accepted for them. {name}: {}{disk}. Whatever would be lost could not be told from that, so nothing was begun. \
             Look at what users log in as (`login` and `password` in the target file), to whom the files belong (`owner`), \
             and where the mail is looked for.\n{log}",
            first.why.trim_end_matches('.')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::MessageId;

    fn attempt(message: u64) -> Attempt {
        Attempt { message: MessageId(message), n: 1 }
    }

    fn one(user: u32, on_disk: Option<bool>) -> One {
        One { user: UserId(user), why: "the server said: NO".to_owned(), on_disk }
    }

    #[test]
    fn nobody_or_a_companion_that_does_not_show_what_is_there_is_the_set_ups_fault() {
        let blamed = |all, by_companion, users: &[One]| {
            let unseen = Unseen { all, by_companion, users: users.to_vec() };
            unseen.set_up().map(|one| one.user)
        };
        assert_eq!(blamed(2, true, &[]), None);
        assert_eq!(blamed(2, false, &[one(0, Some(false)), one(1, None)]), Some(UserId(0)));
        assert_eq!(blamed(3, true, &[one(0, Some(false)), one(1, Some(true))]), Some(UserId(1)));
        assert_eq!(blamed(3, true, &[one(0, Some(false))]), None, "the mail server lost it");
        assert_eq!(blamed(3, false, &[one(0, Some(true))]), None, "the mail server hides it");
    }

    #[test]
    fn of_many_users_some_from_everywhere_are_looked_at() {
        let sent: Vec<Sent> =
            (0..250).map(|n| Sent { user: UserId(n), attempt: attempt(u64::from(n)) }).collect();
        let chosen = sample(&by_user(&sent));
        assert_eq!(chosen.len(), 84);
        assert!(chosen.contains_key(&UserId(0)) && chosen.contains_key(&UserId(249)));
        assert_eq!(sample(&by_user(&sent[..40])).len(), 40);
    }

    #[test]
    fn it_is_said_who_why_and_where_to_look() {
        let unseen =
            Unseen { all: 3, by_companion: true, users: vec![one(0, Some(false)), one(1, Some(true))] };
        let told = unseen.told(&unseen.users[1], &["user1", "user2"], "dovecot: the end of it");
        assert!(told.contains("2 of 3 users"), "{told}");
        assert!(told.contains("user2: the server said: NO; it lies on the disk. "), "{told}");
        assert!(told.contains("`login`") && told.ends_with("\ndovecot: the end of it"), "{told}");
    }
}
