//! What a scenario asks of its mail server.

use super::*;

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
    assert_eq!((made.deliver_by, made.mix.deliver > 0.0), (record::history::Ingress::Smtp, true));
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
fn only_where_whose_copy_is_whose_can_be_told_does_mail_go_to_several_at_once() {
    let of = |text: &str, target: &str| {
        let overrides = Overrides { target: Some(target.to_owned()), ..Overrides::default() };
        plan(Path::new("t.toml"), text, &overrides).unwrap().workload.recipients.len()
    };
    assert_eq!([of(GOOD, "reference"), of(GOOD, "postfix-dovecot")], [5, 5]);
    let behind_a_door = format!("{GOOD}[front-door]\n");
    assert_eq!(of(&behind_a_door, "reference"), 1);
    let two = |text: &str| text.replace("[workload]", "[workload]\nrecipients = [1, 1]");
    assert_eq!(of(&two(GOOD), "reference"), 2);
    assert_eq!(
        messages(&two(&behind_a_door)),
        ["for whom of several a message waits at a front door could not be told"]
    );
    let from_senders =
        GOOD.replace("[workload]", "[workload]\nsenders = { postfix = 1 }").replace("\"5s\"", "\"10h\"")
            + "[time]\nscale = 7200\n";
    assert_eq!(of(&from_senders, "reference"), 1);
    assert_eq!(messages(&two(&from_senders)), ["each sender's queue holds a message for one user"]);
    let none = GOOD.replace("[workload]", "[workload]\nrecipients = [0]");
    assert_eq!(messages(&none), ["shares of [0.0]"]);
}

#[test]
fn lists_are_written_to_by_smtp_where_the_target_takes_them() {
    let of = |text: &str, target: &str| {
        let overrides = Overrides { target: Some(target.to_owned()), ..Overrides::default() };
        plan(Path::new("t.toml"), text, &overrides).unwrap().workload.lists
    };
    let taken = [
        "postfix-maildir",
        "exim-maildir",
        "opensmtpd-maildir",
        "postfix-dovecot",
        "courier",
        "sendmail-dovecot",
        "haraka",
    ];
    assert_eq!(taken.map(|target| of(GOOD, target)), [0.1; 7]);
    assert_eq!(["reference", "dovecot-maildir", "aiosmtpd"].map(|target| of(GOOD, target)), [0.0; 3]);
    let with = |line: &str| GOOD.replace("[workload]", &format!("[workload]\n{line}"));
    assert_eq!(of(&with("lists = 0.5"), "postfix-maildir"), 0.5);
    assert_eq!(of(&with("recipients = [1]"), "postfix-maildir"), 0.0);
    assert_eq!(of(&with("users = 1"), "postfix-maildir"), 0.0);
    insta::assert_snapshot!(shown_with(&with("lists = 2"), &Overrides::default()), @r#"
      × t.toml has a problem

    Error:
      × a share of 2
       ╭─[t.toml:5:9]
     4 │ [workload]
     5 │ lists = 2
       ·         ┬
       ·         ╰── here
     6 │ duration = "5s"
       ╰────
      help: write a share from 0 to 1: `lists = 0.1`
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
            byte, no-fsync, no-directory-fsync, ack-before-fsync, trust-retried-fsync, lose-later-recipients,
            swap-replies, strip-eighth-bit, keep-stuffed-dots, lose-large, lose-after-n, lose-eight-bit,
            overwrite-last, sync-wrong-directory, lose-after-error, end-at-nul, lose-last-list-member

    Error:
      × dovecot-maildir has no seeded defects
      help: only the built-in server has: `server = "reference"`
    "#);
}

#[test]
fn a_steps_command_has_no_variables() {
    let step = |argv: &str| format!("{GOOD}[[step]]\nat = \"1s\"\ndo.run-command = {{ argv = {argv} }}\n");
    assert_eq!(
        messages(&step("['sh', '-c', 'rm -rf {store}/x']")),
        ["`{store}` would reach the command as it stands"]
    );
    assert_eq!(messages(&step("[]")), ["no command is named"]);
    let own = step("['awk', '{print}', '/etc/hosts']");
    plan(Path::new("t.toml"), &own, &Overrides::default()).expect("braces are not always variables");
}
