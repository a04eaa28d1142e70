//! Volumes that hold no mail.

use super::*;

#[test]
fn volumes_that_cannot_be_made_are_shown() {
    let text = GOOD.to_owned()
        + r#"
[storage.mail.volume]
mail        = {}
"up/../down" = {}
many        = { files = 10001 }
empty       = { size = "0" }
large       = { size = "65 MiB", rate = "0/s" }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has a problem

    Error:
      × `0/s` is not a rate; write operations a second, above 0, like "50/s"
        ╭─[t.toml:16:41]
     15 │ empty       = { size = "0" }
     16 │ large       = { size = "65 MiB", rate = "0/s" }
        ·                                         ──┬──
        ·                                           ╰── here
        ╰────
    "#);
    insta::assert_snapshot!(shown(&text.replace(", rate = \"0/s\"", "")), @r#"
      × t.toml has 5 problems

    Error:
      × a volume cannot be called `mail`
        ╭─[t.toml:12:1]
     11 │ [storage.mail.volume]
     12 │ mail        = {}
        · ──┬─
        ·   ╰── here
     13 │ "up/../down" = {}
        ╰────
      help: use letters, digits, `-` and `_`; `mail` is where the users' mail lies

    Error:
      × a volume cannot be called `up/../down`
        ╭─[t.toml:13:1]
     12 │ mail        = {}
     13 │ "up/../down" = {}
        · ──────┬─────
        ·       ╰── here
     14 │ many        = { files = 10001 }
        ╰────
      help: use letters, digits, `-` and `_`; `mail` is where the users' mail lies

    Error:
      × 10001 files
        ╭─[t.toml:14:25]
     13 │ "up/../down" = {}
     14 │ many        = { files = 10001 }
        ·                         ──┬──
        ·                           ╰── here
     15 │ empty       = { size = "0" }
        ╰────
      help: from 1 to 10,000 are possible

    Error:
      × files of 0 B
        ╭─[t.toml:15:24]
     14 │ many        = { files = 10001 }
     15 │ empty       = { size = "0" }
        ·                        ─┬─
        ·                         ╰── here
     16 │ large       = { size = "65 MiB" }
        ╰────
      help: from 1 byte to 64 MiB are possible

    Error:
      × files of 65.0 MiB
        ╭─[t.toml:16:24]
     15 │ empty       = { size = "0" }
     16 │ large       = { size = "65 MiB" }
        ·                        ────┬───
        ·                            ╰── here
        ╰────
      help: from 1 byte to 64 MiB are possible
    "#);
}
