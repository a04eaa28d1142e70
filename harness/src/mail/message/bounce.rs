//! A bounce: the mail system's own message that it could not deliver (RFC 3461 to 3464, or in words only).
//!
//! What it returns of the message that failed stands somewhere in it: a part `message/rfc822` or
//! `text/rfc822-headers`, or quoted text. So the tokens are looked for in all of it. Two kinds of messages name
//! tokens and are no bounce: a copy of a message of this run (its own header carries the token), and a notice that
//! says something else than failure, as `Action: delayed` does.

use record::history::tokens;

use record::history::Attempt;
use record::history::identity::identify;
use record::history::token::RunToken;

/// Field of a delivery status that says what became of a recipient.
const ACTION: &[u8] = b"action:";

/// The attempts that this message says were not and will not be delivered; none if it is no bounce.
pub(crate) fn bounced(raw: &[u8], run: RunToken) -> Vec<Attempt> {
    let own_token = identify(raw).token.is_some();
    let first = tokens::places(raw, run).next().map(|(at, _)| at);
    match first {
        Some(first) if !own_token && tells_failure(&raw[..first]) => tokens::attempts_in(raw, run),
        Some(_) | None => Vec::new(),
    }
}

/// No `Action:` at all (a bounce in words), or one that says `failed`. What follows the first token is the returned
/// message's own.
fn tells_failure(before: &[u8]) -> bool {
    let lines = before.split(|b| *b == b'\n');
    let mut actions = lines.filter_map(action).peekable();
    actions.peek().is_none() || actions.any(|action| action.eq_ignore_ascii_case(b"failed"))
}

fn action(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at_checked(ACTION.len())?;
    let value = value.split(|b| *b == b';' || *b == b'(').next().unwrap_or_default();
    name.eq_ignore_ascii_case(ACTION).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunToken = RunToken(0x1a2b_3c4d);

    fn named(text: &str) -> Vec<(u64, u32)> {
        bounced(text.as_bytes(), RUN).iter().map(|a| (a.message.0, a.n)).collect()
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
}
