//! Words, units and files that are not there.

use super::*;

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
      × unknown field `duratoin`, expected one of `duration`, `rate`, `until-steps-done`, `stages`, `users`,
      │ `skew`, `mix`, `deliver-by`, `recipients`, `lists`, `sizes`, `corpus`, `in-flight`, `timeout`, `warm-
      │ up`, `retries`, `retry-after`, `senders`, `single`, `clients`
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
      × unknown field `pth`, expected one of `op`, `path`, `not-path`, `range`, `holds`, `length`, `size`,
      │ `kind`, `pid`, `uid`, `command`, `open-flags`, `share`
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
fn a_missing_file_is_named() {
    let errors = load(Path::new("/nowhere/t.toml"), &Overrides::default()).unwrap_err();
    let messages: Vec<&str> = errors.troubles().map(|trouble| trouble.message.as_str()).collect();
    insta::assert_debug_snapshot!(messages, @r#"
    [
        "/nowhere/t.toml cannot be read: No such file or directory (os error 2)",
    ]
    "#);
}

/// Of seven mistakes of different kinds two were shown: those of spelling hid all others.
#[test]
fn mistakes_of_every_kind_are_shown_at_once() {
    let text = r#"
name = "many"
why = "x"
[target]
server = "no-such-server"
[workload]
corpus = "nowhere"
[[fault]]
name = "same"
where = { op = "write" }
when = { after = "5s", until = "1s" }
effect.errno = { code = "EIO" }
[[fault]]
name = "same"
where = { op = "read" }
effect.errno = { code = "EIO" }
[[fault]]
name = "other"
where = { op = "fsync" }
when = { nth = "second" }
effect.errno = { code = "EIO" }
[[step]]
at = "1s"
do.heal = { fault = "nobody" }
[expect]
recover-witin = "8s"
"#;
    insta::assert_snapshot!(shown(text), @r#"
      × t.toml has 7 problems

    Error:
      × there is no target `no-such-server`
       ╭─[t.toml:5:10]
     4 │ [target]
     5 │ server = "no-such-server"
       ·          ────────┬───────
       ·                  ╰── here
     6 │ [workload]
       ╰────
      help: `fermoposta list` shows those that come with the program; or give the path of a target file

    Error:
      × the corpus nowhere does not exist
       ╭─[t.toml:7:10]
     6 │ [workload]
     7 │ corpus = "nowhere"
       ·          ────┬────
       ·              ╰── here
     8 │ [[fault]]
       ╰────
      help: name a Maildir, an mbox file or a directory of message files

    Error:
      × unknown field `until`, expected one of `nth`, `every`, `probability`, `rate`, `sequence`, `counter`,
      │ `at`, `after`, `for`, `limit`, `disarmed`
        ╭─[t.toml:11:24]
     10 │ where = { op = "write" }
     11 │ when = { after = "5s", until = "1s" }
        ·                        ──┬──
        ·                          ╰── here
     12 │ effect.errno = { code = "EIO" }
        ╰────

    Error:
      × two faults are called `same`
        ╭─[t.toml:14:8]
     13 │ [[fault]]
     14 │ name = "same"
        ·        ───┬──
        ·           ╰── here
     15 │ where = { op = "read" }
        ╰────
      help: give each a name of its own: steps and reports use it

    Error:
      × invalid type: string "second", expected u64
        ╭─[t.toml:20:16]
     19 │ where = { op = "fsync" }
     20 │ when = { nth = "second" }
        ·                ────┬───
        ·                    ╰── here
     21 │ effect.errno = { code = "EIO" }
        ╰────

    Error:
      × there is no fault `nobody`
        ╭─[t.toml:24:21]
     23 │ at = "1s"
     24 │ do.heal = { fault = "nobody" }
        ·                     ────┬───
        ·                         ╰── here
     25 │ [expect]
        ╰────
      help: there are: other, same

    Error:
      × unknown field `recover-witin`, expected one of `no-faults`, `recover-within`, `acknowledged`,
      │ `acknowledged-under-fault`, `healthy-for`, `silence-during`, `disk-intact`, `latency`
        ╭─[t.toml:26:1]
     25 │ [expect]
     26 │ recover-witin = "8s"
        · ──────┬──────
        ·       ╰── here
        ╰────
      help: did you mean `recover-within`?
    "#);
}
