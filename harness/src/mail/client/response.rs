//! What an IMAP server says, as data: a line with its literals becomes a flat list of [`Value`]s.
//!
//! Deliberately not a typed parser: dates and flags are kept as the server wrote them, since that is what the
//! checkers compare, and a broken or unknown response must not hide the ones around it.

use super::wire::Wire;
use record::history::Trouble;
use std::collections::VecDeque;

/// Longest literal taken.
const LITERAL_LIMIT: u64 = 64 * 1024 * 1024;
/// Literals in one response, at most.
const LITERALS: usize = 64;
/// Parentheses within each other, at most.
const DEPTH: usize = 32;

/// A datum of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Atom, number, NIL, flag; `BODY[...]` is one atom.
    Atom(String),
    /// Quoted string or literal.
    Text(Vec<u8>),
    /// Parenthesised list.
    List(Vec<Value>),
}

/// `OK`, `NO`, `BAD`, `BYE` or `PREAUTH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Ok,
    No,
    /// Protocol error.
    Bad,
    /// The connection ends.
    Bye,
    /// Greeting of a session that needs no login.
    PreAuth,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// `+ ...`
    Continue,
    /// `TAG OK ...`, or untagged (`tag` is `*`).
    Status {
        tag: String,
        condition: Condition,
        /// The rest: code and text.
        text: Vec<u8>,
    },
    /// Untagged data.
    Data(Vec<Value>),
}

/// Reads one response.
///
/// # Errors
/// [`Trouble::Garbled`] for what no server may say.
pub(crate) async fn read(wire: &mut Wire) -> Result<Response, Trouble> {
    let mut text = wire.line().await?;
    if text.starts_with(b"+") {
        return Ok(Response::Continue);
    }
    if let Some(status) = status(&text) {
        return Ok(status);
    }
    if !text.starts_with(b"* ") {
        return Err(Trouble::Garbled);
    }
    let mut literals = VecDeque::new();
    let mut seen = 0;
    while let Some(count) = announced(&text[seen..]) {
        if count > LITERAL_LIMIT || literals.len() >= LITERALS {
            return Err(Trouble::Garbled);
        }
        literals.push_back(wire.exactly(count).await?);
        seen = text.len();
        text.extend(wire.line().await?);
    }
    let mut parser = Parser { text: &text[2..], at: 0, literals };
    parser.list(None, 0).map(Response::Data).ok_or(Trouble::Garbled)
}

fn status(line: &[u8]) -> Option<Response> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(3, |b| *b == b' ');
    let tag = std::str::from_utf8(parts.next()?).ok()?.to_owned();
    let condition = match parts.next()?.to_ascii_uppercase().as_slice() {
        b"OK" => Condition::Ok,
        b"NO" => Condition::No,
        b"BAD" => Condition::Bad,
        b"BYE" => Condition::Bye,
        b"PREAUTH" => Condition::PreAuth,
        _ => return None,
    };
    Some(Response::Status { tag, condition, text: parts.next().unwrap_or_default().to_vec() })
}

/// The length of the literal that this end of a line announces.
fn announced(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let open = line.iter().rposition(|b| *b == b'{')?;
    number(&line[open + 1..])
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    literals: VecDeque<Vec<u8>>,
}

impl Parser<'_> {
    /// Values up to `close`, or to the end of the line.
    fn list(&mut self, close: Option<u8>, depth: usize) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            match self.peek() {
                Some(b' ') => self.at += 1,
                Some(b'\r' | b'\n') | None => return close.is_none().then_some(values),
                Some(b')') => {
                    self.at += 1;
                    return close.map(|_| values);
                }
                Some(_) => values.push(self.value(depth)?),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            b'(' if depth >= DEPTH => None,
            b'(' => {
                self.at += 1;
                self.list(Some(b')'), depth + 1).map(Value::List)
            }
            b'"' => self.quoted().map(Value::Text),
            b'{' => self.literal().map(Value::Text),
            b'~' if self.text.get(self.at + 1) == Some(&b'{') => {
                self.at += 1;
                self.literal().map(Value::Text)
            }
            _ => self.atom(),
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => return Some(out),
                b'\\' => out.push(self.next()?),
                b'\r' | b'\n' => return None,
                b => out.push(b),
            }
        }
    }

    /// `{n}` and its line end; the bytes were read before.
    fn literal(&mut self) -> Option<Vec<u8>> {
        let length = self.text[self.at..].iter().position(|b| *b == b'\n')?;
        let said = announced(&self.text[self.at..=self.at + length])?;
        self.at += length + 1;
        self.literals.pop_front().filter(|l| l.len() as u64 == said)
    }

    /// Up to a delimiter; blanks and parentheses within brackets belong to it.
    fn atom(&mut self) -> Option<Value> {
        let (start, mut inside) = (self.at, false);
        while let Some(b) = self.peek() {
            match b {
                b'\r' | b'\n' => break,
                b'[' => inside = true,
                b']' => inside = false,
                b' ' | b'(' | b')' | b'"' | b'{' if !inside => break,
                _ => {}
            }
            self.at += 1;
        }
        let atom = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        (!atom.is_empty()).then_some(Value::Atom(atom))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let b = self.peek()?;
        self.at += 1;
        Some(b)
    }
}

