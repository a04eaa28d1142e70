//! Words of the field, each explained once: for the page, and as `docs/words.md`.
//!
//! A text that uses one of them is linked to its meaning by [`linked`]; a link never leaves the page. Spellings are matched as
//! whole words and as they are written, the longest first.

use super::escape::escaped;
use std::fmt::Write as _;

/// A word and its meaning.
#[derive(Debug)]
pub(crate) struct Word {
    /// As it stands in the list; other spellings of it follow.
    pub(crate) spellings: &'static [&'static str],
    /// In plain words.
    pub(crate) meaning: &'static str,
}

impl Word {
    pub(crate) fn name(&self) -> &'static str {
        self.spellings[0]
    }

    /// Of its entry in the page.
    pub(crate) fn anchor(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        format!("word-{}", self.name().chars().map(plain).collect::<String>())
    }
}

const fn word(spellings: &'static [&'static str], meaning: &'static str) -> Word {
    Word { spellings, meaning }
}

/// All of them, in the order of the alphabet.
pub(crate) const ALL: &[Word] = &[
    word(
        &["acknowledged", "acknowledgement"],
        "The mail server said that it has the message (SMTP and LMTP: 250 after the data; IMAP: OK). From then on it answers \
         for it: the client may forget its own copy.",
    ),
    word(
        &["APPEND"],
        "The IMAP command by which a mail program stores a message itself, such as a copy of what it sent.",
    ),
    word(
        &["armed"],
        "A fault is armed from the moment the scenario switches it on until it switches it off. Armed, it strikes the calls that \
         it was told to look for; it may strike none.",
    ),
    word(
        &["attempt", "attempts"],
        "One try to store a message. A sender that is refused tries again; every try carries a mark of its own, so each copy \
         that is found belongs to one try.",
    ),
    word(
        &["cohort", "cohorts"],
        "Users who share a storage or a fate in the scenario, such as those already migrated.",
    ),
    word(
        &["digest"],
        "A number worked out from every byte of a message. If a single byte changes, so does the number.",
    ),
    word(
        &["durable"],
        "Written so that it is still there after a power cut. What was only written may be gone; fsync makes it durable.",
    ),
    word(
        &["EIO"],
        "The error by which the storage says that it could not read or write (input/output error).",
    ),
    word(&["ENOSPC"], "The error by which the storage says that it is full."),
    word(&["EXPUNGE", "expunge"], "The IMAP command that removes messages marked as deleted, for good."),
    word(
        &["fault", "faults"],
        "Something that goes wrong with the storage because the scenario wants it: an error, a delay, a lie, a freeze.",
    ),
    word(
        &["front door"],
        "A gateway before the mail server that can close, turn mail away or keep it while the storage is down.",
    ),
    word(
        &["fsync", "fsyncs"],
        "The call by which a program asks that a file be written to the disk now, and waits until it is. What was not \
         fsynced may be lost in a power cut.",
    ),
    word(&["IMAP"], "How mail programs read and arrange mail on a server (RFC 3501, RFC 9051)."),
    word(&["INTERNALDATE"], "When the server received a message, as IMAP shows it. It must not change."),
    word(
        &["LMTP"],
        "How mail is handed to the server that keeps the mailboxes (RFC 2033). It answers for each recipient.",
    ),
    word(
        &["load generator"],
        "The part of Fermoposta that makes the mail traffic, on the machine that it runs on. It does not wait for the mail \
         server; if it begins something later than it was due, this machine is too slow, and the mail server is not blamed.",
    ),
    word(
        &["lying", "lie", "lied", "lies"],
        "A storage lies when it says that something was done, and it was not, or hands out other bytes than it was given, \
         without any error. Mail struck by a lie is judged apart: the question is whether the mail server noticed.",
    ),
    word(
        &["median", "Median"],
        "Half of the values are below it and half above. Of 100 values sorted by size the 99th percentile is the second largest.",
    ),
    word(
        &["power cut", "power cuts"],
        "The power of a storage goes: what was durable stays, of the rest the model of the file system decides what is \
         left, and the mail server starts anew.",
    ),
    word(
        &["profile", "persistence"],
        "What a storage keeps across a power cut. It is a model of a named file system, such as ext4-ordered, made from its \
         documentation and from measurements.",
    ),
    word(
        &["RFC"],
        "The documents that define the protocols of the Internet; they say what a mail server promises.",
    ),
    word(
        &["scenario"],
        "The file that says what is done: which traffic, which faults, when, and what must be seen.",
    ),
    word(&["seed"], "The number that all choices of a run follow from. The same seed gives the same plan."),
    word(&["SMTP"], "How mail is sent from server to server (RFC 5321)."),
    word(&["spool"], "Where a gateway keeps mail that it took over until it can hand it on."),
    word(
        &["strikes", "struck", "firing", "firings", "fired", "fires"],
        "A fault strikes a call when it changes what becomes of it. A fault that never struck has tested nothing.",
    ),
    word(
        &["UID", "UIDs"],
        "The number by which IMAP knows a message in its mailbox. It is never given to another message; mail programs rely \
         on it.",
    ),
    word(&["UIDNEXT"], "The number that the next message of a mailbox will get at least. It never falls."),
    word(
        &["UIDVALIDITY"],
        "The number that says whether the UIDs of a mailbox are still those of before. If it rises, mail programs read \
         everything again; it must never fall.",
    ),
];

