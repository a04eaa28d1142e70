//! What a migration needs.

use super::*;

#[test]
fn a_migration_of_nobody_to_nowhere_is_shown_at_once() {
    let text = GOOD.to_owned()
        + r#"
[[step]]
at = "1s"
do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 5 problems

    Error:
      × a migration moves users of cohorts, and there is none
        ╭─[t.toml:13:4]
     12 │ at = "1s"
     13 │ do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
        ·    ───┬───
        ·       ╰── here
        ╰────
      help: add [[cohort]] tables: their users have a directory each, which a step can move

    Error:
      × a migration needs a front door
        ╭─[t.toml:13:4]
     12 │ at = "1s"
     13 │ do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
        ·    ───┬───
        ·       ╰── here
        ╰────
      help: add [front-door]: nobody may be let in while a user's last changes are copied

    Error:
      × there is no storage `new`
        ╭─[t.toml:13:21]
     12 │ at = "1s"
     13 │ do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
        ·                     ──┬──
        ·                       ╰── here
        ╰────
      help: there are: mail

    Error:
      × nothing would be copied
        ╭─[t.toml:13:37]
     12 │ at = "1s"
     13 │ do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
        ·                                     ┬
        ·                                     ╰── here
        ╰────
      help: give it one pass at least

    Error:
      × 0 users at once
        ╭─[t.toml:13:50]
     12 │ at = "1s"
     13 │ do.migrate = { to = "new", passes = 0, at-once = 0, final-pass = false }
        ·                                                  ┬
        ·                                                  ╰── here
        ╰────
      help: from 1 to 64 are possible
    "#);
}

#[test]
fn cohorts_and_tools_of_a_migration_are_looked_at_one_by_one() {
    let text = GOOD.replace(
        "[[fault]]",
        "[storage.new]\n[storage.old]\n[target]\nstorage = \"old\"\n[[fault]]\nstorage = \"new\"",
    ) + r#"
[front-door]
[[cohort]]
name = "first"
users = 2
[[step]]
at = "1s"
do.migrate = { to = "nwe", cohorts = ["first", "fisrt"], at-once = 65, tool = "rsnyc" }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has a problem

    Error:
      × unknown variant `rsnyc`, expected one of `rsync`, `cp`, `server`
        ╭─[t.toml:22:79]
     21 │ at = "1s"
     22 │ do.migrate = { to = "nwe", cohorts = ["first", "fisrt"], at-once = 65, tool = "rsnyc" }
        ·                                                                               ───┬───
        ·                                                                                  ╰── here
        ╰────
      help: did you mean `rsync`?
    "#);
    insta::assert_snapshot!(shown(&text.replace("rsnyc", "rsync")), @r#"
      × t.toml has 3 problems

    Error:
      × there is no storage `nwe`
        ╭─[t.toml:22:21]
     21 │ at = "1s"
     22 │ do.migrate = { to = "nwe", cohorts = ["first", "fisrt"], at-once = 65, tool = "rsync" }
        ·                     ──┬──
        ·                       ╰── here
        ╰────
      help: did you mean `new`? there are: new, old

    Error:
      × there is no cohort `fisrt`
        ╭─[t.toml:22:48]
     21 │ at = "1s"
     22 │ do.migrate = { to = "nwe", cohorts = ["first", "fisrt"], at-once = 65, tool = "rsync" }
        ·                                                ───┬───
        ·                                                   ╰── here
        ╰────
      help: did you mean `first`? there are: first

    Error:
      × 65 users at once
        ╭─[t.toml:22:68]
     21 │ at = "1s"
     22 │ do.migrate = { to = "nwe", cohorts = ["first", "fisrt"], at-once = 65, tool = "rsync" }
        ·                                                                    ─┬
        ·                                                                     ╰── here
        ╰────
      help: from 1 to 64 are possible
    "#);
}

#[test]
fn without_a_migration_there_is_nothing_to_hold() {
    let text = GOOD.to_owned()
        + "[[step]]\nat = \"1s\"\ndo.pause-migration = {}\n[[step]]\nat = \"2s\"\ndo.resume-migration = {}\n";
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 2 problems

    Error:
      × there is no migration to pause
        ╭─[t.toml:12:4]
     11 │ at = "1s"
     12 │ do.pause-migration = {}
        ·    ───────┬───────
        ·           ╰── here
     13 │ [[step]]
        ╰────
      help: add a step with `do.migrate`, or remove this one

    Error:
      × there is no migration to resume
        ╭─[t.toml:15:4]
     14 │ at = "2s"
     15 │ do.resume-migration = {}
        ·    ────────┬───────
        ·            ╰── here
        ╰────
      help: add a step with `do.migrate`, or remove this one
    "#);
}

#[test]
fn a_migration_is_not_begun_nor_resumed_after_the_traffic() {
    let text = GOOD.to_owned()
        + r#"
[front-door]
[[cohort]]
name = "all"
users = 2
[[step]]
at = "6s"
do.migrate = { to = "mail" }
[[step]]
at = "6s"
do.pause-migration = {}
[[step]]
at = "6s"
do.resume-migration = {}
"#;
    let over = "at 6s the traffic is over: it lasts 5s";
    assert_eq!(messages(&text), [over, over, over]);
}

#[test]
fn cp_copies_a_user_once() {
    let text = r#"
name = "t"
why = "t"
[storage.old]
[storage.new]
[target]
storage = "old"
[front-door]
[[cohort]]
name = "everybody"
users = 2
[[step]]
at = "1s"
do.migrate = { to = "new", tool = "cp" }
[expect]
no-faults = true
"#;
    insta::assert_snapshot!(shown(text), @r#"
      × t.toml has a problem

    Error:
      × `cp` copies once, while nobody is let in
        ╭─[t.toml:14:4]
     13 │ at = "1s"
     14 │ do.migrate = { to = "new", tool = "cp" }
        ·    ───┬───
        ·       ╰── here
     15 │ [expect]
        ╰────
      help: write `passes = 0`: what changes beside it would be copied by halves
    "#);
}
