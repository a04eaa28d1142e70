//! What a run must show.

use super::*;

fn stated(claims: &[&str]) -> String {
    let statements = claims.iter().enumerate();
    let statements = statements
        .map(|(n, claim)| format!("[[statement]]\nid = \"L{n}\"\nsays = \"x\"\nclaim.{claim}\n"))
        .collect::<String>();
    GOOD.replace("[[fault]]", "[storage.mail]\nvolume.images = {}\n[[fault]]")
        + "[workload.clients]\nheld = 2\n[[cohort]]\nname = \"first\"\nusers = 2\n[[step]]\nat = \"1s\"\n\
           do.phase = { name = \"open\" }\n"
        + &statements
}

#[test]
fn names_that_nothing_has_are_shown_where_they_stand() {
    let text = stated(&[
        "state-triggered = { fault = \"g\" }",
        "time-out-not-error = { fault = \"f\", until-phase = \"opne\" }",
        "phases-in-order = { phases = [\"traffic\", \"shut\", \"open\"] }",
        "progressive-reopening = { fault = \"f\", cohorts = [\"first\", \"fisrt\"], from-phase = \"oepn\" }",
        "isolated = { fault = \"f\", cohort = \"pec\" }",
        "collateral-volume = { storage = \"mail\", volume = \"image\", fault = \"f\" }",
        "collateral-volume = { storage = \"new\", volume = \"images\", fault = \"f\" }",
        "class-lag = { first = \"webmail\", then = \"held\" }",
    ]);
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 9 problems

    Error:
      × there is no fault `g`
        ╭─[t.toml:23:35]
     22 │ says = "x"
     23 │ claim.state-triggered = { fault = "g" }
        ·                                   ─┬─
        ·                                    ╰── here
     24 │ [[statement]]
        ╰────
      help: did you mean `f`? there are: f

    Error:
      × there is no phase `opne`
        ╭─[t.toml:27:57]
     26 │ says = "x"
     27 │ claim.time-out-not-error = { fault = "f", until-phase = "opne" }
        ·                                                         ───┬──
        ·                                                            ╰── here
     28 │ [[statement]]
        ╰────
      help: did you mean `open`? there are: open, warm-up, traffic, recovery, drain, final-read

    Error:
      × there is no phase `shut`
        ╭─[t.toml:31:48]
     30 │ says = "x"
     31 │ claim.phases-in-order = { phases = ["traffic", "shut", "open"] }
        ·                                                ───┬──
        ·                                                   ╰── here
     32 │ [[statement]]
        ╰────
      help: there are: open, warm-up, traffic, recovery, drain, final-read

    Error:
      × there is no cohort `fisrt`
        ╭─[t.toml:35:66]
     34 │ says = "x"
     35 │ claim.progressive-reopening = { fault = "f", cohorts = ["first", "fisrt"], from-phase = "oepn" }
        ·                                                                  ───┬───
        ·                                                                     ╰── here
     36 │ [[statement]]
        ╰────
      help: did you mean `first`? there are: first

    Error:
      × there is no phase `oepn`
        ╭─[t.toml:35:89]
     34 │ says = "x"
     35 │ claim.progressive-reopening = { fault = "f", cohorts = ["first", "fisrt"], from-phase = "oepn" }
        ·                                                                                         ───┬──
        ·                                                                                            ╰── here
     36 │ [[statement]]
        ╰────
      help: did you mean `open`? there are: open, warm-up, traffic, recovery, drain, final-read

    Error:
      × there is no cohort `pec`
        ╭─[t.toml:39:42]
     38 │ says = "x"
     39 │ claim.isolated = { fault = "f", cohort = "pec" }
        ·                                          ──┬──
        ·                                            ╰── here
     40 │ [[statement]]
        ╰────
      help: there are: first

    Error:
      × there is no volume `image`
        ╭─[t.toml:43:56]
     42 │ says = "x"
     43 │ claim.collateral-volume = { storage = "mail", volume = "image", fault = "f" }
        ·                                                        ───┬───
        ·                                                           ╰── here
     44 │ [[statement]]
        ╰────
      help: did you mean `images`? there are: images

    Error:
      × there is no storage `new`
        ╭─[t.toml:47:39]
     46 │ says = "x"
     47 │ claim.collateral-volume = { storage = "new", volume = "images", fault = "f" }
        ·                                       ──┬──
        ·                                         ╰── here
     48 │ [[statement]]
        ╰────
      help: there are: mail

    Error:
      × there is no class of clients `webmail`
        ╭─[t.toml:51:29]
     50 │ says = "x"
     51 │ claim.class-lag = { first = "webmail", then = "held" }
        ·                             ────┬────
        ·                                 ╰── here
        ╰────
      help: there are: held
    "#);
}

