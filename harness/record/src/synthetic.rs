//! Synthetic histories: a model of a mail server that keeps its promises, and writes down a history as it goes.
//!
//! It exists to test and to measure the checkers. [`World`] applies each operation to mailboxes in memory (an
//! `info` operation is applied or not, as told) and writes the lines a run would have written. A test then
//! spoils [`World::boxes`] or the lines and asks who is blamed.

use crate::history::closing::Lines;
use crate::history::digest::Digest;
use crate::history::event::Event;
use crate::history::{Action, Attempt, Copy, Ingress, MessageId, OpId, Outcome, Trouble, Uid, UserId};
use crate::plan::expect::Expect;
use crate::plan::workload::{Mix, Sizes, Stage, WorkloadPlan};
use crate::plan::{Plan, StoragePlan, TargetPlan};
use fuse_fs::clock::Nanos;
use fuse_fs::units::{Bytes, Span};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::time::Duration;

/// Run token of every synthetic history.
pub const RUN: &str = "1a2b3c4d";
/// UIDVALIDITY of every mailbox.
pub const VALIDITY: u32 = 7;
const STEP_NS: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub struct MailboxModel {
    /// Its messages by UID.
    pub copies: Vec<Copy>,
    /// Next UID.
    pub next: u32,
    pub validity: u32,
}

impl Default for MailboxModel {
    fn default() -> MailboxModel {
        MailboxModel { copies: Vec::new(), next: 1, validity: VALIDITY }
    }
}

impl MailboxModel {
    /// Adds a copy under a new UID.
    pub fn add(&mut self, copy: &Copy) -> Uid {
        let uid = Uid { validity: self.validity, uid: self.next };
        self.next += 1;
        self.copies.push(Copy { uid, ..copy.clone() });
        uid
    }

    fn take(&mut self, uid: Uid) -> Option<Copy> {
        let at = self.copies.iter().position(|c| c.uid == uid)?;
        Some(self.copies.remove(at))
    }
}

/// How one operation goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// What the client is told.
    pub outcome: Outcome,
    /// Whether it takes effect. An honest server applies `ok`, does not apply `fail`, and either with `info`.
    pub applied: bool,
}

/// It happens and is acknowledged.
pub const OK: How = How { outcome: Outcome::Ok, applied: true };
/// It is refused.
pub const REFUSED: How = How { outcome: Outcome::Fail, applied: false };
/// It happens, but no answer comes.
pub const UNANSWERED: How = How { outcome: Outcome::Info, applied: true };
/// It does not happen, and no answer comes.
pub const VANISHED: How = How { outcome: Outcome::Info, applied: false };

/// A mail server in memory and the history of what was asked of it.
pub struct World<W> {
    /// Mailboxes by user and name.
    pub boxes: BTreeMap<(u32, String), MailboxModel>,
    /// What the one rule of [`plan`] is said to have done.
    pub fired: u64,
    /// Answers that may be outstanding: each operation takes effect at once and is answered this many operations
    /// later, so that operations overlap.
    pub lag: usize,
    /// How deliveries enter.
    pub entry: Ingress,
    /// Digests of attempts that are not made up.
    pub digests: HashMap<Attempt, Digest>,
    held: VecDeque<Event>,
    out: W,
    clock: u64,
    ops: u64,
    lines: Lines,
}

