//! A user's mail as an IMAP server shows it. Folders are opened by EXAMINE and bodies read by PEEK: no flag changes.

use super::connection::{Connection, NoSession, is_away};
use super::modified_utf7::decoded;
use super::taking::{Stopped, Taking, goes_on};
use crate::mail::client::fetched::stored;
use crate::mail::client::imap::Selected;
use crate::mail::client::imap::folders::Listed;
use crate::mail::users::User;
use crate::tls::endpoint::Endpoint;
use record::inventory::folder::FolderName;
use record::inventory::line::Message;
use record::plan::server::sign_in::Mechanism;
use std::collections::BTreeMap;

/// Messages asked for at once.
const BATCH: usize = 100;
/// Messages of a folder that cannot be read, before the rest of it is given up.
const BROKEN: u64 = 100;

/// Reads all that LIST shows.
pub(super) async fn read(
    (endpoint, how): (&Endpoint, Mechanism),
    user: &User,
    taking: &mut Taking,
) -> Result<(), Stopped> {
    let opened = match user.credentials(how) {
        Ok(who) => Connection::of(endpoint, who).await,
        Err(why) => Err(NoSession::Refused(why.to_string())),
    };
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(NoSession::Stopped(stopped)) => return Err(stopped),
        Err(NoSession::Refused(why)) => {
            taking.subscriptions(None)?;
            return taking.unread(None, why);
        }
    };
    read_all(&mut connection, taking).await?;
    connection.session.leave();
    Ok(())
}

async fn read_all(connection: &mut Connection, taking: &mut Taking) -> Result<(), Stopped> {
    let prefix = connection.session.inbox_prefix().await;
    let utf8 = connection.utf8;
    let name = move |listed: &Listed| name(listed, prefix.as_deref(), utf8);
    let subscribed = connection.session.subscribed().await;
    let subscribed = subscribed.ok().map(|all| {
        let mut names: Vec<FolderName> = all.iter().map(&name).collect();
        names.sort();
        names.dedup();
        names
    });
    let listed = connection.session.folders().await;
    taking.subscriptions(subscribed)?;
    let listed = match listed {
        Ok(listed) => listed,
        Err(failure) if is_away(&failure) => return Err(Stopped::Gone(connection.words(&failure))),
        Err(failure) => {
            return taking.unread(None, format!("cannot list folders: {}", connection.words(&failure)));
        }
    };
    let mut folders: BTreeMap<FolderName, Vec<String>> = BTreeMap::new();
    for one in listed.iter().filter(|one| one.selectable) {
        folders.entry(name(one)).or_default().push(one.name.clone());
    }
    taking.folders(folders.len());
    for (folder, mailboxes) in folders {
        if !taking.wants(&folder)? {
            continue;
        }
        match mailboxes.as_slice() {
            [mailbox] => Folder { folder: &folder, mailbox, connection }.read(taking).await?,
            _ => taking.unread(Some(&folder), "two folders have this name")?,
        }
        taking.folder_done()?;
    }
    Ok(())
}

/// Where all of a user's folders are beneath the inbox, that is not part of their names.
fn name(listed: &Listed, prefix: Option<&str>, utf8: bool) -> FolderName {
    let own = prefix.and_then(|prefix| {
        let (head, rest) = listed.name.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    });
    let mut name =
        FolderName::of(own.filter(|own| !own.is_empty()).unwrap_or(&listed.name), listed.delimiter);
    if !utf8 {
        name.0.iter_mut().for_each(|part| *part = decoded(part));
    }
    name
}

/// A folder that is being read.
struct Folder<'a> {
    folder: &'a FolderName,
    /// As the server calls it.
    mailbox: &'a str,
    connection: &'a mut Connection,
}

