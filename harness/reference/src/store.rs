//! All mailboxes: names, creation, removal, and delivery with the seeded defects.
//!
//! The table of mailboxes has a lock of its own, never held over a call to the file system.

use crate::careless;
use crate::files;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::defect::{Defect, Defects};
use crate::files::Files;
use crate::flags::Flags;
use crate::lists::Lists;
use crate::mailbox::Mailbox;

/// Longest user or mailbox name.
const NAME_LIMIT_BYTES: usize = 100;

/// The store of one server.
pub(crate) struct Store {
    root: PathBuf,
    files: Arc<dyn Files>,
    defects: Arc<Defects>,
    mailboxes: Mutex<HashMap<PathBuf, Arc<Mailbox>>>,
    lists: Lists,
}

/// A message accepted for one recipient.
pub(crate) struct Delivered {
    /// Where it lies.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Its UID; `None` when a defect hides it.
    pub(crate) uid: Option<u32>,
}

impl Store {
    /// A store below `root`, which must exist.
    pub(crate) fn new(root: PathBuf, files: Arc<dyn Files>, defects: Defects) -> Store {
        let defects = Arc::new(defects);
        let files = careless::wrap(files, &defects);
        Store { root, files, defects, mailboxes: Mutex::default(), lists: Lists::default() }
    }

    /// With these lists.
    pub(crate) fn with_lists(self, lists: Lists) -> Store {
        Store { lists, ..self }
    }

    /// Those to whom a list of this name brings mail, but for a defect.
    pub(crate) fn members(&self, name: &str) -> Option<&[String]> {
        let members = self.lists.members(name)?;
        let kept = if self.has(Defect::LoseLastListMember) { members.len() - 1 } else { members.len() };
        Some(&members[..kept])
    }

    /// The named mailbox of a user; nothing is touched yet. Names must have passed [`valid_name`].
    pub(crate) fn mailbox(&self, user: &str, name: &str) -> Arc<Mailbox> {
        let dir = self.directory(user, name);
        let mut mailboxes = self.mailboxes.lock();
        let fresh = || {
            let (files, defects) = (self.files.clone(), self.defects.clone());
            Arc::new(Mailbox::new(files, defects, self.root.clone(), dir.clone()))
        };
        mailboxes.entry(dir.clone()).or_insert_with(fresh).clone()
    }

    /// Stores a message and says where, if it can be told.
    pub(crate) fn deliver(
        &self,
        user: &str,
        name: &str,
        bytes: &[u8],
        flags: Option<Flags>,
        date: Option<SystemTime>,
    ) -> io::Result<Delivered> {
        let mailbox = self.mailbox(self.recipient(user, name), name);
        if self.loses(bytes) {
            return Ok(Delivered { mailbox, uid: None });
        }
        let bytes = self.content(bytes);
        if self.defects.has(Defect::AckBeforeWrite) {
            return Ok(in_background(mailbox, bytes, flags, date));
        }
        let uid = mailbox
            .deliver(&bytes, flags, date)
            .inspect_err(|_| self.defects.provoke(Defect::LoseAfterError))?;
        if self.defects.strikes(Defect::OverwriteLast) {
            self.remove_before(&mailbox, uid)?;
        }
        if self.defects.strikes(Defect::Duplicate) {
            mailbox.deliver(&bytes, flags, date)?;
        }
        Ok(Delivered { mailbox, uid: Some(uid) })
    }

    /// The defect: the message before this one makes room for it.
    fn remove_before(&self, mailbox: &Mailbox, uid: u32) -> io::Result<()> {
        let view = mailbox.view()?;
        let before = view.messages.iter().rev().find(|(other, _)| *other < uid);
        before.map_or(Ok(()), |(other, _)| mailbox.expunge(*other).map(drop))
    }

