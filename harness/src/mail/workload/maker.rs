//! The bytes of an attempt: a function of run token, seed, sizes, attempt and user, or of the corpus instead of seed and
//! sizes. So they can be made again after the run, as long as the corpus is what it was.

use super::context::in_domain;
use super::schedule;
use crate::mail::message::corpus::Corpus;
use crate::mail::message::fit::{Own, fit};
use crate::mail::message::sizes;
use record::history::extension::Extension;
use record::history::token::RunToken;
use record::history::{Attempt, Ingress, MessageId};
use record::message::{Addresses, Outgoing, assemble, drawn, generate, message_id};
use record::plan::Plan;
use record::plan::workload::Sizes;
use std::sync::OnceLock;

/// Author of all mail, and its sender where no bounce is to come back.
pub(crate) const AUTHOR: &str = "sender@fermoposta.invalid";

/// Larger ones are made off the thread that the clocks run on.
const QUICK: u64 = 32 * 1024;

/// Makes the messages of one run.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    /// First part of every token.
    pub run: RunToken,
    /// Seed of the workload.
    pub seed: u64,
    /// How large they are, but for those of a corpus.
    pub sizes: Sizes,
    /// Domain of the addresses.
    pub domain: String,
    /// Real mail, if the plan wants it.
    pub corpus: Option<Corpus>,
    pub trials: Trials,
}

/// Of each extension the message after which more may need it: it did, and came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trials([OnceLock<MessageId>; Extension::COUNT]);

