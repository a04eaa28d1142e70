//! Reads every mailbox of every user through IMAP, as evidence of what exists.
//!
//! A reading is complete only if LIST, EXAMINE and SEARCH were answered, EXISTS and SEARCH agree, and every
//! message that SEARCH named was read. What could not be read is said, and what could is kept. A message is known
//! as it streams by and then forgotten: memory holds one message and the digests of one mailbox for each user
//! being read.
//!
//! A server may keep a mailbox closed for a time of its own after a crash: Dovecot 2.3 waits two minutes for the owner of
//! a lock file whose content was lost. So silence is met by asking again until the limit, and how long it lasted is
//! recorded.

use crate::mail::client::Failure;
use crate::mail::client::fetched::Reading;
use crate::mail::client::imap::{Selected, Session};
use crate::mail::workload::ended::words;
use crate::mail::workload::{Context, Setup};
use crate::tls::endpoint::Endpoint;
use fuse_fs::clock::Nanos;
use record::history::event::Event;
use record::history::{Copy, Trouble, UserId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Messages fetched by one command.
pub(crate) const BATCH: usize = 50;
/// Users read at once.
const AT_ONCE: usize = 4;
/// Readings of one mailbox, at most, as long as they are answered and not complete.
pub(crate) const TRIES: u32 = 3;
/// Messages of one mailbox that may fail one by one before the reading is given up.
const BROKEN: usize = 20;

/// Reads mail through one server: the target's own, or a companion that is there to be read through.
#[derive(Clone)]
pub(crate) struct Reader {
    traffic: Arc<Context>,
    imap: Endpoint,
}

impl Reader {
    /// Reads the mail of the traffic's users at `imap`.
    pub(crate) fn new(traffic: Arc<Context>, imap: Endpoint) -> Reader {
        Reader { traffic, imap }
    }

    pub(crate) fn setup(&self) -> &Setup {
        self.traffic.setup()
    }

    fn user(&self, user: UserId) -> &str {
        self.traffic.user(user)
    }

    /// Only of what was not there before.
    pub(crate) fn ours(&self, user: &str, mailbox: &str, validity: u32, uids: &mut Vec<u32>) {
        uids.retain(|uid| self.traffic.is_past(user, mailbox, validity, *uid));
    }
}

/// What was said when it was all over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadSummary {
    pub mailboxes: u64,
    /// Of these, not completely.
    pub incomplete: u64,
    pub copies: u64,
}

/// Reads everything and records one [`Event::Mailbox`] a mailbox, named `reading`. Each request is answered
/// within the larger of the client's time limit and ten seconds; no mailbox is begun again after `limit`.
pub(crate) async fn read_all(reader: &Reader, reading: &str, limit: Duration) -> ReadSummary {
    let end = Instant::now() + limit;
    let mut tasks = JoinSet::new();
    let mut total = ReadSummary::default();
    for user in reader.traffic.user_ids() {
        if tasks.len() >= AT_ONCE {
            note(reader, &mut total, tasks.join_next().await);
        }
        let (own, reading) = (reader.clone(), reading.to_owned());
        tasks.spawn(async move { read_user(&own, user, &reading, end).await });
    }
    while !tasks.is_empty() {
        note(reader, &mut total, tasks.join_next().await);
    }
    total
}

fn note(reader: &Reader, total: &mut ReadSummary, done: Option<Result<ReadSummary, tokio::task::JoinError>>) {
    match done {
        Some(Ok(one)) => {
            total.mailboxes += one.mailboxes;
            total.incomplete += one.incomplete;
            total.copies += one.copies;
        }
        Some(Err(error)) => {
            total.incomplete += 1;
            let problem = format!("reading a user's mail: {error}");
            reader.setup().history.record(Event::Harness { at: Nanos::now(), problem });
        }
        None => {}
    }
}

pub(crate) fn patience(reader: &Reader) -> Duration {
    reader.traffic.timeout().max(Duration::from_secs(10))
}

pub(crate) async fn login(reader: &Reader, user: UserId) -> Result<Session, Failure> {
    login_as(reader, reader.user(user)).await
}

pub(crate) async fn login_as(reader: &Reader, name: &str) -> Result<Session, Failure> {
    Session::login(&reader.imap, &reader.setup().in_readings(name), patience(reader)).await
}

