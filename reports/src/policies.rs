//! What each reply policy of a front door did to the senders' mail: the same story, run once for each policy, compared.
//!
//! Model: a row for each sender and policy, the policies of one sender beside each other, and the sums at the end. The
//! numbers are the senders' ledgers of the reports ([`crate::ledger`]), nothing else.

use crate::figures::{Clock, count};
use crate::inert;
use crate::ledger;
use crate::markdown::text as escaped;
use crate::model::{Report, Sender};
use crate::table::{align, wrap};

/// Columns of a terminal.
const WIDTH: usize = 100;

/// Policies compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// What is compared.
    pub title: String,
    /// By sender, then by policy; at the end all senders of each policy.
    pub rows: Vec<PolicyRow>,
    /// Each policy and the sum rule of its ledger.
    pub sums: Vec<(String, String)>,
    /// Seconds of the story for each second of the runs; none if they do not agree.
    pub scale: Option<f64>,
}

/// What became of the mail of one kind of sender under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRow {
    /// The policy, such as `552`.
    pub policy: String,
    /// Kind of sender; `all` for all of them.
    pub sender: String,
    /// Logical messages.
    pub submitted: u64,
    /// Stored at the end.
    pub stored: u64,
    /// Of these, not at the first attempt.
    pub late: u64,
    /// Waiting at the end.
    pub queued: u64,
    /// Refused for good: the author was told at once.
    pub bounced: u64,
    /// The author was told at the end of the sender's patience.
    pub given_up: u64,
    /// Acknowledged, and nowhere.
    pub lost: u64,
    /// 95th percentile from submission to acknowledgement, seconds of the run.
    pub delay_p95_s: Option<f64>,
}

impl Policies {
    /// From one report for each policy, in the order in which they are to be shown.
    #[must_use]
    pub fn of(reports: &[(String, Report)]) -> Policies {
        let rows = senders(reports).into_iter().flat_map(|name| rows_of(name, reports));
        let all = reports.iter().map(|(policy, report)| row(policy, &ledger::total(&report.senders)));
        Policies {
            title: "What each reply policy did to the senders' mail".to_owned(),
            rows: rows.chain(all).collect(),
            sums: reports
                .iter()
                .map(|(policy, report)| (policy.clone(), ledger::sum_rule(&report.senders)))
                .collect(),
            scale: common_scale(reports),
        }
    }

    fn clock(&self) -> Clock {
        Clock { scale: self.scale }
    }
}

/// Every kind of sender, in the order in which the reports name them.
fn senders(reports: &[(String, Report)]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for sender in reports.iter().flat_map(|(_, report)| &report.senders) {
        if !names.contains(&sender.name.as_str()) {
            names.push(&sender.name);
        }
    }
    names
}

fn rows_of(name: &str, reports: &[(String, Report)]) -> impl Iterator<Item = PolicyRow> {
    reports.iter().flat_map(move |(policy, report)| {
        report.senders.iter().filter(move |sender| sender.name == name).map(move |sender| row(policy, sender))
    })
}

