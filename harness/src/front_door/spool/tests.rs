use super::*;
use fuse_fs::units::Bytes;

fn head(to: &str, size: u64) -> Waiting {
    Waiting { from: "s@x".into(), to: to.into(), attempt: None, taken: Nanos(5), size }
}

fn limit(bytes: u64, messages: Option<u64>) -> QueueLimit {
    QueueLimit { limit: Bytes(bytes), messages }
}

#[test]
fn what_was_stored_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("temp dir");
    let spool = Spool::open(folder.path()).expect("opened");
    spool.store(&head("a@x", 3), b"one").expect("stored");
    let two = spool.store(&head("b@x", 3), b"two").expect("stored");
    drop(spool);
    fs::write(folder.path().join("000000000009.new"), "half").expect("written");
    let again = Spool::open(folder.path()).expect("opened");
    assert_eq!(files(folder.path(), NEW).expect("read"), []);
    assert_eq!((again.index.lock().entries.len(), again.read(two).expect("read")), (2, b"two".to_vec()));
    assert_eq!(waiting(folder.path()).expect("read"), [head("a@x", 3), head("b@x", 3)]);
    again.bounce(two).expect("moved");
    assert_eq!(waiting(folder.path()).expect("read"), [head("a@x", 3)]);
    drop(again);
    let third = Spool::open(folder.path()).expect("opened");
    assert_eq!(third.store(&head("c@x", 0), b"").expect("stored"), 2, "no number is used twice");
}

#[test]
fn a_file_that_is_cut_is_an_error_and_not_a_message() {
    let folder = tempfile::tempdir().expect("temp dir");
    let spool = Spool::open(folder.path()).expect("opened");
    let id = spool.store(&head("a@x", 3), b"one").expect("stored");
    let file = File::options().write(true).open(spool.path(id)).expect("opened");
    file.set_len(file.metadata().expect("there").len() - 1).expect("cut");
    assert!(
        waiting(folder.path()).is_err() && spool.read(id).is_err() && Spool::open(folder.path()).is_err()
    );
}

#[test]
fn room_counts_what_is_there_and_what_is_promised() {
    let folder = tempfile::tempdir().expect("temp dir");
    let spool = Spool::open(folder.path()).expect("opened");
    spool.store(&head("a@x", 3), b"one").expect("stored");
    let room = spool.room(4, limit(7, None)).expect("fits");
    assert!(spool.room(1, limit(7, None)).is_none() && spool.room(0, limit(9, Some(2))).is_none());
    drop(room);
    assert!(spool.room(4, limit(7, Some(2))).is_some());
    assert!(spool.room(0, limit(9, Some(1))).is_none());
}

#[test]
fn the_oldest_ready_message_comes_first_and_none_twice() {
    let folder = tempfile::tempdir().expect("temp dir");
    let spool = Spool::open(folder.path()).expect("opened");
    let a = spool.store(&head("a@x", 0), b"").expect("stored");
    let b = spool.store(&head("b@x", 0), b"").expect("stored");
    let now = Instant::now();
    assert!(matches!(spool.due(now, |user| user == "b"), Due::Now(id, _) if id == b));
    assert!(matches!(spool.due(now, |user| user == "b"), Due::Nothing));
    assert!(matches!(spool.due(now, |_| true), Due::Now(id, _) if id == a));
    spool.put_off(b, Duration::from_secs(60));
    assert!(matches!(spool.due(now, |_| true), Due::Later(_)));
    assert!(spool.older(Nanos(5)).is_none());
    assert!(matches!(spool.older(Nanos(6)), Some((id, _)) if id == b));
    spool.remove(a).expect("removed");
    assert_eq!(spool.index.lock().entries.len(), 1);
}
