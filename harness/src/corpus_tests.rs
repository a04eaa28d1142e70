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
    ]);
    let corpus = Corpus::load(dir.path()).expect("two good ones");
    assert_eq!(corpus.len(), 2);
    assert_eq!(corpus.message(1).expect("readable"), b"A: b\r\n");
    assert_eq!(corpus.message(2).expect("wraps"), b"A: b\r\n\r\n\xff\r\n");
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
    ");
    assert_eq!(corpus.skipped().count, 9);
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

#[test]
fn an_mbox_is_split_only_at_from_after_a_blank_line_and_unquoted() {
    let mbox = b"From a Thu\nA: 1\n\nbody\nFrom within\n>From x\n>>From y\n>Fro\n\nFrom b Thu\nA: 2\n\nFrom c\n\nFrom d\r\nA: 4\r\n\r\nend";
    let dir = folder(&[("box", mbox)]);
    let corpus = Corpus::load(&dir.path().join("box")).expect("loaded");
    assert_eq!(
        all(&corpus),
        [
            "A: 1\r\n\r\nbody\r\nFrom within\r\nFrom x\r\n>From y\r\n>Fro\r\n",
            "A: 2\r\n",
            "A: 4\r\n\r\nend\r\n"
        ]
    );
    assert_eq!(corpus.skipped().count, 1);
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
