//! The seal of a report that is kept: a digest of its text, in its last field.
//!
//! It tells a report that somebody edited from one that is as it was written. It is no signature: who edits may also write
//! another seal. What such a report says is then held against the recorded files ([`crate::saved::proved`]).

/// How a text is closed, and what the seal stands before.
const END: &str = "\n}\n";
/// What stands before the digest. Two blanks: a field of the report itself, and no text in it, where line breaks are escaped.
const FIELD: &str = ",\n  \"seal\": \"";

/// What is wrong with the seal of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It has none.
    #[error("it has no seal: somebody took it out, or an earlier version wrote the report")]
    Missing,
    /// It is of another text.
    #[error("it was edited after it was written: its seal is of another text")]
    Other,
}

/// The same report with its seal; `json` is a pretty object.
#[must_use]
pub fn sealed(json: &str) -> String {
    let body = json.strip_suffix(END).unwrap_or(json);
    format!("{body}{FIELD}{}\"{END}", digest(body))
}

/// Whether a text is as it was sealed.
///
/// # Errors
/// It is not.
pub fn check(text: &str) -> Result<(), Broken> {
    let (body, rest) = text.rsplit_once(FIELD).ok_or(Broken::Missing)?;
    match rest.strip_suffix(END).and_then(|rest| rest.strip_suffix('"')) {
        Some(seal) if seal == digest(body) => Ok(()),
        Some(_) | None => Err(Broken::Other),
    }
}

fn digest(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_told() {
        let text = sealed("{\n  \"verdict\": \"invalid\",\n  \"n\": 1\n}\n");
        assert_eq!(check(&text), Ok(()));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(edited) = String::from_utf8(bytes) else { continue };
            assert!(check(&edited).is_err(), "byte {place}: {edited}");
        }
    }

    #[test]
    fn a_text_without_a_seal_and_one_with_more_after_it_are_told() {
        let plain = "{\n  \"n\": 1\n}\n";
        assert_eq!(check(plain), Err(Broken::Missing));
        let after = sealed(plain).replacen("\"\n}\n", "\",\n  \"verdict\": \"valid\"\n}\n", 1);
        assert_eq!(check(&after), Err(Broken::Other));
    }

    #[test]
    fn what_a_server_said_is_not_taken_for_the_seal() {
        let said = serde_json::json!({ "reply": ",\n  \"seal\": \"0\"\n}\n" });
        let text = sealed(&(serde_json::to_string_pretty(&said).expect("JSON") + "\n"));
        assert_eq!(check(&text), Ok(()));
    }
}