/// The digest of an attempt, made up.
pub fn digest(attempt: Attempt) -> Digest {
    let hash = blake3::hash(format!("{}-{}", attempt.message.0, attempt.n).as_bytes());
    Digest(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

impl<W: Write> World<W> {
    /// Begins a history with `users` users.
    pub fn new(out: W, users: u32) -> World<W> {
        let mut world = World {
            boxes: BTreeMap::new(),
            fired: 3,
            lag: 0,
            entry: Ingress::Lmtp,
            digests: HashMap::new(),
            held: VecDeque::new(),
            out,
            clock: 1_000_000_000,
            ops: 0,
            lines: Lines::default(),
        };
        let at = world.tick();
        let names = (1..=users).map(|n| format!("user{n}")).collect();
        world.write(&Event::Start {
            at,
            version: "0".to_owned(),
            run: RUN.to_owned(),
            users: names,
            plan: None,
        });
        for user in 0..users {
            world.boxes.insert((user, "INBOX".to_owned()), MailboxModel::default());
            world.boxes.insert((user, "Archive".to_owned()), MailboxModel::default());
        }
        world
    }

    /// Writes a line.
    pub fn write(&mut self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("an event is always JSON");
        line.push(b'\n');
        self.lines.add(&line);
        self.out.write_all(&line).expect("the sink takes what it is given");
    }

    /// The next instant.
    pub fn tick(&mut self) -> Nanos {
        self.clock += STEP_NS;
        Nanos(self.clock)
    }

    pub fn at(&mut self, user: u32, mailbox: &str) -> &mut MailboxModel {
        self.boxes.entry((user, mailbox.to_owned())).or_default()
    }

    /// Where a message lies in a mailbox, if it does.
    pub fn find(&self, user: u32, mailbox: &str, message: u64) -> Option<Uid> {
        let copies = &self.boxes.get(&(user, mailbox.to_owned()))?.copies;
        let same = |c: &&Copy| c.attempt.is_some_and(|a| a.message.0 == message);
        copies.iter().find(same).map(|c| c.uid)
    }

    fn operation(&mut self, user: u32, action: Action, how: How, uid: Option<Uid>, seen: Vec<Copy>) {
        let (at, op) = (self.tick(), OpId(self.ops));
        self.ops += 1;
        self.write(&Event::Invoke { at, intended: at, room: None, op, user: UserId(user), action });
        let trouble = match how.outcome {
            Outcome::Ok => None,
            Outcome::Fail => Some(Trouble::RefusedTransient),
            Outcome::Info => Some(Trouble::TimedOut),
        };
        let uid = uid.filter(|_| how.outcome == Outcome::Ok);
        let (outcome, at) = (how.outcome, Nanos(0));
        self.held.push_back(Event::Complete { at, op, outcome, trouble, reply: None, uid, seen });
        self.answer(self.lag);
    }

    /// Answers the oldest operations until `left` are outstanding.
    fn answer(&mut self, left: usize) {
        while self.held.len() > left {
            let now = self.tick();
            let Some(mut event) = self.held.pop_front() else { return };
            if let Event::Complete { at, .. } = &mut event {
                *at = now;
            }
            self.write(&event);
        }
    }

    /// An operation on a UID that is no longer there: acknowledged, and nothing happens.
    pub fn too_late(&mut self, user: u32, action: Action) {
        self.operation(user, action, OK, None, Vec::new());
    }

    /// One message for several users at once: (user, message) of each, and what becomes of it. The copies of all carry the token of
    /// the first.
    pub fn deliver_to_several(&mut self, members: &[((u32, u64), How)]) {
        let token = Attempt { message: MessageId(members[0].0.1), n: 1 };
        for ((user, message), how) in members {
            self.store_carrying(*user, "INBOX", self.entry, ((*message, 1), Some(token)), &[], *how);
        }
    }

    /// Delivery of one attempt.
    pub fn deliver(&mut self, user: u32, message: u64, n: u32, how: How) {
        self.store(user, "INBOX", self.entry, (message, n), &[], how);
    }

    /// IMAP APPEND of one attempt with flags.
    pub fn append(&mut self, user: u32, mailbox: &str, message: u64, flags: &[&str], how: How) {
        self.store(user, mailbox, Ingress::Append, (message, 1), flags, how);
    }

    fn store(&mut self, user: u32, mailbox: &str, entry: Ingress, id: (u64, u32), flags: &[&str], how: How) {
        self.store_carrying(user, mailbox, entry, (id, None), flags, how);
    }

    fn store_carrying(
        &mut self,
        user: u32,
        mailbox: &str,
        entry: Ingress,
        (id, carries): ((u64, u32), Option<Attempt>),
        flags: &[&str],
        how: How,
    ) {
        let attempt = Attempt { message: MessageId(id.0), n: id.1 };
        let token = carries.unwrap_or(attempt);
        let digest = self.digests.get(&token).copied().unwrap_or_else(|| digest(token));
        let flags: Vec<String> = flags.iter().map(|f| (*f).to_owned()).collect();
        let copy = Copy {
            uid: Uid { validity: 0, uid: 0 },
            attempt: Some(token),
            digest: Some(digest),
            size: 4096,
            flags: flags.clone(),
            internal_date: Some(format!("date of {}-{}", id.0, id.1)),
        };
        let uid = how.applied.then(|| self.at(user, mailbox).add(&copy));
        let mailbox = mailbox.to_owned();
        let action = Action::Store { entry, attempt, mailbox, size: 4096, digest, flags, carries };
        self.operation(user, action, how, uid.filter(|_| entry == Ingress::Append), Vec::new());
    }

    /// UID FETCH of a message.
    pub fn fetch(&mut self, user: u32, mailbox: &str, message: u64) {
        let same = |c: &&Copy| c.attempt.is_some_and(|a| a.message.0 == message);
        let seen: Vec<Copy> = self.at(user, mailbox).copies.iter().filter(same).cloned().collect();
        let action = Action::Fetch { message: MessageId(message), mailbox: mailbox.to_owned() };
        self.operation(user, action, OK, None, seen);
    }

    /// UID STORE of one flag. Nothing happens if the message is not there.
    pub fn flag(&mut self, user: u32, mailbox: &str, message: u64, flag: &str, on: bool, how: How) {
        let Some(uid) = self.find(user, mailbox, message) else { return };
        let list = |wanted: bool| if wanted { vec![flag.to_owned()] } else { Vec::new() };
        let copies = self.at(user, mailbox).copies.iter_mut();
        for copy in copies.filter(|c| c.uid == uid && how.applied) {
            copy.flags.retain(|f| f != flag);
            copy.flags.extend(list(on));
        }
        let (add, remove) = (list(on), list(!on));
        let action =
            Action::Flag { message: MessageId(message), mailbox: mailbox.to_owned(), uid, add, remove };
        self.operation(user, action, how, None, Vec::new());
    }

    /// UID MOVE. Nothing happens if the message is not there.
    pub fn relocate(&mut self, user: u32, from: &str, to: &str, message: u64, how: How) {
        let Some(uid) = self.find(user, from, message) else { return };
        let taken = how.applied.then(|| self.at(user, from).take(uid)).flatten();
        let new = taken.map(|copy| self.at(user, to).add(&copy));
        let action =
            Action::Move { message: MessageId(message), mailbox: from.to_owned(), uid, to: to.to_owned() };
        self.operation(user, action, how, new, Vec::new());
    }

    /// UID COPY. Nothing happens if the message is not there.
    pub fn copy(&mut self, user: u32, from: &str, to: &str, message: u64, how: How) {
        let Some(uid) = self.find(user, from, message) else { return };
        let found = self.at(user, from).copies.iter().find(|c| c.uid == uid).cloned();
        let new = found.filter(|_| how.applied).map(|copy| self.at(user, to).add(&copy));
        let action =
            Action::Copy { message: MessageId(message), mailbox: from.to_owned(), uid, to: to.to_owned() };
        self.operation(user, action, how, new, Vec::new());
    }

    /// UID EXPUNGE. Nothing happens if the message is not there.
    pub fn expunge(&mut self, user: u32, mailbox: &str, message: u64, how: How) {
        let Some(uid) = self.find(user, mailbox, message) else { return };
        if how.applied {
            self.at(user, mailbox).take(uid);
        }
        let action = Action::Expunge { message: MessageId(message), mailbox: mailbox.to_owned(), uid };
        self.operation(user, action, how, None, Vec::new());
    }

    /// The recovery: a store and a fetch of message `message` succeed, the services greet.
    pub fn recover(&mut self, message: u64) {
        self.answer(0);
        self.lag = 0;
        let at = self.tick();
        self.write(&Event::Phase { at, name: "recovery".to_owned() });
        let at = self.tick();
        self.write(&Event::Probe { at, service: "imap".to_owned(), up: true });
        self.deliver(0, message, 1, OK);
        self.fetch(0, "INBOX", message);
    }

    /// The final readings and the end; returns the sink.
    pub fn finish(mut self) -> W {
        let at = self.tick();
        self.rule(at, false);
        for ((user, mailbox), model) in std::mem::take(&mut self.boxes) {
            self.read("final", user, mailbox, model);
        }
        let at = self.tick();
        self.write(&Event::End { at });
        self.write(&self.lines.closing());
        self.out
    }

    /// The line of the one rule of [`plan`].
    pub fn rule(&mut self, at: Nanos, lying: bool) {
        let (fired, armed) = (self.fired, vec![(Nanos(0), at)]);
        let first = (fired > 0).then_some(Nanos(1_500_000_000));
        let (storage, rule) = ("mail".to_owned(), "eio".to_owned());
        self.write(&Event::Rule {
            storage,
            rule,
            lying,
            matched: 9,
            fired,
            first,
            last: first,
            counted: None,
            armed,
            parked: 0,
        });
    }

    /// A complete reading of a mailbox.
    pub fn read(&mut self, reading: &str, user: u32, mailbox: String, model: MailboxModel) {
        let at = self.tick();
        self.write(&Event::Mailbox {
            at,
            asked: at,
            reading: reading.to_owned(),
            user: UserId(user),
            mailbox,
            complete: true,
            unlisted: false,
            error: None,
            validity: model.validity,
            uid_next: model.next,
            copies: model.copies,
        });
    }
}

/// A plan with one storage, one rule and no expectations.
pub fn plan() -> Plan {
    let rule = serde_json::json!({ "name": "eio", "effect": { "errno": { "code": "EIO" } } });
    let rule = serde_json::from_value(rule).expect("the rule above is well-formed");
    let storage = StoragePlan {
        rules: vec![rule],
        thaw_after: Span(Duration::from_secs(60)),
        ..StoragePlan::default()
    };
    Plan {
        demonstrates: None,
        version: "0".to_owned(),
        name: "synthetic".to_owned(),
        why: "To test the checkers.".to_owned(),
        sources: Vec::new(),
        file: None,
        text: String::new(),
        seed: 1,
        storages: BTreeMap::from([("mail".to_owned(), storage)]),
        persistence: None,
        story_scale: None,
        variant: None,
        target: target(),
        cohorts: Vec::new(),
        front_door: None,
        workload: workload(),
        steps: Vec::new(),
        statements: Vec::new(),
        expect: Expect::default(),
        store: None,
        disks: crate::plan::Disks::default(),
        made_by: None,
    }
}

fn target() -> TargetPlan {
    let text = "name = 'model'\nabout = 'A model.'\nkind = 'spawned'\nlisten = { lmtp = '127.0.0.1:24', imap = '127.0.0.1:143' }\n\
        layout.maildir = { path = '{user}/Maildir' }";
    let definition = toml::from_str(text).expect("the model is a target");
    let (server, storage) = ("model".to_owned(), "mail".to_owned());
    let given = "reference".to_owned();
    TargetPlan {
        server,
        given,
        definition,
        companions: Vec::new(),
        storage,
        queue: None,
        defects: Vec::new(),
    }
}

fn workload() -> WorkloadPlan {
    let second = Span(Duration::from_secs(1));
    WorkloadPlan {
        stages: vec![Stage { rate: 1.0, duration: second }],
        users: 3,
        skew: 0.0,
        mix: Mix::default(),
        deliver_by: Ingress::Lmtp,
        sizes: Sizes::Fixed { size: Bytes(4096) },
        corpus: None,
        in_flight: 1,
        timeout: second,
        warm_up: 0,
        retries: 0,
        retry_after: second,
        recipients: Vec::new(),
        lists: 0.0,
        senders: Vec::new(),
        names: Vec::new(),
        sender: None,
        beside_mail: false,
        until_steps_done: false,
        single: None,
        clients: None,
    }
}

/// A history with the closing line that its lines should have.
pub fn closed(history: &[u8]) -> Vec<u8> {
    let kept: Vec<&[u8]> = history
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"{\"event\":\"closing\""))
        .collect();
    let mut text = kept.concat();
    let mut lines = Lines::default();
    lines.add(&text);
    text.extend(serde_json::to_vec(&lines.closing()).expect("an event is always JSON"));
    text.push(b'\n');
    text
}

/// What a history says, without the line that closes it.
pub fn events(history: &str) -> Vec<Event> {
    let events = history.lines().map(|line| serde_json::from_str(line).expect("an event"));
    events.filter(|event| !matches!(event, Event::Closing { .. })).collect()
}
