//! The table of policies, and its forms for a terminal and a document.

use super::model::{Policies, PolicyRun};
use super::samples::{compared, hostile, run};
use super::{markdown, text};
use crate::kit::inert;
use crate::kit::verdict::Verdict;
use crate::run::samples;

#[test]
fn policies_stand_beside_each_other_by_sender() {
    insta::assert_snapshot!(text::render(&compared()));
}

#[test]
fn the_document_has_the_same_rows() {
    insta::assert_snapshot!(markdown::render(&compared()));
}

#[test]
fn runs_of_different_scales_share_no_story_clock() {
    let [mut one, two] = ["552", "452"].map(|name| run(name, samples::story()));
    let scale = |runs: &[PolicyRun]| Policies::of(runs, String::new()).scale;
    assert_eq!(scale(&[one.clone(), two.clone()]), Some(7_200.0));
    one.report.run.story_scale = None;
    assert_eq!(scale(&[one, two]), None);
    assert_eq!(scale(&[]), None);
}

#[test]
fn the_verdict_is_the_worst_and_none_is_no_green() {
    assert_eq!(compared().verdict, Verdict::Invalid);
    assert_eq!(Policies::of(&[run("552", samples::valid())], String::new()).verdict, Verdict::Valid);
    assert_eq!(Policies::of(&[], String::new()).verdict, Verdict::Unknown);
}

#[test]
fn hostile_names_come_out_inert() {
    let policies = hostile();
    let (text, markdown) = (text::render(&policies), markdown::render(&policies));
    let dangerous = |shown: &str| shown.chars().any(|one| inert::is_dangerous(one) && one != '\n');
    assert!(!dangerous(&text) && !dangerous(&markdown));
    let table = markdown.rsplit_once("\n\n").expect("the command is the last").0;
    assert!(!table.contains("<script>") && table.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\|"));
}

#[test]
fn a_scenario_without_senders_shows_no_sums() {
    let policies = Policies::of(&[run("552", samples::valid())], String::new());
    assert!(policies.rows.is_empty());
    assert!(policies.policies[0].sum_rule.starts_with("no sender is modelled"));
}
