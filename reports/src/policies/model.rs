//! What each reply policy of a front door did to the senders' mail: the same story, run once for each policy, compared.
//!
//! Model: a row for each sender and policy, the policies of one sender beside each other, and the sums at the end. The
//! numbers are the senders' ledgers of the reports ([`crate::run::senders`]), nothing else. What its renderers show is all here.

use crate::kit::figures::Clock;
use crate::kit::verdict::Verdict;
use crate::run::{Report, Sender, senders};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// What became of the senders' mail in one story, run once under each reply policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Policies {
    /// Version of this form: it rises when a reader of the one before would break.
    pub schema_version: u32,
    /// What is compared.
    pub title: String,
    /// The worst verdict of the runs; unknown without any.
    pub verdict: Verdict,
    /// Name of the scenario that tells the story.
    pub scenario: String,
    /// Mail server: target name.
    pub target: String,
    /// The policies, in the order in which they were run.
    pub policies: Vec<Policy>,
    /// By sender, then by policy; at the end all senders of each policy.
    pub rows: Vec<PolicyRow>,
    /// Seconds of the story for each second of the runs; none if they do not agree.
    pub scale: Option<f64>,
    /// Version of the program that made this.
    pub version: String,
    /// Command that runs them all again.
    pub reproduce: String,
}

/// One policy, and the run of the story under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Its name, such as `552`.
    pub name: String,
    /// What is done, in a sentence.
    pub about: String,
    /// The run's verdict.
    pub verdict: Verdict,
    /// The run's answer in one sentence.
    pub sentence: String,
    /// The sum rule of its senders' ledgers.
    pub sum_rule: String,
    /// The run's directory.
    pub directory: String,
    /// Command that runs it alone.
    pub reproduce: String,
}

/// A run of the story under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRun {
    /// The policy's name.
    pub policy: String,
    /// What is done, in a sentence.
    pub about: String,
    /// How the run came out.
    pub report: Report,
}

/// What became of the mail of one kind of sender under one policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRow {
    /// The policy, such as `552`.
    pub policy: String,
    /// Verdict of the run under it: of an invalid one the numbers prove nothing.
    pub verdict: Verdict,
    /// Kind of sender; `all` for all of them.
    pub sender: String,
    /// Logical messages that it took over from their authors.
    pub submitted: u64,
    /// Of these, stored in a mailbox at the end.
    pub stored: u64,
    /// Of these, not at the first attempt.
    pub late: u64,
    /// Still waiting to be delivered at the end.
    pub queued: u64,
    /// Refused for good: the author was told at once.
    pub bounced: u64,
    /// The author was told at the end of the sender's patience.
    pub given_up: u64,
    /// Acknowledged, and nowhere: nobody was told.
    pub lost: u64,
    /// 95th percentile from submission to acknowledgement, seconds of the run.
    pub delay_p95_s: Option<f64>,
}

impl Policies {
    /// From one run for each policy, in the order in which they are to be shown; `reproduce` is the command that runs them
    /// all again.
    #[must_use]
    pub fn of(runs: &[PolicyRun], reproduce: String) -> Policies {
        let rows = senders(runs).into_iter().flat_map(|name| rows_of(name, runs));
        let all = runs
            .iter()
            .filter(|run| !run.report.senders.is_empty())
            .map(|run| row(run, &senders::total(&run.report.senders)));
        let shown =
            |of: fn(&Report) -> &String| runs.first().map_or_else(String::new, |run| of(&run.report).clone());
        Policies {
            schema_version: SCHEMA_VERSION,
            title: "What each reply policy did to the senders' mail".to_owned(),
            verdict: runs.iter().map(|run| run.report.verdict).max().unwrap_or(Verdict::Unknown),
            scenario: shown(|report| &report.run.scenario),
            target: shown(|report| &report.run.target),
            policies: runs.iter().map(policy).collect(),
            rows: rows.chain(all).collect(),
            scale: common_scale(runs),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reproduce,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock { scale: self.scale }
    }
}

fn policy(PolicyRun { policy, about, report }: &PolicyRun) -> Policy {
    Policy {
        name: policy.clone(),
        about: about.clone(),
        verdict: report.verdict,
        sentence: report.sentence.clone(),
        sum_rule: sum_rule(&report.senders),
        directory: report.run.directory.clone(),
        reproduce: report.run.reproduce.clone(),
    }
}

/// Sums of nothing would look like mail that is accounted for.
fn sum_rule(senders: &[Sender]) -> String {
    match senders {
        [] => "no sender is modelled, so nobody's mail is accounted for".to_owned(),
        senders => senders::sum_rule(senders),
    }
}

/// Every kind of sender, in the order in which the reports name them.
fn senders(runs: &[PolicyRun]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for sender in runs.iter().flat_map(|run| &run.report.senders) {
        if !names.contains(&sender.name.as_str()) {
            names.push(&sender.name);
        }
    }
    names
}

fn rows_of(name: &str, runs: &[PolicyRun]) -> impl Iterator<Item = PolicyRow> {
    runs.iter().flat_map(move |run| {
        run.report
            .senders
            .iter()
            .filter(move |sender| sender.name == name)
            .map(move |sender| row(run, sender))
    })
}

fn row(run: &PolicyRun, sender: &Sender) -> PolicyRow {
    PolicyRow {
        policy: run.policy.clone(),
        verdict: run.report.verdict,
        sender: sender.name.clone(),
        submitted: sender.submitted,
        stored: sender.stored,
        late: sender.late,
        queued: sender.queued,
        bounced: sender.bounced,
        given_up: sender.given_up,
        lost: sender.lost,
        delay_p95_s: sender.delay.map(|delay| delay.p95_s),
    }
}

fn common_scale(runs: &[PolicyRun]) -> Option<f64> {
    let mut scales = runs.iter().map(|run| run.report.run.story_scale);
    let first = scales.next()?;
    scales.all(|scale| scale == first).then_some(first)?
}
