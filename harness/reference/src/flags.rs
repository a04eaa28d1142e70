//! Message flags: the five that a Maildir file name can hold. Keywords are not supported.

/// Maildir letter and IMAP name of each flag, in the order of the file name's letters.
const TABLE: [(char, &str); 5] =
    [('D', "\\Draft"), ('F', "\\Flagged"), ('R', "\\Answered"), ('S', "\\Seen"), ('T', "\\Deleted")];

/// A set of flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const DRAFT: Flags = Flags(1);
    pub(crate) const FLAGGED: Flags = Flags(2);
    pub(crate) const ANSWERED: Flags = Flags(4);
    pub(crate) const SEEN: Flags = Flags(8);
    pub(crate) const DELETED: Flags = Flags(16);

    /// Both sets together.
    pub(crate) fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// This set less the other.
    pub(crate) fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether every flag of `other` is set.
    pub(crate) fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads the letters after `:2,`; unknown letters are ignored.
    pub(crate) fn from_letters(letters: &str) -> Flags {
        let bits = TABLE.iter().enumerate().filter(|(_, (letter, _))| letters.contains(*letter));
        Flags(bits.fold(0, |set, (bit, _)| set | 1 << bit))
    }

    /// The letters for the file name.
    pub(crate) fn letters(self) -> String {
        self.names(|(letter, _)| letter.to_string()).concat()
    }

    /// The IMAP names, separated by spaces.
    pub(crate) fn imap(self) -> String {
        self.names(|(_, name)| (*name).to_owned()).join(" ")
    }

    fn names(self, text: impl Fn(&(char, &str)) -> String) -> Vec<String> {
        let set = TABLE.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0);
        set.map(|(_, row)| text(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_names_agree_for_every_set() {
        for bits in 0..32 {
            assert_eq!(Flags::from_letters(&Flags(bits).letters()), Flags(bits));
        }
        assert_eq!(Flags::SEEN.with(Flags::DELETED).imap(), "\\Seen \\Deleted");
        assert_eq!(Flags::from_letters("SPx"), Flags::SEEN);
    }
}
