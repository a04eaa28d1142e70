//! An IMAP session: IMAP4rev1 with UIDPLUS and MOVE, over a connection of its own.
//!
//! A tagged OK is `ok`, NO and BAD are `fail`, anything else once the command was sent is `info`. An APPEND
//! whose literal was not sent in full is `fail`: nothing can have been stored.

use super::response;

pub(crate) mod folders;
pub(crate) mod idle;
mod sign_in;
#[cfg(test)]
mod tests;

use super::failure::{Failure, sanitise};
use super::fetched::{Fetched, Reading, Section, body, fetched};
use super::response::{Condition, Response, Value};
use super::wire::Wire;
use record::history::identity::ATTEMPT_HEADER;
use record::history::{Copy, Trouble, Uid};
use record::message::is_binary;
use std::time::Duration;

/// Untagged responses kept of one command.
const KEPT: usize = 100_000;

/// A logged-in session.
pub(crate) struct Session {
    pub wire: Wire,
    next_tag: u32,
    bye: Option<String>,
    /// How long each response may take, if it is not all together that has an end.
    silence: Option<Duration>,
}

/// How a message is announced to APPEND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text,
    /// With NUL and any other octet (`literal8` of RFC 3516); only where BINARY is offered.
    Octets,
}

impl Literal {
    fn prefix(self) -> &'static str {
        match self {
            Literal::Text => "",
            Literal::Octets => "~",
        }
    }
}

/// What SELECT or EXAMINE said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    pub validity: u32,
    /// UIDNEXT, 0 if it was not said.
    pub uid_next: u32,
    pub exists: u32,
}

/// A tagged OK.
#[derive(Clone, Debug)]
struct Done {
    text: Vec<u8>,
    /// Texts of untagged OKs.
    notes: Vec<Vec<u8>>,
    data: Vec<Vec<Value>>,
}

impl Session {
    async fn greeting(&mut self) -> Result<Condition, Failure> {
        match self.read().await? {
            Response::Status { tag, condition: c @ (Condition::Ok | Condition::PreAuth), .. }
                if tag == "*" =>
            {
                Ok(c)
            }
            Response::Status { condition: Condition::Bye, text, .. } => {
                Err(Failure::refused(Trouble::Disconnected, &text))
            }
            Response::Status { .. } | Response::Continue | Response::Data(_) => {
                Err(self.failed(Trouble::Garbled))
            }
        }
    }

    /// What follows ends within `limit` from now.
    pub(crate) fn extend(&mut self, limit: Duration) {
        self.wire.extend(limit);
    }

    /// Creates a mailbox; that it exists already is no failure.
    ///
    /// # Errors
    /// The request failed and no such mailbox is listed.
    pub(crate) async fn create(&mut self, mailbox: &str) -> Result<(), Failure> {
        let Err(failure) = self.command(&format!("CREATE {}", quote(mailbox))).await else {
            return Ok(());
        };
        let there = self.list().await?.iter().any(|name| name == mailbox);
        if there { Ok(()) } else { Err(failure) }
    }

