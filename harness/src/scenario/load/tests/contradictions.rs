//! What a file says against itself.

use super::*;

#[test]
fn every_contradiction_is_shown_at_once() {
    let text = r#"
name = "t"
why  = "test"
[target]
server  = "refrence"
storage = "mial"
[workload]
duration = "5s"
users = 0
mix = { fetch = 1 }
corpus = "no/such/mail"
[[fault]]
name = "f"
when = { every = 0 }
effect.errno = { code = "EOI" }
[[fault]]
name = "f"
storage = "archive"
effect.freeze = {}
[[fault]]
name = "slow"
effect.latency = { fixed = "1ms" }
[[step]]
at = "9s"
do.heal = { fault = "freez" }
[[step]]
do.inspect = {}
[[step]]
at = "1m"
do.kill-target = {}
[expect]
no-faults = true
silence-during = "slow"
latency.delivery = { p99 = "1s" }
"#;
    insta::assert_snapshot!(shown(text), @r#"
      × t.toml has 15 problems

    Error:
      × there is no target `refrence`
       ╭─[t.toml:5:11]
     4 │ [target]
     5 │ server  = "refrence"
       ·           ─────┬────
       ·                ╰── here
     6 │ storage = "mial"
       ╰────
      help: did you mean `reference`? `fermoposta list` shows those that come with the program; or give the path
            of a target file

    Error:
      × there is no storage `mial`
       ╭─[t.toml:6:11]
     5 │ server  = "refrence"
     6 │ storage = "mial"
       ·           ───┬──
       ·              ╰── here
     7 │ [workload]
       ╰────
      help: did you mean `mail`? there are: mail

    Error:
      × 0 users
        ╭─[t.toml:9:9]
      8 │ duration = "5s"
      9 │ users = 0
        ·         ┬
        ·         ╰── here
     10 │ mix = { fetch = 1 }
        ╰────
      help: from 1 to 100,000 are possible

    Error:
      × the mix stores no mail: `deliver` and `append` are both 0
        ╭─[t.toml:10:1]
      9 │ users = 0
     10 │ mix = { fetch = 1 }
        · ─┬─
        ·  ╰── here
     11 │ corpus = "no/such/mail"
        ╰────
      help: give one of them a weight; a run without mail proves nothing

    Error:
      × the corpus no/such/mail does not exist
        ╭─[t.toml:11:10]
     10 │ mix = { fetch = 1 }
     11 │ corpus = "no/such/mail"
        ·          ───────┬──────
        ·                 ╰── here
     12 │ [[fault]]
        ╰────
      help: name a Maildir, an mbox file or a directory of message files

    Error:
      × 0 would never strike
        ╭─[t.toml:14:18]
     13 │ name = "f"
     14 │ when = { every = 0 }
        ·                  ┬
        ·                  ╰── here
     15 │ effect.errno = { code = "EOI" }
        ╰────
      help: count from 1

    Error:
      × `EOI` is not the name of an error
        ╭─[t.toml:15:25]
     14 │ when = { every = 0 }
     15 │ effect.errno = { code = "EOI" }
        ·                         ──┬──
        ·                           ╰── here
     16 │ [[fault]]
        ╰────
      help: did you mean `EIO`?

    Error:
      × two faults are called `f`
        ╭─[t.toml:17:8]
     16 │ [[fault]]
     17 │ name = "f"
        ·        ─┬─
        ·         ╰── here
     18 │ storage = "archive"
        ╰────
      help: give each a name of its own: steps and reports use it

    Error:
      × there is no storage `archive`
        ╭─[t.toml:18:11]
     17 │ name = "f"
     18 │ storage = "archive"
        ·           ────┬────
        ·               ╰── here
     19 │ effect.freeze = {}
        ╰────
      help: there are: mail

    Error:
      × there is no fault `freez`
        ╭─[t.toml:25:21]
     24 │ at = "9s"
     25 │ do.heal = { fault = "freez" }
        ·                     ───┬───
        ·                        ╰── here
     26 │ [[step]]
        ╰────
      help: there are: f, slow

    Error:
      × a step needs a time, and one only
        ╭─[t.toml:26:1]
     25 │ do.heal = { fault = "freez" }
     26 │ [[step]]
        · ────┬───
        ·     ╰── here
     27 │ do.inspect = {}
        ╰────
      help: write `at = "12s"`, `after-fired = { fault = "...", delay = "5s" }` or `at-counter = { counter =
            "renames", at = 500 }`

    Error:
      × at 1m the traffic is over: it lasts 5s
        ╭─[t.toml:29:6]
     28 │ [[step]]
     29 │ at = "1m"
        ·      ──┬─
        ·        ╰── here
     30 │ do.kill-target = {}
        ╰────
      help: make the traffic longer or the step earlier; only repair, start and inspection may come later

    Error:
      × the scenario has faults
        ╭─[t.toml:32:13]
     31 │ [expect]
     32 │ no-faults = true
        ·             ──┬─
        ·               ╰── here
     33 │ silence-during = "slow"
        ╰────
      help: remove them, or `no-faults`

    Error:
      × `slow` is no freeze: only a freeze is silent
        ╭─[t.toml:33:18]
     32 │ no-faults = true
     33 │ silence-during = "slow"
        ·                  ───┬──
        ·                     ╰── here
     34 │ latency.delivery = { p99 = "1s" }
        ╰────
      help: name a fault with `effect.freeze`

    Error:
      × there is no operation `delivery`
        ╭─[t.toml:34:9]
     33 │ silence-during = "slow"
     34 │ latency.delivery = { p99 = "1s" }
        ·         ────┬───
        ·             ╰── here
        ╰────
      help: did you mean `deliver`? there are: deliver, append, fetch, search, flag, move, copy, expunge
    "#);
}

#[test]
fn a_scenario_without_a_fault_must_say_so() {
    let faultless = GOOD.split("[[fault]]").next().unwrap();
    insta::assert_snapshot!(shown(faultless), @r#"
      × t.toml has a problem

    Error:
      × the scenario has no fault, so its verdict could only be unknown
       ╭─[t.toml:2:8]
     1 │
     2 │ name = "t"
       ·        ─┬─
       ·         ╰── here
     3 │ why  = "test"
       ╰────
      help: add a [[fault]], or write `no-faults = true` below [expect] if none is wanted
    "#);
}
