//! What the kernel may answer from what it was told before, and what it must ask for every time.

use crate::fixture::{Bench, wait_for};
use fuse_fs::call::{Call, Op};
use fuse_fs::clock::Nanos;
use fuse_fs::mount::parking::Thaw;
use fuse_fs::rules::decide::{Believer, Decide};
use fuse_fs::rules::decision::{Decision, RuleId};
use fuse_fs::rules::engine::Engine;
use fuse_fs::rules::rule::Rule;
use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, UNIX_EPOCH};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("what_no_rule_asks_for_is_not_asked_again", unasked),
    ("a_rule_sees_every_call_that_it_asks_for_though_it_is_not_armed", asked),
    ("a_rule_that_changes_files_by_itself_leaves_nothing_to_believe", changed),
    ("a_rule_that_is_added_later_sees_every_call_from_then_on", added),
    ("a_rule_that_is_added_later_sees_at_once_what_was_asked_for_just_before", seen_at_once),
    ("a_rule_that_is_added_while_calls_wait_is_armed_when_nothing_is_believed", seen_while_calls_wait),
    ("what_a_failed_write_left_is_seen_at_once", torn),
    ("what_this_mount_changes_is_seen_at_once", changes),
    ("a_file_of_several_names_is_known_by_the_one_that_was_asked_for", several_names),
];

/// How long the kernel believes what it was told.
const BELIEVED: Duration = Duration::from_secs(1);

/// How often the file is looked at in each test.
const LOOKS: u64 = 100;

/// An engine that counts the names and the attributes that it was asked for.
struct Counting {
    engine: Engine,
    names: AtomicU64,
    attributes: AtomicU64,
}

impl Decide for Counting {
    fn decide(&self, call: &Call<'_>, now: Nanos) -> Decision {
        self.engine.decide(call, now)
    }
    fn armed(&self, op: Op) -> bool {
        self.engine.armed(op)
    }
    fn asks(&self, op: Op) -> bool {
        self.engine.asks(op)
    }
    fn believed_by(&self, believer: Weak<dyn Believer>) {
        self.engine.believed_by(believer);
    }
    fn completed(&self, op: Op, bytes: u64) {
        match op {
            Op::Lookup => _ = self.names.fetch_add(1, Relaxed),
            Op::Getattr => _ = self.attributes.fetch_add(1, Relaxed),
            _ => {}
        }
        self.engine.completed(op, bytes);
    }
    fn rule_name(&self, rule: RuleId) -> String {
        self.engine.rule_name(rule)
    }
}

fn rule(text: &str) -> Rule {
    toml::from_str(&format!("name = \"r\"\n{text}")).expect(text)
}

fn counting(rules: &[&str]) -> (Bench, Arc<Counting>) {
    let rules = rules.iter().map(|text| rule(text)).collect();
    let engine = Engine::new(rules, 1, Some(Nanos::now())).expect("no problems");
    let counting = Arc::new(Counting { engine, names: AtomicU64::new(0), attributes: AtomicU64::new(0) });
    (Bench::deciding(counting.clone()), counting)
}

/// Names and attributes that are asked for when a file two directories down is looked at a hundred times.
fn look(bench: &Bench, counting: &Counting) -> (u64, u64) {
    fs::create_dir_all(bench.at("a/b")).unwrap();
    fs::write(bench.at("a/b/f"), "x").unwrap();
    let before = (counting.names.load(Relaxed), counting.attributes.load(Relaxed));
    (0..LOOKS).for_each(|_| assert_eq!(fs::metadata(bench.at("a/b/f")).unwrap().len(), 1));
    (counting.names.load(Relaxed) - before.0, counting.attributes.load(Relaxed) - before.1)
}

fn unasked() {
    let (bench, counting) = counting(&[]);
    let (names, attributes) = look(&bench, &counting);
    assert!(names < LOOKS / 2 && attributes < LOOKS / 2, "{names} names, {attributes} attributes");
}

fn asked() {
    let disarmed = "when.disarmed = true\neffect.errno = { code = \"EIO\" }\n";
    let (bench, counting_attributes) = counting(&[&format!("where.op = [\"getattr\"]\n{disarmed}")]);
    let (names, attributes) = look(&bench, &counting_attributes);
    assert!(names < LOOKS / 2 && attributes >= LOOKS, "{names} names, {attributes} attributes");
    let (bench, counting_names) = counting(&[&format!("where.op = [\"lookup\"]\n{disarmed}")]);
    let (names, _) = look(&bench, &counting_names);
    assert!(names >= 3 * LOOKS, "{names} names");
}

fn changed() {
    let (bench, counting) =
        counting(&["when.disarmed = true\neffect.fsync-failure = { like = \"btrfs\" }\n"]);
    let (names, _) = look(&bench, &counting);
    assert!(names >= 3 * LOOKS, "{names} names");
}

fn added() {
    let (bench, counting) = counting(&[]);
    let late = rule("where.path = [\"nothing\"]\neffect.freeze = {}\n");
    counting.engine.add_rule(late, Nanos::now()).unwrap();
    let (names, _) = look(&bench, &counting);
    assert!(names >= 3 * LOOKS, "{names} names");
}

