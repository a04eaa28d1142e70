use super::*;
use std::fs;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temp dir");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, bytes).expect("written");
    }
    folder
}

fn all(corpus: &Corpus) -> Vec<String> {
    (0..corpus.len() as u64)
        .map(|i| String::from_utf8_lossy(&corpus.message(i).expect("readable")).into_owned())
        .collect()
}

#[test]
fn what_cannot_be_sent_is_left_out_with_its_reason() {
    let dir = folder(&[
        ("a-good", b"A: b\n\n\xff\n"),
        ("b-nul", b"A: b\n\n\0\n"),
        ("c-bare-cr", b"A: b\n\nx\ry\n"),
        ("d-empty", b""),
        ("e-blank", b"\n\n"),
        ("f-no-header", b"hello world\n"),
        (
            "g-huge",
            &b"A: b\n\n"
                .iter()
                .copied()
                .chain([b'x'; 1000].into_iter().cycle().take(25_000_001))
                .collect::<Vec<u8>>(),
        ),
        ("h-no-end", b"A: b"),
        ("i-cr-at-end", b"A: b\r"),
        ("j-colon", b": b\n"),
        ("k-json", b"{\"a\": 1}\n"),
        ("l-long", format!("A: b\n\n{}\n", "x".repeat(999)).as_bytes()),
        ("m-long-enough", format!("A: b\n\n{}\n", "x".repeat(998)).as_bytes()),
        ("n-own", b"A: b\n\n> X-Fermoposta-Attempt: 1a2b3c4d-1-1\n"),
    ]);
    let corpus = Corpus::load(dir.path()).expect("three good ones");
    assert_eq!(corpus.len(), 3);
    assert_eq!(corpus.message(1).expect("readable"), b"A: b\r\n");
    assert_eq!(corpus.message(3).expect("wraps"), b"A: b\r\n\r\n\xff\r\n");
    let reasons: Vec<&str> = corpus.skipped().first.iter().filter_map(|r| r.rsplit(": ").next()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"
    contains a NUL byte
    contains a bare CR
    empty
    empty
    does not begin with a header line
    larger than 25 MB
    contains a bare CR
    does not begin with a header line
    does not begin with a header line
    has a line of more than 998 bytes (RFC 5322, 2.1.1)
    ");
    assert_eq!(corpus.skipped().count, 11);
    assert_eq!(corpus.skipped().reasons.values().sum::<u64>(), 11);
    assert_eq!(corpus.skipped().reasons["contains a bare CR"], 2);
    assert_eq!(corpus.skipped().reasons["quotes a message of this program"], 1);
}

#[test]
fn a_maildir_gives_cur_and_new_of_all_its_folders() {
    let dir = folder(&[
        ("cur/1:2,S", b"A: cur\n"),
        ("new/2", b"A: new\n"),
        ("tmp/3", b"A: tmp\n"),
        ("dovecot-uidlist", b"3 V1\n"),
        (".Sent/cur/4", b"A: sent\n"),
        (".Sent/new/5", b"A: sent new\n"),
    ]);
    let corpus = Corpus::load(dir.path()).expect("loaded");
    assert_eq!(all(&corpus), ["A: sent\r\n", "A: sent new\r\n", "A: cur\r\n", "A: new\r\n"]);
    assert_eq!(corpus.skipped().count, 0);
}

const DATED: &str = "From ann@example.test Thu Mar  4 10:00:00 2021\n";

#[test]
fn an_mbox_is_split_where_a_message_begins_and_unquoted() {
    let mbox = format!(
        "{DATED}A: 1\n\nbody\nFrom within\n>From x\n>>From y\n>Fro\n\n{DATED}A: 2\n\n{DATED}: \n\n{DATED}A: 4\r\n\r\nend"
    );
    let dir = folder(&[("box", mbox.as_bytes())]);
    let corpus = Corpus::load(&dir.path().join("box")).expect("loaded");
    assert_eq!(
        all(&corpus),
        [
            "A: 1\r\n\r\nbody\r\nFrom within\r\nFrom x\r\n>From y\r\n>Fro\r\n",
            &format!("A: 2\r\n\r\n{}: \r\n", DATED.replace('\n', "\r\n")),
            "A: 4\r\n\r\nend\r\n"
        ]
    );
    assert_eq!(corpus.skipped().count, 0);
}

/// As mail programs keep it: an mbox for each mailbox, index files, and directories of more of them.
#[test]
fn a_directory_of_mboxes_gives_all_their_messages() {
    let mbox = |name: &str| format!("{DATED}Subject: {name} 1\n\nx\n\n{DATED}Subject: {name} 2\n\n>From y\n");
    let (inbox, old) = (mbox("inbox"), mbox("old"));
    let dir = folder(&[
        ("Inbox", inbox.as_bytes()),
        ("Inbox.msf", b"// <!-- <mdb:mork:z v=\"1.4\"/> -->\n"),
        ("Archives.sbd/2019", old.as_bytes()),
    ]);
    let corpus = Corpus::load(dir.path()).expect("loaded");
    assert_eq!(all(&corpus).iter().filter(|message| message.matches("Subject").count() == 1).count(), 4);
    assert_eq!(all(&corpus)[1], "Subject: old 2\r\n\r\nFrom y\r\n");
    assert_eq!(corpus.skipped().reasons, [("does not begin with a header line".to_owned(), 1)].into());
}

#[test]
fn a_file_of_a_maildir_is_one_message_whatever_it_holds() {
    let forwarded = format!("{DATED}Subject: 1\n\nx\n\n{DATED}Subject: 2\n\ny\n");
    let dir = folder(&[("cur/1:2,S", forwarded.as_bytes()), ("new/2", b"A: new\n")]);
    assert_eq!(Corpus::load(dir.path()).expect("loaded").len(), 2);
}

#[test]
fn what_will_be_changed_of_how_many_messages_is_known() {
    let dir = folder(&[
        ("a", b"Return-Path: <x>\nFrom: a@b.test\nTo: c@d.test\nDate: d\n\n"),
        ("b", b"RETURN-PATH: <x>\nFrom: a@b.test\nTo: c@d.test\nMessage-ID: <x>\n\n"),
    ]);
    let corpus = Corpus::load(dir.path()).expect("loaded");
    let of = |change| corpus.changed().get(&change).cloned().unwrap_or_default();
    assert_eq!(of(Change::TakenOff), [("Return-Path".to_owned(), 2)].into());
    assert_eq!(of(Change::PutAside), [("Message-ID".to_owned(), 1)].into());
    assert_eq!(of(Change::Completed), [("Date".to_owned(), 1)].into());
}

#[test]
fn message_files_lose_their_from_line_only() {
    let dir = folder(&[("deep/er/m.txt", b"From a Thu\nA: 1\n\nx\n\nFrom b\n>From c\n")]);
    let corpus = Corpus::load(dir.path()).expect("loaded");
    assert_eq!(all(&corpus), ["A: 1\r\n\r\nx\r\n\r\nFrom b\r\n>From c\r\n"]);
}

#[test]
fn links_in_circles_pipes_and_dangling_links_do_no_harm() {
    let dir = folder(&[("good", b"A: b\n")]);
    let at = |name: &str| dir.path().join(name);
    std::os::unix::fs::symlink(dir.path(), at("circle")).expect("linked");
    std::os::unix::fs::symlink("nowhere", at("dangling")).expect("linked");
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let corpus = Corpus::load(dir.path()).expect("loaded");
    assert_eq!((corpus.len(), corpus.skipped().count), (1, 3));
}

#[test]
fn errors_name_the_place_and_the_way_out() {
    let dir = folder(&[("bad", b"\0")]);
    let bare = |e: CorpusError| e.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(
        bare(Corpus::load(dir.path()).expect_err("nothing to send")),
        @"the corpus DIR has no message that can be sent (1 left out, first DIR/bad: at byte 0: contains a NUL byte); it must be a Maildir, an mbox file or a directory of message files"
    );
    insta::assert_snapshot!(
        bare(Corpus::load(&dir.path().join("none")).expect_err("not there")),
        @"the corpus DIR/none: No such file or directory (os error 2)"
    );
}
