//! Who may come in now, and what is said to the others. Pure.
//!
//! The mail policy comes first: only while it is `accept` does it matter whose mail it is. Then a user who is held for
//! a cut-over is told to come again, then one whose cohort is not admitted gets the policy for those.

use record::plan::front_door::{AccessPolicy, Admit, Change, MailPolicy, NotAdmittedMail, QueueLimit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a recipient who is held for a cut-over gets.
const HELD: &str = "451 4.2.1 this mailbox is being moved";
/// What comes before the words of a refused LOGIN.
const UNAVAILABLE: &str = "NO [UNAVAILABLE]";

/// Users by the name of their cohort.
pub(super) type Cohorts = BTreeMap<String, BTreeSet<String>>;

/// What a listener is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// LMTP and SMTP.
    Mail,
    Access,
}

/// What holds now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    mail: MailPolicy,
    access: AccessPolicy,
    admit: Admit,
    not_admitted_mail: NotAdmittedMail,
    held: BTreeSet<String>,
    cohorts: Arc<Cohorts>,
    closings: [u64; 2],
}

/// What becomes of MAIL FROM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SenderAnswer {
    /// The mail server answers.
    Forward,
    /// The door itself listens to the recipients, and goes to the mail server for those who are let in.
    Hear,
    /// The spool will take the message.
    Queue(QueueLimit),
    /// This is said.
    Say(String),
    /// Nothing is said: the door hangs or is closed.
    Nothing,
}

/// What becomes of a recipient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MailAnswer {
    /// The mail server answers.
    Forward,
    /// The spool takes it.
    Queue(QueueLimit),
    /// This is said.
    Say(String),
    /// Nothing is said: the door hangs or is closed.
    Nothing,
}

/// What becomes of a login.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccessAnswer {
    /// The mail server answers.
    Forward,
    /// This is said, after the tag.
    Say(String),
    /// Nothing is said: the door hangs or is closed.
    Nothing,
}

impl Rules {
    /// Everything is accepted.
    pub(super) fn new(cohorts: Cohorts) -> Rules {
        let cohorts =
            cohorts.into_iter().map(|(name, users)| (name, users.iter().map(|u| user_name(u)).collect()));
        Rules { cohorts: Arc::new(cohorts.collect()), ..Rules::default() }
    }

    /// Names of all cohorts.
    pub(super) fn cohort_names(&self) -> Vec<String> {
        self.cohorts.keys().cloned().collect()
    }

    /// What the operator says now, as far as it is about admission.
    pub(super) fn apply(&mut self, change: &Change) {
        let Change { mail, access, admit, not_admitted_mail, mail_rate: _, drain_rate: _ } = change.clone();
        self.mail = mail.unwrap_or(std::mem::take(&mut self.mail));
        self.access = access.unwrap_or(std::mem::take(&mut self.access));
        self.admit = admit.unwrap_or(std::mem::take(&mut self.admit));
        self.not_admitted_mail = not_admitted_mail.unwrap_or(std::mem::take(&mut self.not_admitted_mail));
        self.closings[Service::Mail as usize] += u64::from(self.mail == MailPolicy::Closed);
        self.closings[Service::Access as usize] += u64::from(self.access == AccessPolicy::Closed);
    }

    /// Nothing of these users reaches the mail server from now on.
    pub(super) fn hold(&mut self, users: &BTreeSet<String>) {
        self.held.extend(users.iter().cloned());
    }

    /// These users are let in as before.
    pub(super) fn release(&mut self, users: &BTreeSet<String>) {
        self.held.retain(|user| !users.contains(user));
    }

    /// The user's cohort is admitted and the user is not held.
    pub(super) fn lets_in(&self, user: &str) -> bool {
        let admitted = match &self.admit {
            Admit::Everyone => true,
            Admit::Cohorts(names) => {
                names.iter().filter_map(|name| self.cohorts.get(name)).any(|users| users.contains(user))
            }
        };
        admitted && !self.held.contains(user)
    }

