//! The secret that writer and ledger share.

use crate::exit::Misplaced;
use anyhow::Result;
use std::path::Path;

/// Shorter ones are guessed.
const LEAST: usize = 16;

/// Never shown, not even by mistake.
#[derive(Clone)]
pub(crate) struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// From the first line of a file.
    pub(crate) fn read(path: &Path) -> Result<Token> {
        let bad = |why: String| Misplaced(format!("--token-file {}: {why}", path.display()));
        let text =
            std::fs::read_to_string(path).map_err(|error| bad(format!("it cannot be read: {error}")))?;
        let secret = text.lines().next().unwrap_or_default().trim();
        if secret.len() < LEAST {
            let way_out = "make one with `head -c 32 /dev/urandom | base64`";
            return Err(bad(format!("its first line has fewer than {LEAST} characters; {way_out}")).into());
        }
        Ok(Token::of(secret))
    }

    pub(super) fn of(secret: &str) -> Token {
        Token(blake3::derive_key("fermoposta 2026 token between writer and ledger", secret.as_bytes()))
    }

    /// The key of one connection, which both ends had a part in.
    pub(super) fn key(&self, ledger: &[u8; 32], writer: &[u8; 32]) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, &[&ledger[..], &writer[..]].concat()).as_bytes()
    }
}
