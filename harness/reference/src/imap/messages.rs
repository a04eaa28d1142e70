//! Commands on the messages of the selected mailbox that change something.

use std::collections::BTreeSet;
use std::io;

use imap_types::command::CommandBody;
use imap_types::flag::{StoreResponse, StoreType};
use imap_types::mailbox::Mailbox as Name;
use imap_types::sequence::SequenceSet;

use super::command::{flag_set, name};
use super::session::{Answer, Handled, Session};
use crate::flags::Flags;
use crate::mailbox::{Mailbox, Moved};

/// What a client asked to do with flags.
struct FlagChange {
    kind: StoreType,
    flags: Flags,
    silent: bool,
    by_uid: bool,
}

impl Session<'_> {
    pub(super) fn selected_command(&mut self, body: CommandBody<'_>) -> Handled {
        match body {
            CommandBody::Check => self.synchronise().map(|()| Answer::ok("done")),
            CommandBody::Close => self.close(),
            CommandBody::Unselect => {
                self.selected = None;
                Ok(Answer::ok("done"))
            }
            CommandBody::Expunge => self.expunge(None),
            CommandBody::Search { criteria, uid, .. } => self.search(&criteria, uid),
            CommandBody::Fetch { sequence_set, macro_or_item_names, uid } => {
                self.fetch(&sequence_set, &macro_or_item_names, uid)
            }
            CommandBody::Store { sequence_set, kind, response, flags, uid } => {
                let silent = response == StoreResponse::Silent;
                let change = FlagChange { kind, flags: flag_set(&flags), silent, by_uid: uid };
                self.store_flags(&sequence_set, &change)
            }
            CommandBody::Copy { sequence_set, mailbox, uid } => {
                self.transfer(&sequence_set, &mailbox, uid, false)
            }
            CommandBody::Move { sequence_set, mailbox, uid } => {
                self.transfer(&sequence_set, &mailbox, uid, true)
            }
            _ => Ok(Answer::bad("not offered here")),
        }
    }

    /// The messages of a set, or the answer to a set that names none.
    pub(super) fn targets(&self, set: &SequenceSet, by_uid: bool) -> Result<Vec<(usize, u32)>, Answer> {
        let resolved = self.selected.as_ref().and_then(|selected| selected.resolve(set, by_uid));
        resolved.ok_or_else(|| Answer::bad("no such message number"))
    }

    fn writable(&self) -> Result<(), Answer> {
        match &self.selected {
            Some(selected) if !selected.read_only => Ok(()),
            Some(_) => Err(Answer::no("opened read-only")),
            None => Err(Answer::bad("select a mailbox first")),
        }
    }

    fn close(&mut self) -> Handled {
        let Some(selected) = self.selected.take() else { return Ok(Answer::bad("nothing selected")) };
        if !selected.read_only {
            for (uid, flags) in selected.mailbox.view()?.messages {
                if flags.has(Flags::DELETED) {
                    selected.mailbox.expunge(uid)?;
                }
            }
        }
        Ok(Answer::ok("closed"))
    }

    /// EXPUNGE, or UID EXPUNGE of a set. What was removed is told even when a later removal fails.
    pub(super) fn expunge(&mut self, set: Option<&SequenceSet>) -> Handled {
        if let Err(refusal) = self.writable() {
            return Ok(refusal);
        }
        let allowed = match set.map(|set| self.targets(set, true)).transpose() {
            Ok(allowed) => allowed,
            Err(refusal) => return Ok(refusal),
        };
        let allowed = allowed.map(|list| list.into_iter().map(|(_, uid)| uid).collect::<BTreeSet<_>>());
        let outcome = self.remove_deleted(allowed.as_ref());
        self.synchronise()?;
        outcome.map(|()| Answer::ok("expunged"))
    }

    fn remove_deleted(&self, allowed: Option<&BTreeSet<u32>>) -> io::Result<()> {
        let Some(selected) = &self.selected else { return Ok(()) };
        for (uid, flags) in selected.mailbox.view()?.messages {
            if flags.has(Flags::DELETED) && allowed.is_none_or(|allowed| allowed.contains(&uid)) {
                selected.mailbox.expunge(uid)?;
            }
        }
        Ok(())
    }

    fn store_flags(&mut self, set: &SequenceSet, change: &FlagChange) -> Handled {
        if let Err(refusal) = self.writable() {
            return Ok(refusal);
        }
        let targets = match self.targets(set, change.by_uid) {
            Ok(targets) => targets,
            Err(refusal) => return Ok(refusal),
        };
        let mut missing = false;
        for (number, uid) in targets {
            missing |= !self.store_one(number, uid, change)?;
        }
        if missing && !change.by_uid {
            return Ok(Answer::no("[EXPUNGEISSUED] some messages are gone"));
        }
        Ok(Answer::ok("stored"))
    }

    /// Changes one message's flags; `false` when it is gone.
    fn store_one(&mut self, number: usize, uid: u32, change: &FlagChange) -> io::Result<bool> {
        let Some(selected) = &mut self.selected else { return Ok(false) };
        let changed = selected.mailbox.change_flags(uid, |old| match change.kind {
            StoreType::Replace => change.flags,
            StoreType::Add => old.with(change.flags),
            StoreType::Remove => old.without(change.flags),
        })?;
        let Some(flags) = changed else { return Ok(false) };
        selected.messages[number - 1].1 = flags;
        if !change.silent {
            let uid = if change.by_uid { format!("UID {uid} ") } else { String::new() };
            self.line(&format!("* {number} FETCH ({uid}FLAGS ({}))", flags.imap()));
        }
        Ok(true)
    }

    /// COPY and MOVE.
    fn transfer(&mut self, set: &SequenceSet, target: &Name<'_>, by_uid: bool, remove: bool) -> Handled {
        let target = name(target);
        if let Some(refusal) = self.missing(&target)? {
            return Ok(refusal);
        }
        if remove && let Err(refusal) = self.writable() {
            return Ok(refusal);
        }
        let targets = match self.targets(set, by_uid) {
            Ok(targets) => targets,
            Err(refusal) => return Ok(refusal),
        };
        let uids: Vec<_> = targets.iter().map(|(_, uid)| *uid).collect();
        let Some(selected) = &self.selected else { return Ok(Answer::bad("select a mailbox first")) };
        let (source, target) = (selected.mailbox.clone(), self.store.mailbox(&self.user(), &target));
        if remove { self.relocate(&source, &uids, &target) } else { self.copy(&source, &uids, &target) }
    }

    fn copy(&mut self, source: &Mailbox, uids: &[u32], target: &Mailbox) -> Handled {
        let copied = source.copy(uids, target)?;
        let validity = target.view()?.validity;
        self.synchronise()?;
        Ok(Answer::Ok(format!("{}copied", copy_uid(validity, &copied))))
    }

    fn relocate(&mut self, source: &Mailbox, uids: &[u32], target: &Mailbox) -> Handled {
        let Moved { moved, failed } = source.move_to(uids, target)?;
        if !moved.is_empty() {
            let validity = target.view()?.validity;
            self.line(&format!("* OK {}moved", copy_uid(validity, &moved)));
        }
        self.synchronise()?;
        failed.map_or(Ok(Answer::ok("moved")), Err)
    }
}

/// The COPYUID response code; nothing when nothing was copied.
fn copy_uid(validity: u32, copied: &[(u32, u32)]) -> String {
    if copied.is_empty() {
        return String::new();
    }
    let join = |uids: Vec<String>| uids.join(",");
    let source = join(copied.iter().map(|(uid, _)| uid.to_string()).collect());
    let target = join(copied.iter().map(|(_, uid)| uid.to_string()).collect());
    format!("[COPYUID {validity} {source} {target}] ")
}
