//! The bytes of an attempt: a function of run token, seed, sizes, attempt and user, or of the corpus instead of seed and
//! sizes. So they can be made again after the run, as long as the corpus is what it was.

use super::schedule;
use crate::corpus::Corpus;
use crate::history::Attempt;
use crate::message::build::{Addresses, Outgoing, assemble, generate};
use crate::message::{RunToken, sizes};
use crate::plan::{Plan, Sizes};

/// Author of all mail, and its sender where no bounce is to come back.
pub(super) const AUTHOR: &str = "sender@fermoposta.invalid";

/// Larger ones are made off the thread that the clocks run on.
const QUICK: u64 = 32 * 1024;

/// Makes the messages of one run.
#[derive(Clone, Debug)]
pub struct Maker {
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
}

impl Maker {
    /// The maker of a plan's run.
    ///
    /// # Errors
    /// The corpus cannot be read.
    pub fn of(plan: &Plan) -> Result<Maker, crate::corpus::CorpusError> {
        Ok(Maker {
            run: plan.run_token(),
            seed: plan.workload_seed(),
            sizes: plan.workload.sizes,
            domain: plan.target.definition.domain.clone(),
            corpus: plan.workload.corpus.as_deref().map(Corpus::load).transpose()?,
        })
    }

    /// It takes no longer to make it than to hand it to another thread: nothing is read, and it is small.
    pub(super) fn is_quick(&self, attempt: Attempt) -> bool {
        self.corpus.is_none() && self.size(attempt) <= QUICK
    }

    /// What is sent to `user` as `attempt`.
    ///
    /// # Errors
    /// Its corpus file is gone, or was changed into something that cannot be sent.
    pub fn make(&self, attempt: Attempt, user: &str) -> Result<Outgoing, String> {
        let Some(corpus) = &self.corpus else { return Ok(self.generate(attempt, user)) };
        let rest = corpus.message(attempt.message.0);
        rest.map(|rest| assemble(self.run, attempt, &rest))
            .map_err(|e| format!("a message of the corpus cannot be read any more: {e}"))
    }

    fn generate(&self, attempt: Attempt, user: &str) -> Outgoing {
        let to = self.address_of(user);
        generate(self.run, attempt, Addresses { from: AUTHOR, to: &to }, self.size(attempt), self.seed)
    }

    fn size(&self, attempt: Attempt) -> u64 {
        sizes::draw(&self.sizes, &mut schedule::rng(self.seed, "size", attempt.message.0))
    }

    /// Where mail for a user goes.
    pub fn address_of(&self, user: &str) -> String {
        format!("{user}@{}", self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::MessageId;
    use crate::synthetic;

    #[test]
    fn the_same_plan_makes_the_same_bytes_and_each_user_and_attempt_its_own() {
        let maker = || Maker::of(&synthetic::plan()).expect("no corpus");
        let attempt = |n| Attempt { message: MessageId(3), n };
        let made = |n, user| maker().make(attempt(n), user).expect("made").bytes;
        assert_eq!(made(1, "user1"), made(1, "user1"));
        assert_ne!(made(1, "user1"), made(2, "user1"));
        assert_ne!(made(1, "user1"), made(1, "user2"));
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
        assert!(maker.make(attempt, "user1").expect("made").bytes.ends_with(b"Subject: x\r\n\r\nbody\r\n"));
        std::fs::remove_file(&file).expect("removed");
        assert!(maker.make(attempt, "user1").is_err());
        assert!(Maker::of(&plan).is_err());
    }
}
