//! What a user sees for each mistake, and what the shipped files promise.

use super::*;
use crate::plan::Plan;
use fuse_fs::volatile::profile::Persistence;
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::collections::BTreeSet;
use std::time::Duration;

const GOOD: &str = r#"
name = "t"
why  = "test"
[workload]
duration = "5s"
[[fault]]
name = "f"
where = { op = "fsync" }
effect.errno = { code = "EIO" }
"#;

fn shown(text: &str) -> String {
    shown_with(text, &Overrides::default())
}

fn shown_with(text: &str, overrides: &Overrides) -> String {
    let errors = plan(Path::new("t.toml"), text, overrides).expect_err("the text has a mistake");
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110);
    handler.render_report(&mut out, &errors).expect("a String can be written");
    out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn messages(text: &str) -> Vec<String> {
    let errors = plan(Path::new("t.toml"), text, &Overrides::default()).expect_err("the text has a mistake");
    errors.troubles().map(|trouble| trouble.message.clone()).collect()
}

fn shipped() -> Vec<(PathBuf, Plan)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = files_below(&directory).expect("the scenarios are there");
    let plan = |file: PathBuf| match load(&file, &Overrides { seed: 7, ..Overrides::default() }) {
        Ok(plan) => (file, plan),
        Err(errors) => panic!("{:?}", miette::Report::new(errors)),
    };
    files.into_iter().map(plan).collect()
}

#[test]
fn every_shipped_scenario_can_run_and_has_a_name_of_its_own() {
    let shipped = shipped();
    let names: BTreeSet<&str> = shipped.iter().map(|(_, plan)| plan.name.as_str()).collect();
    assert!(shipped.len() >= 8);
    assert_eq!(names.len(), shipped.len());
    for (file, plan) in &shipped {
        assert_eq!(file.file_stem().and_then(|stem| stem.to_str()), Some(plan.name.as_str()));
    }
}

#[test]
fn every_shipped_scenario_can_run_against_dovecot() {
    let overrides = Overrides { target: Some("dovecot-maildir".to_owned()), ..Overrides::default() };
    for (file, _) in shipped() {
        let plan = load(&file, &overrides).expect("the scenario fits the target");
        assert_eq!(plan.target.definition.name, "dovecot-maildir");
    }
}

#[test]
fn every_incident_names_its_sources() {
    let incidents = shipped()
        .into_iter()
        .filter(|(file, _)| file.components().any(|part| part.as_os_str() == "incidents"));
    for (file, plan) in incidents {
        assert!(!plan.sources.is_empty(), "{} tells no source", file.display());
    }
}

#[test]
fn a_queue_is_for_a_mail_server_that_has_one() {
    let text = GOOD.replace("[workload]", "[target]\nqueue = \"spool\"\n[workload]");
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 2 problems

    Error:
      × there is no storage `spool`
       ╭─[t.toml:5:9]
     4 │ [target]
     5 │ queue = "spool"
       ·         ───┬───
       ·            ╰── here
     6 │ [workload]
       ╰────
      help: there are: mail

    Error:
      × reference has no queue of its own
       ╭─[t.toml:5:9]
     4 │ [target]
     5 │ queue = "spool"
       ·         ───┬───
       ·            ╰── here
     6 │ [workload]
       ╰────
      help: leave `queue` out, or test a server whose target file names `{queue}`
    "#);
}

#[test]
fn a_queue_lies_with_the_store_unless_the_scenario_says_otherwise() {
    let overrides = Overrides { target: Some("postfix-dovecot".to_owned()), ..Overrides::default() };
    let of = |text: &str| plan(Path::new("t.toml"), text, &overrides).unwrap().target;
    assert_eq!(of(GOOD).queue.as_deref(), Some("mail"));
    let apart = GOOD.replace("[[fault]]", "[target]\nstorage = \"mail\"\nqueue = \"spool\"\n[storage.mail]\n[storage.spool]\n[[fault]]\nstorage = \"mail\"");
    assert_eq!(of(&apart).queue.as_deref(), Some("spool"));
    assert_eq!(plan(Path::new("t.toml"), GOOD, &Overrides::default()).unwrap().target.queue, None);
}

fn on_postfix() -> Overrides {
    Overrides { target: Some("postfix-maildir".to_owned()), ..Overrides::default() }
}

