//! A bounce: the mail system's own message that it could not deliver (RFC 3461 to 3464, or in words only).
//!
//! What it returns of the message that failed stands somewhere in it: a part `message/rfc822` or
//! `text/rfc822-headers`, or quoted text. So the tokens are looked for in all of it. Two kinds of messages name
//! tokens and are no bounce: a copy of a message of this run (its own header carries the token), and a notice that
//! says something else than failure, as `Action: delayed` does.

use record::history::Bounce;
use record::history::header::{self, Field};
use record::history::identity::identify;
use record::history::token::RunToken;
use record::history::tokens;

/// What became of one recipient, as a delivery status says it (RFC 3464, 2.3).
struct Recipient {
    failed: bool,
    address: Option<String>,
}

/// What this message, which lies at `place`, says was not and will not be delivered, and to whom; nothing if it is no bounce.
pub(crate) fn bounce(raw: &[u8], run: RunToken, place: &str) -> Option<Bounce> {
    let (first, _) = tokens::places(raw, run).next()?;
    if identify(raw).token.is_some() {
        return None;
    }
    let recipients = failed(&raw[..first])?;
    Some(Bounce { place: place.to_owned(), attempts: tokens::attempts_in(raw, run), recipients })
}

/// Whom it failed for: nobody in particular where there is no `Action:` at all (a bounce in words), or where one that failed is not
/// named. Nothing if there are actions and none says `failed`. What follows the first token is the returned message's own.
fn failed(before: &[u8]) -> Option<Vec<String>> {
    let told: Vec<Recipient> = recipients(before);
    if told.is_empty() {
        return Some(Vec::new());
    }
    let failed: Vec<Recipient> = told.into_iter().filter(|one| one.failed).collect();
    (!failed.is_empty())
        .then(|| failed.into_iter().map(|one| one.address).collect::<Option<_>>().unwrap_or_default())
}

/// Each block of fields that says what became of somebody.
fn recipients(before: &[u8]) -> Vec<Recipient> {
    let (mut told, mut rest) = (Vec::new(), before);
    while !rest.is_empty() {
        let fields;
        (fields, rest) = header::split(rest);
        told.extend(recipient(&fields));
    }
    told
}

fn recipient(fields: &[Field<'_>]) -> Option<Recipient> {
    let value = |name| fields.iter().find(|field| field.is(name)).map(Field::value);
    let action = value("Action")?.split(|b| *b == b';' || *b == b'(').next()?.trim_ascii();
    let address = value("Final-Recipient").and_then(address);
    Some(Recipient { failed: action.eq_ignore_ascii_case(b"failed"), address })
}

/// The address behind its type.
fn address(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (_, address) = text.split_once(';')?;
    let address = address.trim().trim_start_matches('<').trim_end_matches('>');
    (!address.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunToken = RunToken(0x1a2b_3c4d);

    fn named(text: &str) -> Vec<(u64, u32)> {
        let attempts = bounce(text.as_bytes(), RUN, "x").map(|bounce| bounce.attempts).unwrap_or_default();
        attempts.iter().map(|a| (a.message.0, a.n)).collect()
    }

    fn report(action: &str) -> String {
        format!(
            "Return-Path: <>\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\
             Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; user1@example.test\n{action}\n\
             --b\nContent-Type: text/rfc822-headers\n\nX-Fermoposta-Attempt: 1a2b3c4d-7-1\nAction: delayed\n"
        )
    }

    #[test]
    fn a_report_of_failure_names_its_attempt() {
        assert_eq!(named(&report("Action: failed")), [(7, 1)]);
        assert_eq!(named(&report("ACTION:failed (no space)\r")), [(7, 1)]);
    }

    #[test]
    fn a_bounce_in_words_names_its_attempt() {
        assert_eq!(
            named("Subject: failure\n\nIt failed.\n\n> X-Fermoposta-Attempt: 1a2b3c4d-7-1\n"),
            [(7, 1)]
        );
    }

    #[test]
    fn a_notice_of_delay_or_success_is_no_bounce() {
        for action in ["Action: delayed", "Action: delivered", "Action: relayed"] {
            assert_eq!(named(&report(action)), [], "{action}");
        }
    }

    #[test]
    fn a_misdelivered_copy_is_no_bounce() {
        assert_eq!(named("Received: x\nX-Fermoposta-Attempt: 1a2b3c4d-7-1\nSubject: a\n\nbody\n"), []);
    }

    #[test]
    fn other_mail_is_no_bounce() {
        assert_eq!(named("Subject: hello\n\nX-Fermoposta-Attempt: 00000000-7-1\n"), []);
    }

    /// Of a report with these blocks of fields, one for each recipient.
    fn recipients_of(blocks: &str) -> Option<Vec<String>> {
        let text = format!(
            "Subject: Undelivered\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n\
             {blocks}\r\n\r\n--b\r\n\r\nX-Fermoposta-Attempt: 1a2b3c4d-7-1\r\n"
        );
        bounce(text.as_bytes(), RUN, "x").map(|bounce| bounce.recipients)
    }

    #[test]
    fn a_report_names_those_for_whom_it_failed() {
        let blocks = "Final-Recipient: rfc822; user1@example.test\r\nAction: failed\r\nStatus: 4.3.0\r\n\r\n\
            Original-Recipient: rfc822;x@y\r\nFinal-Recipient: RFC822;\r\n <user2@example.test>\r\nAction: Failed\r\n\r\n\
            Final-Recipient: rfc822; user3@example.test\r\nAction: delayed";
        assert_eq!(
            recipients_of(blocks),
            Some(vec!["user1@example.test".to_owned(), "user2@example.test".to_owned()])
        );
        assert_eq!(recipients_of("Final-Recipient: rfc822; user1@example.test\r\nAction: delayed"), None);
    }

    #[test]
    fn a_report_that_does_not_name_all_of_them_names_nobody() {
        let blocks =
            "Final-Recipient: rfc822; user1@example.test\nAction: failed\n\nAction: failed\nStatus: 5.0.0";
        assert_eq!(recipients_of(blocks), Some(Vec::new()));
        assert_eq!(recipients_of("It failed for user1@example.test."), Some(Vec::new()));
    }
}