impl Folder<'_> {
    async fn read(&mut self, taking: &mut Taking) -> Result<(), Stopped> {
        if self.mailbox.contains(['\r', '\n', '\0', char::REPLACEMENT_CHARACTER]) {
            return taking.unread(Some(self.folder), "no command can carry its name");
        }
        let opened = match self.open().await? {
            Ok(opened) => opened,
            Err(why) => return taking.unread(Some(self.folder), format!("cannot be opened: {why}")),
        };
        let (selected, uids) = opened;
        taking.folder(self.folder, Some(selected.validity), uids.len())?;
        if (uids.len() as u64) < u64::from(selected.exists) {
            let why = format!("EXAMINE says {} messages, FETCH shows {}", selected.exists, uids.len());
            taking.unread(Some(self.folder), why)?;
        }
        let mut broken = 0;
        for batch in uids.chunks(BATCH) {
            broken += self.batch(batch, selected, taking).await?;
            if broken >= BROKEN {
                return taking.unread(
                    Some(self.folder),
                    format!("{broken} messages could not be read, and the rest was given up"),
                );
            }
        }
        Ok(())
    }

    /// Twice, if the server goes away.
    async fn open(&mut self) -> Result<Result<(Selected, Vec<u32>), String>, Stopped> {
        let first = self.connection.session.select(self.mailbox, true).await;
        let selected = match first {
            Ok(selected) => Ok(selected),
            Err(failure) if is_away(&failure) => self.connection.again(self.mailbox).await?,
            Err(failure) => Err(self.connection.words(&failure)),
        };
        let selected = match selected {
            Ok(selected) => selected,
            Err(why) => return Ok(Err(why)),
        };
        match self.connection.session.uids(selected.exists).await {
            Ok(uids) => Ok(Ok((selected, uids))),
            Err(failure) if is_away(&failure) => Err(Stopped::Gone(self.connection.words(&failure))),
            Err(failure) => Ok(Err(self.connection.words(&failure))),
        }
    }

    /// Hands out what came, in order; what did not come is asked for again one by one. Returns how many could not be read.
    async fn batch(
        &mut self,
        batch: &[u32],
        selected: Selected,
        taking: &mut Taking,
    ) -> Result<u64, Stopped> {
        let mut found = BTreeMap::new();
        let asked: Vec<String> = batch.iter().map(u32::to_string).collect();
        let fetched = self.fetch(&asked.join(","), &mut found).await;
        if fetched.is_err() {
            self.reopen(selected).await?;
        }
        let mut broken = 0;
        for uid in batch {
            let message = match found.remove(uid) {
                Some(message) => Ok(message),
                None => self.single(*uid, selected).await?,
            };
            match message {
                Ok(message) => taking.message(message)?,
                Err(why) => {
                    broken += 1;
                    taking.unread_message(self.folder, format!("UID {uid}"), why)?;
                }
            }
        }
        Ok(broken)
    }

    async fn fetch(&mut self, set: &str, found: &mut BTreeMap<u32, Message>) -> Result<(), String> {
        let items = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]";
        let fetched = self.connection.session.items(set, items, |values| {
            found.extend(stored(&values));
        });
        fetched.await.map_err(|failure| self.connection.words(&failure))
    }

    async fn single(&mut self, uid: u32, selected: Selected) -> Result<Result<Message, String>, Stopped> {
        goes_on()?;
        let mut found = BTreeMap::new();
        let fetched = self.fetch(&uid.to_string(), &mut found).await;
        if fetched.is_err() {
            self.reopen(selected).await?;
        }
        let message = found.remove(&uid);
        Ok(message.ok_or_else(|| {
            fetched.err().unwrap_or_else(|| "the server does not show it any more".to_owned())
        }))
    }

    /// After a failure the session is not trusted.
    async fn reopen(&mut self, selected: Selected) -> Result<(), Stopped> {
        let again = self.connection.again(self.mailbox).await?;
        let place = self.folder;
        match again {
            Ok(again) if again.validity == selected.validity => Ok(()),
            Ok(_) => Err(Stopped::Gone(format!("folder {place} got another UIDVALIDITY while it was read"))),
            Err(why) => Err(Stopped::Gone(format!("folder {place} cannot be opened any more: {why}"))),
        }
    }
}