/// The word of a spelling at the beginning of `text`, and the length of it.
fn at(text: &str) -> Option<(&'static Word, usize)> {
    let ends = |spelling: &str| !text[spelling.len()..].starts_with(inside);
    let spellings = ALL.iter().flat_map(|word| word.spellings.iter().map(move |spelling| (word, *spelling)));
    let found = spellings.filter(|(_, spelling)| text.starts_with(spelling) && ends(spelling));
    found.max_by_key(|(_, spelling)| spelling.len()).map(|(word, spelling)| (word, spelling.len()))
}

/// Belongs to a word.
fn inside(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// HTML of a text, escaped, with a link at each word that the page explains.
pub(crate) fn linked(text: &str) -> String {
    let (mut out, mut rest, mut within) = (String::with_capacity(text.len()), text, false);
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match at(rest).filter(|_| !within) {
            Some((word, spelt)) => {
                len = spelt;
                let _ = write!(out, "<a class=\"term\" href=\"#{}\">{}</a>", word.anchor(), &rest[..len]);
                within = true;
            }
            None => {
                out += &escaped(&rest[..len]);
                within = inside(c);
            }
        }
        rest = &rest[len..];
    }
    out
}

/// Who acted, as people say it; the names in the JSON form stay.
pub(crate) fn who(who: &str) -> &str {
    match who {
        "client" => "mail client",
        "target" => "mail server",
        "nemesis" => "scenario",
        "reading" => "reading back",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// All words as a document.
    fn document() -> String {
        let mut out = String::from(
            "# Words\n\nWhat the words in reports and messages mean. Every page of a run carries this list at its end.\n\n\
             | word | meaning |\n|---|---|\n",
        );
        for word in ALL {
            let _ = writeln!(out, "| {} | {} |", word.spellings.join(", "), word.meaning);
        }
        out
    }

    #[test]
    fn words_are_linked_whole_and_everything_else_is_escaped() {
        assert_eq!(
            linked("fsync <b>, fsyncs & ack-before-fsync, UIDs; xfsync"),
            "<a class=\"term\" href=\"#word-fsync\">fsync</a> &#60;b&#62;, <a class=\"term\" href=\"#word-fsync\">fsyncs</a> \
             &#38; ack-before-fsync, <a class=\"term\" href=\"#word-uid\">UIDs</a>; xfsync"
        );
        assert_eq!(linked("power cuts"), "<a class=\"term\" href=\"#word-power-cut\">power cuts</a>");
        assert_eq!(linked("l\u{e4}fsync\u{1f4a5}"), "l\u{e4}fsync\u{1f4a5}");
    }

    #[test]
    fn each_spelling_is_there_once_and_the_list_is_sorted() {
        let all: Vec<&str> = ALL.iter().flat_map(|word| word.spellings.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        let names: Vec<String> = ALL.iter().map(|word| word.name().to_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(ALL.iter().map(Word::anchor).collect::<BTreeSet<_>>().len(), ALL.len());
    }

    /// `FERMOPOSTA_BLESS=1 cargo test -p fermoposta-reports` writes the file anew after a wanted change.
    #[test]
    fn the_committed_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/words.md");
        if std::env::var_os("FERMOPOSTA_BLESS").is_some() {
            std::fs::write(path, document()).expect("write the document");
        }
        let committed = std::fs::read_to_string(path).expect("docs/words.md is committed");
        assert_eq!(committed, document(), "run with FERMOPOSTA_BLESS=1 to write docs/words.md anew");
    }
}