    /// Names of all mailboxes that can be selected.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn list(&mut self) -> Result<Vec<String>, Failure> {
        let all = self.folders().await?;
        Ok(all.into_iter().filter(|one| one.selectable).map(|one| one.name).collect())
    }

    /// Opens a mailbox; `read_only` means EXAMINE.
    ///
    /// # Errors
    /// The request failed, or the server named no UIDVALIDITY.
    pub(crate) async fn select(&mut self, mailbox: &str, read_only: bool) -> Result<Selected, Failure> {
        let verb = if read_only { "EXAMINE" } else { "SELECT" };
        let done = self.command(&format!("{verb} {}", quote(mailbox))).await?;
        let mut selected = Selected::default();
        for note in &done.notes {
            note_selected(&mut selected, note);
        }
        for data in done.data.iter().filter(|d| d.get(1).is_some_and(|v| v.is("EXISTS"))) {
            selected.exists = data[0].number().unwrap_or(selected.exists);
        }
        match selected.validity {
            0 => Err(Failure::unknown(Trouble::Garbled, Some(format!("{verb}: no UIDVALIDITY")))),
            _ => Ok(selected),
        }
    }

    /// UIDs of messages whose attempt header contains `text`.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn search(&mut self, text: &str) -> Result<Vec<u32>, Failure> {
        let name = ATTEMPT_HEADER.trim_end_matches(": ");
        self.found(&format!("UID SEARCH HEADER {name} {text}")).await
    }

    /// UIDs of all messages.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn search_all(&mut self) -> Result<Vec<u32>, Failure> {
        self.found("UID SEARCH ALL").await
    }

    /// UIDs of the last `most` of `exists` messages. UIDs, because others may expunge messages meanwhile.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn newest(&mut self, exists: u32, most: u32) -> Result<Vec<u32>, Failure> {
        if exists == 0 || most == 0 {
            return Ok(Vec::new());
        }
        let first = exists.saturating_sub(most) + 1;
        self.found(&format!("UID SEARCH {first}:{exists}")).await
    }

    async fn found(&mut self, command: &str) -> Result<Vec<u32>, Failure> {
        let done = self.command(command).await?;
        let found = done.data.iter().filter(|d| d.first().is_some_and(|v| v.is("SEARCH")));
        Ok(found.flat_map(|d| &d[1..]).filter_map(Value::number).collect())
    }

    /// Reads messages, one after another, each known as soon as it is read and then forgotten; only the bytes of a
    /// whole one of this run that is not what was sent are handed out with it. Stops on the first trouble; what was
    /// read before it was handed out. Returns the number of copies handed out.
    ///
    /// # Errors
    /// The request failed, or a response lacks what was asked for.
    pub(crate) async fn fetch(
        &mut self,
        set: &str,
        read: Reading,
        mut each: impl FnMut(Copy, Option<Vec<u8>>),
    ) -> Result<u32, Failure> {
        let section = if read.whole { Section::Body } else { Section::Header };
        let (mut count, mut shown_otherwise) = (0, Vec::new());
        let first = self.fetch_section(set, section, read, |copy, damaged| {
            match damaged.as_deref().is_some_and(is_binary) {
                true => shown_otherwise.push(copy.uid.uid),
                false => {
                    count += 1;
                    each(copy, damaged);
                }
            }
        });
        first.await?;
        for uid in shown_otherwise {
            count += self.fetch_octets(uid, read, &mut each).await?;
        }
        Ok(count)
    }

    /// In BODY[] there is no place for NUL (RFC 9051, 4.3.1), and a server may show another octet there (Dovecot does). BINARY[] has it as it
    /// is. To a server that does not know that, what BODY[] shows is what there is.
    async fn fetch_octets(
        &mut self,
        uid: u32,
        read: Reading,
        each: &mut impl FnMut(Copy, Option<Vec<u8>>),
    ) -> Result<u32, Failure> {
        let set = uid.to_string();
        match self.fetch_section(&set, Section::Octets, read, &mut *each).await {
            Err(failure) if failure.trouble == Trouble::RefusedPermanent => {
                self.fetch_section(&set, Section::Body, read, each).await
            }
            other => other,
        }
    }

    async fn fetch_section(
        &mut self,
        set: &str,
        section: Section,
        read: Reading,
        mut each: impl FnMut(Copy, Option<Vec<u8>>),
    ) -> Result<u32, Failure> {
        let (mut count, mut broken) = (0, 0);
        let command = format!("UID FETCH {set} (UID FLAGS INTERNALDATE RFC822.SIZE {})", section.asked());
        self.run(&command, |values| match fetched(values, section, read) {
            Fetched::Copy(copy, damaged) => {
                count += 1;
                each(*copy, damaged);
            }
            Fetched::Broken => broken += 1,
            Fetched::Other => {}
        })
        .await?;
        match broken {
            0 => Ok(count),
            n => Err(Failure::unknown(Trouble::Garbled, Some(format!("{n} incomplete FETCH responses")))),
        }
    }

    /// UID FETCHes whole messages as they are, one after the other; returns how many came.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn bodies(
        &mut self,
        set: &str,
        mut each: impl FnMut(u32, &[u8]),
    ) -> Result<u32, Failure> {
        let mut count = 0;
        self.items(set, "UID BODY.PEEK[]", |values| {
            if let Some((uid, raw)) = body(&values) {
                count += 1;
                each(uid, raw);
            }
        })
        .await?;
        Ok(count)
    }

    /// APPENDs a message; returns its place, if the server said it, and its reply.
    ///
    /// # Errors
    /// `fail` if the literal was not sent in full.
    pub(crate) async fn append(
        &mut self,
        mailbox: &str,
        flags: &[String],
        (literal, message): (Literal, &[u8]),
    ) -> Result<(Option<Uid>, String), Failure> {
        let tag = self.tag();
        let (mailbox, flags, mark) = (quote(mailbox), flags.join(" "), literal.prefix());
        let head = format!("{tag} APPEND {mailbox} ({flags}) {mark}{{{}}}\r\n", message.len());
        self.send(head.as_bytes()).await.map_err(Failure::before)?;
        self.wait_for_go_ahead(&tag).await.map_err(Failure::before)?;
        self.send(message).await.map_err(Failure::before)?;
        self.send(b"\r\n").await?;
        let done = self.until(&tag, |_| ()).await?;
        Ok((place(&response::code(&done.text), "APPENDUID"), sanitise(&done.text)))
    }

    /// Adds and removes flags.
    ///
    /// # Errors
    /// The request failed; if both lists are given and only the second fails, that is `info`.
    pub(crate) async fn flag(
        &mut self,
        uid: u32,
        add: &[String],
        remove: &[String],
    ) -> Result<String, Failure> {
        let mut reply = String::new();
        let mut partly = false;
        for (sign, flags) in [('+', add), ('-', remove)] {
            if flags.is_empty() {
                continue;
            }
            let command = format!("UID STORE {uid} {sign}FLAGS ({})", flags.join(" "));
            let done = self.command(&command).await;
            let done = done.map_err(|f| if partly { f.partly() } else { f })?;
            reply = sanitise(&done.text);
            partly = true;
        }
        Ok(reply)
    }

    /// UID MOVE; the new place if the server said it, in an untagged OK or the tagged one.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn mv(&mut self, uid: u32, to: &str) -> Result<(Option<Uid>, String), Failure> {
        self.copy_like("MOVE", uid, to).await
    }

    /// UID COPY; the new place if the server said it.
    ///
    /// # Errors
    /// The request failed.
    pub(crate) async fn copy(&mut self, uid: u32, to: &str) -> Result<(Option<Uid>, String), Failure> {
        self.copy_like("COPY", uid, to).await
    }

    async fn copy_like(&mut self, verb: &str, uid: u32, to: &str) -> Result<(Option<Uid>, String), Failure> {
        let done = self.command(&format!("UID {verb} {uid} {}", quote(to))).await?;
        let texts = done.notes.iter().chain([&done.text]);
        let new = texts.filter_map(|t| place(&response::code(t), "COPYUID")).next();
        Ok((new, sanitise(&done.text)))
    }

    /// \Deleted, then UID EXPUNGE. Once \Deleted may be set, every failure is `info`.
    ///
    /// # Errors
    /// A request failed.
    pub(crate) async fn expunge(&mut self, uid: u32) -> Result<String, Failure> {
        self.command(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await?;
        let done = self.command(&format!("UID EXPUNGE {uid}")).await.map_err(Failure::partly)?;
        Ok(sanitise(&done.text))
    }

    /// Says goodbye and waits for the answer.
    pub(crate) async fn logout(mut self) {
        // All that counts was answered before.
        let _ = self.command("LOGOUT").await;
    }

    /// Says goodbye without waiting for the answer: what counts was answered before.
    pub(crate) fn leave(self) {
        self.wire.farewell(b"bye LOGOUT\r\n");
    }

    async fn command(&mut self, command: &str) -> Result<Done, Failure> {
        let mut data = Vec::new();
        let mut done = self
            .run(command, |values| {
                if data.len() < KEPT {
                    data.push(values);
                }
            })
            .await?;
        done.data = data;
        Ok(done)
    }

    async fn run(&mut self, command: &str, each: impl FnMut(Vec<Value>)) -> Result<Done, Failure> {
        let tag = self.tag();
        self.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        self.until(&tag, each).await
    }

    fn tag(&mut self) -> String {
        self.next_tag += 1;
        format!("f{}", self.next_tag - 1)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.wire.send(bytes).await.map_err(|t| self.failed(t))
    }

    async fn read(&mut self) -> Result<Response, Failure> {
        if let Some(silence) = self.silence {
            self.wire.extend(silence);
        }
        response::read(&mut self.wire).await.map_err(|t| self.failed(t))
    }

    async fn wait_for_go_ahead(&mut self, tag: &str) -> Result<(), Failure> {
        loop {
            match self.read().await? {
                Response::Continue => return Ok(()),
                Response::Status { tag: t, condition, text } if t == tag => {
                    return Err(refusal(condition, &text));
                }
                Response::Status { condition, text, .. } => self.note_bye(condition, &text),
                Response::Data(_) => {}
            }
        }
    }

    /// Reads up to the tagged reply.
    async fn until(&mut self, tag: &str, mut each: impl FnMut(Vec<Value>)) -> Result<Done, Failure> {
        let mut notes = Vec::new();
        loop {
            match self.read().await? {
                Response::Status { tag: t, condition: Condition::Ok, text } if t == tag => {
                    return Ok(Done { text, notes, data: Vec::new() });
                }
                Response::Status { tag: t, condition, text } if t == tag => {
                    return Err(refusal(condition, &text));
                }
                Response::Status { tag: t, .. } if t != "*" => return Err(self.failed(Trouble::Garbled)),
                Response::Status { condition, text, .. } => {
                    self.note_bye(condition, &text);
                    if notes.len() < KEPT {
                        notes.push(text);
                    }
                }
                Response::Data(values) => each(values),
                Response::Continue => return Err(self.failed(Trouble::Garbled)),
            }
        }
    }

    fn note_bye(&mut self, condition: Condition, text: &[u8]) {
        if condition == Condition::Bye {
            self.bye = Some(sanitise(text));
        }
    }

    fn failed(&mut self, trouble: Trouble) -> Failure {
        Failure::unknown(trouble, self.bye.clone())
    }
}

pub(crate) fn refusal(condition: Condition, text: &[u8]) -> Failure {
    match condition {
        Condition::No => Failure::refused(Trouble::RefusedTransient, text),
        Condition::Bad => Failure::refused(Trouble::RefusedPermanent, text),
        Condition::Ok | Condition::Bye | Condition::PreAuth => {
            Failure::unknown(Trouble::Garbled, Some(sanitise(text)))
        }
    }
}

fn note_selected(selected: &mut Selected, note: &[u8]) {
    let words = response::code(note);
    let [name, value, ..] = words.as_slice() else { return };
    let Ok(value) = value.parse() else { return };
    match name.to_ascii_uppercase().as_str() {
        "UIDVALIDITY" => selected.validity = value,
        "UIDNEXT" => selected.uid_next = value,
        _ => {}
    }
}

/// The place that APPENDUID or COPYUID names for one message.
fn place(code: &[String], name: &str) -> Option<Uid> {
    let named = code.first().is_some_and(|n| n.eq_ignore_ascii_case(name));
    let (validity, uid) = (code.get(1)?, code.last()?);
    named.then_some(Uid { validity: validity.parse().ok()?, uid: uid.parse().ok()? })
}

/// A quoted string. Names and passwords here have no line ends.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
