//! Commands on the session and on mailboxes as a whole.

use std::io;

use base64::Engine;
use imap_types::auth::AuthMechanism;
use imap_types::command::CommandBody;
use imap_types::core::AString;
use imap_types::flag::Flag;
use imap_types::mailbox::{ListMailbox, Mailbox as Name};
use imap_types::status::StatusDataItemName;

use super::session::{Answer, CAPABILITIES, FLAGS, Handled, Selected, Session};
use crate::flags::Flags;
use crate::store::valid_name;

impl Session<'_> {
    /// Executes one command.
    pub(super) fn execute(&mut self, body: CommandBody<'_>) -> Handled {
        match body {
            CommandBody::Capability => {
                self.line(&format!("* CAPABILITY {CAPABILITIES}"));
                Ok(Answer::ok("done"))
            }
            CommandBody::Noop => self.synchronise().map(|()| Answer::ok("done")),
            CommandBody::Logout => {
                self.line("* BYE");
                Ok(Answer::Bye)
            }
            CommandBody::Login { username, password } => {
                Ok(self.login(username.as_ref(), password.declassify().as_ref()))
            }
            CommandBody::Authenticate { mechanism: AuthMechanism::Plain, initial_response } => {
                let given = initial_response.map(|given| given.declassify().to_vec());
                self.plain(given)
            }
            other if self.user.is_some() => self.authenticated(other),
            _ => Ok(Answer::bad("log in first")),
        }
    }

    fn authenticated(&mut self, body: CommandBody<'_>) -> Handled {
        match body {
            CommandBody::Select { mailbox } => self.select(&mailbox, false),
            CommandBody::Examine { mailbox } => self.select(&mailbox, true),
            CommandBody::Create { mailbox } => self.create(&mailbox),
            CommandBody::Delete { mailbox } => self.delete(&mailbox),
            CommandBody::Subscribe { mailbox } => self.subscribe(&mailbox, true),
            CommandBody::Unsubscribe { mailbox } => self.subscribe(&mailbox, false),
            CommandBody::List { reference, mailbox_wildcard } => {
                self.list("LIST", &reference, &mailbox_wildcard)
            }
            CommandBody::Lsub { reference, mailbox_wildcard } => {
                self.list("LSUB", &reference, &mailbox_wildcard)
            }
            CommandBody::Status { mailbox, item_names } => self.status(&mailbox, &item_names),
            CommandBody::Append { mailbox, flags, date, message } => {
                let date = date.map(|date| date.as_ref().timestamp());
                self.append(&mailbox, &flags, date, message.data())
            }
            CommandBody::Idle => self.idle(),
            other if self.selected.is_some() => self.selected_command(other),
            _ => Ok(Answer::bad("unknown here, or select a mailbox first")),
        }
    }

    fn login(&mut self, user: &[u8], password: &[u8]) -> Answer {
        let user = String::from_utf8_lossy(user).to_ascii_lowercase();
        if self.user.is_some() {
            return Answer::bad("already logged in");
        }
        if password != self.password.as_bytes() || !valid_name(&user) {
            return Answer::no("[AUTHENTICATIONFAILED] wrong user or password");
        }
        self.user = Some(user);
        Answer::Ok(format!("[CAPABILITY {CAPABILITIES}] logged in"))
    }

    fn plain(&mut self, given: Option<Vec<u8>>) -> Handled {
        let response = match given {
            Some(response) => response,
            None => match base64::engine::general_purpose::STANDARD.decode(self.ask()?) {
                Ok(response) => response,
                Err(_) => return Ok(Answer::bad("cancelled, or not base64")),
            },
        };
        let parts: Vec<_> = response.split(|byte| *byte == 0).collect();
        Ok(match parts[..] {
            [_, user, password] => self.login(user, password),
            _ => Answer::bad("expected authorization NUL user NUL password"),
        })
    }

    /// The logged-in user's name.
    pub(super) fn user(&self) -> String {
        self.user.clone().unwrap_or_default()
    }

    fn select(&mut self, mailbox: &Name<'_>, read_only: bool) -> Handled {
        self.selected = None;
        let name = name(mailbox);
        if let Some(refusal) = self.missing(&name)? {
            return Ok(refusal);
        }
        let mailbox = self.store.mailbox(&self.user(), &name);
        let view = mailbox.open()?;
        self.line(&format!("* FLAGS ({FLAGS})"));
        self.line(&format!("* OK [PERMANENTFLAGS ({})] no keywords", if read_only { "" } else { FLAGS }));
        self.line(&format!("* {} EXISTS", view.messages.len()));
        self.line("* 0 RECENT");
        if let Some(at) = view.messages.iter().position(|(_, flags)| !flags.has(Flags::SEEN)) {
            self.line(&format!("* OK [UNSEEN {}] first unseen", at + 1));
        }
        self.line(&format!("* OK [UIDVALIDITY {}] valid", view.validity));
        self.line(&format!("* OK [UIDNEXT {}] next", view.next));
        self.selected = Some(Selected { mailbox, read_only, messages: view.messages });
        Ok(Answer::ok(if read_only { "[READ-ONLY] opened" } else { "[READ-WRITE] opened" }))
    }

    /// The refusal for a mailbox that is not there.
    pub(super) fn missing(&self, name: &str) -> io::Result<Option<Answer>> {
        if !valid_name(name) {
            return Ok(Some(Answer::no("[CANNOT] no mailbox can have this name")));
        }
        let there = self.store.exists(&self.user(), name)?;
        Ok((!there).then(|| Answer::no("[TRYCREATE] no such mailbox")))
    }

    fn create(&mut self, mailbox: &Name<'_>) -> Handled {
        let name = name(mailbox);
        if !valid_name(&name) {
            return Ok(Answer::no("[CANNOT] no mailbox can have this name"));
        }
        if self.store.exists(&self.user(), &name)? {
            return Ok(Answer::no("[ALREADYEXISTS] it exists"));
        }
        self.store.create(&self.user(), &name)?;
        Ok(Answer::ok("created"))
    }

    fn delete(&mut self, mailbox: &Name<'_>) -> Handled {
        let name = name(mailbox);
        if name == "INBOX" {
            return Ok(Answer::no("[CANNOT] INBOX stays"));
        }
        if let Some(refusal) = self.missing(&name)? {
            return Ok(refusal);
        }
        self.store.delete(&self.user(), &name)?;
        Ok(Answer::ok("deleted"))
    }

    fn subscribe(&mut self, mailbox: &Name<'_>, wanted: bool) -> Handled {
        let name = name(mailbox);
        if !valid_name(&name) {
            return Ok(Answer::no("[CANNOT] no mailbox can have this name"));
        }
        self.store.subscribe(&self.user(), &name, wanted)?;
        Ok(Answer::ok("done"))
    }

    fn list(&mut self, verb: &str, reference: &Name<'_>, wildcard: &ListMailbox<'_>) -> Handled {
        let wildcard = match wildcard {
            ListMailbox::Token(token) => String::from_utf8_lossy(token.as_ref()).into_owned(),
            ListMailbox::String(string) => String::from_utf8_lossy(string.as_ref()).into_owned(),
        };
        if wildcard.is_empty() {
            self.line(&format!("* {verb} (\\Noselect) \".\" \"\""));
            return Ok(Answer::ok("done"));
        }
        let pattern = format!("{}{wildcard}", name(reference));
        let user = self.user();
        let names =
            if verb == "LSUB" { self.store.subscriptions(&user)? } else { self.store.names(&user)? };
        for name in names.iter().filter(|name| matches(pattern.as_bytes(), name.as_bytes())) {
            self.line(&format!("* {verb} () \".\" \"{name}\""));
        }
        Ok(Answer::ok("done"))
    }

    fn status(&mut self, mailbox: &Name<'_>, items: &[StatusDataItemName]) -> Handled {
        let name = name(mailbox);
        if let Some(refusal) = self.missing(&name)? {
            return Ok(refusal);
        }
        let view = self.store.mailbox(&self.user(), &name).open()?;
        let count = |wanted: &dyn Fn(Flags) -> bool| view.messages.iter().filter(|(_, f)| wanted(*f)).count();
        let mut parts = Vec::new();
        for item in items {
            parts.push(match item {
                StatusDataItemName::Messages => format!("MESSAGES {}", view.messages.len()),
                StatusDataItemName::Recent => "RECENT 0".to_owned(),
                StatusDataItemName::UidNext => format!("UIDNEXT {}", view.next),
                StatusDataItemName::UidValidity => format!("UIDVALIDITY {}", view.validity),
                StatusDataItemName::Unseen => format!("UNSEEN {}", count(&|f| !f.has(Flags::SEEN))),
                StatusDataItemName::Deleted => format!("DELETED {}", count(&|f| f.has(Flags::DELETED))),
                StatusDataItemName::DeletedStorage => return Ok(Answer::bad("no DELETED-STORAGE here")),
            });
        }
        self.line(&format!("* STATUS \"{name}\" ({})", parts.join(" ")));
        Ok(Answer::ok("done"))
    }

    pub(super) fn append(
        &mut self,
        mailbox: &Name<'_>,
        flags: &[Flag<'_>],
        date: Option<i64>,
        bytes: &[u8],
    ) -> Handled {
        let name = name(mailbox);
        if let Some(refusal) = self.missing(&name)? {
            return Ok(refusal);
        }
        let date = date.map(|seconds| {
            let distance = std::time::Duration::from_secs(seconds.unsigned_abs());
            if seconds < 0 { std::time::UNIX_EPOCH - distance } else { std::time::UNIX_EPOCH + distance }
        });
        let flags = Some(flag_set(flags));
        let delivered = self.store.deliver(&self.user(), &name, bytes, flags, date)?;
        let Some(uid) = delivered.uid else { return Ok(Answer::ok("stored")) };
        let validity = delivered.mailbox.view()?.validity;
        self.synchronise()?;
        Ok(Answer::Ok(format!("[APPENDUID {validity} {uid}] stored")))
    }
}

