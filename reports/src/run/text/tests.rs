//! What a person sees, verdict by verdict.

use crate::run::samples;

use super::render;
use crate::kit::inert::is_dangerous;
use crate::kit::style::Style;

#[test]
fn a_run_whose_files_were_kept_can_be_run_again_from_them_in_every_form_for_people() {
    let mut report = samples::valid();
    let command = "fermoposta run runs/1/scenario.toml --target reference --seed 42";
    report.run.reproduce_from_copies = Some(command.to_owned());
    let text = render(&report, Style::default());
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    insta::assert_snapshot!([last[1], last[0]].join("\n"), @"
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    Or from its copies   fermoposta run runs/1/scenario.toml --target reference --seed 42
    ");
    let page = crate::run::html::page::render_many(std::slice::from_ref(&report));
    for (form, shown) in [("HTML", page), ("Markdown", crate::run::markdown::render(&report))] {
        assert!(shown.contains(command), "{form}: {shown}");
    }
}

#[test]
fn valid() {
    insta::assert_snapshot!(render(&samples::valid(), Style::default()), @"
    VALID  All 2,911 acknowledged messages are there and intact.

      Scenario     fsync-eio
      Why          A delivery whose fsync failed must not be acknowledged.
      Mail server  reference (0.1.0)
      Storage      honest: it may fail, but it keeps its promises; lost mail is the mail server's
                   failure
      Persistence  mail: ext4-ordered
      When         2026-01-23T03:00:00Z, 41.2 s, seed 42

    Properties
      ok        acknowledged-durable  2,911 of 2,911 acknowledged messages are there.

    Faults
      fault         effect              storage  calls matched  fired    first      last
      eio-on-fsync  errno EIO on fsync  mail             8,428  1,204  5.012 s  14.900 s

    Client operations (latency of those that ended well, from the start of each)
      operation     ok  refused  uncertain  timed out      p50      p95     p99     max
      deliver    2,911       80          9          4  4.20 ms  18.1 ms  250 ms  30.1 s

    Load generator (this machine, not the mail server)
      99 % of the operations were begun within 2.00 ms of when they were due; 500 ms would be late.
      operation  never begun  late p50      p95      p99      max
      deliver              0   1.00 ms  1.50 ms  2.00 ms  11.0 ms

    Messages
      submitted                              3,000
      acknowledged                           2,911
      acknowledged while a fault was armed     412
      refused                                   80
      uncertain (no clear answer)                9
      acknowledged and intact at the end     2,911
      acknowledged and lost                      0
      acknowledged, on disk but not visible      0
      acknowledged and damaged                   0

    Report to show       fermoposta-runs/fsync-eio-42/report.html
    Everything recorded  fermoposta-runs/fsync-eio-42
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn invalid() {
    insta::assert_snapshot!(render(&samples::invalid(), Style { color: false, width: 80 }), @"
    INVALID  5 of 2,911 acknowledged messages were lost.

      Scenario     fsync-eio
      Why          A delivery whose fsync failed must not be acknowledged.
      Mail server  reference (0.1.0)
      Storage      honest: it may fail, but it keeps its promises; lost mail is the
                   mail server's failure
      Persistence  mail: ext4-ordered
      When         2026-01-23T03:00:00Z, 41.2 s, seed 42

    Properties
      VIOLATED  acknowledged-durable  5 of 2,911 acknowledged messages are gone.
      ok        no-duplicate          No message is stored twice.

    What went wrong
      acknowledged-durable (Mail stays as it was acknowledged): 3 of 5
      1. Message 0 was acknowledged at 12.345 s and is not in the mailbox at the
         end.
         message 1a2b3c4d-0-1 in user1/INBOX
            12.301 s  mail client  deliver by LMTP starts
            12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host
                                   fails with EIO
            12.345 s  mail client  250 OK
      2. Message 1 was acknowledged at 12.345 s and is not in the mailbox at the
         end.
         message 1a2b3c4d-1-1 in user1/INBOX
            12.301 s  mail client  deliver by LMTP starts
            12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host
                                   fails with EIO
            12.345 s  mail client  250 OK
      3. Message 2 was acknowledged at 12.345 s and is not in the mailbox at the
         end.
         message 1a2b3c4d-2-1 in user1/INBOX
            12.301 s  mail client  deliver by LMTP starts
            12.340 s  fault        eio-on-fsync: fsync of user1/Maildir/tmp/1.host
                                   fails with EIO
            12.345 s  mail client  250 OK

    Faults
      fault         effect              storage  calls matched  fired    first      last
      eio-on-fsync  errno EIO on fsync  mail             8,428  1,204  5.012 s  14.900 s

    Client operations (latency of those that ended well, from the start of each)
      operation     ok  refused  uncertain  timed out      p50      p95     p99     max
      deliver    2,911       80          9          4  4.20 ms  18.1 ms  250 ms  30.1 s

    Load generator (this machine, not the mail server)
      99 % of the operations were begun within 2.00 ms of when they were due; 500 ms
      would be late.
      operation  never begun  late p50      p95      p99      max
      deliver              0   1.00 ms  1.50 ms  2.00 ms  11.0 ms

    Messages
      submitted                              3,000
      acknowledged                           2,911
      acknowledged while a fault was armed     412
      refused                                   80
      uncertain (no clear answer)                9
      acknowledged and intact at the end     2,906
      acknowledged and lost                      5
      acknowledged, on disk but not visible      0
      acknowledged and damaged                   0

    Warnings
      - The load generator was saturated for 1.2 s: the latencies of that time are
        its own.

    Report to show       fermoposta-runs/fsync-eio-42/report.html
    All lost mail        fermoposta-runs/fsync-eio-42/lost-mail.csv
    Everything recorded  fermoposta-runs/fsync-eio-42
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn a_late_load_generator_is_shown_apart_from_latency() {
    let shown = render(&samples::late(), Style::default());
    let from = shown.find("Client operations").expect("there are operations");
    insta::assert_snapshot!(&shown[from..], @"
    Client operations (latency of those that ended well, from the start of each)
      operation     ok  refused  uncertain  timed out      p50      p95     p99     max
      deliver    2,911       80          9          4  4.20 ms  18.1 ms  250 ms  30.1 s

    Load generator (this machine, not the mail server)
      The load generator, this machine, was too slow: 99 % of the operations were begun within 5.60 s of
      when they were due, and more than 200 ms is late.
      operation  never begun  late p50     p95     p99     max
      deliver             26    2.27 s  5.10 s  5.60 s  5.70 s

    Messages
      submitted                              3,000
      acknowledged                           2,911
      acknowledged while a fault was armed     412
      refused                                   80
      uncertain (no clear answer)                9
      acknowledged and intact at the end     2,911
      acknowledged and lost                      0
      acknowledged, on disk but not visible      0
      acknowledged and damaged                   0
      never begun: not submitted                26

    Warnings
      - The load generator, this machine, was too slow: 99 % of the operations were begun within 5.60 s
        of when they were due, and more than 200 ms is late.

    Report to show       fermoposta-runs/fsync-eio-42/report.html
    Everything recorded  fermoposta-runs/fsync-eio-42
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn unknown() {
    insta::assert_snapshot!(render(&samples::unknown(), Style::default()), @"
    UNKNOWN  The fault eio-on-fsync never fired, so the run proves nothing about it.

      Scenario     fsync-eio
      Why          A delivery whose fsync failed must not be acknowledged.
      Mail server  reference (0.1.0)
      Storage      honest: it may fail, but it keeps its promises; lost mail is the mail server's
                   failure
      Persistence  mail: ext4-ordered
      When         2026-01-23T03:00:00Z, 41.2 s, seed 42

    Properties
      unknown   coverage              1 of 1 faults never fired.
      ok        acknowledged-durable  2,911 of 2,911 acknowledged messages are there.

    Faults
      fault         effect              storage  calls matched  fired  first   last
      eio-on-fsync  errno EIO on fsync  mail                 0      0  never  never

    Client operations (latency of those that ended well, from the start of each)
      operation  ok  refused  uncertain  timed out  p50  p95  p99  max
      deliver     0       80          9          4    -    -    -    -

    Load generator (this machine, not the mail server)
      99 % of the operations were begun within 2.00 ms of when they were due; 500 ms would be late.
      operation  never begun  late p50      p95      p99      max
      deliver              0   1.00 ms  1.50 ms  2.00 ms  11.0 ms

    Messages
      submitted                              3,000
      acknowledged                           2,911
      acknowledged while a fault was armed     412
      refused                                   80
      uncertain (no clear answer)                9
      acknowledged and intact at the end     2,911
      acknowledged and lost                      0
      acknowledged, on disk but not visible      0
      acknowledged and damaged                   0

    Report to show       fermoposta-runs/fsync-eio-42/report.html
    Everything recorded  fermoposta-runs/fsync-eio-42
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn hostile_strings_reach_nobody() {
    let shown = render(&samples::hostile(), Style::default());
    assert!(!shown.chars().any(|character| is_dangerous(character) && character != '\n'));
    assert!(shown.contains(r"\u{202e}evil"), "shown, but spelled out");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = render(&samples::invalid(), Style::default());
    let coloured = render(&samples::invalid(), Style { color: true, ..Style::default() });
    let stripped = ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1m", "\u{1b}[0m"]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn findings_and_mail_elsewhere_are_shown() {
    let shown = render(&samples::queueing(), Style::default());
    let from = shown.find("Findings").expect("a section of its own");
    let to = shown.find("Faults").expect("the section after it");
    insta::assert_snapshot!(&shown[from..to], @r#"
    Findings (they change no verdict)
      permanent-refusal: 2 deliveries were refused for good while the storage had a fault that passes.
            12.345 s  mail client  message 1a2b3c4d-17-1: 554 5.3.0 queue file write error
    "#);
    assert!(shown.contains("acknowledged and in the queue at the end      8\n"), "{shown}");
}

#[test]
fn story() {
    insta::assert_snapshot!(render(&samples::story(), Style::default()), @"
    INVALID  No acknowledged message was lost, but 1 of 3 statements does not hold.

      Scenario     libero-2023
      Why          Storage froze during a migration and stayed away for five days.
      Mail server  reference (0.1.0)
      Storage      honest: it may fail, but it keeps its promises; lost mail is the mail server's
                   failure
      Persistence  mail: ext4-ordered
      When         2026-01-23T03:00:00Z, 71.0 s (142 h 00 min), seed 42
      Story time   1 s of the run is 2 h 00 min of the story, which starts with the traffic on day 1 at
                   00:00; latencies and time limits of clients are of the run

    Properties
      ok        acknowledged-durable  2,911 of 2,911 acknowledged messages are there.

    Statements: 1 of 3 hold
      L1   holds          The new storage is correct and fast for a while before it fails.
                          Seen: 8,120 calls without an error, the slowest in 3.1 ms.
      L5   DOES NOT HOLD  Clients see time-outs, not errors.
                          Seen: 212 of 214 operations timed out, 2 were refused.
      L14  cannot tell    Stateless sessions are served before held ones.
                          Seen: No held session was open when the storage came back.

    Senders: what became of their messages
      sender           submitted  stored  of these late  queued  bounced  given up  lost
      postfix              1,500   1,486            402       3        0        11     0
      exchange-online        900     865              0       0       35         0     0
      all                  2,400   2,351            402       3       35        11     0
      submitted 2,400 = stored 2,351 + queued 3 + bounced 35 + given up 11 + lost 0

      from submission to acknowledgement               p50                   p95                   max
      postfix                             4.30 ms (31.0 s)  31.2 s (62 h 30 min)  41.2 s (82 h 24 min)
      exchange-online                                    -                     -                     -

    Clients: when they were served
      class    clients  served        first not served         all served again
      webmail       20    50 %  9.020 s (day 1, 18:02)  50.500 s (day 5, 05:00)
      held          20    50 %  9.400 s (day 1, 18:48)           not by the end

    Migration: where the users are, and how long each was not let in
      from  to   users  switched  back  between                   begun           last switched
      old   new    200       150    49        1  1.000 s (day 1, 02:00)  8.900 s (day 1, 17:48)

      not let in                   p50                  p99                   max
      old to new  21.0 ms (2 min 31 s)  900 ms (1 h 48 min)  35.4 s (70 h 48 min)
      - user151: rsync did not end within 30 s

    Faults
      fault         effect              storage  calls matched  fired                   first                     last
      eio-on-fsync  errno EIO on fsync  mail             8,428  1,204  9.006 s (day 1, 18:00)  44.370 s (day 4, 16:44)

    Client operations (latency of those that ended well, from the start of each)
      operation     ok  refused  uncertain  timed out      p50      p95     p99     max
      deliver    2,911       80          9          4  4.20 ms  18.1 ms  250 ms  30.1 s

    Load generator (this machine, not the mail server)
      99 % of the operations were begun within 2.00 ms of when they were due; 500 ms would be late.
      operation  never begun  late p50      p95      p99      max
      deliver              0   1.00 ms  1.50 ms  2.00 ms  11.0 ms

    Messages
      submitted                              2,400
      acknowledged                           2,351
      acknowledged while a fault was armed       0
      refused                                    0
      uncertain (no clear answer)                0
      acknowledged and intact at the end     2,351
      acknowledged and lost                      0
      acknowledged, on disk but not visible      0
      acknowledged and damaged                   0

    Report to show       fermoposta-runs/fsync-eio-42/report.html
    Everything recorded  fermoposta-runs/fsync-eio-42
    Run it again         fermoposta run scenarios/fsync-eio.toml --seed 42
    ");
}

#[test]
fn evidence_has_both_clocks() {
    let mut report = samples::invalid();
    report.run.story_scale = Some(7_200.0);
    let shown = render(&report, Style { color: false, width: 90 });
    let from = shown.find("What went wrong").expect("a section of its own");
    insta::assert_snapshot!(shown[from..].lines().take(8).collect::<Vec<_>>().join("\n"), @r#"
    What went wrong
      acknowledged-durable (Mail stays as it was acknowledged): 3 of 5
      1. Message 0 was acknowledged at 12.345 s and is not in the mailbox at the end.
         message 1a2b3c4d-0-1 in user1/INBOX
              12.301 s (day 2, 00:36)  mail client  deliver by LMTP starts
              12.340 s (day 2, 00:40)  fault        eio-on-fsync: fsync of
                                                    user1/Maildir/tmp/1.host fails with EIO
              12.345 s (day 2, 00:41)  mail client  250 OK
    "#);
}

#[test]
fn a_ledger_that_does_not_add_up_is_said_to() {
    let report = crate::run::model::Report {
        senders: vec![samples::story::sender("postfix", 100, 96)],
        ..samples::story()
    };
    let shown = render(&report, Style::default());
    let from = shown.find("Senders: what").expect("a section of its own");
    let to = shown.find("Clients: when").expect("the section after it");
    insta::assert_snapshot!(&shown[from..to], @"
    Senders: what became of their messages
      sender   submitted  stored  of these late  queued  bounced  given up  lost
      postfix        100      96              0       0        0         0     0
      all            100      96              0       0        0         0     0
      submitted 100 is not stored 96 + queued 0 + bounced 0 + given up 0 + lost 0: 4 messages are not
      accounted for; it does not add up for postfix
    ");
}

#[test]
fn trouble_of_many_users_is_counted() {
    let mut report = samples::story();
    report.migrations[0].trouble = (0..12).map(|n| (format!("user{n}"), "no space".into())).collect();
    let shown = render(&report, Style::default());
    assert!(shown.contains("  - user9: no space\n  ... and 2 more in report.json\n"), "{shown}");
}
