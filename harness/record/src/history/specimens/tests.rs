use super::*;
use crate::history::history::{MessageId, Uid};

const RUN: RunToken = RunToken(0x1a2b_3c4d);

fn attempt(message: u64) -> Attempt {
    Attempt { message: MessageId(message), n: 1 }
}

struct Bench {
    folder: tempfile::TempDir,
    specimens: Specimens,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().expect("temp dir");
        let history = Recorder::create(&folder.path().join("history.jsonl")).expect("created");
        let specimens = Specimens::new(RUN, folder.path().to_owned(), history);
        Bench { folder, specimens }
    }

    fn served(&self, message: u64, raw: &[u8]) {
        let copy = Copy {
            uid: Uid { validity: 7, uid: 17 },
            attempt: Some(attempt(message)),
            digest: None,
            size: 0,
            flags: Vec::new(),
            internal_date: None,
        };
        self.specimens.served("fetch", "user1", "INBOX", &copy, Some(raw.to_vec()));
    }

    /// What the history says in the end.
    fn events(&self) -> Vec<Event> {
        self.specimens.finish();
        self.specimens.0.history.finish().expect("written");
        let text = std::fs::read_to_string(self.folder.path().join("history.jsonl")).expect("readable");
        crate::synthetic::events(&text)
    }

    /// File, place and error of each specimen, and how many were left out.
    fn kept(&self) -> (Vec<(String, String, Option<String>)>, u64) {
        let (mut kept, mut left_out) = (Vec::new(), 0);
        for event in self.events() {
            match event {
                Event::Specimen { specimen, .. } => {
                    kept.push((specimen.file, specimen.place, specimen.error));
                }
                Event::SpecimensLeftOut { count, .. } => left_out += count,
                other => panic!("{other:?}"),
            }
        }
        (kept, left_out)
    }
}

#[test]
fn bytes_are_kept_as_they_came_and_the_line_says_from_where() {
    let bench = Bench::new();
    let raw = b"Received: here\nX-Fermoposta-Attempt: 1a2b3c4d-3-1\n\n\x00\xff";
    bench.served(3, raw);
    bench.specimens.stored("final", "user1/Maildir/new/1", attempt(3), raw);
    let Event::Specimen { specimen, .. } = bench.events().remove(0) else { panic!("a specimen") };
    assert_eq!(specimen.digest, identify(raw).digest);
    assert_eq!((specimen.place.as_str(), specimen.error), ("user1 INBOX, UID 17", None));
    for file in ["damaged/1a2b3c4d-3-1/1-fetch-imap.eml", "damaged/1a2b3c4d-3-1/2-final-disk.eml"] {
        assert_eq!(std::fs::read(bench.folder.path().join(file)).expect(file), raw);
    }
}

#[test]
fn the_same_bytes_are_kept_once_and_others_only_up_to_the_limit() {
    let bench = Bench::new();
    bench.served(3, b"a");
    bench.served(3, b"a");
    (0..5u8).for_each(|n| bench.served(3, &[n]));
    bench.specimens.stored("final", "path", attempt(3), b"a");
    let (kept, left_out) = bench.kept();
    assert_eq!((kept.len(), left_out), (READINGS + 1, 3));
    assert!(kept[READINGS].0.ends_with("/4-final-disk.eml"), "the disk has room of its own: {kept:?}");
}

#[test]
fn messages_and_bytes_are_bounded() {
    let bench = Bench::new();
    bench.served(0, &vec![0; LARGEST + 1]);
    (1..=MESSAGES as u64 + 5).for_each(|n| bench.served(n, b"a"));
    bench.specimens.stored("final", "path", attempt(1), b"b");
    let (kept, left_out) = bench.kept();
    assert_eq!((kept.len(), left_out), (MESSAGES + 1, 6));
    let mut full = Kept { bytes: BYTES - 1, ..Kept::default() };
    assert_eq!(full.admit(attempt(1), Source::Imap, b"ab"), None);
    assert_eq!((full.admit(attempt(1), Source::Imap, b"a"), full.left_out), (Some(1), 1));
}

#[test]
fn what_cannot_be_written_is_said_and_the_history_goes_on() {
    let bench = Bench::new();
    std::fs::write(bench.folder.path().join("damaged"), "a file where a directory should be")
        .expect("written");
    bench.served(3, b"a");
    bench.served(4, b"a");
    let (kept, _) = bench.kept();
    assert!(kept.len() == 2 && kept.iter().all(|(_, _, error)| error.is_some()), "{kept:?}");
}
