//! The name of a folder, whatever the server's delimiter is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Its parts from the top down, in plain Unicode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderName(pub Vec<String>);

impl FolderName {
    /// `INBOX` in any case is the one inbox (RFC 3501, 5.1).
    #[must_use]
    pub fn of(name: &str, delimiter: Option<char>) -> FolderName {
        let mut parts: Vec<String> = match delimiter {
            Some(delimiter) => name.split(delimiter).map(str::to_owned).collect(),
            None => vec![name.to_owned()],
        };
        if parts[0].eq_ignore_ascii_case("INBOX") {
            "INBOX".clone_into(&mut parts[0]);
        }
        FolderName(parts)
    }

    #[must_use]
    pub fn inbox() -> FolderName {
        FolderName(vec!["INBOX".to_owned()])
    }
}

/// With `/` between its parts; one that stands in a part has a backslash before it.
impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.0.iter().map(|part| part.replace('\\', "\\\\").replace('/', "\\/")).collect();
        f.write_str(&parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whatever_parts_them() {
        assert_eq!(FolderName::of("Lavoro.Città", Some('.')), FolderName::of("Lavoro/Città", Some('/')));
        assert_ne!(FolderName::of("Lavoro.Città", Some('.')), FolderName::of("Lavoro.Città", Some('/')));
        assert_eq!(FolderName::of("inbox", None), FolderName::inbox());
        assert_eq!(FolderName::of("a/b.c\\", Some('.')).to_string(), "a\\/b/c\\\\");
    }
}