    /// What MAIL FROM gets.
    pub(super) fn for_sender(&self) -> SenderAnswer {
        match &self.mail {
            MailPolicy::Accept if self.admit == Admit::Everyone => SenderAnswer::Forward,
            // Whoever is sent away must not cost the mail server a connection: the backlog of a whole outage knocks at once.
            MailPolicy::Accept => SenderAnswer::Hear,
            MailPolicy::Reject(_) => SenderAnswer::Hear,
            MailPolicy::Hang | MailPolicy::Closed => SenderAnswer::Nothing,
            MailPolicy::Tempfail(text) => SenderAnswer::Say(text.clone()),
            MailPolicy::Queue(limit) => SenderAnswer::Queue(*limit),
        }
    }

    /// What a recipient gets.
    pub(super) fn for_recipient(&self, user: &str) -> MailAnswer {
        match &self.mail {
            MailPolicy::Hang | MailPolicy::Closed => MailAnswer::Nothing,
            MailPolicy::Tempfail(text) | MailPolicy::Reject(text) => MailAnswer::Say(text.clone()),
            MailPolicy::Queue(limit) => MailAnswer::Queue(*limit),
            MailPolicy::Accept if self.lets_in(user) => MailAnswer::Forward,
            MailPolicy::Accept if self.held.contains(user) => MailAnswer::Say(HELD.to_owned()),
            MailPolicy::Accept => match &self.not_admitted_mail {
                NotAdmittedMail::Tempfail(text) | NotAdmittedMail::Reject(text) => {
                    MailAnswer::Say(text.clone())
                }
                NotAdmittedMail::Queue(limit) => MailAnswer::Queue(*limit),
            },
        }
    }

    /// What DATA gets after recipients that the mail server took.
    pub(super) fn for_data(&self) -> MailAnswer {
        match &self.mail {
            MailPolicy::Accept | MailPolicy::Queue(_) => MailAnswer::Forward,
            MailPolicy::Hang | MailPolicy::Closed => MailAnswer::Nothing,
            MailPolicy::Tempfail(text) | MailPolicy::Reject(text) => MailAnswer::Say(text.clone()),
        }
    }

    /// No login is let through, so that nobody else needs to be asked.
    pub(super) fn refuses_logins(&self) -> bool {
        matches!(self.access, AccessPolicy::Refuse(_))
    }

    /// Nothing is said to clients of this service now.
    pub(super) fn hangs(&self, service: Service) -> bool {
        match service {
            Service::Mail => self.mail == MailPolicy::Hang,
            Service::Access => self.access == AccessPolicy::Hang,
        }
    }

    /// The service takes no connections.
    pub(super) fn is_closed(&self, service: Service) -> bool {
        match service {
            Service::Mail => self.mail == MailPolicy::Closed,
            Service::Access => self.access == AccessPolicy::Closed,
        }
    }

    /// How often the service was closed; a connection older than the last time is closed.
    pub(super) fn closings(&self, service: Service) -> u64 {
        self.closings[service as usize]
    }

    /// Messages of the spool for this user go to the mail server now.
    pub(super) fn drains(&self, user: &str) -> bool {
        self.mail == MailPolicy::Accept && self.lets_in(user)
    }

    /// What a LOGIN gets.
    pub(super) fn for_login(&self, user: &str) -> AccessAnswer {
        match &self.access {
            AccessPolicy::Hang | AccessPolicy::Closed => AccessAnswer::Nothing,
            AccessPolicy::Refuse(text) => AccessAnswer::Say(format!("{UNAVAILABLE} {text}")),
            AccessPolicy::Accept if self.lets_in(user) => AccessAnswer::Forward,
            AccessPolicy::Accept => {
                AccessAnswer::Say(format!("{UNAVAILABLE} this mailbox is not available yet"))
            }
        }
    }
}

