//! Who sends, and who reads.

use super::*;

fn sent_by(senders: &str) -> String {
    GOOD.replace("[[fault]]", &format!("[workload.senders]\n{senders}\n[[fault]]"))
}

const STORY: &str = "[time]\nscale = 7200\n";

#[test]
fn senders_that_nobody_knows_and_shares_of_nothing_are_shown() {
    let text = sent_by("postfxi = 1\nexim = 0\n\"no/such.toml\" = 2\nqmail = -1.5")
        .replace("\"5s\"", "\"10h\"")
        + STORY;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 4 problems

    Error:
      × there is no sender `postfxi`
       ╭─[t.toml:7:11]
     6 │ [workload.senders]
     7 │ postfxi = 1
       ·           ┬
       ·           ╰── here
     8 │ exim = 0
       ╰────
      help: did you mean `postfix`? there are postfix, exim, sendmail, qmail, opensmtpd, stalwart, exchange,
            exchange-online, gmail, sendgrid, mailerq; or give the path of a sender file

    Error:
      × a share of 0
       ╭─[t.toml:8:8]
     7 │ postfxi = 1
     8 │ exim = 0
       ·        ┬
       ·        ╰── here
     9 │ "no/such.toml" = 2
       ╰────
      help: write a number above 0; shares may have any sum

    Error:
      × there is no sender `no/such.toml`
        ╭─[t.toml:9:18]
      8 │ exim = 0
      9 │ "no/such.toml" = 2
        ·                  ┬
        ·                  ╰── here
     10 │ qmail = -1.5
        ╰────
      help: there are postfix, exim, sendmail, qmail, opensmtpd, stalwart, exchange, exchange-online, gmail,
            sendgrid, mailerq; or give the path of a sender file

    Error:
      × a share of -1.5
        ╭─[t.toml:10:9]
      9 │ "no/such.toml" = 2
     10 │ qmail = -1.5
        ·         ──┬─
        ·           ╰── here
     11 │ [[fault]]
        ╰────
      help: write a number above 0; shares may have any sum
    "#);
}

#[test]
fn senders_need_a_story() {
    insta::assert_snapshot!(shown(&sent_by("postfix = 1")), @r#"
      × t.toml has a problem

    Error:
      × senders need a story's clock
       ╭─[t.toml:6:11]
     5 │ duration = "5s"
     6 │ [workload.senders]
       ·           ───┬───
       ·              ╰── here
     7 │ postfix = 1
       ╰────
      help: add [time] with a `scale`, such as 7200: senders try again after minutes and give up after days
    "#);
    let wrong = sent_by("postfix = 1") + "[time]\nscale = 0\n";
    assert_eq!(messages(&wrong), ["a scale of 0"]);
}

#[test]
fn senders_contradict_retries_and_a_single_delivery() {
    let text = sent_by("postfix = 1").replace("\"5s\"", "\"10h\"\nretries = 3") + STORY;
    let text = text + "[workload.single]\nentry = \"lmtp\"\nuser = 1\n";
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 2 problems

    Error:
      × `retries` and `senders` contradict each other
       ╭─[t.toml:6:11]
     5 │ duration = "10h"
     6 │ retries = 3
       ·           ┬
       ·           ╰── here
     7 │ [workload.senders]
       ╰────
      help: remove `retries`: each sender tries again by its own schedule

    Error:
      × a single delivery is made by the harness itself
       ╭─[t.toml:7:11]
     6 │ retries = 3
     7 │ [workload.senders]
       ·           ───┬───
       ·              ╰── here
     8 │ postfix = 1
       ╰────
      help: remove `senders`, or `single`
    "#);
}

#[test]
fn clients_that_cannot_read_are_shown() {
    let text = GOOD.replace(
        "[[fault]]",
        "[workload.clients]\nheld = 2\nevery = \"0s\"\nback-off.most = \"1ms\"\n[[fault]]",
    );
    let overrides = Overrides { target: Some("postfix-maildir".to_owned()), ..Overrides::default() };
    insta::assert_snapshot!(shown_with(&text, &overrides), @r#"
      × t.toml has 3 problems

    Error:
      × postfix-maildir has no IMAP during the traffic
       ╭─[t.toml:6:11]
     5 │ duration = "5s"
     6 │ [workload.clients]
       ·           ───┬───
       ·              ╰── here
     7 │ held = 2
       ╰────
      help: clients read by IMAP: remove `clients`, or take a target that has it

    Error:
      × no time: it would never pause
       ╭─[t.toml:8:9]
     7 │ held = 2
     8 │ every = "0s"
       ·         ──┬─
       ·           ╰── here
     9 │ back-off.most = "1ms"
       ╰────
      help: give it a time such as "1s"

    Error:
      × the longest wait is shorter than the first
        ╭─[t.toml:9:17]
      8 │ every = "0s"
      9 │ back-off.most = "1ms"
        ·                 ──┬──
        ·                   ╰── here
     10 │ [[fault]]
        ╰────
      help: make `most` at least `first`
    "#);
}
