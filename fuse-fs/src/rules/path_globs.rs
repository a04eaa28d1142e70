//! The globs of one selector, for whoever asks of files and not of calls.

use super::matcher::GlobList;
use super::rule::Selector;
use std::path::Path;

/// `path` and `not-path` of a selector.
pub struct PathGlobs(GlobList);

impl PathGlobs {
    /// Compiles them.
    ///
    /// # Errors
    /// They are too large together.
    pub fn of(selector: &Selector) -> Result<PathGlobs, globset::Error> {
        let own = [(selector.path.as_slice(), selector.not_path.as_slice())];
        GlobList::new(own.into_iter()).map(PathGlobs)
    }

    /// Whether they take `path`, which is below the storage's root; without any they take all.
    pub fn take(&self, path: &Path) -> bool {
        self.0.takes(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_take_what_they_take_of_calls() {
        let globs = |path: &[&str], not_path: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
            let selector = Selector { path: owned(path), not_path: owned(not_path), ..Selector::default() };
            PathGlobs::of(&selector).expect("good globs")
        };
        let mail = Path::new("user1/Maildir/new/1");
        assert!(globs(&[], &[]).take(mail) && globs(&["user1/**/{new,cur}/*"], &[]).take(mail));
        assert!(!globs(&["user2/**"], &[]).take(mail) && !globs(&["**/new/*"], &["user1/**"]).take(mail));
    }
}