/// The user an address or a login name means: its local part, in small letters.
pub(crate) fn user_name(address: &str) -> String {
    address.rsplit_once('@').map_or(address, |(local, _)| local).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::units::Bytes;

    const LIMIT: QueueLimit = QueueLimit { limit: Bytes(1), messages: None };

    fn rules(text: &str) -> Rules {
        let cohort = |users: &[&str]| users.iter().map(|u| (*u).to_owned()).collect();
        let mut rules =
            Rules::new([("a".to_owned(), cohort(&["Ann"])), ("b".to_owned(), cohort(&["bob"]))].into());
        rules.apply(&toml::from_str(text).expect("a change"));
        rules
    }

    fn say(text: &str) -> MailAnswer {
        MailAnswer::Say(text.to_owned())
    }

    #[test]
    fn a_user_is_the_local_part() {
        assert_eq!(user_name("Ann@fermoposta.invalid"), "ann");
        assert_eq!(user_name("ann"), "ann");
    }

    #[test]
    fn the_mail_policy_decides_before_the_user_does() {
        for (text, sender, recipient) in [
            ("mail = 'accept'", SenderAnswer::Forward, MailAnswer::Forward),
            ("mail = 'hang'", SenderAnswer::Nothing, MailAnswer::Nothing),
            ("mail = 'closed'", SenderAnswer::Nothing, MailAnswer::Nothing),
            ("mail = { tempfail = '451 x' }", SenderAnswer::Say("451 x".into()), say("451 x")),
            ("mail = { reject = '552 x' }", SenderAnswer::Hear, say("552 x")),
            ("mail = { queue = { limit = 1 } }", SenderAnswer::Queue(LIMIT), MailAnswer::Queue(LIMIT)),
        ] {
            let rules = rules(text);
            assert_eq!((rules.for_sender(), rules.for_recipient("ann")), (sender, recipient), "{text}");
            assert_eq!(rules.drains("ann"), text == "mail = 'accept'", "{text}");
        }
    }

    #[test]
    fn only_admitted_cohorts_come_in() {
        let some = rules("admit = { cohorts = ['a'] }");
        assert_eq!(some.for_recipient("ann"), MailAnswer::Forward);
        assert_eq!(some.for_recipient("bob"), say("451 4.2.1 this mailbox is not available yet"));
        assert_eq!(some.for_login("ann"), AccessAnswer::Forward);
        assert!(
            matches!(some.for_login("bob"), AccessAnswer::Say(text) if text.starts_with("NO [UNAVAILABLE] "))
        );
        assert_eq!((some.drains("ann"), some.drains("bob"), some.drains("stranger")), (true, false, false));
        let queued = rules("admit = { cohorts = ['a'] }\nnot-admitted-mail = { queue = { limit = 1 } }");
        assert_eq!(queued.for_recipient("bob"), MailAnswer::Queue(LIMIT));
        let nobody = rules("admit = { cohorts = [] }");
        assert!(!nobody.lets_in("ann"));
    }

    #[test]
    fn a_held_user_waits_whatever_else_is_said_until_released() {
        let mut rules = rules("not-admitted-mail = { reject = '552 x' }");
        let ann = BTreeSet::from(["ann".to_owned()]);
        rules.hold(&ann);
        assert_eq!(
            (rules.for_recipient("ann"), rules.for_recipient("bob")),
            (say(HELD), MailAnswer::Forward)
        );
        assert!(matches!(rules.for_login("ann"), AccessAnswer::Say(_)) && !rules.drains("ann"));
        rules.release(&ann);
        assert_eq!(rules.for_recipient("ann"), MailAnswer::Forward);
    }

    #[test]
    fn what_a_change_does_not_name_stays() {
        let mut rules = rules("mail = 'hang'\naccess = { refuse = 'no' }");
        rules.apply(&Change { mail: Some(MailPolicy::Accept), ..Change::default() });
        assert_eq!(rules.for_login("ann"), AccessAnswer::Say("NO [UNAVAILABLE] no".to_owned()));
        assert_eq!(rules.mail, MailPolicy::Accept);
    }
}
