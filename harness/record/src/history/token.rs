use super::history::{Attempt, MessageId};
use std::fmt;
use std::str::FromStr;

/// A run's token: eight lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunToken(pub u32);

impl fmt::Display for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Why a text is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("`{0}` is not 8 lowercase hexadecimal digits")]
    NoRun(String),
    #[error("`{}` is not RUN-MESSAGE-ATTEMPT", .0.escape_debug())]
    NoAttempt(String),
}

impl FromStr for RunToken {
    type Err = BadToken;
    fn from_str(text: &str) -> Result<RunToken, BadToken> {
        let valid = text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let value = valid.then(|| u32::from_str_radix(text, 16).ok()).flatten();
        value.map(RunToken).ok_or_else(|| BadToken::NoRun(text.to_owned()))
    }
}

/// What the attempt header says: `RUN-MESSAGE-ATTEMPT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub run: RunToken,
    pub attempt: Attempt,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.run, self.attempt.message.0, self.attempt.n)
    }
}

impl FromStr for Token {
    type Err = BadToken;
    fn from_str(text: &str) -> Result<Token, BadToken> {
        parse_token(text).ok_or_else(|| BadToken::NoAttempt(text.to_owned()))
    }
}

pub(crate) fn parse_token(text: &str) -> Option<Token> {
    let mut parts = text.split('-');
    let run = parts.next()?.parse().ok()?;
    let message = MessageId(decimal(parts.next()?)?);
    let n = u32::try_from(decimal(parts.next()?)?).ok()?;
    parts.next().is_none().then_some(Token { run, attempt: Attempt { message, n } })
}

/// Digits only, without sign or leading zeros: one number has one spelling.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    (canonical && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