    /// Whether a defect is armed.
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }

    /// Whether a defect acknowledges a message that it does not store.
    fn loses(&self, bytes: &[u8]) -> bool {
        let kib = self.defects.every(Defect::LoseLarge);
        let too_large = kib.is_some_and(|kib| bytes.len() as u64 > kib * 1024);
        let eight_bit = self.defects.has(Defect::LoseEightBit) && !bytes.is_ascii();
        let counted = self.defects.strikes(Defect::LoseOneInN) || self.defects.is_spent(Defect::LoseAfterN);
        counted || too_large || eight_bit || self.defects.is_provoked(Defect::LoseAfterError)
    }

    fn recipient<'a>(&self, user: &'a str, name: &str) -> &'a str {
        if name != "INBOX" || !self.defects.strikes(Defect::WrongMailbox) {
            return user;
        }
        if user == "user1" { "user2" } else { "user1" }
    }

    fn content(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if self.defects.has(Defect::StripEighthBit) {
            bytes.iter_mut().for_each(|byte| *byte &= 0x7F);
        }
        if self.defects.has(Defect::EndAtNul) {
            let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
            bytes.truncate(end);
        }
        if self.defects.strikes(Defect::FlipByte) {
            let middle = bytes.len() / 2;
            let target = bytes[middle..].iter().position(u8::is_ascii_alphanumeric);
            if let Some(at) = target {
                bytes[middle + at] ^= 1;
            }
        }
        bytes
    }

    /// Whether a mailbox is there. INBOX always is.
    pub(crate) fn exists(&self, user: &str, name: &str) -> io::Result<bool> {
        Ok(name == "INBOX" || self.mailbox(user, name).exists()?)
    }

    /// The names of a user's mailboxes, INBOX first.
    pub(crate) fn names(&self, user: &str) -> io::Result<Vec<String>> {
        let listed = match self.files.list(&self.directory(user, "INBOX")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        };
        let mut names = vec!["INBOX".to_owned()];
        for name in listed?.iter().filter_map(|name| name.strip_prefix('.')) {
            if self.exists(user, name)? {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Every mailbox that is there, of every user.
    pub(crate) fn everything(&self) -> io::Result<Vec<Arc<Mailbox>>> {
        let mut all = Vec::new();
        for user in self.files.list(&self.root)?.iter().filter(|user| valid_name(user)) {
            if self.files.stat(&self.directory(user, "INBOX")).is_err() {
                continue;
            }
            all.extend(self.names(user)?.iter().map(|name| self.mailbox(user, name)));
        }
        Ok(all)
    }

    /// Creates a mailbox durably.
    pub(crate) fn create(&self, user: &str, name: &str) -> io::Result<()> {
        self.mailbox(user, "INBOX").view()?;
        self.mailbox(user, name).view().map(drop)
    }

    /// Deletes a mailbox durably.
    pub(crate) fn delete(&self, user: &str, name: &str) -> io::Result<()> {
        self.mailbox(user, name).delete()?;
        self.mailboxes.lock().remove(&self.directory(user, name));
        Ok(())
    }

    /// The subscribed mailboxes of a user.
    pub(crate) fn subscriptions(&self, user: &str) -> io::Result<Vec<String>> {
        match files::read_all(&*self.files, &self.subscription_file(user)) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Subscribes to a mailbox, or ends the subscription.
    pub(crate) fn subscribe(&self, user: &str, name: &str, wanted: bool) -> io::Result<()> {
        self.mailbox(user, "INBOX").alone(|| {
            let mut names = self.subscriptions(user)?;
            names.retain(|other| other != name);
            names.extend(wanted.then(|| name.to_owned()));
            let text: String = names.iter().map(|name| format!("{name}\n")).collect();
            files::replace(&*self.files, &self.subscription_file(user), text.as_bytes())
        })
    }

    fn subscription_file(&self, user: &str) -> PathBuf {
        self.directory(user, "INBOX").join("subscriptions")
    }

    fn directory(&self, user: &str, name: &str) -> PathBuf {
        let home = self.root.join(user).join("Maildir");
        if name == "INBOX" { home } else { home.join(format!(".{name}")) }
    }
}

/// The defect: acknowledged now, written later, result ignored.
fn in_background(
    mailbox: Arc<Mailbox>,
    bytes: Vec<u8>,
    flags: Option<Flags>,
    date: Option<SystemTime>,
) -> Delivered {
    let target = mailbox.clone();
    std::thread::spawn(move || target.deliver(&bytes, flags, date));
    Delivered { mailbox, uid: None }
}

/// Whether a user or mailbox name can be a directory: printable ASCII, no slash, no dot at either end or doubled.
pub(crate) fn valid_name(name: &str) -> bool {
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\\"*%".contains(&byte));
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    !name.is_empty() && name.len() <= NAME_LIMIT_BYTES && printable && !dots
}
