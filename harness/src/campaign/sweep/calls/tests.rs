use super::*;
use fuse_fs::clock::Nanos;

fn event(op: Op, path: &str, to: Option<&str>) -> FsEvent {
    FsEvent {
        at: Nanos(1),
        end: None,
        seq: 0,
        op,
        ino: 7,
        parent: None,
        path: path.to_owned(),
        new_path: to.map(str::to_owned),
        offset: 0,
        len: 0,
        done: None,
        errno: 0,
        pid: 1,
        command: None,
        fired: Vec::new(),
        mark: None,
    }
}

fn delivery(name: &str) -> Vec<FsEvent> {
    let (tmp, new) = (format!("user1/tmp/{name}"), format!("user1/new/{name}"));
    vec![
        event(Op::Flush, "user1/log", None),
        event(Op::Create, &tmp, None),
        event(Op::Write, &tmp, None),
        event(Op::Write, &tmp, None),
        event(Op::Fsync, &tmp, None),
        event(Op::Flush, &tmp, None),
        event(Op::Rename, &tmp, Some(&new)),
        event(Op::Fsyncdir, "user1/new", None),
    ]
}

fn shown(calls: &[Call]) -> String {
    calls.iter().map(|call| format!("{call} #{}\n", call.occurrence)).collect()
}

#[test]
fn names_that_change_become_stars_and_equal_calls_are_counted() {
    insta::assert_snapshot!(shown(&calls(&delivery("17.M3P4"), &delivery("18.M22P5"))), @r"
    create-1 user1/tmp/* #1
    write-1 user1/tmp/* #1
    write-2 user1/tmp/* #2
    fsync-1 user1/tmp/* #1
    flush-1 user1/tmp/* #1
    rename-1 user1/tmp/* -> user1/new/* #1
    fsyncdir-1 user1/new #1
    ");
}

#[test]
fn a_call_of_one_count_only_is_left_out_but_counted_over() {
    let mut first = delivery("1");
    first.insert(2, event(Op::Write, "user1/tmp/1", None));
    first.insert(0, event(Op::Unlink, "user1/stale", None));
    let calls = calls(&first, &delivery("2"));
    assert!(calls.iter().all(|call| call.op != Op::Unlink), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| call.op == Op::Write).count(), 2);
}

#[test]
fn a_rename_into_the_shape_counts_too() {
    let mut one = vec![event(Op::Rename, "a/x", Some("user1/tmp/9"))];
    let mut other = vec![event(Op::Rename, "a/x", Some("user1/tmp/8"))];
    one.extend(delivery("1"));
    other.extend(delivery("2"));
    let renames: Vec<_> = calls(&one, &other).into_iter().filter(|call| call.op == Op::Rename).collect();
    assert_eq!((renames[0].occurrence, renames[1].occurrence), (1, 2));
}

#[test]
fn a_failed_call_is_no_place_for_a_fault() {
    let mut failed = delivery("1");
    failed[1].errno = libc::EEXIST;
    assert!(calls(&failed, &failed).iter().all(|call| call.op != Op::Create));
}

#[test]
fn a_struck_call_is_known_by_both_its_paths() {
    let found = calls(&delivery("1"), &delivery("2"));
    let rename = found.iter().find(|call| call.op == Op::Rename).expect("there is one");
    assert!(rename.is_like(&event(Op::Rename, "user1/tmp/3", Some("user1/new/3"))));
    assert!(!rename.is_like(&event(Op::Rename, "user1/tmp/3", Some("user1/cur/3"))));
    assert!(!rename.is_like(&event(Op::Link, "user1/tmp/3", Some("user1/new/3"))));
}

#[test]
fn a_glob_spells_out_what_would_be_a_pattern() {
    assert_eq!(Shape::common("a[1]/x", "a[1]/y").glob(), r"a\[1\]/*");
}

#[test]
fn queue_files_are_known_again_whatever_their_ids_are() {
    let pairs = [
        ("queue/input/1xXO42-00008i-1b-H", "queue/input/1xYAzz-0001Cd-0Q-H"),
        ("queue/incoming/3F2A81B", "queue/incoming/A0C55F2"),
        ("queue/queue/5d/5d8f2a13/message", "queue/queue/fd/fdbeceda/message"),
        ("user1/new/1795901068.M118922P305.vm,S=4304", "user1/new/1795901069.M7P31.vm,S=4304"),
        ("1732_0_9_2345_1.mx", "1733_0_10_77_2.mx"),
    ];
    for (one, other) in pairs {
        assert!(alike_paths(one, other), "{one} {other}");
    }
    for (one, other) in
        [("queue/input/1a-H", "queue/input/1b-D"), ("new/1.a", "tmp/1.a"), ("log", "lists"), ("a/1", "a")]
    {
        assert!(!alike_paths(one, other), "{one} {other}");
    }
}