impl Value {
    /// An atom equal to `name`, in any case.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Value::Atom(atom) if atom.eq_ignore_ascii_case(name))
    }

    pub(crate) fn number(&self) -> Option<u32> {
        match self {
            Value::Atom(atom) => number(atom.as_bytes()).and_then(|n| u32::try_from(n).ok()),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// Atom or string as text.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Value::Atom(atom) => Some(atom.clone()),
            Value::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Value::List(_) => None,
        }
    }
}

/// The response code in `[...]` that begins a status text, as words: `["APPENDUID", "38505", "3955"]`.
pub(crate) fn code(text: &[u8]) -> Vec<String> {
    let inner = text.strip_prefix(b"[").and_then(|t| t.split(|b| *b == b']').next());
    let words = String::from_utf8_lossy(inner.unwrap_or_default()).into_owned();
    words.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::client::script::{Act, serve};
    use std::time::Duration;

    async fn parse(said: &'static str) -> Result<Response, Trouble> {
        let server = serve(vec![Act::Say(said)]).await;
        let mut wire = Wire::connect(&server.endpoint(), Duration::from_secs(5))
            .await
            .map_err(|failure| failure.trouble)?;
        read(&mut wire).await
    }

    #[tokio::test]
    async fn literals_are_taken_wherever_they_stand() {
        let got = parse(
            "* 1 FETCH (BODY[HEADER.FIELDS (A B)] {5}\r\n)\r\n\"x FLAGS (\\Seen {1}\r\ny) X ~{0}\r\n)\r\n",
        )
        .await;
        let Ok(Response::Data(values)) = got else { panic!("{got:?}") };
        let Value::List(items) = &values[2] else { panic!("{values:?}") };
        assert!(items[0].is("body[header.fields (a b)]"));
        assert_eq!(items[1], Value::Text(b")\r\n\"x".to_vec()));
        assert_eq!(items[3], Value::List(vec![Value::Atom("\\Seen".into()), Value::Text(b"y".to_vec())]));
        assert_eq!(items[5], Value::Text(Vec::new()));
    }

    #[tokio::test]
    async fn a_status_text_may_look_like_a_literal() {
        let got = parse("* OK wait {5}\r\n").await;
        assert!(matches!(got, Ok(Response::Status { condition: Condition::Ok, .. })), "{got:?}");
    }

    #[tokio::test]
    async fn nonsense_is_garbled_and_truncation_is_disconnection() {
        for nonsense in [
            "* 1 FETCH (\r\n",
            "* 1)\r\n",
            "* \"x\r\n",
            "hello\r\n",
            "* 1 FETCH {99999999999}\r\n",
            "{3}\r\n",
        ] {
            assert_eq!(parse(nonsense).await, Err(Trouble::Garbled), "{nonsense:?}");
        }
        for cut in ["* 1 FETCH", "* 1 FETCH {9}\r\nabc", "* 1 FETCH {3}\r\nabc"] {
            assert_eq!(parse(cut).await, Err(Trouble::Disconnected), "{cut:?}");
        }
        let deep: &'static str = Box::leak(format!("* {}\r\n", "(".repeat(5000)).into_boxed_str());
        assert_eq!(parse(deep).await, Err(Trouble::Garbled));
    }

    #[test]
    fn codes_are_words() {
        assert_eq!(code(b"[APPENDUID 1 2] done"), ["APPENDUID", "1", "2"]);
        assert!(code(b"done").is_empty());
    }
}
