//! What a reader should know of the real mail that was sent.

use record::history::corpus::CorpusUsed;
use record::history::corpus::Counts;
use reports::kit::figures::{counted, grouped};
use reports::run::LeftOut;

/// Names listed.
const LISTED: usize = 8;

/// What was left out of it, and what was changed.
pub(super) fn told(corpus: &CorpusUsed) -> impl Iterator<Item = String> {
    left_out_in_words(corpus).into_iter().chain(changed(corpus))
}

/// What was left out of it, by the reason.
pub(super) fn left_out(corpus: &CorpusUsed) -> impl Iterator<Item = LeftOut> {
    corpus.left_out.iter().map(|(why, count)| LeftOut { why: why.clone(), count: *count })
}

fn left_out_in_words(corpus: &CorpusUsed) -> Option<String> {
    let count: u64 = corpus.left_out.values().sum();
    let gave = counted(corpus.messages, "message", "messages");
    let what = counted(count, "file or message of it was", "files or messages of it were");
    let first = corpus.first_left_out.as_ref().map_or(String::new(), |first| format!(" The first: {first}."));
    (count > 0)
        .then(|| format!("The corpus gave {gave}; {what} left out: {}.{first}", listed(&corpus.left_out)))
}

fn changed(corpus: &CorpusUsed) -> Option<String> {
    let kinds = [
        (&corpus.taken_off, "taken off"),
        (&corpus.put_aside, "sent under another name"),
        (&corpus.completed, "completed"),
    ];
    let some = kinds.iter().filter(|(names, _)| !names.is_empty());
    let told: Vec<String> = some.map(|(names, what)| format!("{what}: {}", listed(names))).collect();
    (!told.is_empty()).then(|| {
        format!(
            "Header fields of the corpus were changed before it was sent, so that no mail server has a reason to \
             (number of messages): {}.",
            told.join("; ")
        )
    })
}

/// The most frequent first.
fn listed(names: &Counts) -> String {
    let mut all: Vec<(&String, u64)> = names.iter().map(|(name, n)| (name, *n)).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown = all.iter().take(LISTED).map(|(name, n)| format!("{name} ({})", grouped(*n)));
    let rest: u64 = all.iter().skip(LISTED).map(|(_, n)| n).sum();
    let rest = (rest > 0).then(|| format!("others ({})", grouped(rest)));
    shown.chain(rest).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::testing::run_dir::judge_text;
    use crate::tests::table::lived_in;
    use record::history::corpus::CorpusUsed;
    use record::history::event::Event;
    use record::synthetic;

    fn warnings(corpus: CorpusUsed) -> String {
        let mut world = lived_in();
        let at = world.tick();
        world.write(&Event::Corpus { at, corpus });
        judge_text(&synthetic::plan(), &world.finish()).warnings.join("\n")
    }

    #[test]
    fn the_report_says_what_was_left_out_of_a_corpus_and_what_was_changed() {
        let counts = |all: &[(&str, u64)]| all.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let corpus = CorpusUsed {
            messages: 1_200,
            left_out: counts(&[("contains a NUL byte", 2), ("empty", 1)]),
            first_left_out: Some("c/nul.eml: at byte 0: contains a NUL byte".to_owned()),
            taken_off: counts(&[("Return-Path", 7)]),
            put_aside: counts(&[("Message-ID", 1_199), ("Received", 1_100)]),
            completed: counts(&[]),
        };
        insta::assert_snapshot!(warnings(corpus), @"
        The corpus gave 1,200 messages; 3 files or messages of it were left out: contains a NUL byte (2), empty (1). The first: c/nul.eml: at byte 0: contains a NUL byte.
        Header fields of the corpus were changed before it was sent, so that no mail server has a reason to (number of messages): taken off: Return-Path (7); sent under another name: Message-ID (1,199), Received (1,100).
        ");
        assert_eq!(warnings(CorpusUsed { messages: 1, ..CorpusUsed::default() }), "");
    }
}
