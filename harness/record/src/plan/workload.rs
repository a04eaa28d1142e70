//! The traffic of a plan: who sends what, how often, and who reads.

use super::step::StepAction;
use fuse_fs::units::{Bytes, Span};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// Rates, one after another.
    pub stages: Vec<Stage>,
    /// It ends a little after the last step is done, if that is sooner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_steps_done: bool,
    /// Number of users; they are called `user1` to `userN`.
    pub users: u32,
    /// They are there already, and called by their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Of users who are there already: the one who sends all mail by SMTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// It may be written beside mail that is there already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside_mail: bool,
    /// Zipf exponent of their activity; 0 is uniform.
    pub skew: f64,
    /// Weights of operations.
    pub mix: Mix,
    /// Protocol for `deliver`.
    pub deliver_by: crate::history::Ingress,
    pub sizes: Sizes,
    /// Real messages instead of generated ones.
    pub corpus: Option<PathBuf>,
    /// Operations under way at once, at most.
    pub in_flight: u32,
    /// A client waits this long for each answer.
    pub timeout: Span,
    /// Messages delivered to each user before the traffic's clock starts and before any fault is armed.
    pub warm_up: u32,
    /// A delivery that was not acknowledged is tried again as a new attempt of the same message, this many times.
    pub retries: u32,
    /// Time between attempts.
    pub retry_after: Span,
    /// Shares of deliveries to one user, to two at once, and so on; empty: one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<f64>,
    /// Share of deliveries that go to a list, an address that the target delivers to several users.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lists: f64,
    /// Sending mail systems that deliver the mail; empty if the harness delivers it itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<SenderPlan>,
    /// Instead of traffic by the clock: this one delivery, and no warm-up.
    #[serde(default)]
    pub single: Option<SingleDelivery>,
    /// Clients that look at mail again and again beside the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<ClientsPlan>,
}

fn is_none(share: &f64) -> bool {
    *share == 0.0
}

/// Clients that look at mail again and again, from the start of the traffic until the recovery is over. They change
/// nothing. The report says when each class was served again. They read the users' mail in turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(rename = "Clients")]
pub struct ClientsPlan {
    /// Webmail-like clients: a new connection each time, which shows the newest ten headers. Default 0.
    pub webmail: u32,
    /// Clients that hold one session open, as mail programs do: IDLE, or NOOP where the server has no IDLE. Default 0.
    pub held: u32,
    /// A webmail-like client comes once in each such stretch of time, at an instant that the seed draws. Default 1 s.
    pub every: Span,
    /// A held session is asked after each such time whether it still stands. Default 5 s.
    pub keep_alive: Span,
    /// How a held client comes back after its session was lost.
    pub back_off: BackOff,
}

impl Default for ClientsPlan {
    fn default() -> ClientsPlan {
        let span = |seconds| Span(std::time::Duration::from_secs(seconds));
        let back_off = BackOff::default();
        ClientsPlan { webmail: 0, held: 0, every: span(1), keep_alive: span(5), back_off }
    }
}

/// Waits between tries: each is twice the one before, and the seed draws where in its second half the try is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BackOff {
    /// The first wait. Default 500 ms.
    pub first: Span,
    /// No wait is longer. Default 8 s.
    pub most: Span,
}

impl Default for BackOff {
    fn default() -> BackOff {
        let span = |ms| Span(std::time::Duration::from_millis(ms));
        BackOff { first: span(500), most: span(8000) }
    }
}

/// A sending mail system with its share of the mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderPlan {
    /// How it tries again and gives up, on the story's clock.
    pub definition: super::sender::Definition,
    /// Its share, relative to the others'.
    pub share: f64,
}

/// Phase of a run in which the deliveries of [`SingleDelivery::following`] are made that were left when the server came back.
pub const FOLLOWING: &str = "following";

/// Exactly one attempt to store one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SingleDelivery {
    /// How it enters: `lmtp`, `smtp` or `append` (to INBOX).
    pub entry: crate::history::Ingress,
    /// Number of the user who gets it, from 1. The check of the recovery is for the same user.
    pub user: u32,
    /// After the answer it is waited until the message lies in the store, or a rule struck, and no more calls come; a few
    /// seconds at most. For servers that deliver from a queue into Maildir: their faults strike the delivery too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_arrival: bool,
    /// After the answer it is waited until a rule struck or no more calls come; a second at most. For servers that go on working
    /// after the answer: their faults strike these calls too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_quiet: bool,
    /// Users, by number, of the deliveries that follow it by the same entry, in this order: at once, in the process that met the
    /// fault. From the first that is not acknowledged on they are made when the server serves again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub following: Vec<u32>,
    /// Done as soon as the client knows what became of it, or after `until-arrival` and `until-quiet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<StepAction>,
}

fn numbered(user: u32) -> crate::history::UserId {
    crate::history::UserId(user.saturating_sub(1))
}

impl SingleDelivery {
    pub fn user_id(&self) -> crate::history::UserId {
        numbered(self.user)
    }

    /// Of the deliveries that follow.
    pub fn following_ids(&self) -> impl Iterator<Item = crate::history::UserId> {
        self.following.iter().copied().map(numbered)
    }
}

impl WorkloadPlan {
    /// The user who sends all mail, so that bounces come back into the same store; only SMTP knows bounces.
    pub fn bounce_user(&self) -> Option<&str> {
        let by_smtp = self.deliver_by == crate::history::Ingress::Smtp;
        by_smtp.then(|| self.sender.as_deref().unwrap_or("bounces"))
    }

    /// `user1` to `userN`, or their addresses.
    pub fn user_names(&self) -> impl Iterator<Item = String> + use<> {
        let numbered = || (1..=self.users).map(|n| format!("user{n}")).collect();
        let names: Vec<String> = if self.are_named() { self.names.clone() } else { numbered() };
        names.into_iter()
    }

    /// The users were there before, with mail of their own.
    pub fn are_named(&self) -> bool {
        !self.names.is_empty()
    }
}

/// A stretch of constant rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Mean operations a second; arrivals are Poisson.
    pub rate: f64,
    /// For how long.
    pub duration: Span,
}

/// Weights of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Mix {
    /// Delivery by LMTP or SMTP.
    pub deliver: f64,
    /// IMAP APPEND.
    pub append: f64,
    /// UID FETCH of a whole message.
    pub fetch: f64,
    /// UID STORE of flags.
    pub flag: f64,
    /// UID MOVE.
    #[serde(rename = "move")]
    pub mv: f64,
    /// UID COPY.
    pub copy: f64,
    /// UID EXPUNGE.
    pub expunge: f64,
    /// UID SEARCH.
    pub search: f64,
}

impl Mix {
    /// What is left of it for a target without IMAP.
    pub fn deliveries_only(&self) -> Mix {
        Mix { deliver: self.deliver, ..Mix::default() }
    }
}

/// Distribution of message sizes, of the whole message as sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Sizes {
    /// All of one size.
    Fixed {
        /// Size of each message.
        size: Bytes,
    },
    /// The table measured on the FreeBSD project's mail server in 2002: median about 4 KB, up to 4 MB.
    Freebsd2002 {
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Bytes>,
    },
    /// Log-normal body with a Pareto tail: median 12 KB, sigma 1.6, 3 % from 256 KB with alpha 1.2, cap 25 MB.
    Modern {
        /// Cut the tail here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Bytes>,
    },
}
