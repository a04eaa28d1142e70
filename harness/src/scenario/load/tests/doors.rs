//! What an operator may say to the front door.

use super::*;

const DOOR: &str = "[front-door]\n[[cohort]]\nname = \"first\"\nusers = 2\n";

/// A step at the door for each change.
fn steps(changes: &[&str]) -> String {
    changes.iter().map(|change| format!("[[step]]\nat = \"1s\"\ndo.front-door{change}\n")).collect()
}

#[test]
fn a_step_at_the_door_needs_one() {
    let text = GOOD.to_owned() + &steps(&[".mail = \"closed\""]);
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has a problem

    Error:
      × the scenario has no front door
        ╭─[t.toml:12:4]
     11 │ at = "1s"
     12 │ do.front-door.mail = "closed"
        ·    ─────┬────
        ·         ╰── here
        ╰────
      help: add [front-door]
    "#);
}

#[test]
fn replies_that_senders_would_misread_are_shown_with_their_place() {
    let text = GOOD.to_owned()
        + DOOR
        + &steps(&[
            ".mail = { tempfail = \"552 5.2.2 mailbox full\" }",
            ".mail.reject = \"no\"",
            " = { not-admitted-mail = { reject = \"451 later\" } }",
            ".access = { refuse = \"closed\\nfor repair\" }",
        ]);
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 4 problems

    Error:
      × `552 5.2.2 mailbox full` does not begin with a code 4yz and a space
        ╭─[t.toml:16:35]
     15 │ at = "1s"
     16 │ do.front-door.mail = { tempfail = "552 5.2.2 mailbox full" }
        ·                                   ────────────┬───────────
        ·                                               ╰── here
     17 │ [[step]]
        ╰────
      help: write a transient refusal, such as "451 4.3.2 try again later"

    Error:
      × `no` does not begin with a code 5yz and a space
        ╭─[t.toml:19:29]
     18 │ at = "1s"
     19 │ do.front-door.mail.reject = "no"
        ·                             ──┬─
        ·                               ╰── here
     20 │ [[step]]
        ╰────
      help: write a permanent refusal, such as "552 5.2.2 mailbox full"

    Error:
      × `451 later` does not begin with a code 5yz and a space
        ╭─[t.toml:22:50]
     21 │ at = "1s"
     22 │ do.front-door = { not-admitted-mail = { reject = "451 later" } }
        ·                                                  ─────┬─────
        ·                                                       ╰── here
     23 │ [[step]]
        ╰────
      help: write a permanent refusal, such as "552 5.2.2 mailbox full"

    Error:
      × `closed\nfor repair` cannot be said in one line
        ╭─[t.toml:25:35]
     24 │ at = "1s"
     25 │ do.front-door.access = { refuse = "closed\nfor repair" }
        ·                                   ──────────┬─────────
        ·                                             ╰── here
        ╰────
      help: write 1 to 400 printable ASCII characters
    "#);
}

#[test]
fn cohorts_that_are_not_there_and_changes_of_nothing_are_shown() {
    let text = GOOD.to_owned() + DOOR + &steps(&[".admit.cohorts = [\"first\", \"fisrt\"]", " = {}"]);
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 2 problems

    Error:
      × there is no cohort `fisrt`
        ╭─[t.toml:16:31]
     15 │ at = "1s"
     16 │ do.front-door.admit.cohorts = ["first", "fisrt"]
        ·                               ─────────┬────────
        ·                                        ╰── here
     17 │ [[step]]
        ╰────
      help: did you mean `first`? there are: first

    Error:
      × the step changes nothing at the front door
        ╭─[t.toml:19:4]
     18 │ at = "1s"
     19 │ do.front-door = {}
        ·    ─────┬────
        ·         ╰── here
        ╰────
      help: name at least one of `mail`, `access`, `admit`, `mail-rate`, `drain-rate`, `not-admitted-mail`
    "#);
    let nobody = GOOD.to_owned() + "[front-door]\n" + &steps(&[".admit = { cohorts = [\"first\"] }"]);
    insta::assert_snapshot!(shown(&nobody), @r#"
      × t.toml has a problem

    Error:
      × there is no cohort `first`
        ╭─[t.toml:13:35]
     12 │ at = "1s"
     13 │ do.front-door.admit = { cohorts = ["first"] }
        ·                                   ────┬────
        ·                                       ╰── here
        ╰────
      help: the scenario has no [[cohort]]
    "#);
}

#[test]
fn words_and_rates_that_the_door_does_not_know_are_shown() {
    let text = GOOD.to_owned()
        + DOOR
        + &steps(&[".mail = \"close\"", ".drain-rate = \"20\"", ".admit = \"everybody\""]);
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 3 problems

    Error:
      × unknown variant `close`, expected one of `accept`, `hang`, `tempfail`, `reject`, `closed`, `queue`
        ╭─[t.toml:16:22]
     15 │ at = "1s"
     16 │ do.front-door.mail = "close"
        ·                      ───┬───
        ·                         ╰── here
     17 │ [[step]]
        ╰────
      help: did you mean `closed`?

    Error:
      × `20` is not a rate; write "50/s" or "unlimited"
        ╭─[t.toml:19:28]
     18 │ at = "1s"
     19 │ do.front-door.drain-rate = "20"
        ·                            ──┬─
        ·                              ╰── here
     20 │ [[step]]
        ╰────

    Error:
      × unknown variant `everybody`, expected `everyone` or `cohorts`
        ╭─[t.toml:22:23]
     21 │ at = "1s"
     22 │ do.front-door.admit = "everybody"
        ·                       ─────┬─────
        ·                            ╰── here
        ╰────
      help: did you mean `everyone`?
    "#);
}