#[test]
fn without_imap_deliveries_are_left_of_the_mix() {
    let made = plan(Path::new("t.toml"), GOOD, &on_postfix()).unwrap().workload;
    assert_eq!(made.mix, made.mix.deliveries_only());
    assert_eq!((made.deliver_by, made.mix.deliver > 0.0), (crate::history::Entry::Smtp, true));
    let appends = GOOD.replace("[workload]", "[workload]\nmix = { append = 1.0 }");
    insta::assert_snapshot!(shown_with(&appends, &on_postfix()), @r#"
      × t.toml has a problem

    Error:
      × postfix-maildir has no IMAP, so of this mix nothing is left
       ╭─[t.toml:5:1]
     4 │ [workload]
     5 │ mix = { append = 1.0 }
       · ─┬─
       ·  ╰── here
     6 │ duration = "5s"
       ╰────
      help: give `deliver` a weight
    "#);
}

#[test]
fn no_fault_strikes_the_mailbox_where_bounces_arrive() {
    let spared = |plan: &Plan| plan.storages["mail"].rules[0].selector.not_path.clone();
    assert_eq!(
        spared(&plan(Path::new("t.toml"), GOOD, &on_postfix()).unwrap()),
        ["bounces/Maildir", "bounces/Maildir/**"]
    );
    let lmtp = plan(Path::new("t.toml"), GOOD, &Overrides::default()).unwrap();
    assert_eq!(lmtp.workload.bounce_user(), None);
    assert!(spared(&lmtp).is_empty());
}

#[test]
fn a_plan_survives_json() {
    for (file, plan) in shipped() {
        let json = serde_json::to_string(&plan).expect("a plan is plain data");
        let back: Plan = serde_json::from_str(&json).expect("a plan reads what it wrote");
        assert_eq!(back, plan, "{}", file.display());
    }
}

#[test]
fn a_plan_is_a_pure_function_of_text_and_seed() {
    let of = |seed| plan(Path::new("t.toml"), GOOD, &Overrides { seed, ..Overrides::default() }).unwrap();
    assert_eq!(of(1), of(1));
    assert_eq!(Plan { seed: 2, ..of(1) }, of(2));
}

#[test]
fn broken_toml_is_underlined() {
    insta::assert_snapshot!(shown("name = \"t\nwhy = 3"), @r#"
      × t.toml has a problem

    Error:
      × invalid basic string, expected `"`
       ╭─[t.toml:1:10]
     1 │ name = "t
       ·          ▲
       ·          ╰── here
     2 │ why = 3
       ╰────
    "#);
}

#[test]
fn every_misspelling_is_shown_at_once() {
    let text = GOOD
        .replace("duration", "duratoin")
        .replace("op = \"fsync\"", "op = \"fsnyc\", pth = \"**\"")
        .replace("errno =", "errrno =");
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 4 problems

    Error:
      × unknown field `duratoin`, expected one of `duration`, `rate`, `stages`, `users`, `skew`, `mix`,
      │ `deliver-by`, `sizes`, `corpus`, `in-flight`, `timeout`, `warm-up`, `retries`, `retry-after`, `single`,
      │ `clients`
       ╭─[t.toml:5:1]
     4 │ [workload]
     5 │ duratoin = "5s"
       · ────┬───
       ·     ╰── here
     6 │ [[fault]]
       ╰────
      help: did you mean `duration`?

    Error:
      × `fsnyc` is not an operation; did you mean `fsync`?
       ╭─[t.toml:8:16]
     7 │ name = "f"
     8 │ where = { op = "fsnyc", pth = "**" }
       ·                ───┬───
       ·                   ╰── here
     9 │ effect.errrno = { code = "EIO" }
       ╰────

    Error:
      × unknown field `pth`, expected one of `op`, `path`, `not-path`, `range`, `length`, `size`, `kind`, `pid`,
      │ `uid`, `command`, `open-flags`, `share`
       ╭─[t.toml:8:25]
     7 │ name = "f"
     8 │ where = { op = "fsnyc", pth = "**" }
       ·                         ─┬─
       ·                          ╰── here
     9 │ effect.errrno = { code = "EIO" }
       ╰────
      help: did you mean `path`?

    Error:
      × unknown variant `errrno`, expected one of `errno`, `latency`, `throttle`, `freeze`, `torn-write`,
      │ `short-read`, `short-write`, `no-space`, `power-cut`, `fsync-failure`, `lost-fsync`, `lost-write`,
      │ `misdirected-write`, `corrupt-read`, `bad-sector`, `stale-read`, `vanish`, `cold-deletion`, `read-only`,
      │ `stale-handle`, `thin-pool-full`, `path-failover`, `flapping`
       ╭─[t.toml:9:8]
     8 │ where = { op = "fsnyc", pth = "**" }
     9 │ effect.errrno = { code = "EIO" }
       ·        ───┬──
       ·           ╰── here
       ╰────
      help: did you mean `errno`?
    "#);
}

#[test]
fn what_a_cut_causes_is_not_blamed() {
    let text = GOOD.replace("name = \"f\"", "name = 3").replace("why  =", "y =");
    insta::assert_debug_snapshot!(messages(&text), @r#"
    [
        "missing field `why`",
        "unknown field `y`, expected one of `name`, `why`, `sources`, `demonstrates`, `time`, `storage`, `target`, `cohort`, `workload`, `front-door`, `fault`, `step`, `variant`, `statement`, `expect`",
        "invalid type: integer `3`, expected a string",
    ]
    "#);
}

#[test]
fn wrong_types_and_units_are_shown_with_what_is_expected() {
    let text =
        GOOD.replace("\"5s\"", "\"5 parsecs\"\nrate = \"-3/s\"\nusers = \"ten\"\ndeliver-by = \"uucp\"");
    insta::assert_debug_snapshot!(messages(&text), @r#"
    [
        "`5 parsecs` is not a duration; write it like \"250ms\", \"12s\", \"1m 30s\" or \"2h\"",
        "`-3/s` is not a rate; write operations a second, above 0, like \"50/s\"",
        "invalid type: string \"ten\", expected u32",
        "unknown variant `uucp`, expected `lmtp` or `smtp`",
    ]
    "#);
}

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
fn only_the_reference_server_has_defects() {
    let defects = vec!["flip-bite".to_owned(), "duplicate=3".to_owned()];
    let overrides = Overrides { defects, target: Some("dovecot-maildir".to_owned()), ..Overrides::default() };
    insta::assert_snapshot!(shown_with(GOOD, &overrides), @r#"
      × t.toml has 2 problems

    Error:
      × there is no defect `flip-bite`
      help: did you mean `flip-byte`? there are: ack-before-write, ignore-write-error, ignore-fsync-error,
            reuse-uid, lose-one-in-n, wrong-mailbox, truncate-on-enospc, resurrect-expunged, duplicate, flip-
            byte, no-fsync, no-directory-fsync, ack-before-fsync, trust-retried-fsync

    Error:
      × dovecot-maildir has no seeded defects
      help: only the built-in server has: `server = "reference"`
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

#[test]
fn a_missing_file_is_named() {
    let errors = load(Path::new("/nowhere/t.toml"), &Overrides::default()).unwrap_err();
    let messages: Vec<&str> = errors.troubles().map(|trouble| trouble.message.as_str()).collect();
    insta::assert_debug_snapshot!(messages, @r#"
    [
        "/nowhere/t.toml cannot be read: No such file or directory (os error 2)",
    ]
    "#);
}

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

#[test]
fn a_misspelt_profile_or_mode_is_shown_with_the_nearest() {
    let text = GOOD.to_owned()
        + "[storage.mail]\npersistence = \"ext4-orderd\"\n[[step]]\nat = \"1s\"\ndo.power-cut = { mode = \"drop-unsyncd\" }\n";
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 2 problems

    Error:
      × unknown variant `ext4-orderd`, expected one of `ext4-ordered`, `strict-posix`, `ordered`, `xfs`, `btrfs`
        ╭─[t.toml:11:15]
     10 │ [storage.mail]
     11 │ persistence = "ext4-orderd"
        ·               ──────┬──────
        ·                     ╰── here
     12 │ [[step]]
        ╰────
      help: did you mean `ext4-ordered`?

    Error:
      × unknown variant `drop-unsyncd`, expected one of `random`, `drop-unsynced`, `keep-all-but-one`
        ╭─[t.toml:14:25]
     13 │ at = "1s"
     14 │ do.power-cut = { mode = "drop-unsyncd" }
        ·                         ───────┬──────
        ·                                ╰── here
        ╰────
      help: did you mean `drop-unsynced`?
    "#);
}

#[test]
fn a_repeated_step_comes_once_in_each_stretch_at_an_instant_of_the_seed() {
    let text = GOOD.to_owned() + "[[step]]\nat = \"1s\"\nevery = \"500ms\"\ntimes = 6\ndo.power-cut = {}\n";
    let times = |seed| {
        let overrides = Overrides { seed, ..Overrides::default() };
        let plan = plan(Path::new("t.toml"), &text, &overrides).expect("a good scenario");
        plan.steps.iter().map(|step| step.at.expect("a time").0).collect::<Vec<_>>()
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
    assert_eq!(times(1).len(), 6);
    for (n, at) in (0..).zip(times(1)) {
        let from = Duration::from_millis(1_000 + n * 500);
        assert!(from <= at && at < from + Duration::from_millis(500), "{at:?} is not in its stretch");
    }
}

#[test]
fn a_profile_of_the_command_line_holds_for_every_storage_and_enters_the_reproduce_command() {
    let text = GOOD.to_owned() + "[storage.mail]\npersistence = \"strict-posix\"\nrename-may-part = true\n";
    let with = |persistence| {
        let overrides = Overrides { persistence, ..Overrides::default() };
        plan(Path::new("t.toml"), &text, &overrides).expect("a good scenario")
    };
    let of = |plan: &Plan| plan.storages["mail"].persistence;
    assert!(of(&with(None)).rename_may_part);
    assert!(of(&with(Some(Profile::StrictPosix))).rename_may_part);
    assert_eq!(
        of(&with(Some(Profile::Xfs))),
        Persistence { profile: Profile::Xfs, ..Persistence::default() }
    );
    insta::assert_snapshot!(
        with(Some(Profile::Xfs)).reproduce(),
        @"fermoposta run t.toml --target reference --seed 0 --persistence xfs"
    );
}
