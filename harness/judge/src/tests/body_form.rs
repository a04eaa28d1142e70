//! Which messages are lost: those whose bodies are of one form, as seed and token say.

use crate::testing::run_dir::{blamed, judge_text};
use record::history::{Attempt, MessageId, Outcome};
use record::message::{Form, form};
use record::plan::Plan;
use record::synthetic::{How, OK, World, plan};
use reports::run::Report;

/// Acknowledged and not stored.
const LOST: How = How { outcome: Outcome::Ok, applied: false };

/// 100 messages, to these users in turn, of which all that have a body of this form are lost; 900 is the recovery's.
fn run(plan: &Plan, lost: Form, users: u32) -> Report {
    let mut world = World::new(Vec::new(), users);
    for message in 0..100 {
        let attempt = Attempt { message: MessageId(message), n: 1 };
        let is_lost = form(plan.workload_seed(), attempt, 4_096, None) == lost;
        world.deliver(message as u32 % users, message, 1, if is_lost { LOST } else { OK });
    }
    world.recover(900);
    judge_text(plan, &world.finish())
}

fn first_words(report: &Report) -> &str {
    let losses = report.properties.iter().find(|property| property.name == "acknowledged-durable");
    &losses.expect("it is judged").anomalies[0].sentence
}

#[test]
fn a_server_that_loses_eight_bit_text_is_told_so() {
    let report = run(&plan(), Form::EightBit, 1);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    insta::assert_snapshot!(first_words(&report), @"Of 20 messages whose body is 8-bit text, 20 are gone; of 81 messages of other forms none is.");
}

#[test]
fn users_who_had_one_message_each_are_not_what_the_losses_share() {
    let report = run(&plan(), Form::EightBit, 100);
    assert!(first_words(&report).contains("whose body is 8-bit text"), "{}", first_words(&report));
}

#[test]
fn of_real_mail_no_form_is_said() {
    let real = |mut plan: Plan| {
        plan.workload.corpus = Some("mail".into());
        plan
    };
    let report = run(&real(plan()), Form::EightBit, 1);
    assert_eq!(blamed(&report), ["acknowledged-durable"]);
    assert!(!first_words(&report).contains("whose body"), "{}", first_words(&report));
}