/// One mailbox as far as it could be read.
#[derive(Default)]
struct MailboxRead {
    selected: Selected,
    copies: Vec<Copy>,
    problems: Vec<String>,
    /// Some request was not answered in time.
    silent: bool,
    /// The mailbox could not be opened: the server said no.
    refused: bool,
    /// LIST does not name it.
    unlisted: bool,
}

impl MailboxRead {
    fn trouble(&mut self, failure: &Failure) {
        self.silent |= failure.trouble == Trouble::TimedOut;
        self.problems.push(words(failure));
    }
}

/// How often was asked. Silence costs no try: the answer that ends it may be an error that the next one is not.
#[derive(Default)]
struct Tries {
    answered: u32,
}

impl Tries {
    /// After one that was answered, or met with silence, one more is due.
    fn once_more(&mut self, silent: bool, end: Instant) -> bool {
        self.answered += u32::from(!silent);
        self.answered < TRIES && Instant::now() < end
    }
}

/// One mailbox, for one reading.
#[derive(Clone, Copy)]
struct OneMailbox<'a> {
    reader: &'a Reader,
    reading: &'a str,
    user: UserId,
    mailbox: &'a str,
}

async fn read_user(reader: &Reader, user: UserId, reading: &str, end: Instant) -> ReadSummary {
    let listed = list(reader, user, end).await;
    let mut names: BTreeSet<&str> = BTreeSet::from(["INBOX", reader.setup().archive.as_str()]);
    names.extend(listed.iter().flatten().map(String::as_str));
    let mut summary = ReadSummary::default();
    for mailbox in names {
        let asked = Nanos::now();
        let mut found = read_mailbox(OneMailbox { reader, reading, user, mailbox }, end).await;
        let unlisted = mailbox != "INBOX" && listed.as_ref().is_ok_and(|l| l.iter().all(|n| n != mailbox));
        if unlisted && found.refused {
            // The server answered twice that there is no such mailbox: completely read, and nothing in it.
            found = MailboxRead::default();
        }
        found.unlisted = unlisted;
        if reader.setup().plan.are_named() {
            // Others write to users who are there already: without a token it is not ours to speak of.
            found.copies.retain(|copy| copy.attempt.is_some());
        }
        if let Err(failure) = &listed {
            found.problems.push(format!("LIST: {}", words(failure)));
        }
        summary.mailboxes += 1;
        summary.incomplete += u64::from(!found.problems.is_empty());
        summary.copies += found.copies.len() as u64;
        reader.setup().history.record(event(user, mailbox, reading, asked, found));
    }
    summary
}

fn event(user: UserId, mailbox: &str, reading: &str, asked: Nanos, found: MailboxRead) -> Event {
    Event::Mailbox {
        at: Nanos::now(),
        asked,
        reading: reading.to_owned(),
        user,
        mailbox: mailbox.to_owned(),
        complete: found.problems.is_empty(),
        unlisted: found.unlisted,
        error: (!found.problems.is_empty()).then(|| found.problems.join("; ")),
        validity: found.selected.validity,
        uid_next: found.selected.uid_next,
        copies: found.copies,
    }
}

async fn list(reader: &Reader, user: UserId, end: Instant) -> Result<Vec<String>, Failure> {
    let mut tries = Tries::default();
    loop {
        match list_once(reader, user).await {
            Err(failure) if tries.once_more(failure.trouble == Trouble::TimedOut, end) => {}
            result => return result,
        }
    }
}

async fn list_once(reader: &Reader, user: UserId) -> Result<Vec<String>, Failure> {
    let mut session = login(reader, user).await?;
    let names = session.list().await?;
    session.leave();
    Ok(names)
}

/// Reads a mailbox until a reading is complete; otherwise keeps the reading that found most.
async fn read_mailbox(place: OneMailbox<'_>, end: Instant) -> MailboxRead {
    let mut best = read_once(place).await;
    let (mut tries, mut silent) = (Tries::default(), best.silent);
    while !best.problems.is_empty() && tries.once_more(silent, end) {
        let next = read_once(place).await;
        silent = next.silent;
        if next.problems.is_empty() || next.copies.len() >= best.copies.len() {
            best = next;
        }
    }
    best.copies.sort_unstable_by_key(|copy| copy.uid);
    best
}

async fn read_once(place: OneMailbox<'_>) -> MailboxRead {
    let mut found = MailboxRead::default();
    if let Err(failure) = read_into(place, &mut found).await {
        found.trouble(&failure);
    }
    found
}

