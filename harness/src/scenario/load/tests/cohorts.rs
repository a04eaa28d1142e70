//! Who the users are, and where they come in.

use super::*;

#[test]
fn cohorts_that_cannot_be_are_shown_at_once() {
    let text = GOOD.replace("[workload]", "[workload]\nusers = 7")
        + r#"
[[cohort]]
name = "first"
users = 4
own-entrance = true
[[cohort]]
name = "second"
users = 0
storage = "mial"
[[cohort]]
name = "first"
users = 2
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 5 problems

    Error:
      × 7 users, but the cohorts have 6
       ╭─[t.toml:5:9]
     4 │ [workload]
     5 │ users = 7
       ·         ┬
       ·         ╰── here
     6 │ duration = "5s"
       ╰────
      help: leave `users` out: every user belongs to a cohort

    Error:
      × there is no front door to come past
        ╭─[t.toml:15:16]
     14 │ users = 4
     15 │ own-entrance = true
        ·                ──┬─
        ·                  ╰── here
     16 │ [[cohort]]
        ╰────
      help: remove `own-entrance`, or add [front-door]

    Error:
      × a cohort of nobody
        ╭─[t.toml:18:9]
     17 │ name = "second"
     18 │ users = 0
        ·         ┬
        ·         ╰── here
     19 │ storage = "mial"
        ╰────
      help: give it at least one user

    Error:
      × there is no storage `mial`
        ╭─[t.toml:19:11]
     18 │ users = 0
     19 │ storage = "mial"
        ·           ───┬──
        ·              ╰── here
     20 │ [[cohort]]
        ╰────
      help: did you mean `mail`? there are: mail

    Error:
      × two cohorts are called `first`
        ╭─[t.toml:21:8]
     20 │ [[cohort]]
     21 │ name = "first"
        ·        ───┬───
        ·           ╰── here
     22 │ users = 2
        ╰────
      help: give each a name of its own: steps and reports use it
    "#);
}

#[test]
fn a_cohort_of_nobody_is_told_once() {
    let alone = GOOD.to_owned() + "[[cohort]]\nname = \"none\"\nusers = 0\n";
    assert_eq!(messages(&alone), ["a cohort of nobody"]);
    let many = GOOD.to_owned() + "[[cohort]]\nname = \"all\"\nusers = 100001\n";
    insta::assert_snapshot!(shown(&many), @r#"
      × t.toml has a problem

    Error:
      × 100001 users
        ╭─[t.toml:10:3]
      9 │ effect.errno = { code = "EIO" }
     10 │ [[cohort]]
        ·   ───┬──
        ·      ╰── here
     11 │ name = "all"
        ╰────
      help: from 1 to 100,000 are possible
    "#);
}

#[test]
fn with_several_storages_each_fault_and_the_target_say_theirs_and_cohorts_follow_the_target() {
    let two = GOOD.to_owned() + "[storage.new]\n[storage.old]\n[[cohort]]\nname = \"all\"\nusers = 3\n";
    insta::assert_snapshot!(shown(&two), @r#"
      × t.toml has 2 problems

    Error:
      × which storage is meant?
      help: add `storage = ...` below [target]; there are: new, old

    Error:
      × which storage is meant?
       ╭─[t.toml:6:1]
     5 │ duration = "5s"
     6 │ [[fault]]
       · ────┬────
       ·     ╰── here
     7 │ name = "f"
       ╰────
      help: add `storage = ...`; there are: new, old
    "#);
    let said = two.replace("[workload]", "[target]\nstorage = \"old\"\n[workload]");
    let said = said.replace("[[fault]]", "[[fault]]\nstorage = \"new\"");
    let plan = plan(Path::new("t.toml"), &said, &Overrides::default()).expect("a good file");
    assert_eq!(plan.cohorts[0].storage, "old");
    assert_eq!((plan.workload.users, plan.storages["new"].rules.len()), (3, 1));
}
