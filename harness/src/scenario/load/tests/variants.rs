//! Several courses of one story.

use super::*;
use record::plan::step::StepAction;

const TWO: &str = r#"
[front-door]
[[step]]
at = "1s"
do.phase = { name = "common" }
[[variant]]
name = "patient"
why  = "It waits."
[[variant.step]]
at = "2s"
do.phase = { name = "waits" }
[[variant.step]]
at = "3s"
do.front-door.mail = "closed"
[[variant]]
name = "hasty"
why  = "It refuses."
[[variant.step]]
at = "2s"
do.phase = { name = "refuses" }
"#;

fn of(variant: Option<&str>) -> Overrides {
    Overrides { variant: variant.map(str::to_owned), ..Overrides::default() }
}

/// Name of the variant, and the phases that are named in it.
fn taken(variant: Option<&str>) -> (Option<String>, Vec<String>) {
    let plan = plan(Path::new("t.toml"), &(GOOD.to_owned() + TWO), &of(variant)).expect("a good file");
    let phases = plan.steps.iter().filter_map(|step| match &step.action {
        StepAction::Phase { name } => Some(name.clone()),
        _ => None,
    });
    (plan.variant, phases.collect())
}

#[test]
fn the_first_variant_is_taken_unless_another_is_named() {
    let hasty = (Some("hasty".to_owned()), vec!["common".to_owned(), "refuses".to_owned()]);
    let patient = (Some("patient".to_owned()), vec!["common".to_owned(), "waits".to_owned()]);
    assert_eq!(taken(None), patient);
    assert_eq!(taken(Some("patient")), patient);
    assert_eq!(taken(Some("hasty")), hasty);
}

#[test]
fn the_variant_is_part_of_the_command_that_reproduces_the_run() {
    let plan = plan(Path::new("t.toml"), &(GOOD.to_owned() + TWO), &of(None)).expect("a good file");
    insta::assert_snapshot!(plan.reproduce(), @"fermoposta run t.toml --target reference --seed 0 --variant patient");
}

#[test]
fn a_variant_that_is_not_there_is_named_with_those_that_are() {
    insta::assert_snapshot!(shown_with(&(GOOD.to_owned() + TWO), &of(Some("patent"))), @r"
      × t.toml has a problem

    Error:
      × there is no variant `patent`
      help: did you mean `patient`? there are: patient, hasty
    ");
    insta::assert_snapshot!(shown_with(GOOD, &of(Some("hasty"))), @r"
      × t.toml has a problem

    Error:
      × there is no variant `hasty`
      help: there is none
    ");
}

#[test]
fn steps_of_every_variant_are_looked_at_in_their_place() {
    let text = GOOD.to_owned()
        + TWO
        + r#"
[[variant.step]]
do.phase = { name = "when?" }
[[variant.step]]
at = "9s"
do.kill-target = {}
[[variant.step]]
after-fired = { fault = "g" }
do.heal = { storage = "mial" }
[[variant]]
name = "patient"
why  = "Again."
[[variant.step]]
at = "1s"
do.front-door.mail = { reject = "450 no" }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 6 problems

    Error:
      × a step needs a time, and one only
        ╭─[t.toml:31:1]
     30 │
     31 │ [[variant.step]]
        · ────────┬───────
        ·         ╰── here
     32 │ do.phase = { name = "when?" }
        ╰────
      help: write `at = "12s"`, `after-fired = { fault = "...", delay = "5s" }` or `at-counter = { counter =
            "renames", at = 500 }`

    Error:
      × at 9s the traffic is over: it lasts 5s
        ╭─[t.toml:34:6]
     33 │ [[variant.step]]
     34 │ at = "9s"
        ·      ──┬─
        ·        ╰── here
     35 │ do.kill-target = {}
        ╰────
      help: make the traffic longer or the step earlier; only repair, start and inspection may come later

    Error:
      × there is no fault `g`
        ╭─[t.toml:37:25]
     36 │ [[variant.step]]
     37 │ after-fired = { fault = "g" }
        ·                         ─┬─
        ·                          ╰── here
     38 │ do.heal = { storage = "mial" }
        ╰────
      help: did you mean `f`? there are: f

    Error:
      × there is no storage `mial`
        ╭─[t.toml:38:23]
     37 │ after-fired = { fault = "g" }
     38 │ do.heal = { storage = "mial" }
        ·                       ───┬──
        ·                          ╰── here
     39 │ [[variant]]
        ╰────
      help: did you mean `mail`? there are: mail

    Error:
      × two variants are called `patient`
        ╭─[t.toml:40:8]
     39 │ [[variant]]
     40 │ name = "patient"
        ·        ────┬────
        ·            ╰── here
     41 │ why  = "Again."
        ╰────
      help: give each a name of its own: `run --variant` and reports use it

    Error:
      × `450 no` does not begin with a code 5yz and a space
        ╭─[t.toml:44:33]
     43 │ at = "1s"
     44 │ do.front-door.mail = { reject = "450 no" }
        ·                                 ────┬───
        ·                                     ╰── here
        ╰────
      help: write a permanent refusal, such as "552 5.2.2 mailbox full"
    "#);
}

#[test]
fn an_inspection_of_a_variant_counts() {
    let text = GOOD.to_owned()
        + TWO
        + "[[variant.step]]\nat = \"1s\"\ndo.inspect = {}\n[expect]\ndisk-intact = true\n";
    assert!(plan(Path::new("t.toml"), &text, &of(None)).is_ok());
}