/// The name of a mailbox as text.
pub(crate) fn name(mailbox: &Name<'_>) -> String {
    match mailbox {
        Name::Inbox => "INBOX".to_owned(),
        Name::Other(other) => text(other.inner()),
    }
}

/// A string of the protocol as text.
pub(crate) fn text(string: &AString<'_>) -> String {
    String::from_utf8_lossy(string.as_ref()).into_owned()
}

/// The system flags among those given; keywords are not permanent here and are dropped.
pub(crate) fn flag_set(flags: &[Flag<'_>]) -> Flags {
    flags.iter().fold(Flags::default(), |set, flag| {
        set.with(match flag {
            Flag::Answered => Flags::ANSWERED,
            Flag::Deleted => Flags::DELETED,
            Flag::Draft => Flags::DRAFT,
            Flag::Flagged => Flags::FLAGGED,
            Flag::Seen => Flags::SEEN,
            Flag::Extension(_) | Flag::Keyword(_) => Flags::default(),
        })
    })
}

/// LIST wildcards: `*` matches anything, `%` anything but the separator. Patterns are short lines, names too.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    for symbol in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match symbol {
                b'*' => reach[at] || at > 0 && next[at - 1],
                b'%' => reach[at] || at > 0 && next[at - 1] && name[at - 1] != b'.',
                literal => at > 0 && reach[at - 1] && name[at - 1] == *literal,
            };
        }
        reach = next;
    }
    reach[name.len()]
}
