//! The bytes of damaged messages: shown where they are proved, and nowhere else.

use record::message;

use crate::judge::*;
use crate::testing::run_dir::{Mail, RunDir, answer, blamed, with_verdict};
use record::directory::RunDirectory;
use record::history::event::Event;
use record::history::identity::identify;
use record::history::token::Token;
use record::history::{Attempt, MessageId, Source, Specimen};
use record::synthetic::{OK, RUN, World};
use reports::kit::verdict::Verdict;
use reports::run::Report;
use reports::run::difference::{ChangeKind, Difference};

const ATTEMPT: Attempt = Attempt { message: MessageId(1), n: 1 };

fn sent() -> Vec<u8> {
    let to = message::Addresses { from: "a@b", to: "user1@b", needs: None };
    message::generate(RUN.parse().expect("a token"), ATTEMPT, to, 2_000, 5).bytes
}

fn spoiled() -> Vec<u8> {
    let mut bytes = sent();
    bytes[1_000] ^= 1;
    bytes
}

/// A run in which message 1 is served damaged, and `keep` says what was kept of it.
struct Damaged {
    run: RunDir,
    world: Mail,
}

impl Damaged {
    fn new() -> Damaged {
        let (run, mut world) = (RunDir::empty(), World::new(Vec::new(), 1));
        world.digests.insert(ATTEMPT, identify(&sent()).digest);
        world.deliver(0, 1, 1, OK);
        world.at(0, "INBOX").copies[0].digest = Some(identify(&spoiled()).digest);
        Damaged { run, world }
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.run.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the run")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    /// Writes what was sent.
    fn with_sent(self, bytes: &[u8]) -> Damaged {
        let token = Token { run: RUN.parse().expect("a token"), attempt: ATTEMPT }.to_string();
        self.file(&RunDirectory::sent_name(&token), bytes);
        self
    }

    /// Writes what was read.
    fn kept(mut self, source: Source, bytes: &[u8], error: Option<&str>) -> Damaged {
        let name = format!("damaged/{RUN}-1-1/1-final-{source:?}.eml");
        self.file(&name, bytes);
        let specimen = Specimen {
            attempt: ATTEMPT,
            source,
            reading: "final".to_owned(),
            place: "user1 INBOX, UID 1".to_owned(),
            digest: identify(bytes).digest,
            file: name,
            error: error.map(str::to_owned),
        };
        let at = self.world.tick();
        self.world.write(&Event::Specimen { at, specimen });
        self
    }

    fn report(mut self) -> Report {
        self.world.recover(900);
        self.run.judge_world(self.world)
    }

    fn difference(self) -> Option<Difference> {
        let report = self.report();
        assert_eq!(blamed(&report), ["content-intact"]);
        answer(&report, "content-intact").anomalies[0].difference.clone()
    }
}

#[test]
fn the_bytes_are_shown_with_their_files_and_where_they_were_read() {
    let shown = Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), None).difference();
    let shown = shown.expect("it was kept");
    let change = shown.change.expect("they can be compared");
    assert_eq!((change.kind, change.at, change.replaced, change.by), (ChangeKind::BitFlip, 1_000, 1, 1));
    assert_eq!(shown.sent_file, "damaged/1a2b3c4d-1-1/sent.eml");
    assert_eq!(shown.found_file, "damaged/1a2b3c4d-1-1/1-final-Imap.eml");
    insta::assert_snapshot!(shown.notes.join("\n"), @"
    Read through IMAP at 0.003 s (final): user1 INBOX, UID 1.
    Offsets are those of the file that came back.
    ");
}

#[test]
fn what_the_disk_holds_just_so_is_shown_as_it_is_there() {
    let mut stored = b"Received: here\n".to_vec();
    stored.extend(spoiled().into_iter().filter(|byte| *byte != b'\r'));
    let damaged = Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), None);
    let shown = damaged.kept(Source::Disk, &stored, None).difference().expect("it was kept");
    assert!(shown.found_file.ends_with("Disk.eml"), "{shown:?}");
    insta::assert_snapshot!(shown.notes.join("\n"), @"
    Read through IMAP at 0.003 s (final): user1 INBOX, UID 1.
    Read from the disk at 0.004 s (final): user1 INBOX, UID 1.
    Offset 0 is byte 15 of the file that came back; its lines end with LF, and what was sent is compared with LF line ends too.
    ");
}

#[test]
fn other_bytes_from_the_disk_are_only_named() {
    let damaged = Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), None);
    let shown = damaged.kept(Source::Disk, &sent()[..1_500], None).difference().expect("it was kept");
    assert!(shown.found_file.ends_with("Imap.eml"), "{shown:?}");
    assert!(shown.notes[1].contains("yet other bytes, damaged/1a2b3c4d-1-1/1-final-Disk.eml"), "{shown:?}");
}

#[test]
fn nothing_is_shown_that_is_not_proved_and_the_reason_is_said() {
    let reason = |damaged: Damaged| {
        let shown = damaged.difference().expect("it was kept");
        assert_eq!(shown.change, None);
        shown.sentence
    };
    let kept = |damaged: Damaged| damaged.kept(Source::Imap, &spoiled(), None);
    let changed_since = kept(Damaged::new().with_sent(&sent()));
    changed_since.file("damaged/1a2b3c4d-1-1/1-final-Imap.eml", &sent());
    let reasons = [
        reason(kept(Damaged::new())),
        reason(kept(Damaged::new().with_sent(b"another"))),
        reason(Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), Some("no space"))),
        reason(changed_since),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @"
    The bytes cannot be compared: what was sent could not be made again (damaged/1a2b3c4d-1-1/sent.eml: No such file or directory (os error 2)).
    The bytes cannot be compared: damaged/1a2b3c4d-1-1/sent.eml has the digest cee450a2406289497e67bcd0cc5503c0, and 32013b763cf1b5673c025f2d918d0bda was recorded.
    The bytes cannot be compared: damaged/1a2b3c4d-1-1/1-final-Imap.eml could not be written: no space.
    The bytes cannot be compared: damaged/1a2b3c4d-1-1/1-final-Imap.eml has the digest 32013b763cf1b5673c025f2d918d0bda, and d3b12e1cbbd2a2947d3b85aa2ce3e577 was recorded.
    ");
}

#[test]
fn a_run_that_kept_nothing_is_judged_as_before() {
    assert_eq!(Damaged::new().difference(), None);
}

#[test]
fn what_was_not_kept_is_a_warning_and_changes_no_answer() {
    let mut damaged = Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), Some("no space"));
    let at = damaged.world.tick();
    damaged.world.write(&Event::SpecimensLeftOut { at, count: 7 });
    let report = damaged.report();
    let warned = |text: &str| report.warnings.iter().any(|warning| warning.contains(text));
    assert!(warned("7 more readings of damaged messages were not kept"), "{:?}", report.warnings);
    assert!(warned("could not be kept: no space"), "{:?}", report.warnings);
    assert!(with_verdict(&report, Verdict::Unknown).is_empty());
}

#[test]
fn judging_twice_gives_the_same() {
    let Damaged { run, mut world } = Damaged::new().with_sent(&sent()).kept(Source::Imap, &spoiled(), None);
    world.recover(900);
    let first = run.judge_world(world);
    assert_eq!(judge(run.directory.path()).expect("judged"), first);
}