/// Why an attempt has no bytes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unmade {
    #[error("a message of the corpus cannot be read any more: {0}")]
    Unreadable(#[source] std::io::Error),
    #[error("making a message: {0}")]
    Panicked(#[source] tokio::task::JoinError),
}

impl Maker {
    /// The maker of a plan's run.
    ///
    /// # Errors
    /// The corpus cannot be read.
    pub(crate) fn of(plan: &Plan) -> Result<Maker, crate::mail::message::corpus::CorpusError> {
        Ok(Maker {
            run: plan.run_token(),
            seed: plan.workload_seed(),
            sizes: plan.workload.sizes,
            domain: plan.target.definition.domain.clone(),
            corpus: plan.workload.corpus.as_deref().map(Corpus::load).transpose()?,
            trials: Trials::default(),
        })
    }

    /// It takes no longer to make it than to hand it to another thread: nothing is read, and it is small.
    pub(super) fn is_quick(&self, attempt: Attempt) -> bool {
        self.corpus.is_none() && self.size(attempt) <= QUICK
    }

    /// The extension that an attempt of the traffic needs.
    pub(super) fn needs(&self, attempt: Attempt, entry: Ingress) -> Option<Extension> {
        let extension = Extension::by(entry);
        let trial = self.trials.0[extension as usize].get()?;
        drawn((extension, *trial), self.seed, attempt)
    }

    /// More mail may need it after this message.
    pub(super) fn go_on_after(&self, extension: Extension, trial: MessageId) {
        self.trials.0[extension as usize].get_or_init(|| trial);
    }

    /// What is sent to `user` as `attempt`.
    ///
    /// # Errors
    /// Its corpus file is gone, or was changed into something that cannot be sent.
    pub(crate) fn make(
        &self,
        attempt: Attempt,
        user: &str,
        needs: Option<Extension>,
    ) -> Result<Outgoing, Unmade> {
        let Some(corpus) = &self.corpus else { return Ok(self.generate(attempt, user, needs)) };
        let rest = corpus.message(attempt.message.0);
        rest.map(|rest| assemble(self.run, attempt, &self.fit(corpus, &rest, attempt, user)))
            .map_err(Unmade::Unreadable)
    }

    fn fit(&self, corpus: &Corpus, real: &[u8], attempt: Attempt, user: &str) -> Vec<u8> {
        let (message_id, to) = (message_id(self.run, attempt), self.address_of(user));
        let keeps_its_id = attempt.n == 1 && corpus.is_identified(attempt.message.0);
        fit(real, Own { message_id: &message_id, keeps_its_id, from: AUTHOR, to: &to }, |_, _| {})
    }

    /// Generated mail, whatever the plan wants.
    pub(super) fn generate(&self, attempt: Attempt, user: &str, needs: Option<Extension>) -> Outgoing {
        let to = self.address_of(user);
        generate(self.run, attempt, Addresses { from: AUTHOR, to: &to, needs }, self.size(attempt), self.seed)
    }

    fn size(&self, attempt: Attempt) -> u64 {
        sizes::draw(&self.sizes, &mut schedule::rng(self.seed, "size", attempt.message.0))
    }

    /// Where mail for a user goes.
    pub(crate) fn address_of(&self, user: &str) -> String {
        in_domain(user, &self.domain)
    }
}

#[cfg(test)]
mod tests {
    use record::synthetic;

    use super::*;

    #[test]
    fn the_same_plan_makes_the_same_bytes_and_each_user_and_attempt_its_own() {
        let maker = || Maker::of(&synthetic::plan()).expect("no corpus");
        let attempt = |n| Attempt { message: MessageId(3), n };
        let made = |n, user| maker().make(attempt(n), user, None).expect("made").bytes;
        assert_eq!(made(1, "user1"), made(1, "user1"));
        assert_ne!(made(1, "user1"), made(2, "user1"));
        assert_ne!(made(1, "user1"), made(1, "user2"));
    }

    #[test]
    fn an_extension_is_needed_after_its_trial_alone_and_by_its_protocol_alone() {
        let maker = Maker::of(&synthetic::plan()).expect("no corpus");
        let of = |entry| {
            let needs = |message| maker.needs(Attempt { message: MessageId(message), n: 1 }, entry);
            (0..100).filter(|message| needs(*message) == Some(Extension::by(entry))).count()
        };
        let counts = || [Ingress::Lmtp, Ingress::Smtp, Ingress::Append].map(|entry| of(entry) > 4);
        assert_eq!(counts(), [false, false, false]);
        maker.go_on_after(Extension::Binary, MessageId(0));
        assert_eq!(counts(), [false, false, true]);
        maker.go_on_after(Extension::Smtputf8, MessageId(0));
        assert_eq!(counts(), [true, true, true]);
    }

    /// Many servers store a second message with the same Message-ID into the same mailbox only once, or never.
    #[test]
    fn each_attempt_at_real_mail_has_a_message_id_that_no_other_has() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("mail.eml");
        std::fs::write(&file, "Message-ID: <only@x>\nSubject: x\n\nbody\n").expect("written");
        let mut plan = synthetic::plan();
        plan.workload.corpus = Some(file);
        let maker = Maker::of(&plan).expect("a corpus");
        let id = |message, n| {
            let attempt = Attempt { message: MessageId(message), n };
            let made = maker.make(attempt, "user1", None).expect("made");
            let text = String::from_utf8(made.bytes).expect("it is text");
            let kept = text.matches("Message-ID: <only@x>\r\n").count();
            assert_eq!(kept, 1, "its own, or put aside: {text}");
            let own = text.lines().find(|line| line.starts_with("Message-ID: ")).map(str::to_owned);
            own.expect("it has one")
        };
        let ids = [(0, 1), (0, 2), (1, 1), (1, 2)].map(|(message, n)| id(message, n));
        assert_eq!(ids[0], "Message-ID: <only@x>");
        assert_eq!(std::collections::BTreeSet::from(ids).len(), 4);
    }

    #[test]
    fn a_corpus_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("mail.eml");
        std::fs::write(&file, "Subject: x\n\nbody\n").expect("written");
        let mut plan = synthetic::plan();
        plan.workload.corpus = Some(folder.path().to_owned());
        let maker = Maker::of(&plan).expect("a corpus");
        let attempt = Attempt { message: MessageId(3), n: 1 };
        let make = || maker.make(attempt, "user1", None);
        assert!(make().expect("made").bytes.ends_with(b"Subject: x\r\n\r\nbody\r\n"));
        std::fs::remove_file(&file).expect("removed");
        assert!(make().is_err());
        assert!(Maker::of(&plan).is_err());
    }
}