#[test]
fn figures_and_numbers_that_mean_nothing_are_shown_where_they_stand() {
    let text = stated(&[
        "state-triggered = { fault = \"f\", within = 1.5 }",
        "time-out-not-error = { fault = \"f\", at-most = -0.1 }",
        "no-warning = { fault = \"f\", calls = 0 }",
        "no-warning = { fault = \"f\", calls = 9, factor = 0.5 }",
        "phases-in-order = { phases = [\"open\"] }",
        "progressive-reopening = { fault = \"f\", cohorts = [] }",
    ]);
    let text = text.replace("id = \"L1\"", "id = \"L0\"").replace("id = \"L2\"", "id = \" \"");
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 8 problems

    Error:
      × 1.5 is no share
        ╭─[t.toml:23:49]
     22 │ says = "x"
     23 │ claim.state-triggered = { fault = "f", within = 1.5 }
        ·                                                 ─┬─
        ·                                                  ╰── here
     24 │ [[statement]]
        ╰────
      help: write a share from 0 to 1, such as 0.02

    Error:
      × two statements have the number `L0`
        ╭─[t.toml:25:6]
     24 │ [[statement]]
     25 │ id = "L0"
        ·      ──┬─
        ·        ╰── here
     26 │ says = "x"
        ╰────
      help: give each statement a number of its own: the report uses it

    Error:
      × -0.1 is no share
        ╭─[t.toml:27:53]
     26 │ says = "x"
     27 │ claim.time-out-not-error = { fault = "f", at-most = -0.1 }
        ·                                                     ──┬─
        ·                                                       ╰── here
     28 │ [[statement]]
        ╰────
      help: write a share from 0 to 1, such as 0.02

    Error:
      × the statement has no number
        ╭─[t.toml:29:6]
     28 │ [[statement]]
     29 │ id = " "
        ·      ─┬─
        ·       ╰── here
     30 │ says = "x"
        ╰────
      help: give each statement a number of its own: the report uses it

    Error:
      × no calls give no warning
        ╭─[t.toml:31:43]
     30 │ says = "x"
     31 │ claim.no-warning = { fault = "f", calls = 0 }
        ·                                           ┬
        ·                                           ╰── here
     32 │ [[statement]]
        ╰────
      help: look at 1 or more

    Error:
      × 0.5 times as slow is no bound
        ╭─[t.toml:35:55]
     34 │ says = "x"
     35 │ claim.no-warning = { fault = "f", calls = 9, factor = 0.5 }
        ·                                                       ─┬─
        ·                                                        ╰── here
     36 │ [[statement]]
        ╰────
      help: write how many times as slow is still no warning: 1 or more

    Error:
      × one phase has no order
        ╭─[t.toml:39:36]
     38 │ says = "x"
     39 │ claim.phases-in-order = { phases = ["open"] }
        ·                                    ────┬───
        ·                                        ╰── here
     40 │ [[statement]]
        ╰────
      help: name two or more

    Error:
      × no cohort is named
        ╭─[t.toml:43:56]
     42 │ says = "x"
     43 │ claim.progressive-reopening = { fault = "f", cohorts = [] }
        ·                                                        ─┬
        ·                                                         ╰── here
        ╰────
      help: name them in the order of their return
    "#);
}

#[test]
fn claims_that_nobody_knows_are_shown() {
    insta::assert_snapshot!(shown(&stated(&["sum-rul = {}", "healthy-first = { fault = \"f\" }"])), @r#"
      × t.toml has 2 problems

    Error:
      × unknown variant `sum-rul`, expected one of `healthy-first`, `state-triggered`, `no-warning`, `total-
      │ loss`, `time-out-not-error`, `intact-beneath`, `collateral-volume`, `isolated`, `phases-in-order`, `sum-
      │ rule`, `uid-rules`, `fixed-in-place`, `progressive-reopening`, `backlog`, `class-lag`, `opened-after-
      │ inspection`, `story-time`, `first-signal`
        ╭─[t.toml:23:7]
     22 │ says = "x"
     23 │ claim.sum-rul = {}
        ·       ───┬───
        ·          ╰── here
     24 │ [[statement]]
        ╰────
      help: did you mean `sum-rule`?

    Error:
      × missing field `for`
        ╭─[t.toml:27:23]
     26 │ says = "x"
     27 │ claim.healthy-first = { fault = "f" }
        ·                       ───────┬───────
        ·                              ╰── here
        ╰────
      help: add `for = ...`; docs/scenario-reference.md says what it may hold
    "#);
}
