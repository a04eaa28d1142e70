//! Attempt tokens in text of any kind: the listing of a queue, a bounce.

use super::history::Attempt;
use super::token::{RunToken, parse_token};
use memchr::memmem;

/// Digits of a run's token.
const RUN_DIGITS: usize = 8;
/// Longest token: the run's digits, two dashes, and two numbers.
const LONGEST: usize = RUN_DIGITS + 2 + 20 + 10;

/// Every attempt of `run` whose token stands anywhere in `text`, each once, in order.
pub fn attempts_in(text: &[u8], run: RunToken) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = places(text, run).map(|(_, attempt)| attempt).collect();
    attempts.sort_unstable();
    attempts.dedup();
    attempts
}

/// Where tokens of `run` begin, and what they name.
pub fn places(text: &[u8], run: RunToken) -> impl Iterator<Item = (usize, Attempt)> {
    let start = format!("{run}-");
    let found: Vec<usize> = memmem::find_iter(text, &start).collect();
    found.into_iter().filter_map(|at| Some((at, token_at(text, at)?)))
}

/// The token that begins at `at`, unless it is the end of a longer word. Whatever follows its last digit is not part of
/// it: queue files of some servers go on with a byte of their own.
fn token_at(text: &[u8], at: usize) -> Option<Attempt> {
    if at > 0 && text[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &text[at..text.len().min(at + LONGEST)];
    let mut dashes = 0;
    let end = rest.iter().enumerate().position(|(i, b)| {
        dashes += u32::from(*b == b'-');
        dashes > 2 || i >= RUN_DIGITS && !b.is_ascii_digit() && *b != b'-'
    });
    let token = std::str::from_utf8(&rest[..end.unwrap_or(rest.len())]).ok()?;
    parse_token(token).map(|token| token.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::history::MessageId;
    use crate::history::token::Token;
    use proptest::prelude::*;

    const RUN: RunToken = RunToken(0x1a2b_3c4d);

    fn found(text: &str) -> Vec<(u64, u32)> {
        attempts_in(text.as_bytes(), RUN).iter().map(|a| (a.message.0, a.n)).collect()
    }

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        let text = "045  X-Fermoposta-Attempt: 1a2b3c4d-7-1\n\0N!X-Fermoposta-Attempt: 1a2b3c4d-3-2N#x";
        assert_eq!(found(text), [(3, 2), (7, 1)]);
        assert_eq!(found("<1a2b3c4d-3-2>, <1a2b3c4d-3-2>; 1a2b3c4d-3-1."), [(3, 1), (3, 2)]);
    }

    #[test]
    fn other_runs_and_pieces_of_tokens_are_none() {
        for text in
            ["00000000-7-1", "1a2b3c4d-7", "1a2b3c4d-7-", "1a2b3c4d.7.1", "ff1a2b3c4d-7-1", "1a2b3c4d-07-1"]
        {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_token_between_any_bytes_is_found(
            before in proptest::collection::vec(any::<u8>(), 0..60),
            after in proptest::collection::vec(any::<u8>(), 0..60),
            message in any::<u64>(),
            n in any::<u32>(),
        ) {
            let attempt = Attempt { message: MessageId(message), n };
            let mut text = before;
            text.push(b' ');
            text.extend(Token { run: RUN, attempt }.to_string().into_bytes());
            text.push(b'\n');
            text.extend(after);
            prop_assert!(attempts_in(&text, RUN).contains(&attempt));
        }
    }
}