/// Fails what was asked for a moment ago, by name and by attributes, for a file two directories down and for the root.
fn seen_at_once() {
    for op in ["lookup", "getattr"] {
        let (bench, counting) = counting(&[]);
        look(&bench, &counting);
        let cwd = fs::File::open(bench.at("a/b")).unwrap();
        let late = rule(&format!("where.op = [\"{op}\"]\neffect.errno = {{ code = \"EIO\" }}\n"));
        let begun = Instant::now();
        counting.engine.add_rule(late, Nanos::now()).unwrap();
        let took = begun.elapsed();
        let error = fs::metadata(bench.at("a/b/f")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EIO), "{op}");
        assert!(took < BELIEVED, "{op} was not taken back, but ran out: {took:?}");
        counting.engine.heal(None, Nanos::now()).unwrap();
        // Whoever has the directory open still finds it where it was.
        let link = fs::read_link(format!("/proc/self/fd/{}", cwd.as_raw_fd())).unwrap();
        assert_eq!(link, bench.at("a/b"));
    }
}

/// A call that waits may have locked its directory in the kernel: names cannot be taken back then, and run out.
fn seen_while_calls_wait() {
    let frozen = "where.path = [\"a/b/frozen\"]\nwhere.op = [\"mkdir\"]\neffect.freeze = {}\n";
    let (bench, counting) = counting(&[frozen]);
    look(&bench, &counting);
    let place = bench.at("a/b/frozen");
    let waiting = std::thread::spawn(move || fs::create_dir(place));
    wait_for("the call waits", || bench.mount().parked(None) == 1);
    let late = "name = \"late\"\nwhere.op = [\"getattr\"]\neffect.errno = { code = \"EIO\" }\n";
    counting.engine.add_rule(toml::from_str(late).unwrap(), Nanos::now()).unwrap();
    let seen = fs::metadata(bench.at("a")).map(drop).map_err(|error| error.raw_os_error());
    counting.engine.heal(None, Nanos::now()).unwrap();
    bench.mount().heal(None, Thaw::Continue);
    waiting.join().unwrap().unwrap();
    assert_eq!(seen, Err(Some(libc::EIO)));
}

fn torn() {
    let keep = "keep = { bytes = 100 }, report = { error = \"EIO\" }";
    let (bench, _) = counting(&[&format!("effect.torn-write = {{ {keep} }}\n")]);
    let mut file = fs::File::create(bench.at("f")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 0);
    assert_eq!(file.write_all(&[b'a'; 5000]).unwrap_err().raw_os_error(), Some(libc::EIO));
    assert_eq!(file.metadata().unwrap().len(), 100);
    assert_eq!(fs::metadata(bench.at("f")).unwrap().len(), 100);
}

fn changes() {
    let (bench, _) = counting(&[]);
    fs::create_dir(bench.at("d")).unwrap();
    fs::write(bench.at("d/f"), "one").unwrap();
    let nlink = || fs::metadata(bench.at("d/f")).unwrap().nlink();
    assert_eq!(nlink(), 1);
    fs::hard_link(bench.at("d/f"), bench.at("d/g")).unwrap();
    assert_eq!(nlink(), 2);
    fs::remove_file(bench.at("d/g")).unwrap();
    assert_eq!(nlink(), 1);
    fs::OpenOptions::new().append(true).open(bench.at("d/f")).unwrap().write_all(b" two").unwrap();
    assert_eq!(fs::metadata(bench.at("d/f")).unwrap().len(), 7);
    // Long ago: the clock of a file system may stand still for some milliseconds.
    let long_ago = UNIX_EPOCH + Duration::from_secs(9);
    fs::File::open(bench.at("d")).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(fs::metadata(bench.at("d")).unwrap().modified().unwrap(), long_ago);
    fs::rename(bench.at("d/f"), bench.at("d/h")).unwrap();
    assert!(fs::metadata(bench.at("d")).unwrap().modified().unwrap() > long_ago);
    assert_eq!(fs::metadata(bench.at("d/f")).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    fs::write(bench.at("d/i"), "other").unwrap();
    fs::rename(bench.at("d/i"), bench.at("d/h")).unwrap();
    assert_eq!(fs::read(bench.at("d/h")).unwrap(), b"other");
}

fn several_names() {
    let (bench, counting) =
        counting(&["where.path = [\"new/*\"]\nwhere.op = [\"open\"]\neffect.errno = { code = \"EIO\" }\n"]);
    ["tmp", "new"].iter().for_each(|name| fs::create_dir(bench.at(name)).unwrap());
    fs::write(bench.at("tmp/f"), "x").unwrap();
    fs::hard_link(bench.at("tmp/f"), bench.at("new/f")).unwrap();
    assert_eq!(fs::File::open(bench.at("new/f")).unwrap_err().raw_os_error(), Some(libc::EIO));
    fs::remove_file(bench.at("tmp/f")).unwrap();
    assert_eq!(fs::File::open(bench.at("new/f")).unwrap_err().raw_os_error(), Some(libc::EIO));
    assert_eq!(counting.engine.stats()[0].fired, 2);
}
