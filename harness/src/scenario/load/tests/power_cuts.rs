//! Power cuts, roll-backs and repetitions.

use super::*;

#[test]
fn mistakes_about_power_cuts_are_shown_at_once() {
    let text = r#"
name = "t"
why  = "test"
[storage.mail]
persistence = "xfs"
rename-may-part = true
growth-may-be-garbage = true
memory = "4 KiB"
[workload]
duration = "5s"
[[step]]
at = "1s"
do.power-cut = { storage = "mial" }
[[step]]
at = "1s"
do.roll-back = { by = "2s" }
[[step]]
at-counter = { counter = "renames", at = 10 }
do.roll-back = { by = "1s" }
[[step]]
at = "2s"
do.roll-back = { by = "0s" }
[[step]]
at-counter = { counter = "uptime", at = "3s" }
do.power-cut = {}
[[step]]
at-counter = { counter = "renames", at = "3s", storage = "archive" }
do.power-cut = {}
[[step]]
at-counter = { counter = "calls", at = 5 }
every = "1s"
times = 2
do.evict = { storage = "mail" }
[[step]]
at = "1s"
every = "1s"
times = 5
do.power-cut = {}
[[step]]
at = "1s"
every = "0s"
times = 2
do.make-durable = {}
[[step]]
at = "1s"
every = "1s"
do.power-cut = {}
[[step]]
at = "1s"
times = 0
do.power-cut = {}
"#;
    insta::assert_snapshot!(shown(text), @r#"
      × t.toml has 15 problems

    Error:
      × `xfs` knows no `rename-may-part`
       ╭─[t.toml:6:19]
     5 │ persistence = "xfs"
     6 │ rename-may-part = true
       ·                   ──┬─
       ·                     ╰── here
     7 │ growth-may-be-garbage = true
       ╰────
      help: remove it, or set `persistence = "strict-posix"`: only that profile has it

    Error:
      × `xfs` knows no `growth-may-be-garbage`
       ╭─[t.toml:7:25]
     6 │ rename-may-part = true
     7 │ growth-may-be-garbage = true
       ·                         ──┬─
       ·                           ╰── here
     8 │ memory = "4 KiB"
       ╰────
      help: remove it, or set `persistence = "strict-posix"`: only that profile has it

    Error:
      × 4.0 KiB are too few to work with
       ╭─[t.toml:8:10]
     7 │ growth-may-be-garbage = true
     8 │ memory = "4 KiB"
       ·          ───┬───
       ·             ╰── here
     9 │ [workload]
       ╰────
      help: give it 1.0 MiB or more

    Error:
      × there is no storage `mial`
        ╭─[t.toml:13:28]
     12 │ at = "1s"
     13 │ do.power-cut = { storage = "mial" }
        ·                            ───┬──
        ·                               ╰── here
     14 │ [[step]]
        ╰────
      help: did you mean `mail`? there are: mail

    Error:
      × at 1s the traffic is not yet 2s old
        ╭─[t.toml:16:23]
     15 │ at = "1s"
     16 │ do.roll-back = { by = "2s" }
        ·                       ──┬─
        ·                         ╰── here
     17 │ [[step]]
        ╰────
      help: go back by less, or make the step later

    Error:
      × a roll-back needs a fixed time
        ╭─[t.toml:17:1]
     16 │ do.roll-back = { by = "2s" }
     17 │ [[step]]
        · ────┬───
        ·     ╰── here
     18 │ at-counter = { counter = "renames", at = 10 }
        ╰────
      help: write `at = "12s"`: the state to go back to is set aside before, so its time must be known

    Error:
      × it would change nothing
        ╭─[t.toml:22:23]
     21 │ at = "2s"
     22 │ do.roll-back = { by = "0s" }
        ·                       ──┬─
        ·                         ╰── here
     23 │ [[step]]
        ╰────
      help: go back by some time

    Error:
      × `uptime` is a time
        ╭─[t.toml:24:26]
     23 │ [[step]]
     24 │ at-counter = { counter = "uptime", at = "3s" }
        ·                          ────┬───
        ·                              ╰── here
     25 │ do.power-cut = {}
        ╰────
      help: write `at = "12s"` instead of `at-counter`

    Error:
      × 3s is no number of renames
        ╭─[t.toml:27:42]
     26 │ [[step]]
     27 │ at-counter = { counter = "renames", at = "3s", storage = "archive" }
        ·                                          ──┬─
        ·                                            ╰── here
     28 │ do.power-cut = {}
        ╰────
      help: write a number, or bytes such as "10 MB"

    Error:
      × there is no storage `archive`
        ╭─[t.toml:27:58]
     26 │ [[step]]
     27 │ at-counter = { counter = "renames", at = "3s", storage = "archive" }
        ·                                                          ────┬────
        ·                                                              ╰── here
     28 │ do.power-cut = {}
        ╰────
      help: there are: mail

    Error:
      × a step at a counter cannot be repeated
        ╭─[t.toml:29:1]
     28 │ do.power-cut = {}
     29 │ [[step]]
        · ────┬───
        ·     ╰── here
     30 │ at-counter = { counter = "calls", at = 5 }
        ╰────
      help: a counter is reached once; for every so many calls use a fault with `when.every` and `effect.power-
            cut`

    Error:
      × the last repetition may come at 6s, when the traffic is over: it lasts 5s
        ╭─[t.toml:37:9]
     36 │ every = "1s"
     37 │ times = 5
        ·         ┬
        ·         ╰── here
     38 │ do.power-cut = {}
        ╰────
      help: make the traffic longer, or the repetitions fewer or closer

    Error:
      × all of them at once
        ╭─[t.toml:41:9]
     40 │ at = "1s"
     41 │ every = "0s"
        ·         ──┬─
        ·           ╰── here
     42 │ times = 2
        ╰────
      help: give each a time such as "500ms"

    Error:
      × `every` without `times` has no end
        ╭─[t.toml:46:9]
     45 │ at = "1s"
     46 │ every = "1s"
        ·         ──┬─
        ·           ╰── here
     47 │ do.power-cut = {}
        ╰────
      help: add `times = 20`

    Error:
      × `times` without `every` says not when
        ╭─[t.toml:50:9]
     49 │ at = "1s"
     50 │ times = 0
        ·         ┬
        ·         ╰── here
     51 │ do.power-cut = {}
        ╰────
      help: add `every = "500ms"`
    "#);
}
