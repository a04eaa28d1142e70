//! The last line of a history: how many lines are before it, and their digest. With it, a line that is missing, changed or there
//! twice is noticed, wherever it is; without it the history was cut short.

use super::event::Event;

/// What was written, or read, so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    count: u64,
    hasher: blake3::Hasher,
}

impl Lines {
    /// Adds whole lines, with their ends.
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.count += memchr::memchr_iter(b'\n', text).count() as u64;
        self.hasher.update(text);
    }

    /// The line that closes them.
    pub(crate) fn closing(&self) -> Event {
        Event::Closing { lines: self.count, blake3: self.digest() }
    }

    /// How many lines there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// In hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// Why they are not what was closed, if they are not.
    pub(crate) fn differs(&self, lines: u64, blake3: &str) -> Option<String> {
        if self.count != lines {
            return Some(format!(
                "it has {} lines before its last, and {lines} when it was closed",
                self.count
            ));
        }
        (self.digest() != blake3).then(|| "its lines are others than when it was closed".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_changed_is_noticed() {
        let mut lines = Lines::default();
        lines.add(b"one\ntwo\n");
        let Event::Closing { lines: count, blake3 } = lines.closing() else { panic!("no closing") };
        assert_eq!((count, lines.differs(2, &blake3)), (2, None));
        let mut short = Lines::default();
        short.add(b"two\n");
        insta::assert_snapshot!(
            short.differs(count, &blake3).expect("short"),
            @"it has 1 lines before its last, and 2 when it was closed"
        );
        let mut other = Lines::default();
        other.add(b"one\nTwo\n");
        insta::assert_snapshot!(
            other.differs(count, &blake3).expect("changed"),
            @"its lines are others than when it was closed"
        );
    }
}