fn row(policy: &str, sender: &Sender) -> PolicyRow {
    PolicyRow {
        policy: policy.to_owned(),
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

fn common_scale(reports: &[(String, Report)]) -> Option<f64> {
    let mut scales = reports.iter().map(|(_, report)| report.run.story_scale);
    let first = scales.next()?;
    scales.all(|scale| scale == first).then_some(first)?
}

const HEAD: [&str; 10] =
    ["sender", "policy", "submitted", "lost", "late", "bounced", "given up", "queued", "stored", "delay p95"];

/// The cells of a row, in the order of [`HEAD`].
fn cells(row: &PolicyRow, clock: Clock) -> [String; 10] {
    let PolicyRow { submitted, lost, late, bounced, given_up, queued, stored, .. } = *row;
    let [submitted, lost, late, bounced, given_up, queued, stored] =
        [submitted, lost, late, bounced, given_up, queued, stored].map(count);
    let delay = row.delay_p95_s.map_or("-".to_owned(), |seconds| clock.delay(seconds).to_string());
    let (sender, policy) = (row.sender.clone(), row.policy.clone());
    [sender, policy, submitted, lost, late, bounced, given_up, queued, stored, delay]
}

/// For a terminal. Always ends with a line break.
#[must_use]
pub fn text(policies: &Policies) -> String {
    let policies = inert::policies(policies);
    let head = HEAD.map(String::from).to_vec();
    let rows = policies.rows.iter().map(|row| cells(row, policies.clock()).to_vec());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let sums = policies.sums.iter().map(|(policy, rule)| wrap(&format!("{policy}: {rule}"), 4, WIDTH));
    let sums: String = sums.map(|line| format!("  {line}\n")).collect();
    let right: Vec<bool> = (0..HEAD.len()).map(|column| column >= 2).collect();
    format!("{}\n{}\n{sums}", policies.title, align(&rows, &right))
}

/// For a document.
#[must_use]
pub fn markdown(policies: &Policies) -> String {
    let policies = inert::policies(policies);
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows = policies.rows.iter().map(|row| cells(row, policies.clock()).map(|cell| escaped(&cell)));
    let rows: String = rows.map(|cells| line(&cells)).collect();
    let sums = policies.sums.iter();
    let sums: String =
        sums.map(|(policy, rule)| format!("- {}: {}\n", escaped(policy), escaped(rule))).collect();
    let head = line(&HEAD.map(String::from));
    let rule = format!("|---|---|{}\n", "--:|".repeat(HEAD.len() - 2));
    format!("## {}\n\n{head}{rule}{rows}\n{sums}", escaped(&policies.title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{self, sender};

    fn report(senders: Vec<Sender>) -> Report {
        Report { senders, ..samples::story() }
    }

    fn compared() -> Policies {
        let bounced = Sender { bounced: 120, ..sender("postfix", 1_500, 1_380) };
        let late =
            Sender { delay: samples::story().senders[0].delay, late: 119, ..sender("postfix", 1_500, 1_499) };
        let lost = Sender { lost: 3, ..sender("qmail", 10, 7) };
        Policies::of(&[
            ("552".into(), report(vec![bounced])),
            ("452".into(), report(vec![Sender { queued: 1, ..late }, sender("qmail", 10, 10)])),
            ("queue-then-552".into(), report(vec![lost])),
        ])
    }

    #[test]
    fn policies_stand_beside_each_other_by_sender() {
        insta::assert_snapshot!(text(&compared()), @"
        What each reply policy did to the senders' mail
          sender   policy          submitted  lost  late  bounced  given up  queued  stored             delay p95
          postfix  552                 1,500     0     0      120         0       0   1,380                     -
          postfix  452                 1,500     0   119        0         0       1   1,499  31.2 s (62 h 30 min)
          qmail    452                    10     0     0        0         0       0      10                     -
          qmail    queue-then-552         10     3     0        0         0       0       7                     -
          all      552                 1,500     0     0      120         0       0   1,380                     -
          all      452                 1,510     0   119        0         0       1   1,509                     -
          all      queue-then-552         10     3     0        0         0       0       7                     -

          552: submitted 1,500 = stored 1,380 + queued 0 + bounced 120 + given up 0 + lost 0
          452: submitted 1,510 = stored 1,509 + queued 1 + bounced 0 + given up 0 + lost 0
          queue-then-552: submitted 10 = stored 7 + queued 0 + bounced 0 + given up 0 + lost 3: 3 messages
            were lost, and nobody was told
        ");
    }

    #[test]
    fn the_document_has_the_same_rows() {
        insta::assert_snapshot!(markdown(&compared()), @"
        ## What each reply policy did to the senders' mail

        | sender | policy | submitted | lost | late | bounced | given up | queued | stored | delay p95 |
        |---|---|--:|--:|--:|--:|--:|--:|--:|--:|
        | postfix | 552 | 1,500 | 0 | 0 | 120 | 0 | 0 | 1,380 | - |
        | postfix | 452 | 1,500 | 0 | 119 | 0 | 0 | 1 | 1,499 | 31.2 s (62 h 30 min) |
        | qmail | 452 | 10 | 0 | 0 | 0 | 0 | 0 | 10 | - |
        | qmail | queue-then-552 | 10 | 3 | 0 | 0 | 0 | 0 | 7 | - |
        | all | 552 | 1,500 | 0 | 0 | 120 | 0 | 0 | 1,380 | - |
        | all | 452 | 1,510 | 0 | 119 | 0 | 0 | 1 | 1,509 | - |
        | all | queue-then-552 | 10 | 3 | 0 | 0 | 0 | 0 | 7 | - |

        - 552: submitted 1,500 = stored 1,380 + queued 0 + bounced 120 + given up 0 + lost 0
        - 452: submitted 1,510 = stored 1,509 + queued 1 + bounced 0 + given up 0 + lost 0
        - queue-then-552: submitted 10 = stored 7 + queued 0 + bounced 0 + given up 0 + lost 3: 3 messages were lost, and nobody was told
        ");
    }

    #[test]
    fn runs_of_different_scales_share_no_story_clock() {
        let [mut one, two] = ["552", "452"].map(|name| (name.to_owned(), samples::story()));
        assert_eq!(Policies::of(&[one.clone(), two.clone()]).scale, Some(7_200.0));
        one.1.run.story_scale = None;
        assert_eq!(Policies::of(&[one, two]).scale, None);
        assert_eq!(Policies::of(&[]).scale, None);
    }

    #[test]
    fn hostile_names_come_out_inert() {
        let bad = "\u{1b}[2J<script>alert(1)</script>|\n\u{202e}";
        let policies = Policies::of(&[(bad.into(), samples::hostile())]);
        let (text, markdown) = (text(&policies), markdown(&policies));
        let dangerous = |shown: &str| shown.chars().any(|one| inert::is_dangerous(one) && one != '\n');
        assert!(!dangerous(&text) && !dangerous(&markdown));
        assert!(
            !markdown.contains("<script>") && markdown.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\|")
        );
    }
}