async fn read_into(place: OneMailbox<'_>, found: &mut MailboxRead) -> Result<(), Failure> {
    let opened = open(place).await;
    found.refused = opened.as_ref().is_err_and(says_absent);
    let (mut session, selected) = opened?;
    found.selected = selected;
    let mut uids = session.search_all().await?;
    uids.sort_unstable();
    uids.dedup();
    if uids.len() as u64 != u64::from(selected.exists) {
        found.problems.push(format!("{} messages exist, but SEARCH found {}", selected.exists, uids.len()));
    }
    place.reader.ours(place.reader.user(place.user), place.mailbox, selected.validity, &mut uids);
    for batch in uids.chunks(BATCH) {
        session.extend(patience(place.reader));
        let asked: Vec<String> = batch.iter().map(u32::to_string).collect();
        // What a failed batch did not bring is asked for again below, one by one.
        let _ = fetch(place, &mut session, &asked.join(","), found).await;
        let have: BTreeSet<u32> = found.copies.iter().rev().take(2 * BATCH).map(|c| c.uid.uid).collect();
        for uid in batch.iter().filter(|uid| !have.contains(uid)) {
            session = single(place, *uid, found).await?;
        }
    }
    session.leave();
    Ok(())
}

/// The server answered that there is no such mailbox, and not that it is unable to look (RFC 5530, 3).
fn says_absent(failure: &Failure) -> bool {
    const UNABLE: [&str; 7] =
        ["SERVERBUG", "UNAVAILABLE", "INUSE", "CONTACTADMIN", "CORRUPTION", "LIMIT", "NOPERM"];
    let reply = failure.reply.as_deref().unwrap_or_default().to_ascii_uppercase();
    failure.trouble == Trouble::RefusedTransient
        && !UNABLE.iter().any(|code| reply.contains(&format!("[{code}]")))
}

async fn open(place: OneMailbox<'_>) -> Result<(Session, Selected), Failure> {
    let mut session = login(place.reader, place.user).await?;
    let selected = session.select(place.mailbox, true).await?;
    Ok((session, selected))
}

async fn fetch(
    place: OneMailbox<'_>,
    session: &mut Session,
    set: &str,
    found: &mut MailboxRead,
) -> Result<u32, Failure> {
    let OneMailbox { reader, reading, user, mailbox } = place;
    let setup = reader.setup();
    let whole = Reading { run: setup.run, validity: found.selected.validity, whole: true };
    let see = |copy: Copy, damaged| {
        setup.specimens.served(reading, reader.user(user), mailbox, &copy, damaged);
        found.copies.push(copy);
    };
    session.fetch(set, whole, see).await
}

/// Reads one message over a new session, so that one broken message does not hide the others. Returns a session
/// to go on with.
async fn single(place: OneMailbox<'_>, uid: u32, found: &mut MailboxRead) -> Result<Session, Failure> {
    let (mut session, _) = open(place).await?;
    let problem = match fetch(place, &mut session, &uid.to_string(), found).await {
        Ok(1..) => return Ok(session),
        Ok(0) => format!("UID {uid} was found by SEARCH but not returned by FETCH"),
        Err(failure) => format!("UID {uid}: {}", words(&failure)),
    };
    found.problems.push(problem);
    if found.problems.len() > BROKEN {
        return Err(Failure::unknown(
            record::history::Trouble::Garbled,
            Some("too many broken messages".to_owned()),
        ));
    }
    let (session, _) = open(place).await?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_unable_to_look_does_not_say_that_there_is_no_mailbox() {
        let refused = |reply: &[u8]| Failure::refused(Trouble::RefusedTransient, reply);
        assert!(says_absent(&refused(b"[NONEXISTENT] Mailbox doesn't exist: Archive")));
        assert!(says_absent(&refused(b"Mailbox does not exist")));
        assert!(!says_absent(&refused(b"[SERVERBUG] Internal error occurred.")));
        assert!(!says_absent(&refused(b"[UNAVAILABLE] try later")));
        assert!(!says_absent(&Failure::unknown(Trouble::TimedOut, None)));
    }

    #[test]
    fn silence_is_asked_again_until_the_limit_and_what_comes_after_it_a_few_times() {
        let (soon, past) = (Instant::now() + Duration::from_secs(60), Instant::now());
        let mut tries = Tries::default();
        assert!((0..100).all(|_| tries.once_more(true, soon)));
        assert!((1..TRIES).all(|_| tries.once_more(false, soon)));
        assert!(!tries.once_more(false, soon));
        assert!(!Tries::default().once_more(true, past));
    }
}
